# SPDX-License-Identifier: Apache-2.0
"""Peers that restart, badly: RFC 4724 section 4.2, "procedures for the receiving speaker".

The bed is bad_input.py's: the test is the peer, the observer behind t1 says what t1 still passes on
(as does the agent, by which packets go). t1 waits BOUND seconds for an End-of-RIB at most, which
is the neighbours' own restart_time; that of bgp is longer. What the peer says in OPEN:
restart(time, families with their F bits).
"""
import struct
import time

import pytest

from bad_input import Bed, soon
from bad_input_cases import CAPABILITIES, EBGP, HEAD6
from bgp_lab import BgpLab
from bgp_wire import CLOSE, NOTIFICATION, OPEN, h, message, mp_reach, open_body, update

BOUND = 3
KEPT, LOST = 0x80, 0  # the F bit
IPV4, IPV6 = 1, 2
LONG = 60
END_OF_RIB = {4: update(), 6: update(h("800f03 0002 01"))}


def restart(seconds, families, others=CAPABILITIES, restarting=False):
    """An OPEN's body with the graceful restart capability: {AFI: F bit}."""
    value = struct.pack(">H", seconds | (0x8000 if restarting else 0))
    for family, forwarding in families.items():
        value += struct.pack(">HBB", family, 1, forwarding)
    return open_body(capabilities=others + bytes([64, len(value)]) + value)


BOTH = restart(LONG, {IPV4: KEPT, IPV6: KEPT})


@pytest.fixture(scope="module")
def bed():
    with BgpLab("gr") as lab:
        made = Bed(lab, {"restart_time": BOUND}, restart_time=LONG)
        yield made
        made.check()


@pytest.fixture
def peer(bed):
    yield bed.neighbour()
    bed.hang_up()
    bed.check()


def tell(peer, host, family=4):
    if family == 4:
        peer.announce(host)
    else:
        peer.send(update(EBGP.good[:-7] + mp_reach(peer.nlri(host, 6), HEAD6)))


def start(peer, body=BOTH, families=(4, 6)):
    """A session with two routes in each family, told whole."""
    peer.establish(body)
    for family in families:
        for host in (1, 2):
            tell(peer, host, family)
        peer.send(END_OF_RIB[family])
    for family in families:
        peer.wait_route(1, True, family)
        peer.wait_route(2, True, family)


def break_off(peer, log=None):
    """The connection breaks; back when t1 has noticed."""
    after = len(peer.bed.node.log())
    peer.close()
    peer.bed.node.wait_log(rf"peer {peer.address}: session lost", 5, after)
    if log:
        peer.bed.node.wait_log(log, 5, after)


def back(peer, body):
    peer.connect()
    peer.establish(body)


def both(peer, present, hosts=(1, 2), family=4):
    for host in hosts:
        peer.wait_route(host, present, family)


def test_routes_stay_until_end_of_rib_of_their_family(peer):
    start(peer)
    break_off(peer, "its 4 routes are kept for 60 s")
    back(peer, restart(LONG, {IPV4: KEPT, IPV6: KEPT}, restarting=True))
    tell(peer, 1)
    tell(peer, 1, 6)
    tell(peer, 3)
    peer.wait_route(3)
    both(peer, True)
    peer.send(END_OF_RIB[4])
    peer.wait_route(2, False)
    peer.wait_route(1)
    both(peer, True, (1, 2), 6)  # IPv6 is not through
    peer.send(END_OF_RIB[6])
    peer.wait_route(2, False, 6)
    peer.wait_route(1, True, 6)


def test_a_second_restart_deletes_what_was_stale_already(peer):
    """"a route previously marked as stale MUST be deleted": no peer keeps a route for ever by
    restarting again and again."""
    start(peer)
    break_off(peer)
    back(peer, BOTH)
    tell(peer, 1)
    tell(peer, 3)
    peer.wait_route(3)
    break_off(peer, "its 2 routes are kept for 60 s")
    peer.wait_route(2, False)
    both(peer, False, (1, 2), 6)
    both(peer, True, (1, 3))
    back(peer, BOTH)
    peer.send(END_OF_RIB[4])
    both(peer, False, (1, 3))


def test_a_third_and_a_fourth_restart_with_nothing_told_leave_nothing(peer):
    start(peer, families=(4,))
    break_off(peer)
    back(peer, BOTH)
    break_off(peer, "its 0 routes are kept")
    both(peer, False)
    back(peer, BOTH)
    break_off(peer)


def test_end_of_rib_that_never_comes_is_waited_for_only_so_long(peer):
    start(peer)
    break_off(peer)
    back(peer, BOTH)
    begin = time.monotonic()
    tell(peer, 1)
    tell(peer, 1, 6)
    peer.bed.node.wait_log(rf"peer {peer.address}: graceful restart is over: its time ran out", 10)
    assert time.monotonic() - begin > BOUND - 0.5
    both(peer, False, (2,))
    both(peer, False, (2,), 6)
    both(peer, True, (1,))
    both(peer, True, (1,), 6)
    tell(peer, 3)  # the session is as good as any
    peer.wait_route(3)


def test_a_peer_that_does_not_come_back_in_its_time_loses_its_routes(peer):
    start(peer, restart(1, {IPV4: KEPT, IPV6: KEPT}))
    break_off(peer, "its 4 routes are kept for 1 s")
    both(peer, True)
    both(peer, False)
    both(peer, False, (1, 2), 6)


def test_attempts_that_fail_do_not_lengthen_its_time(peer):
    start(peer, restart(2, {IPV4: KEPT}), (4,))
    break_off(peer)
    begin = time.monotonic()
    while peer.seen(1) and time.monotonic() < begin + 10:
        peer.connect()
        peer.send(message(OPEN, restart(2, {IPV4: KEPT})))
        kind, _ = peer.receive()
        assert kind == OPEN
        peer.close()
    assert time.monotonic() - begin < 4
    both(peer, False)


def test_a_family_whose_forwarding_was_lost_goes_when_the_peer_is_back(peer):
    start(peer)
    break_off(peer)
    both(peer, True)
    back(peer, restart(LONG, {IPV4: LOST, IPV6: KEPT}))
    both(peer, False)
    tell(peer, 3)
    peer.wait_route(3)
    both(peer, True, (1, 2), 6)
    peer.send(END_OF_RIB[6])
    both(peer, False, (1, 2), 6)


@pytest.mark.parametrize("body", [
    restart(LONG, {IPV4: KEPT}),
    restart(LONG, {IPV4: KEPT}, h("0104 0001 0001 4104 0000fde7")),
    restart(LONG, {IPV4: KEPT, IPV6: KEPT}, h("0104 0001 0001 4104 0000fde7")),
    restart(LONG, {IPV4: KEPT, IPV6: LOST, 25: KEPT}),
], ids=["not in the capability", "not in OPEN", "in the capability, not in OPEN", "F bit not set"])
def test_a_family_that_the_second_open_has_not_goes(peer, body):
    start(peer)
    break_off(peer)
    back(peer, body)
    both(peer, False, (1, 2), 6)
    both(peer, True)
    peer.send(END_OF_RIB[4])
    both(peer, False)


def test_a_peer_that_is_back_without_the_capability_has_lost_all(peer):
    start(peer)
    break_off(peer)
    back(peer, open_body())
    both(peer, False)
    both(peer, False, (1, 2), 6)
    tell(peer, 3)
    peer.wait_route(3)


@pytest.mark.parametrize("body", [
    restart(0, {IPV4: KEPT, IPV6: KEPT}), restart(LONG, {}),
    open_body(capabilities=CAPABILITIES + h("4003 003c00"))],
    ids=["restart time 0", "no families", "malformed"])
def test_a_peer_that_cannot_restart_loses_its_routes_at_once(peer, body):
    start(peer, body)
    break_off(peer)
    both(peer, False)
    both(peer, False, (1, 2), 6)


def test_only_families_of_its_capability_are_kept(peer):
    start(peer, restart(LONG, {IPV6: KEPT}))
    break_off(peer, "its 2 routes are kept")
    both(peer, False)
    both(peer, True, (1, 2), 6)
    back(peer, restart(LONG, {IPV6: KEPT}))
    peer.send(END_OF_RIB[6])
    both(peer, False, (1, 2), 6)


def test_the_last_open_says_how_the_next_break_is_taken(peer):
    start(peer)
    break_off(peer)
    back(peer, restart(0, {IPV4: KEPT, IPV6: KEPT}))
    tell(peer, 1)
    peer.send(END_OF_RIB[4] + END_OF_RIB[6])
    peer.wait_route(2, False)
    break_off(peer)
    both(peer, False)


def test_the_f_bit_of_the_first_open_means_nothing(peer):
    """It is about a restart before; what counts is what the peer says when it is back."""
    start(peer, restart(LONG, {IPV4: LOST, IPV6: LOST}))
    break_off(peer, "its 4 routes are kept for 60 s")
    back(peer, BOTH)
    both(peer, True)
    peer.send(END_OF_RIB[4])
    both(peer, False)


def test_a_notification_within_the_window_takes_all_along(peer):
    start(peer)
    break_off(peer)
    back(peer, BOTH)
    tell(peer, 1)
    peer.send(message(NOTIFICATION, h("0604")))
    assert peer.reaction() == CLOSE
    both(peer, False)
    both(peer, False, (1, 2), 6)


def test_a_malformed_update_within_the_window_takes_all_along(peer):
    start(peer)
    break_off(peer)
    back(peer, BOTH)
    peer.send(update(withdrawn=h("21 0af40100 00")))
    assert peer.reaction() == (3, 10)
    both(peer, False)
    both(peer, False, (1, 2), 6)


def test_withdrawals_and_changes_within_the_window_count(peer):
    start(peer)
    break_off(peer)
    back(peer, BOTH)
    peer.send(update(withdrawn=peer.nlri(1)))
    peer.wait_route(1, False)
    peer.announce(2, EBGP.before)
    soon(lambda: peer.seen(2).get(1) == (0x40, b"\2"), "the new attributes")
    peer.send(END_OF_RIB[4])
    tell(peer, 3)
    peer.wait_route(3)
    peer.wait_route(2)


def test_end_of_rib_of_another_family_sweeps_nothing(peer):
    start(peer, families=(4,))
    break_off(peer)
    back(peer, BOTH)
    peer.send(update(h("800f03 0019 41")) + update(h("800f03 0001 02")))
    tell(peer, 3)
    peer.wait_route(3)
    both(peer, True)
    peer.send(update(h("800f03 0001 01")))  # IPv4's in the form of the others
    both(peer, False)


def test_a_peer_that_is_back_before_its_old_connection_broke_has_restarted(peer):
    """RFC 4724 section 5: the new connection replaces the old one once it is established."""
    start(peer, families=(4,))
    old = peer.socket
    peer.connect()
    peer.establish(BOTH)
    tell(peer, 1)
    tell(peer, 3)
    peer.wait_route(3)
    both(peer, True)
    peer.send(END_OF_RIB[4])
    peer.wait_route(2, False)
    peer.wait_route(1)
    old.close()
    tell(peer, 4)
    peer.wait_route(4)
