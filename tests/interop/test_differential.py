# SPDX-License-Identifier: Apache-2.0
"""The same UPDATEs, good and mutated, to tortie-bgpd and to BIRD: do they understand the same?

                      +-- t1 (tortie-bgpd, AS 64512) --+
    s2, AS 64999, ----+                                +---- s2, AS 64512, an observer of each
    10.99.0.128/25    +-- b3 (BIRD 2, AS 64512) -------+

Each round sends one message to both, then a sign, a route whose MED is the round's number. When
both observers have the sign, they must have the same routes with the same attributes, or both
sessions must have ended. TORTIE_SEED repeats a run. Where the two are known to differ the message
is not made, or the difference is taken out; each such place says which of them the RFC is with.
"""
import os
import random
import struct

import pytest

from bad_input import Observer
from bad_input_cases import GOOD, HEAD6, LOCAL_AS
from bgp_lab import BgpLab, FakeAgent, Member
from bgp_wire import (AGGREGATOR, AS_PATH, ATOMIC_AGGREGATE, CLUSTER_LIST, COMMUNITIES, LOCAL_PREF,
                      MED, MP_REACH, MP_UNREACH, NEXT_HOP, NOTIFICATION, ORIGIN, ORIGINATOR_ID,
                      Wire, attribute, connect, h, nlri, open_body, update)
from harness import inside, wait_until

T1, B3 = "10.99.0.1", "10.99.0.3"
LARGE_COMMUNITIES, AS4_PATH, AS4_AGGREGATOR = 32, 17, 18
UNKNOWN = (99, 150, 200)
ROUNDS = int(os.environ.get("TORTIE_ROUNDS", "500"))
SIGN = "10.244.255.255/32"
NEXT_HOPS = [h("0a6300") + bytes([host]) for host in (9, 10, 11)]

BIRD = f"""
template bgp both {{
  local {B3} as {LOCAL_AS};
  error wait time 1, 1;
  ipv4 {{ import all; export none; }};
  ipv6 {{ import all; export none; }};
}}
protocol bgp senders from both {{ neighbor range 10.99.0.128/25 as 64999; dynamic name "sender"; }}
protocol bgp observer {{
  local {B3} as {LOCAL_AS};
  neighbor 10.99.0.120 as {LOCAL_AS};
  passive;
  ipv4 {{ import none; export all; next hop keep; }};
  ipv6 {{ import none; export all; next hop keep; }};
}}
"""


class Bed:
    def __init__(self, lab):
        self.sender = Member(lab, "s2", 2)
        self.sender.ip("route", "add", "local", "10.99.0.96/27", "dev", "lo")
        self.sender.ip("route", "add", "local", "10.99.0.128/25", "dev", "lo")
        self.node = lab.speaker(1, LOCAL_AS, peers=[
            {"range": "10.99.0.128/25", "as": 64999, "import": "all"},
            {"address": "10.99.0.120", "as": LOCAL_AS, "import": "none", "export": "all",
             "passive": True}])
        self.agent = FakeAgent(self.node, str(self.node.dir / "run"))
        self.node.start("--run-dir", str(self.node.dir / "run"))
        self.bird = lab.bird(3, LOCAL_AS)
        self.bird.protocols.append(BIRD)
        self.bird.start()
        wait_until(lambda: self.agent.counts[32] == 2, "listening")
        self.observers = [self.at(address, "10.99.0.120", Observer) for address in (T1, B3)]
        self.used = 128
        self.wires = []

    def at(self, address, source, kind):
        def connected():
            with inside(self.sender.netns):
                return connect(address, 179, source)
        return kind(wait_until(connected, f"connected to {address}"))

    def sessions(self):
        """A new sender's to both."""
        for wire in self.wires:
            wire.close()
        self.used = 129 if self.used == 250 else self.used + 1
        source = f"10.99.0.{self.used}"
        self.wires = [self.at(address, source, Wire) for address in (T1, B3)]
        for wire in self.wires:
            wire.establish(open_body(hold=0))


@pytest.fixture(scope="module")
def bed():
    with BgpLab("diff") as lab:
        yield Bed(lab)


def is_known_to_differ(each):
    """Where the two are known to differ: such an attribute is not sent."""
    flags, number, value = each
    if number == NEXT_HOP and len(value) == 4 and value not in NEXT_HOPS:
        # An external peer one hop away tells next hops on the common subnet, others SHOULD be
        # ignored (RFC 4271 6.3): BIRD does. tortie-bgpd takes them and leaves it to the agent.
        return True
    if number in UNKNOWN and not flags & 0x80:
        # Unrecognized well-known: 3/2 (RFC 4271 6.3, which RFC 7606 leaves as it is). BIRD
        # withdraws.
        return True
    # From such a peer these are discarded (RFC 7606 7.5, 7.9, 7.10; RFC 6793 6). BIRD looks at the
    # flags first.
    right = {LOCAL_PREF: 0x40, ORIGINATOR_ID: 0x80, CLUSTER_LIST: 0x80, AS4_PATH: 0xc0,
             AS4_AGGREGATOR: 0xc0}
    return number in right and flags & 0xc0 != right[number]


class Maker:
    """Messages from a seed."""

    def __init__(self, seed):
        self.random = random.Random(seed)

    def asn(self):
        return self.random.choice((64999, 65001, 23456, 4200000000,
                                   self.random.randrange(1, 2**32)))

    def path(self):
        segments = b""
        for _ in range(self.random.choice((1, 1, 1, 2, 3))):
            asns = [self.asn() for _ in range(self.random.randrange(1, 6))]
            segments += bytes([self.random.choice((2, 2, 2, 1)), len(asns)])
            segments += b"".join(struct.pack(">I", asn) for asn in asns)
        return segments

    def octets(self, unit, most):
        return self.random.randbytes(unit * self.random.randrange(1, most))

    def communities(self):
        """Of the private range: both obey the well-known ones in the same way, and then there is
        nothing to compare."""
        return b"".join(struct.pack(">HH", self.random.randrange(1, 64000),
                                    self.random.randrange(65536))
                        for _ in range(self.random.randrange(1, 20)))

    def attributes(self, prefix):
        """A row of good attributes, [flags, type, value]."""
        row = [[0x40, ORIGIN, bytes([self.random.randrange(3)])], [0x40, AS_PATH, self.path()]]
        if ":" in prefix:
            row.append([0x80, MP_REACH, HEAD6 + nlri(prefix)])
        else:
            row.append([0x40, NEXT_HOP, self.random.choice(NEXT_HOPS)])
        more = [[0x80, MED, self.random.randbytes(4)], [0x40, ATOMIC_AGGREGATE, b""],
                [0xc0, AGGREGATOR, struct.pack(">I", self.asn()) + h("0a630005")],
                [0xc0, COMMUNITIES, self.communities()],
                [0xc0, LARGE_COMMUNITIES, self.octets(12, 6)],
                [0xc0, self.random.choice(UNKNOWN), self.octets(1, 300)]]
        row += [each for each in more if self.random.random() < 0.35]
        return row

    def mutate(self, row):
        """One thing of a row is no more as it should be. MP_REACH stays whole: its prefixes are
        what is compared."""
        places = [n for n, each in enumerate(row) if each[1] != MP_REACH]
        at = self.random.choice(places)
        each = list(row[at])
        what = self.random.randrange(9)
        if what == 0:
            each[0] ^= self.random.choice((0x80, 0x40, 0xc0, 0x20, 0x0f))
        elif what == 1:
            each[2] = each[2][:self.random.randrange(len(each[2]) + 1)]
        elif what == 2:
            each[2] += self.random.randbytes(self.random.randrange(1, 5))
        elif what == 3 and each[2] and each[1] != NEXT_HOP:
            value = bytearray(each[2])
            value[self.random.randrange(len(value))] = self.random.randrange(256)
            each[2] = bytes(value)
        elif what == 4:
            return row[:at] + row[at + 1:]
        elif what == 5:
            value = (self.random.choice(NEXT_HOPS) if each[1] == NEXT_HOP
                     else self.random.randbytes(len(each[2])))
            return row + [[each[0], each[1], value]]
        elif what == 6:
            each = [self.random.choice((0x40, 0x80, 0xc0, 0x00)),
                    self.random.choice((LOCAL_PREF, ORIGINATOR_ID, CLUSTER_LIST, AS4_PATH,
                                        AS4_AGGREGATOR, *UNKNOWN)), self.octets(1, 9)]
            return row + [each]
        elif what == 7:
            self.random.shuffle(row)
            return row
        return row[:at] + [each] + row[at + 1:]

    def block(self, row):
        octets = b"".join(attribute(flags, number, value) for flags, number, value in row)
        if self.random.random() < 0.05:  # the form of the block
            cut = self.random.randrange(1, 4)
            return octets + h("800405")[:cut]
        return octets

    def message(self, number):
        """(message, prefix that it is about)."""
        prefix = (f"fd00:244:0:{number % 50:x}::/64" if self.random.random() < 0.25
                  else f"10.244.{number % 50}.0/24")
        row = self.attributes(prefix)
        for _ in range(self.random.choice((0, 0, 1, 1, 1, 2))):
            row = [each for each in self.mutate(row) if not is_known_to_differ(each)]
        return self.form(self.block(row), nlri(prefix), ":" in prefix), prefix

    def form(self, block, octets, is_ipv6):
        """The message; one in a few is a withdrawal, or has a form that ends the session. What is
        added stands in front: behind a block that was cut short it would be read from its second
        octet on, and could turn into an unrecognized well-known attribute."""
        what = self.random.randrange(60)
        if is_ipv6:
            if what == 0:
                block = attribute(0x80, MP_REACH, HEAD6 + octets) + block
            elif what == 1:
                block = attribute(0x80, MP_UNREACH, h("0002 01") + octets)
            elif what == 2:
                block = attribute(0x80, MP_UNREACH, h("0002 01") + octets[:-1]) + block
            return update(block)
        if what == 0:
            octets = octets[:-1]
        elif what == 1:
            octets = bytes([33 + self.random.randrange(222)]) + octets[1:]
        elif what == 2:
            whole = bytearray(update(block, octets))  # the block runs over the end
            struct.pack_into(">H", whole, 21, len(block) + 5 + self.random.randrange(500))
            return bytes(whole)
        elif what < 8:
            return update(block if self.random.random() < 0.5 else b"", withdrawn=octets)
        return update(block, octets)


def comparable(attributes):
    """Attributes without the order of communities, which means nothing (BIRD sorts them), and the
    partial and unused bits where they are 0 (RFC 4271 4.3 and 5: partial of all but optional
    transitive ones; BIRD passes on what came)."""
    found = {number: (flags & (0xe0 if flags & 0xc0 == 0xc0 else 0xc0), value)
             for number, (flags, value) in attributes.items()}
    for number, size in ((COMMUNITIES, 4), (LARGE_COMMUNITIES, 12)):
        if number in found:
            flags, value = found[number]
            found[number] = flags, sorted({value[at:at + size]
                                           for at in range(0, len(value), size)})
    return found


def view(observer):
    return {prefix: comparable(attributes) for prefix, attributes in list(observer.routes.items())
            if prefix != SIGN}


def sign(number):
    return update(GOOD + attribute(0x80, MED, struct.pack(">I", number)), nlri(SIGN))


def has_sign(observer, number):
    return observer.routes.get(SIGN, {}).get(MED) == (0x80, struct.pack(">I", number))


def notification(wire):
    """(code, subcode) when one is there."""
    wire.socket.settimeout(0.0005)
    try:
        while True:
            kind, body = wire.receive()
            if kind == NOTIFICATION:
                return body[0], body[1]
            if kind is None:
                return 0, 0
    except (TimeoutError, BlockingIOError):
        return None


def outcome(bed, number, octets):
    """What each of the two made of it: its NOTIFICATION, or its observer's routes."""
    for wire in bed.wires:
        try:
            wire.send(octets + sign(number))
        except OSError:
            pass  # it has ended the session already

    def decided():
        ends = [notification(wire) for wire in bed.wires]
        if all(end or has_sign(observer, number)
               for end, observer in zip(ends, bed.observers)):
            return [end or "stays" for end in ends]
        return None
    return wait_until(decided, f"message {number}: {octets.hex()}", 10, 0.0005)


def run(bed, seed, rounds):
    maker, resets = Maker(seed), 0
    bed.sessions()
    for number in range(1, rounds + 1):
        octets, _ = maker.message(number)
        ends = outcome(bed, number, octets)
        told = f"seed {seed}, message {number}: {octets.hex()}"
        assert (ends[0] == "stays") == (ends[1] == "stays"), f"{told}: {ends}"
        if ends[0] != "stays":
            resets += 1
            bed.sessions()
            wait_until(lambda: not bed.observers[0].routes and not bed.observers[1].routes,
                       "the routes of the ended sessions are gone")
            continue
        views = [view(observer) for observer in bed.observers]
        assert views[0] == views[1], told
    return resets


def test_mutated_updates_are_understood_as_bird_understands_them(bed):
    run(bed, int(os.environ.get("TORTIE_SEED", "7606")), ROUNDS)


@pytest.mark.long
def test_many_mutated_updates_are_understood_as_bird_understands_them(bed):
    run(bed, int(os.environ.get("TORTIE_SEED", random.randrange(2**32))), 40 * ROUNDS)
