# SPDX-License-Identifier: Apache-2.0
"""Bad input to the running tortie-bgpd, each case by a neighbour of its own.

bad_input_cases.py is the table: what is said and what must follow. bad_input.py has the bed and the
way of a case: a good route before, the bad octets, the reaction at the neighbour, at an observer
behind and at the agent, and a good announcement after it. `make test` runs all this against a build
with ASan and UBSan; the long tests repeat each case against the ordinary one and look at memory and
descriptors.
"""
import os
import socket
import struct

import pytest

import bad_input_cases as cases
from bad_input import Bed, soon
from bad_input_cases import ENHANCED, GOOD, LOCAL_AS, refresh
from bgp_lab import BgpLab, reset_peer
from bgp_wire import CAPABILITIES, CLOSE, MARKER, NOTIFICATION, OPEN, h, message, open_body, update

REPEATS = int(os.environ.get("TORTIE_REPEATS", "1000"))
GROWTH_KIB = 256
LISTS = {  # of cases: the method of Bed that carries one out
    "OPENS": Bed.opens, "ODD_OPENS": Bed.odd_opens, "FIRST": Bed.first, "CONFIRM": Bed.confirm,
    "OCTETS": Bed.octets, "ATTRIBUTES": Bed.attributes, "ATTRIBUTES6": Bed.attributes6,
    "EXTENDED_NEXT_HOPS": Bed.attributes,
}
ALL = [pytest.param(run, case, id=f"{name}: {case.name}")
       for name, run in LISTS.items() for case in getattr(cases, name)]
RESTARTING = ENHANCED + h("400a 0078 000101 80 000201 80")
END_OF_RIB4 = update()


@pytest.fixture(scope="module")
def bed():
    with BgpLab("bad") as lab:
        made = Bed(lab)
        yield made
        made.check()


def still_serves(bed):
    """A good announcement by somebody new arrives."""
    good = bed.neighbour().establish()
    good.announce(1)
    good.wait_route(1)
    bed.end(good)
    bed.check()


@pytest.mark.parametrize("run, case", ALL)
def test_bad_input_gets_the_reaction_of_the_rfc(bed, run, case):
    try:
        peer = run(bed, case)
        if peer:
            bed.end(peer)
        bed.check()
    finally:
        bed.hang_up()


@pytest.mark.parametrize("says", ["nothing", "OPEN"])
def test_a_peer_of_a_range_may_be_reset_before_its_session_is_up(bed, says):
    """The peer is there for its only connection, and gone with it."""
    peer = bed.neighbour()
    if says == "OPEN":
        peer.send(message(OPEN, peer.kind.open_body))
    assert peer.receive()[0] == OPEN
    reset_peer(bed.node.dir / "run" / "bgp.sock", peer.address)
    assert peer.reaction() == (6, 4)
    peer.close()
    still_serves(bed)


@pytest.mark.long
@pytest.mark.parametrize("run, case", ALL)
def test_bad_input_a_thousand_times_does_not_grow_it(bed, run, case):
    peer = bed.neighbour(case.kind)
    try:
        if run in (Bed.octets, Bed.attributes, Bed.attributes6):
            peer.establish()
        for number in range(REPEATS):
            bed.again(run, case, peer)
            if number == REPEATS // 10:  # until then memory may grow
                memory, descriptors = bed.memory_kib(), bed.descriptors()
        bed.check()
        # All that waits is read before it comes again.
        if run != Bed.odd_opens and case.reaction in cases.STAYS:
            bed.end(peer)
        bed.good_session(peer)
        soon(lambda: bed.memory_kib() - memory < GROWTH_KIB, "its memory is as before")
        soon(lambda: bed.descriptors() <= descriptors, "its descriptors are closed")
        bed.check()
    finally:
        bed.hang_up()


def test_at_least_a_hundred_and_fifty_cases_are_there_and_have_names_of_their_own():
    names = [param.id for param in ALL]
    assert len(names) >= 150
    assert len(set(names)) == len(names)


def test_half_a_header_ends_with_the_hold_timer(bed):
    peer = bed.neighbour().establish(open_body(hold=3))
    peer.socket.sendall(MARKER[:10])
    assert peer.reaction() == (4, 0)


def test_a_second_connection_leaves_the_first_session_alone(bed):
    peer = bed.neighbour().establish()
    peer.announce(1)
    peer.wait_route(1)
    first, first_buffer = peer.socket, peer.buffer
    peer.buffer = b""
    peer.connect()
    peer.socket.sendall(message(OPEN, open_body()))
    assert peer.reaction() == (6, 7)
    peer.socket, peer.buffer = first, first_buffer
    peer.announce(2)
    peer.wait_route(2)
    peer.wait_route(1)
    peer.socket.close()


def test_sixty_idle_connections_are_bounded(bed):
    peer = bed.neighbour()
    idle = []
    for _ in range(60):
        idle.append(peer.socket)
        peer.connect()
    peer.buffer = b""
    peer.establish()
    peer.announce(1)
    peer.wait_route(1)
    assert bed.descriptors() < 40
    for each in (*idle, peer.socket):
        each.close()


def test_a_reset_within_many_updates_does_no_harm(bed):
    peer = bed.neighbour().establish()
    peer.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    peer.socket.sendall(b"".join(update(GOOD, peer.nlri(n % 250)) for n in range(20000)))
    peer.socket.close()
    soon(lambda: not [p for p in bed.agent.routes if p.startswith(f"10.244.{peer.number}.")],
         "its routes are gone")
    still_serves(bed)


def test_five_hundred_equal_prefixes_are_one_route(bed):
    peer = bed.neighbour().establish()
    peer.socket.sendall(update(GOOD, peer.nlri(1) * 500))
    peer.wait_route(1)
    assert len([p for p in bed.agent.routes if p.startswith(f"10.244.{peer.number}.")]) == 1
    peer.socket.close()


def test_one_octet_a_segment_is_read_as_well(bed):
    peer = bed.neighbour()
    peer.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    peer.establish()
    for octet in update(GOOD, peer.nlri(1)):
        peer.socket.sendall(bytes([octet]))
    peer.wait_route(1)
    peer.socket.close()


# --- ROUTE-REFRESH (RFC 2918, RFC 7313) ---

def two_routes(bed, capabilities):
    peer = bed.neighbour().establish(open_body(capabilities=capabilities))
    for host in (1, 2):
        peer.announce(host)
        peer.wait_route(host)
    return peer


def has_passed(peer):
    """What was sent before has been read: a route that comes behind it is there."""
    peer.announce(9)
    peer.wait_route(9)
    peer.socket.sendall(update(withdrawn=peer.nlri(9)))
    peer.wait_route(9, False)


def test_what_is_not_told_again_within_a_refresh_is_gone(bed):
    peer = two_routes(bed, ENHANCED)
    peer.socket.sendall(refresh(1))
    has_passed(peer)
    peer.wait_route(1)  # marked, but in use
    peer.announce(2)
    peer.socket.sendall(refresh(2))
    peer.wait_route(1, False)
    peer.wait_route(2)
    peer.socket.close()


def test_a_storm_of_requests_changes_nothing(bed):
    peer = two_routes(bed, ENHANCED)
    peer.socket.sendall(refresh(0) * 2000)
    has_passed(peer)
    peer.wait_route(1)
    peer.wait_route(2)
    peer.socket.close()


def test_the_subtype_is_a_reserved_octet_without_the_capability(bed):
    peer = two_routes(bed, CAPABILITIES + h("0200"))
    peer.socket.sendall(refresh(1) + refresh(2))
    has_passed(peer)
    peer.wait_route(1)
    peer.socket.close()


def test_a_refresh_before_end_of_rib_is_ignored(bed):
    """RFC 7313 section 4: with graceful restart the first table comes first."""
    peer = two_routes(bed, RESTARTING)
    peer.socket.sendall(refresh(1) + refresh(2))
    has_passed(peer)
    peer.wait_route(1)
    bed.node.wait_log(f"peer {peer.address}: a refresh began before its End-of-RIB; ignored")
    peer.socket.sendall(END_OF_RIB4 + refresh(1) + refresh(2))
    peer.wait_route(1, False)
    peer.wait_route(2, False)
    peer.socket.close()


def test_a_session_that_breaks_within_a_refresh_keeps_all_routes(bed):
    """They are those of a restarting peer then: told again or swept at its End-of-RIB."""
    peer = two_routes(bed, RESTARTING)
    peer.socket.sendall(END_OF_RIB4 + refresh(1))
    peer.announce(2)
    has_passed(peer)
    peer.socket.close()
    bed.node.wait_log(f"peer {peer.address}: its 2 routes are kept for 120 s")
    peer.buffer = b""
    peer.connect()
    peer.establish(open_body(capabilities=RESTARTING))
    peer.announce(1)
    has_passed(peer)
    peer.wait_route(2)
    peer.socket.sendall(END_OF_RIB4)
    peer.wait_route(2, False)
    peer.wait_route(1)
    peer.socket.sendall(message(NOTIFICATION, h("0602")))
    assert peer.reaction() == CLOSE


def test_shutdown_text_is_escaped_in_the_log(bed):
    peer = bed.neighbour().establish()
    text = "bye\x1b[31m\n".encode()
    peer.socket.sendall(message(NOTIFICATION, h("0602") + bytes([len(text)]) + text))
    bed.node.wait_log(r"Administrative Shutdown: bye")
    assert "\x1b" not in bed.node.log()
    assert peer.reaction() == CLOSE
