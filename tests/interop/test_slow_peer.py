# SPDX-License-Identifier: Apache-2.0
"""Peers that stop reading: what waits for them is bounded, they are dropped, nobody else notices.

    t1 (tortie-bgpd, AS 64512, send_hold_time 5) ---- LAN ---- s2 (the test)
      10.99.1.N  AS 64999, feeds routes
      10.99.3.1  AS 64512, gets everything and reads it: the observer
      10.99.3.2  AS 64512, gets everything and does not read, hold time 3 s

Routes of 3.7 kB each change until nothing fits into the slow peer's sockets any more. RFC 9687:
then it is dropped although it goes on to send KEEPALIVEs, which keep the hold timer quiet.
"""
import os
import re
import socket
import struct
import threading
import time

import pytest

from bad_input import LOCAL_AS, OBSERVER, OURS, Neighbour, Observer, soon
from bad_input_cases import GOOD, refresh
from bgp_lab import BgpLab, FakeAgent, Member
from bgp_wire import (COMMUNITIES, KEEPALIVE, UPDATE, Wire, capabilities_of, connect, h, message,
                      nlri, open_body, read_update, update)
from harness import inside, wait_until

SLOW = "10.99.3.2"
ROUTES = 8000
BIG = 100  # of them are those that change
OUTPUT_MAX_KIB = 64 << 10  # bgp/session_output.c
OUTPUT_ALL_MAX_KIB = 256 << 10  # bgp/speaker.c


class Bed:
    def __init__(self, lab):
        told = {"as": LOCAL_AS, "import": "pools", "export": "all", "passive": True}
        dynamic = {key: told[key] for key in told if key != "passive"}
        self.node = lab.speaker(1, LOCAL_AS, send_hold_time=5, peers=[
            {"range": "10.99.1.0/24", "as": 64999}, {"address": OBSERVER, **told},
            {"address": SLOW, **told}, {"range": "10.99.3.8/29", **dynamic},
            {"range": "10.99.3.16/29", **dynamic}])
        self.sender = Member(lab, "s2", 2)
        self.node.ip("route", "add", "10.99.0.0/16", "dev", "lan0")
        for net in ("10.99.1.0/24", "10.99.3.0/24"):
            self.sender.ip("route", "add", "local", net, "dev", "lo")
        self.agent = FakeAgent(self.node, str(self.node.dir / "run"))
        self.node.start("--run-dir", str(self.node.dir / "run"))
        wait_until(lambda: self.agent.counts[32] == 2, "listening")
        with inside(self.sender.netns):
            self.observer = Observer(connect(OURS, 179, OBSERVER))
        self.changes = 0
        self.feeder = Neighbour(self, 7).establish(open_body(hold=0))
        hosts = b"".join(bytes([32, 10, 244, 8 + n // 250, n % 250]) for n in range(ROUTES))
        for at in range(0, len(hosts), 4000):
            self.feeder.send(update(GOOD, hosts[at:at + 4000]))
        wait_until(lambda: len(self.observer.routes) == ROUTES, "all routes are out")

    def change_big(self, count):
        """Routes change count times, 3.7 kB each time; back when the observer has all."""
        octets = bytearray()
        for n in range(count):
            octets += update(GOOD + h("d0080e10") + struct.pack(">I", self.changes) * 900,
                             bytes([32, 10, 244, 8, n % BIG]))
            self.changes += 1
        last = struct.pack(">I", self.changes - 1) * 900
        self.feeder.send(octets)
        prefix = f"10.244.8.{(count - 1) % BIG}/32"
        wait_until(lambda: self.observer.routes[prefix].get(COMMUNITIES) == (0xc0, last),
                   "the last change is out", 30)

    def slow_peer(self, hold=3, number=2):
        with inside(self.sender.netns):
            sock = socket.socket()
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            sock.bind((f"10.99.3.{number}", 0))
            sock.settimeout(5)
            sock.connect((OURS, 179))
        return Wire(sock).establish(open_body(
            asn=LOCAL_AS, hold=hold, router_id=f"0a6300{number:02x}",
            capabilities=capabilities_of(LOCAL_AS, bytes([2, 0]))))

    def memory_kib(self):
        text = self.node.run("cat", f"/proc/{self.node.process.pid}/status")
        return int(re.search(r"VmRSS:\s+(\d+)", text).group(1))

    def descriptors(self):
        return len(os.listdir(f"/proc/{self.node.process.pid}/fd"))

    def change_takes(self):
        """Seconds from a change by the feeder to the observer."""
        begin = time.monotonic()
        for present in (True, False):
            if present:
                self.feeder.announce(1)
            else:
                self.feeder.send(update(withdrawn=self.feeder.nlri(1)))
            soon(lambda p=present: (self.feeder.prefix(1) in self.observer.routes) == p, "a change")
        return time.monotonic() - begin

    def lost(self, after):
        return re.search(rf"peer {SLOW}: session lost: ([^\n]*)", self.node.log()[after:])


@pytest.fixture(scope="module")
def bed():
    with BgpLab("slow") as lab:
        made = Bed(lab)
        yield made
        assert made.node.is_alive()


def until_lost(bed, peer, octets):
    """Send octets twice a second until t1 drops the peer; its reason, the slowest change."""
    after, slowest, ended = len(bed.node.log()), 0.0, threading.Event()

    def say():
        try:
            while not ended.wait(0.5):
                peer.send(octets)
        except OSError:
            pass
    thread = threading.Thread(target=say, daemon=True)
    thread.start()
    end = time.monotonic() + 30
    while not bed.lost(after) and time.monotonic() < end:
        slowest = max(slowest, bed.change_takes())
    ended.set()
    thread.join()
    return bed.lost(after).group(1), slowest


def test_a_peer_that_does_not_read_is_dropped_though_it_speaks(bed):
    peer = bed.slow_peer()
    bed.change_big(3000)  # 11 MB
    begin = time.monotonic()
    reason, slowest = until_lost(bed, peer, message(KEEPALIVE))
    assert reason == "sent Send Hold Timer Expired"
    assert 5 < time.monotonic() - begin < 15
    assert slowest < 2
    peer.close()


def test_a_peer_that_neither_reads_nor_speaks_is_dropped_by_the_hold_timer(bed):
    peer = bed.slow_peer()
    reason, _ = until_lost(bed, peer, b"")
    assert reason == "sent Hold Timer Expired"
    peer.close()


def test_what_waits_for_a_peer_is_bounded(bed):
    before, after, peer = bed.memory_kib(), len(bed.node.log()), bed.slow_peer(hold=90)
    for _ in range(8):
        if not bed.lost(after):
            bed.change_big(3000)
    assert bed.lost(after).group(1) == "sent Cease/Out of Resources"
    soon(lambda: bed.memory_kib() < before + 2048, "the memory is given back")
    peak = int(re.search(r"VmHWM:\s+(\d+)", bed.node.run(
        "cat", f"/proc/{bed.node.process.pid}/status")).group(1))
    assert peak < before + 2 * OUTPUT_MAX_KIB + 8192  # the buffer doubles, and is copied
    peer.close()


def test_what_waits_for_all_peers_together_is_bounded(bed):
    """None of twelve has too much, together they do: the bound drops some, and some stay."""
    before, after = bed.memory_kib(), len(bed.node.log())
    peers = [bed.slow_peer(hold=90, number=10 + n) for n in range(12)]
    for _ in range(4):
        bed.change_big(3000)  # 11 MB for each
    log = bed.node.log()[after:]
    lost = re.findall(r"peer 10\.99\.3\.(\d+): session lost: ([^\n]*)", log)
    assert 0 < len(lost) < len(peers)
    assert {why for _, why in lost} == {"sent Cease/Out of Resources"}
    assert bed.memory_kib() < before + OUTPUT_ALL_MAX_KIB + 8192
    for peer in peers:
        peer.close()
    soon(lambda: bed.memory_kib() < before + 4096, "the memory is given back")


def test_many_that_come_at_once_to_a_large_table_are_told_it_as_they_read(bed):
    """What is formatted for them is what they can take, not 7 MB for each; and none is dropped."""
    wanted = set()
    for n in range(2000):
        prefix = f"10.244.{100 + n // 250}.{n % 250}/32"
        bed.feeder.send(update(GOOD + h("d0080e10") + struct.pack(">I", n) * 900, nlri(prefix)))
        wanted.add(prefix)
    wait_until(lambda: wanted <= set(bed.observer.routes), "the table is there", 30)
    before, after = bed.memory_kib(), len(bed.node.log())
    peers = [bed.slow_peer(hold=90, number=10 + n) for n in range(12)]
    assert bed.memory_kib() < before + OUTPUT_ALL_MAX_KIB // 4
    assert bed.change_takes() < 2
    heard = set()
    while len(heard) < len(bed.observer.routes) or heard != set(bed.observer.routes):
        kind, body = peers[0].receive()
        assert kind in (UPDATE, KEEPALIVE)
        if kind == UPDATE:
            withdrawn, announced, _ = read_update(body)
            heard = (heard - set(withdrawn)) | set(announced)
    assert heard == set(bed.observer.routes)
    assert "session lost" not in bed.node.log()[after:]
    for peer in peers:
        peer.close()
    for n in range(0, 2000, 250):
        bed.feeder.send(update(withdrawn=b"".join(
            nlri(f"10.244.{100 + n // 250}.{host}/32") for host in range(250))))
    wait_until(lambda: len(bed.observer.routes) == ROUTES, "the table is small again", 30)


@pytest.mark.long
def test_a_peer_that_reads_slowly_stays(bed):
    """Each octet that is taken starts the timer anew."""
    peer, after, end = bed.slow_peer(), len(bed.node.log()), time.monotonic() + 10
    bed.change_big(3000)
    while time.monotonic() < end:
        peer.send(message(KEEPALIVE))
        peer.receive()
        bed.change_takes()
        assert not bed.lost(after)
    peer.close()


def test_a_storm_of_refresh_requests_holds_up_nobody(bed):
    """40 kB for each of the peer's 23 octets: it gets what it reads, and no more is prepared."""
    before, peer = bed.memory_kib(), bed.slow_peer(hold=90)
    peer.send(refresh(0) * 20000)
    assert max(bed.change_takes() for _ in range(50)) < 1
    assert bed.memory_kib() < before + 8192
    peer.close()
