# SPDX-License-Identifier: Apache-2.0
"""`tortie explain` against reality: random packets, each explained first, then really sent.

    a, b -- n1 -- lan -- n2 -- c
                   |
                  tor -- outside

What really happened is seen from outside the data plane: n1's host stack (a set of nftables that
notes the number of every packet that reaches prerouting), a tap in every pod, a tap on n1's uplink.
A packet carries its number as IPv4 identification or IPv6 flow label; number, source and
destination together tell it from all others (answers go the other way).
"""
import ipaddress
import json
import os
import random
import socket
import struct

import pytest
from scapy.layers.inet import ICMP, IP, TCP, UDP
from scapy.layers.inet6 import ICMPv6EchoRequest, IPv6
from scapy.layers.l2 import Ether
from scapy.packet import Raw

import packets
from harness import OUT4, OUT6, Lab, wait_until

COUNTS = [150, pytest.param(1000, marks=pytest.mark.long)]

# What explain says about the data plane; after TO_STACK it also tells what the kernel would do.
ENDS = {"TO_PEER", "TO_NEIGHBOUR", "TO_STACK", "DROPPED"}

NFT = """
table inet probe {
    set seen4 { typeof ip id . ip saddr . ip daddr; size 65535; flags dynamic; }
    set seen6 { typeof ip6 flowlabel . ip6 saddr . ip6 daddr; size 65535; flags dynamic; }
    chain prerouting {
        type filter hook prerouting priority -450;
        ip id != 0 add @seen4 { ip id . ip saddr . ip daddr }
        ip6 flowlabel != 0 add @seen6 { ip6 flowlabel . ip6 saddr . ip6 daddr }
    }
}
"""


class Explained:
    def __init__(self, lab):
        self.lab = lab
        self.n1, self.n2 = lab.start_pair()
        self.a = self.n1.add_pod("a")
        self.b = self.n1.add_pod("b")
        self.c = self.n2.add_pod("c")
        self.mac = self.n1.json("link", "show", "up0")[0]["address"]
        self.n1.run("nft", "-f", "-", stdin=NFT)

    def destinations(self, family):
        if family == 4:
            return [self.b.ip4, self.a.ip4, self.c.ip4, self.n1.ip4, self.n2.ip4, f"{OUT4}.2",
                    "10.244.1.251", "10.244.2.251", "10.244.77.5", "192.168.100.1",
                    "224.0.0.251", "255.255.255.255", "203.0.113.9", "0.1.2.3", packets.GATEWAY4]
        return [self.a.ip6, self.b.ip6, self.c.ip6, self.n1.ip6, self.n2.ip6, f"{OUT6}2",
                "fd00:244:0:1::fbfb", "fd00:244:0:2::fbfb", "fd00:244:0:77::5", "fd00:100::1",
                "ff0e::fb", "2001:db8:99::1"]


@pytest.fixture(scope="module")
def net():
    with Lab("tell") as lab:
        yield Explained(lab)


class Probe:
    """One random triple with hop limit and length, its explanation and its frame."""

    def __init__(self, net, number, rng):
        self.number = number
        self.family = rng.choice((4, 6))
        self.from_network = rng.random() < 0.3
        self.source = net.c if self.from_network else rng.choice((net.a, net.b))
        choices = net.destinations(self.family)
        if self.from_network:  # what the LAN would really bring to n1
            choices = [d for d in choices if not d.startswith(("22", "255", "ff"))]
        # what goes to oneself never leaves the pod
        choices = [d for d in choices if d != self.source.address(self.family)]
        self.to = rng.choice(choices[:3] if rng.random() < 0.5 else choices)
        self.protocol = rng.choice(("tcp", "udp", "icmp"))
        self.port = rng.choice((22, 80, 443, 8080, 53000))
        self.ttl = rng.choice((64, 64, 64, 2, 1))
        self.length = rng.choice((0, 0, 400, 1500))

    @property
    def key(self):
        return (self.number, self.source.address(self.family),
                str(ipaddress.ip_address(self.to)))

    def words(self):
        address = f"[{self.to}]" if self.family == 6 and self.protocol != "icmp" else self.to
        port = "" if self.protocol == "icmp" else f":{self.port}"
        options = ["--ttl", str(self.ttl)]
        if self.length:
            options += ["--length", str(self.length)]
        return [self.source.address(self.family), f"{address}{port}/{self.protocol}", *options]

    def frame(self, net):
        if self.protocol == "icmp":
            echo = ICMP if self.family == 4 else ICMPv6EchoRequest
            upper = echo(id=7, seq=self.number & 0xffff)
        elif self.protocol == "tcp":
            upper = TCP(sport=40000, dport=self.port, flags="S")
        else:
            upper = UDP(sport=40000, dport=self.port)
        if self.family == 4:
            head = IP(src=self.source.ip4, dst=self.to, ttl=self.ttl, id=self.number)
        else:
            head = IPv6(src=self.source.ip6, dst=self.to, hlim=self.ttl, fl=self.number)
        packet = head / upper
        if self.length > len(packet):
            packet = packet / Raw(bytes(self.length - len(packet)))
        if self.from_network:
            uplink = net.n2.json("link", "show", "up0")[0]["address"]
            return bytes(Ether(dst=net.mac, src=uplink) / packet)
        return bytes(Ether(dst=packets.GATEWAY_MAC, src=self.source.mac) / packet)

    def explain(self, net):
        answer = json.loads(net.n1.tortie("explain", *self.words(), "-o", "json", check=False))
        steps = [step["step"] for step in answer["steps"]]
        ends = [step for step in steps if step in ENDS]
        assert len(ends) == 1, (str(self), steps)
        return ends[0], steps

    def __str__(self):
        return f"#{self.number} {' '.join(self.words())}"


class Fence:
    """A packet that surely arrives: what was sent before it by the same sender is through too."""

    def __init__(self, net, way, number):
        self.source, target = ((net.a, net.b), (net.b, net.a), (net.c, net.a))[way]
        uplink = net.n2.json("link", "show", "up0")[0]["address"]
        head = Ether(dst=net.mac, src=uplink) if way == 2 else \
            Ether(dst=packets.GATEWAY_MAC, src=self.source.mac)
        self.key = (number, self.source.ip4, target.ip4)
        self.frame = bytes(head / IP(src=self.source.ip4, dst=target.ip4, id=number) / UDP(dport=9))


def key_of(data):
    """(number, source, destination) of a frame's outermost IP header."""
    kind = data[12:14]
    if kind == b"\x08\x00" and len(data) >= 34:
        return (struct.unpack(">H", data[18:20])[0], socket.inet_ntop(socket.AF_INET, data[26:30]),
                socket.inet_ntop(socket.AF_INET, data[30:34]))
    if kind == b"\x86\xdd" and len(data) >= 54:
        return (struct.unpack(">I", data[14:18])[0] & 0xfffff,
                socket.inet_ntop(socket.AF_INET6, data[22:38]),
                socket.inet_ntop(socket.AF_INET6, data[38:54]))
    return None


def keys_in(tap, outgoing):
    return {key_of(data) for is_outgoing, data in tap.waiting() if is_outgoing == outgoing}


def keys_in_stack(net):
    found = set()
    for name in ("seen4", "seen6"):
        out = json.loads(net.n1.run("nft", "-j", "list", "set", "inet", "probe", name))
        for item in out["nftables"]:
            for element in item.get("set", {}).get("elem", []):
                number, source, to = element["concat"]
                found.add((int(number), str(ipaddress.ip_address(source)),
                           str(ipaddress.ip_address(to))))
    return found


@pytest.mark.parametrize("count", COUNTS)
def test_the_verdict_of_explain_is_what_the_packet_then_meets(net, count):
    seed = int(os.environ.get("TORTIE_SEED") or random.randrange(1 << 30))
    rng = random.Random(seed)
    first = 100 if count < 1000 else 5000  # numbers that no other run of this file used
    probes = [Probe(net, first + number, rng) for number in range(count)]
    told = {p.number: p.explain(net) for p in probes}
    drops_before = net.n1.drops()

    taps = {"a": packets.Tap(net.a), "b": packets.Tap(net.b)}
    uplink = packets.Tap(net.n1, "up0")
    senders = {"a": packets.Tap(net.a), "b": packets.Tap(net.b), "c": packets.Tap(net.n2, "up0")}
    arrived, left = set(), set()
    for start in range(0, len(probes), 50):
        for probe in probes[start:start + 50]:
            senders[probe.source.pod_name].send(probe.frame(net))
        fences = [Fence(net, number, 60000 + first + start // 50) for number in range(3)]
        for fence in fences:
            senders[fence.source.pod_name].send(fence.frame)

        def is_through():
            for tap in taps.values():
                arrived.update(keys_in(tap, False))
            left.update(keys_in(uplink, True))
            return all(fence.key in arrived for fence in fences)
        wait_until(is_through, "the fence behind the probes", 5)
    stack = keys_in_stack(net)

    wrong = []
    for probe in probes:
        if probe.key in stack:
            real = "TO_STACK"
        elif probe.key in arrived:
            real = "TO_PEER"
        elif probe.key in left:
            real = "TO_NEIGHBOUR"
        else:
            real = "DROPPED"
        if told[probe.number][0] != real:
            wrong.append(f"{probe}: explain {told[probe.number][0]}, reality {real}: "
                         f"{told[probe.number][1]}")
    verdicts = {verdict for verdict, _ in told.values()}
    assert not wrong, f"seed {seed}: {len(wrong)} of {count} differ:\n" + "\n".join(wrong[:20])
    assert {"TO_PEER", "TO_NEIGHBOUR", "TO_STACK"} <= verdicts, verdicts
    dropped = sum(verdict == "DROPPED" for verdict, _ in told.values())
    counted = {reason: count - drops_before[reason] for reason, count in net.n1.drops().items()}
    counted.pop("SOURCE_UNSPECIFIED")  # the pods' own multicast reports
    assert sum(counted.values()) == dropped, counted
