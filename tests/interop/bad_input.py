# SPDX-License-Identifier: Apache-2.0
"""The bed of test_bad_input.py: neighbours that misbehave, one that watches, the agent.

    s2 (the test) ---- LAN ---- t1 (tortie-bgpd, AS 64512, router id 10.99.0.1)
      10.99.1.N  AS 64999, of the range 10.99.1.0/24: those that misbehave
      10.99.2.N  AS 64512, of the range 10.99.2.0/24, reflector clients: the same from inside
      10.99.3.1  AS 64512, gets everything: the observer

What t1 took is seen at two places: at its agent, which the test plays, and at the observer, to whom
a route comes with the attributes that are passed on. A neighbour N announces 10.244.N.H/32 and
fd00:244:0:N::H/128; nets 1 and 2 use numbers of their own.
"""
import ipaddress
import os
import re
import threading

from bad_input_cases import (BAD_HOST, EBGP, GOOD_HOST, HEAD6, IGNORE, KEEP, LOCAL_AS, WITHDRAW,
                             hop)
from bgp_lab import FakeAgent, Member
from bgp_wire import (CLOSE, EXTENDED_NEXT_HOP, KEEPALIVE, NOTIFICATION, OPEN, ORIGIN, UPDATE, Wire,
                      capabilities_of, connect, message, mp_reach, nlri, open_body, read_update,
                      update)
from harness import inside, wait_until

OURS = "10.99.0.1"
OBSERVER = "10.99.3.1"
POOLS = (ipaddress.ip_network("10.244.0.0/16"), ipaddress.ip_network("fd00:244::/48"))


def soon(condition, what, deadline=5):
    return wait_until(condition, what, deadline, 0.001)


class Observer:
    """A neighbour that only listens: prefix -> attributes, as it was told last."""

    def __init__(self, connection, asn=LOCAL_AS, router_id="0a630303"):
        self.routes = {}
        self.ended = None
        self.updates = 0
        self.wire = Wire(connection, None)
        self.wire.establish(open_body(asn=asn, hold=0, router_id=router_id,
                                      capabilities=capabilities_of(asn, EXTENDED_NEXT_HOP)))
        self.thread = threading.Thread(target=self.watch, daemon=True)
        self.thread.start()

    def watch(self):
        try:
            while True:
                kind, body = self.wire.receive()
                if kind == UPDATE:
                    self.take(body)
                elif kind != KEEPALIVE:
                    self.ended = (kind, body)
                    return
        except (OSError, AssertionError, IndexError) as error:
            self.ended = error

    def take(self, body):
        withdrawn, announced, attributes = read_update(body)
        for prefix in withdrawn:
            self.routes.pop(prefix, None)
        for prefix in announced:
            self.routes[prefix] = attributes
        self.updates += 1


class Neighbour(Wire):
    """A speaker that says what it is told to say."""

    def __init__(self, bed, number, kind=EBGP):
        self.bed, self.number, self.kind = bed, number, kind
        self.address = f"{kind.net}.{number}"
        super().__init__(self.open())

    def open(self):
        with inside(self.bed.sender.netns):
            return connect(OURS, 179, self.address)

    def connect(self):
        """Another connection; the one of before is the caller's."""
        Wire.__init__(self, self.open())

    def establish(self, body=None):
        return super().establish(body or self.kind.open_body)

    def prefix(self, host, family=4):
        third = self.number + (128 if self.kind.net != EBGP.net else 0)
        if family == 6:
            return str(ipaddress.ip_network(f"fd00:244:0:{third:x}::{host:x}/128"))
        return f"10.244.{third}.{host}/32"

    def nlri(self, host, family=4):
        return nlri(self.prefix(host, family))

    def announce(self, host, attributes=None):
        self.send(update(self.kind.good if attributes is None else attributes, self.nlri(host)))

    def wait_route(self, host, present=True, family=4):
        prefix = self.prefix(host, family)
        for where in (self.bed.agent, self.bed.observer):
            soon(lambda at=where: (prefix in at.routes) == present,
                 f"{prefix} {'there' if present else 'gone'} at the {type(where).__name__}")

    def seen(self, host, family=4):
        """What the observer has of the route, {}: nothing."""
        return self.bed.observer.routes.get(self.prefix(host, family), {})


class Bed:
    """t1, who speaks to it, and how a case goes."""

    observer_class = Observer

    def __init__(self, lab, external=None, **bgp):
        """EXTERNAL: more keys of external neighbours."""
        self.lab = lab
        self.node = lab.speaker(1, LOCAL_AS, **bgp, peers=[
            {"range": "10.99.1.0/24", "as": 64999, "import": "all", "extended_next_hop": "always",
             **(external or {})},
            {"range": "10.99.2.0/24", "as": LOCAL_AS, "import": "all", "reflector_client": True},
            {"address": OBSERVER, "as": LOCAL_AS, "import": "none", "export": "all",
             "passive": True, "extended_next_hop": "always"}])
        self.sender = Member(lab, "s2", 2)
        self.node.ip("route", "add", "10.99.0.0/16", "dev", "lan0")
        self.sender.ip("route", "add", "local", "10.99.1.0/24", "dev", "lo")
        self.sender.ip("route", "add", "local", "10.99.2.0/24", "dev", "lo")
        self.sender.ip("route", "add", "local", "10.99.3.0/24", "dev", "lo")
        self.agent = FakeAgent(self.node, str(self.node.dir / "run"))
        self.node.start("--run-dir", str(self.node.dir / "run"), env={
            **os.environ, "ASAN_OPTIONS": "detect_leaks=1:abort_on_error=0"})
        wait_until(lambda: self.agent.counts[32] == 2, "listening")
        with inside(self.sender.netns):
            self.observer = self.observer_class(connect(OURS, 179, OBSERVER))
        self.used, self.made = {}, []
        # Whatever others say, this one's session and its route stay.
        self.witness = Neighbour(self, 127).establish(open_body(hold=0))
        self.witness.announce(BAD_HOST)
        self.witness.wait_route(BAD_HOST)

    def neighbour(self, kind=None):
        """One that was not there before, connected; numbers begin again when they are used up."""
        kind = kind or EBGP
        number = self.used.get(kind.net, 0) + 1
        if number > 120:
            number = 1
        self.used[kind.net] = number
        self.made.append(Neighbour(self, number, kind))
        return self.made[-1]

    def hang_up(self):
        """Whatever a case left open."""
        while self.made:
            self.made.pop().close()

    def memory_kib(self):
        text = self.node.run("cat", f"/proc/{self.node.process.pid}/status")
        return int(re.search(r"VmRSS:\s+(\d+)", text).group(1))

    def descriptors(self):
        return len(os.listdir(f"/proc/{self.node.process.pid}/fd"))

    def check(self):
        """What must hold after each case."""
        assert self.node.is_alive()
        assert self.observer.ended is None, self.observer.ended
        strange = [prefix for prefix in self.observer.routes
                   if not any(ipaddress.ip_network(prefix).subnet_of(pool) for pool in POOLS
                              if pool.version == ipaddress.ip_network(prefix).version)]
        assert not strange, strange
        self.witness.wait_route(BAD_HOST)

    def witness_says_more(self):
        self.witness.announce(GOOD_HOST)
        self.witness.wait_route(GOOD_HOST)
        self.witness.send(update(withdrawn=self.witness.nlri(GOOD_HOST)))
        self.witness.wait_route(GOOD_HOST, False)

    def good_session(self, peer):
        """The neighbour comes again and is heard; then it goes."""
        peer.close()
        peer.connect()
        peer.establish()
        peer.announce(GOOD_HOST)
        peer.wait_route(GOOD_HOST)
        self.end(peer)

    @staticmethod
    def leave(peer):
        peer.send(message(NOTIFICATION, bytes([6, 2])))
        assert peer.reaction() == CLOSE
        peer.close()

    def end(self, peer):
        self.leave(peer)
        for host in (BAD_HOST, GOOD_HOST):
            peer.wait_route(host, False)

    # --- how cases go; the names are those of the lists of cases ---

    def instead_of_open(self, case, octets):
        peer = self.neighbour(case.kind)
        peer.send(octets)
        assert peer.reaction() == case.reaction
        self.witness_says_more()
        self.good_session(peer)

    def opens(self, case):
        self.instead_of_open(case, message(OPEN, case.octets))

    def first(self, case):
        self.instead_of_open(case, case.octets)

    def odd_opens(self, case):
        peer = self.neighbour(case.kind).establish(case.octets)
        peer.announce(BAD_HOST)
        peer.wait_route(BAD_HOST)
        self.end(peer)

    def confirm(self, case):
        peer = self.neighbour(case.kind)
        peer.send(message(OPEN, peer.kind.open_body))
        kind, _ = peer.receive()
        assert kind == OPEN
        peer.send(case.octets)
        assert peer.reaction() == case.reaction
        self.witness_says_more()
        self.good_session(peer)

    def octets(self, case, peer=None):
        peer = peer or self.neighbour(case.kind).establish()
        say_before(peer, 4)
        octets = case.octets(peer) if callable(case.octets) else case.octets
        # As many as a KEEPALIVE has are read when something else comes (test_idle_sessions.py).
        peer.send(octets + message(KEEPALIVE) if len(octets) == 19 else octets)
        if case.reaction != IGNORE:
            assert peer.reaction() == case.reaction
            peer.wait_route(BAD_HOST, False)
            self.good_session(peer)
            return None
        peer.announce(GOOD_HOST)
        peer.wait_route(GOOD_HOST)
        assert peer.seen(BAD_HOST).get(ORIGIN) == (0x40, b"\2"), "it is no more as it was"
        return self.withdraw(peer, 4)

    def attributes(self, case, peer=None, family=4):
        peer = peer or self.neighbour(case.kind).establish()
        say_before(peer, family)
        peer.send(with_route(case.octets, peer, family))
        peer.announce(GOOD_HOST)
        peer.wait_route(GOOD_HOST)
        if case.reaction == WITHDRAW:
            peer.wait_route(BAD_HOST, False, family)
        else:
            assert case.reaction == KEEP
            check_attributes(peer, case, family)
        return self.withdraw(peer, family)

    def attributes6(self, case, peer=None):
        return self.attributes(case, peer, 6)

    # --- the same as often as can be: what is said, and whether the session ends ---

    def again(self, run, case, peer):
        """Once more by the same neighbour; it comes again where its session ended."""
        if run in (Bed.opens, Bed.first, Bed.confirm, Bed.odd_opens):
            peer.close()
            peer.connect()
        octets = case.octets(peer) if run == Bed.octets and callable(case.octets) else case.octets
        if run == Bed.odd_opens:
            peer.establish(octets)
            peer.announce(BAD_HOST)
            self.leave(peer)
        elif run in (Bed.attributes, Bed.attributes6):
            self.attributes_again(case, peer, 6 if run == Bed.attributes6 else 4)
        elif run == Bed.octets:
            if case.reaction != IGNORE:
                peer.close()
                peer.connect()
                peer.establish()
            peer.send(update(peer.kind.before, peer.nlri(BAD_HOST)) + octets)
            assert case.reaction == IGNORE or peer.reaction() == case.reaction
        else:
            opened = message(OPEN, peer.kind.open_body) if run == Bed.confirm else b""
            peer.send(opened + (message(OPEN, octets) if run == Bed.opens else octets))
            assert peer.reaction() == case.reaction

    @staticmethod
    def attributes_again(case, peer, family):
        peer.send(before(peer, family) + with_route(case.octets, peer, family))

    @staticmethod
    def withdraw(peer, family):
        """As at the start, for another go on the same session."""
        peer.send(update(withdrawn=peer.nlri(GOOD_HOST)))
        if family == 6:
            value = bytes([0, 2, 1]) + peer.nlri(BAD_HOST, 6)
            peer.send(update(bytes([0x80, 15, len(value)]) + value))
        else:
            peer.send(update(withdrawn=peer.nlri(BAD_HOST)))
        peer.wait_route(BAD_HOST, False, family)
        peer.wait_route(GOOD_HOST, False)
        return peer


def with_route(octets, peer, family):
    """The case's attributes, with the route that they are about: in them, or behind."""
    if callable(octets):
        return update(octets(peer.nlri(BAD_HOST, family)))
    return update(octets, peer.nlri(BAD_HOST))


def before(peer, family):
    """The good route that comes first; its ORIGIN tells it from what comes later."""
    if family == 6:
        without_next_hop = peer.kind.before[:-len(hop())]
        return update(without_next_hop + mp_reach(peer.nlri(BAD_HOST, 6), HEAD6))
    return update(peer.kind.before, peer.nlri(BAD_HOST))


def say_before(peer, family):
    peer.send(before(peer, family))
    peer.wait_route(BAD_HOST, True, family)


def check_attributes(peer, case, family):
    """The observer has the route with the attributes that came last, as far as they are good."""
    soon(lambda: peer.seen(BAD_HOST, family).get(ORIGIN) == (0x40, b"\0"),
         "the route is there with the new attributes")
    seen = peer.seen(BAD_HOST, family)
    for number, expected in case.seen.items():
        assert seen.get(number) == expected, f"attribute {number}"
