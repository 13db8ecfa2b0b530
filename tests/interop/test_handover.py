# SPDX-License-Identifier: Apache-2.0
"""tortie-bgpd is started again and its peers notice nothing: sessions are handed over.

The bed is bad_input.py's; the agent, which the test plays, keeps what the old program leaves and
gives it to the next. The observer writes down every message: what it was told before must not be
told again, and nothing may be withdrawn. Its OPEN has neither graceful restart nor route refresh.
"""
import fcntl
import os
import signal
import socket
import struct

import pytest

import bad_input
from bad_input import OURS, Observer, soon
from bad_input_cases import (EBGP, ENHANCED, EXTENDED, GOOD, IBGP, LOCAL_AS, REFRESHING, TWO_OCTET,
                             V6_HOP, extended, hop, refresh)
from bgp_lab import BGP_LISTEN, SEALS, BgpLab
from bgp_wire import (CLOSE, COMMUNITIES, KEEPALIVE, NEXT_HOP, REFRESH, UPDATE, Wire, attribute,
                      capabilities_of, h, message, nlri, open_body, read_update, update)
from harness import inside, wait_until
from test_graceful_restart import BOTH, END_OF_RIB, KEPT, restart

OWN4 = "10.244.1.0/24"
VERSION_AT = 21  # in the file that is handed over: behind the magic


class Recorder(Observer):
    """Writes down all that it is told, in order: "+PREFIX", "-PREFIX"."""

    def __init__(self, connection):
        self.said = []
        super().__init__(connection)

    def take(self, body):
        withdrawn, announced, _ = read_update(body)
        self.said += [f"-{prefix}" for prefix in withdrawn]
        self.said += [f"+{prefix}" for prefix in announced]
        super().take(body)


class Bed(bad_input.Bed):
    observer_class = Recorder

    def __init__(self, lab, **bgp):
        super().__init__(lab, **bgp)
        self.run_dir = str(self.node.dir / "run")

    def stop(self, number=signal.SIGTERM):
        """The old one ends; how many sessions it left."""
        self.agent.in_sync = False
        self.agent.counts.clear()
        assert self.node.kill(number) == 0
        return len(self.agent.kept)

    def begin(self, has_sessions=True):
        after, asked = len(self.node.log()), self.agent.counts[BGP_LISTEN]
        self.node.start("--run-dir", self.run_dir)
        if has_sessions:
            self.node.wait_log("go on from", after=after)
        wait_until(lambda: self.agent.in_sync, "in sync")
        wait_until(lambda: self.agent.counts[BGP_LISTEN] >= asked + 2, "listening")
        return self.node.log()[after:]

    def restart(self):
        assert self.stop() > 0
        said = self.begin()
        for words in ("session lost", "established", "routes: in sync"):  # it has been so
            assert words not in said, said

    def is_read(self):
        """The node's end of every session has nothing unread."""
        lines = self.node.run("ss", "-Htn", "state", "established").splitlines()
        return all(line.split()[0] == "0" for line in lines)

    def change_state(self, change):
        """change(octets) of what the old one says of its sessions, as another version might."""
        with open(f"/proc/self/fd/{self.agent.state}", "rb") as old:
            octets = bytearray(old.read())
        change(octets)
        fd = os.memfd_create("state", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
        os.write(fd, octets)
        fcntl.fcntl(fd, fcntl.F_ADD_SEALS, SEALS)
        os.close(self.agent.state)
        self.agent.state = fd


@pytest.fixture
def bed():
    with BgpLab("hand") as lab:
        made = Bed(lab, hold_time=30, restart_time=20)
        yield made
        made.hang_up()
        assert made.node.is_alive()


def established(bed, kind=None, body=None):
    """A neighbour with two routes, 1 and 2."""
    peer = bed.neighbour(kind)
    peer.establish(body)
    for host in (1, 2):
        peer.announce(host)
        peer.wait_route(host)
    return peer


def quiet(peer):
    """The connection is there and nothing but KEEPALIVEs has come."""
    peer.socket.setblocking(False)
    try:
        while True:
            data = peer.socket.recv(65536)
            assert data, "the connection is closed"
            peer.buffer += data
    except BlockingIOError:
        pass
    finally:
        peer.socket.settimeout(10)
    while len(peer.buffer) >= 19:
        kind, body = peer.receive()
        if kind != KEEPALIVE:
            return False, kind, body
    return True


def drain(peer):
    """Read over what has come so far."""
    while quiet(peer) is not True:
        continue


def test_ten_restarts_with_changes_both_ways_are_not_seen(bed):
    one, two = established(bed), established(bed, REFRESHING)
    inner = established(bed, IBGP)
    peers = (one, two, inner)
    for peer in peers:
        drain(peer)
    bed.observer.said.clear()
    wanted = []
    for number in range(10):
        one.announce(10 + number)
        one.wait_route(10 + number)
        left = bed.stop()
        assert left == 5  # these, the witness, the observer
        two.announce(10 + number)
        two.send(update(withdrawn=two.nlri(9 + number)))
        bed.begin()
        inner.announce(10 + number)
        for peer in peers:
            peer.wait_route(10 + number)
        wanted += [f"+{one.prefix(10 + number)}", f"+{two.prefix(10 + number)}",
                   f"+{inner.prefix(10 + number)}"]
        if number > 0:
            two.wait_route(9 + number, False)
            wanted.append(f"-{two.prefix(9 + number)}")
    assert sorted(bed.observer.said) == sorted(wanted)  # each once
    assert bed.agent.routes.keys() >= {one.prefix(19), one.prefix(1), two.prefix(2)}
    assert "session lost" not in bed.node.log()
    for peer in peers:
        assert quiet(peer) is True
    bed.check()


def test_the_agent_is_told_all_again_and_keeps_what_it_has(bed):
    peer = established(bed)
    before = dict(bed.agent.routes)
    bed.restart()
    assert bed.agent.routes == before
    assert bed.agent.counts[35] == 0  # MSG_ROUTE_DELETE
    wait_until(lambda: bed.agent.peers.get(peer.address, (None,))[:2] == ("Established", (2, 0)),
               "the peer with its counts")


def test_ipv6_next_hops_of_ipv4_are_handed_over(bed):
    """What was agreed upon too: another one is taken afterwards (RFC 8950)."""
    peer = bed.neighbour(EXTENDED).establish()
    peer.send(update(extended(V6_HOP)(peer.nlri(1))))
    peer.wait_route(1)
    bed.restart()
    assert bed.agent.routes[peer.prefix(1)] == "fd99::9"
    peer.send(update(extended(V6_HOP)(peer.nlri(2))))
    peer.wait_route(2)
    assert peer.seen(2)[NEXT_HOP] == peer.seen(1)[NEXT_HOP] == (0x40, V6_HOP)
    assert f"-{peer.prefix(1)}" not in bed.observer.said


def test_the_choice_between_two_peers_routes_stays(bed):
    """The router id decides, against the address; and the other one's is used when that goes."""
    high = established(bed, body=open_body(router_id="0a6300ff"))
    low = established(bed, body=open_body(router_id="0a630005"))
    same = nlri("10.244.222.0/24")
    high.send(update(GOOD + h("c00804 fde70001"), same))
    low.send(update(GOOD + h("c00804 fde70002"), same))

    def is_of(number):
        route = bed.observer.routes.get("10.244.222.0/24", {})
        return route.get(COMMUNITIES) == (0xc0, h(f"fde7000{number}"))
    soon(lambda: is_of(2), "the lower router id wins")
    bed.observer.said.clear()
    bed.restart()
    low.announce(5)
    low.wait_route(5)
    assert bed.observer.said == [f"+{low.prefix(5)}"] and is_of(2)
    assert "told all again" not in bed.node.log()
    low.send(update(withdrawn=same))
    soon(lambda: is_of(1), "the other route is used")


def test_a_path_too_long_for_a_message_is_handed_over(bed):
    """Of a peer with two octets for an AS; with four it fits into no message: nobody is told."""
    peer = bed.neighbour(TWO_OCTET)
    peer.establish()
    path = b"".join(bytes([2, 240]) + struct.pack(">H", 64999) * 240 for _ in range(8))
    peer.announce(1, h("40010100") + attribute(0x40, 2, path) + hop())
    soon(lambda: peer.prefix(1) in bed.agent.routes, "the agent has it")
    bed.restart()
    assert peer.prefix(1) in bed.agent.routes and peer.prefix(1) not in bed.observer.routes
    assert "told all again" not in bed.node.log()
    peer.announce(2)
    peer.send(update(withdrawn=peer.nlri(1)))
    soon(lambda: peer.prefix(1) not in bed.agent.routes, "it is withdrawn")


def test_a_message_that_was_half_read_goes_on(bed):
    peer = established(bed)
    drain(peer)
    octets = update(GOOD, peer.nlri(3)) + update(GOOD, peer.nlri(4))
    for cut in (1, 18, 19, 30, len(octets) // 2, len(octets) // 2 + 10):
        peer.send(update(withdrawn=peer.nlri(3) + peer.nlri(4)))
        peer.wait_route(3, False)
        peer.send(octets[:cut])
        wait_until(bed.is_read, "the first part is read")
        bed.restart()
        peer.send(octets[cut:])
        for host in (3, 4):
            peer.wait_route(host)
    assert quiet(peer) is True


def slow_peer(bed):
    with inside(bed.sender.netns):
        sock = socket.socket()
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        sock.bind(("10.99.2.9", 0))
        sock.settimeout(10)
        sock.connect((OURS, 179))
    return Wire(sock).establish(open_body(asn=LOCAL_AS, hold=0, router_id="0a630029",
                                          capabilities=capabilities_of(LOCAL_AS)))


def test_what_waits_for_a_slow_peer_comes_whole_and_in_order(bed):
    slow, feeder = slow_peer(bed), established(bed, IBGP)
    last = 0
    for last in range(2500):
        feeder.send(update(IBGP.good + h("d0080e10") + struct.pack(">I", last) * 900,
                           feeder.nlri(100 + last % 50)))
    final = (0xc0, struct.pack(">I", last) * 900)
    prefix = feeder.prefix(100 + last % 50)
    wait_until(lambda: bed.observer.routes.get(prefix, {}).get(COMMUNITIES) == final,
               "the last change is out", 30)
    for _ in range(3):
        bed.restart()
        feeder.announce(3)
        feeder.wait_route(3)
    routes = {}
    while routes.get(prefix, {}).get(COMMUNITIES) != final or feeder.prefix(3) not in routes:
        kind, body = slow.receive()
        assert kind in (UPDATE, KEEPALIVE)  # the stream is not broken
        if kind == UPDATE:
            withdrawn, announced, attributes = read_update(body)
            for gone in withdrawn:
                assert gone in routes or gone.endswith("/32")
                routes.pop(gone, None)
            routes.update({one: attributes for one in announced})
    slow.close()


def test_who_is_still_being_told_the_table_is_told_it_by_the_next_one(bed):
    feeder, wanted = established(bed, IBGP), set()
    for n in range(3000):
        prefix = f"10.244.{200 + n // 250}.{n % 250}/32"
        feeder.send(update(IBGP.good + h("d0080e10") + struct.pack(">I", n) * 900, nlri(prefix)))
        wanted.add(prefix)
    wait_until(lambda: wanted <= set(bed.observer.routes), "the table is there", 30)
    slow = slow_peer(bed)
    bed.restart()
    feeder.announce(3)
    feeder.send(update(withdrawn=nlri("10.244.200.0/32")))
    feeder.wait_route(3)
    heard = set()
    while True:
        kind, body = slow.receive()
        assert kind in (UPDATE, KEEPALIVE)
        if body == bytes(4):
            break
        if kind == UPDATE:
            withdrawn, announced, _ = read_update(body)
            heard = (heard - set(withdrawn)) | set(announced)
    assert heard >= wanted - {"10.244.200.0/32"} and feeder.prefix(3) in heard
    assert "10.244.200.0/32" not in heard
    assert "told all again" not in bed.node.log()
    slow.close()


def test_fifty_sessions_go_on(bed):
    peers = [bed.neighbour() for _ in range(50)]
    for peer in peers:
        peer.establish()
        peer.announce(1)
    for peer in peers:
        peer.wait_route(1)
        drain(peer)
    bed.observer.said.clear()
    assert bed.stop() == 52
    said = bed.begin()
    assert "52 of 52 go on" in said
    for peer in peers:
        peer.announce(2)
    for peer in peers:
        peer.wait_route(2)
        assert quiet(peer) is True
    assert sorted(bed.observer.said) == sorted(f"+{peer.prefix(2)}" for peer in peers)


# --- what was under way ---

def test_a_peer_that_is_restarting_is_waited_for_no_longer_than_it_said(bed):
    peer = established(bed, body=BOTH)
    peer.send(END_OF_RIB[4] + END_OF_RIB[6])
    after = len(bed.node.log())
    peer.close()
    bed.node.wait_log("it may be restarting", after=after)
    bed.restart()
    assert peer.prefix(1) in bed.agent.routes and peer.prefix(1) in bed.observer.routes
    peer.connect()
    peer.establish(BOTH)
    peer.announce(2)
    peer.wait_route(2)
    bed.restart()  # in the middle of it
    peer.wait_route(1)
    peer.send(END_OF_RIB[4] + END_OF_RIB[6])
    peer.wait_route(1, False)
    peer.wait_route(2)


def test_a_peer_that_restarts_again_meanwhile_keeps_only_what_it_has_told_since(bed):
    """RFC 4724 4.2, consecutive restarts: what is stale already goes. The second one is a reset
    while nobody speaks."""
    peer = established(bed, body=BOTH)
    peer.send(END_OF_RIB[4] + END_OF_RIB[6])
    after = len(bed.node.log())
    peer.close()
    bed.node.wait_log("it may be restarting", after=after)
    peer.connect()
    peer.establish(BOTH)
    peer.announce(2)
    peer.wait_route(2)
    wait_until(bed.is_read, "all is read")
    bed.stop()
    peer.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    peer.close()
    wait_until(lambda: f"{peer.address}:" not in bed.node.run("ss", "-Htn"), "the reset came")
    said = bed.begin()
    assert "its session cannot be taken over" in said
    assert "its 1 routes are kept for 60 s" in said, said
    peer.wait_route(1, False)
    peer.wait_route(2)


def test_a_refresh_that_is_under_way_goes_on(bed):
    """Its End-of-RIB has come: without it a BoRR would be ignored."""
    peer = established(bed, body=restart(60, {1: KEPT, 2: KEPT}, ENHANCED))
    peer.send(END_OF_RIB[4] + END_OF_RIB[6] + refresh(1))
    peer.announce(2)
    wait_until(bed.is_read, "all is read")
    bed.restart()
    peer.wait_route(1)
    peer.send(refresh(2))
    peer.wait_route(1, False)
    peer.wait_route(2)
    peer.send(refresh(1))
    peer.announce(3)
    peer.send(refresh(2))
    peer.wait_route(2, False)
    peer.wait_route(3)


def test_a_session_that_is_not_up_yet_begins_anew(bed):
    peer = bed.neighbour()
    peer.send(message(1, EBGP.open_body))
    assert peer.receive()[0] == 1
    bed.restart()
    while peer.receive()[0] is not None:
        continue
    bed.good_session(peer)


def test_who_goes_on_has_not_restarted(bed):
    """A peer that is new and away holds up a restart: there is none, so OPEN has no R bit."""
    bed.stop()
    bed.node.config["bgp"]["peers"].append({"address": "10.99.0.77", "as": 64999})
    bed.begin()
    peer = bed.neighbour()
    peer.send(message(1, EBGP.open_body))
    kind, body = peer.receive()
    assert kind == 1
    value = body[body.index(h("400a")) + 2:]  # graceful restart of two families
    assert value[2:] == h("0001 01 80 0002 01 80") and struct.unpack_from(">H", value) == (20,)


# --- the next one is another one ---

def test_another_configuration_touches_whom_it_concerns(bed):
    peer, inner = established(bed), established(bed, IBGP)
    drain(peer)
    drain(inner)
    bed.observer.said.clear()
    bed.stop()
    ranges = bed.node.config["bgp"]["peers"]
    ranges[0]["as"] = 64998  # of peer's range
    bed.node.config["pools"][0]["blocks"] = [OWN4]
    bed.begin()
    assert peer.reaction() == (6, 6)  # Cease, Other Configuration Change
    for host in (1, 2):
        peer.wait_route(host, False)
    inner.announce(3)
    inner.wait_route(3)
    drain(inner)  # it is there
    soon(lambda: f"+{OWN4}" in bed.observer.said, "the new block at the observer")
    gone = [f"-{bed.witness.prefix(1)}", f"-{peer.prefix(1)}", f"-{peer.prefix(2)}"]
    assert sorted(bed.observer.said) == sorted([f"+{OWN4}", f"+{inner.prefix(3)}", *gone])


def test_an_export_that_differs_sends_the_difference(bed):
    inner, peer = established(bed, IBGP), established(bed)
    drain(inner)
    drain(peer)
    bed.stop()
    bed.node.config["bgp"]["peers"][2]["export"] = "none"
    bed.begin()
    soon(lambda: not bed.observer.routes, "all is withdrawn from the observer")
    assert bed.observer.ended is None and quiet(inner) is True and quiet(peer) is True
    bed.stop()
    bed.node.config["bgp"]["peers"][2]["export"] = "all"
    bed.begin()
    soon(lambda: peer.prefix(1) in bed.observer.routes, "and told again")


@pytest.mark.parametrize("change, why", [
    (lambda octets: octets.__setitem__(VERSION_AT + 1, 77), "another version has left them"),
    (lambda octets: octets.__delitem__(slice(-3, None)), "what is said of them is damaged"),
    (lambda octets: octets.__setitem__(slice(octets.index(b"bgp:"), octets.index(b"bgp:") + 4),
                                       b"bpg:"), "this version does not take the configuration"),
], ids=["version", "damaged", "configuration"])
def test_what_is_not_understood_is_a_graceful_restart(bed, change, why):
    peer = established(bed, body=BOTH)
    assert bed.stop() == 3
    bed.change_state(change)
    bed.node.start("--run-dir", bed.run_dir)
    bed.node.wait_log(f"3 were left to us but cannot be taken over: {why}")
    assert peer.reaction() == CLOSE  # without a NOTIFICATION
    wait_until(lambda: bed.agent.counts[BGP_LISTEN] == 2, "listening")
    peer.connect()
    peer.establish(BOTH)
    peer.announce(1)
    wait_until(lambda: peer.prefix(1) in bed.agent.routes, "the route is told again")


def test_an_older_file_with_a_session_too_few_is_refused(bed):
    peer = established(bed)
    bed.stop()
    os.close(bed.agent.kept.pop())
    bed.node.start("--run-dir", bed.run_dir)
    bed.node.wait_log("2 were left to us but cannot be taken over: what is said of them is damaged")
    assert peer.reaction() == CLOSE


def test_sessions_in_another_order_are_not_mixed_up(bed):
    peer, other = established(bed), established(bed)
    bed.stop()
    bed.agent.kept.reverse()
    bed.node.start("--run-dir", bed.run_dir)
    bed.node.wait_log("its session cannot be taken over: it is another's")
    assert peer.reaction() == CLOSE and other.reaction() == CLOSE
    for one in (peer, other):
        wait_until(lambda at=one: at.prefix(1) not in bed.agent.routes, "its routes are gone")


def told_digests(octets):
    """Where the numbers of what was told stand: in each record PEER_END, type 7."""
    at, found = VERSION_AT + 2, []
    while at < len(octets):
        kind, length = struct.unpack_from(">BI", octets, at)
        if kind == 7:
            found.append(at + 5)
        at += 5 + length
    return found


def test_a_version_that_tells_otherwise_tells_all_again(bed):
    plain = established(bed)
    wise = established(bed, body=open_body(capabilities=ENHANCED))
    inner = established(bed, IBGP)
    for peer in (plain, wise, inner):
        drain(peer)
    bed.stop()

    def change(octets):
        for at in told_digests(octets):
            octets[at] ^= 1
    bed.change_state(change)
    bed.begin()
    assert plain.reaction() == (6, 6) and inner.reaction() == (6, 6)  # no graceful restart either
    heard = []
    while (REFRESH, h("0002 02 01")) not in heard:  # EoRR of the last family
        heard.append(wise.receive())
    assert [one for one in heard if one[0] != KEEPALIVE] == [
        (REFRESH, h(family + borr + "01")) for family in ("0001", "0002") for borr in ("01", "02")]


# --- who ends otherwise ---

def test_an_end_by_sigint_hands_over_nothing(bed):
    peer = established(bed)
    assert bed.stop(signal.SIGINT) == 0
    assert peer.reaction() == CLOSE
    bed.begin(False)


def test_an_end_without_an_agent_is_a_graceful_restart(bed):
    peer = established(bed)
    bed.agent.stop()
    bed.node.wait_log("sessions go on, trying again")
    assert bed.node.kill(signal.SIGTERM) == 0
    assert peer.reaction() == CLOSE
    assert "Connection refused" in bed.node.log() or "cannot be left" in bed.node.log()
    bed.agent.start()
    bed.begin(False)


def test_a_kill_hands_over_nothing(bed):
    peer = established(bed)
    assert bed.node.kill(signal.SIGKILL) == -signal.SIGKILL
    assert peer.reaction() == CLOSE and not bed.agent.kept
    bed.agent.in_sync = False
    bed.begin(False)


def test_an_agent_that_does_not_answer_is_not_waited_for(bed):
    established(bed)
    bed.stop()
    bed.agent.drop_kept()
    bed.agent.give_kept = lambda number: None
    bed.node.start("--run-dir", bed.run_dir)
    bed.node.wait_log("has not said whether sessions were left; going on without")
    wait_until(lambda: bed.agent.counts[BGP_LISTEN] == 2, "listening")
    bed.neighbour().establish()
