# SPDX-License-Identifier: Apache-2.0
"""What a hostile pod can put on its link: dropped, the reason counted, the neighbours unharmed.

    evil, b -- n1 -- lan -- n2 -- c
"""
import json
import struct

import pytest
from scapy.layers.dhcp import BOOTP
from scapy.layers.inet import ICMP, IP, TCP, UDP
from scapy.layers.inet6 import (ICMPv6MLReport, ICMPv6ND_NA, ICMPv6ND_NS, ICMPv6ND_RA,
                                ICMPv6ND_Redirect, ICMPv6NDOptDstLLAddr,
                                ICMPv6NDOptPrefixInfo, ICMPv6NDOptSrcLLAddr, IPv6)
from scapy.layers.l2 import ARP, Dot1Q, Ether
from scapy.packet import Raw

import packets
from harness import Lab, wait_until

MARKER = b"evil-payload"
ALL_NODES_MAC = "33:33:00:00:00:01"
BROADCAST = "ff:ff:ff:ff:ff:ff"


class Attacked:
    def __init__(self, lab):
        self.lab = lab
        self.n1, self.n2 = lab.add_node(1), lab.add_node(2)
        lab.configure_routes()
        lab.start_all(bgp=False)
        self.evil = self.n1.add_pod("evil")
        self.b = self.n1.add_pod("b")
        self.c = self.n2.add_pod("c")
        self.tap_evil = packets.Tap(self.evil)
        self.taps = {"b": packets.Tap(self.b), "uplink": packets.Tap(self.n1, "up0"),
                     "c": packets.Tap(self.c)}


@pytest.fixture(scope="module")
def attacked():
    with Lab("evil") as lab:
        yield Attacked(lab)


def eth(at, dst=packets.GATEWAY_MAC, src=None, **fields):
    return Ether(dst=dst, src=src or at.evil.mac, **fields)


def to_b4(at, src=None, **fields):
    return IP(src=src or at.evil.ip4, dst=at.b.ip4, **fields)


def to_b6(at, src=None, **fields):
    return IPv6(src=src or at.evil.ip6, dst=at.b.ip6, **fields)


DATA = UDP(sport=1234, dport=9) / Raw(MARKER)


def cut(frame, octets):
    return bytes(frame)[:octets]


# (name, reasons of which one must be counted, frame)
ATTACKS = [
    ("ipv4 source of nobody", {"SOURCE_UNKNOWN"},
     lambda at: eth(at) / to_b4(at, "10.244.1.251") / DATA),
    ("ipv6 source of nobody", {"SOURCE_UNKNOWN"},
     lambda at: eth(at) / to_b6(at, "fd00:244:0:1::fbfb") / DATA),
    ("ipv4 source of another pod", {"SOURCE_LINK"},
     lambda at: eth(at) / to_b4(at, at.b.ip4) / DATA),
    ("ipv6 source of another pod", {"SOURCE_LINK"},
     lambda at: eth(at) / to_b6(at, at.b.ip6) / DATA),
    ("ipv4 source of a pod of another node", {"SOURCE_UNKNOWN"},
     lambda at: eth(at) / to_b4(at, at.c.ip4) / DATA),
    ("ipv6 source of a pod of another node", {"SOURCE_UNKNOWN"},
     lambda at: eth(at) / to_b6(at, at.c.ip6) / DATA),
    ("ipv4 source of the node", {"SOURCE_UNKNOWN", "SOURCE_LINK"},
     lambda at: eth(at) / to_b4(at, at.n1.ip4) / DATA),
    ("ipv6 source of the node", {"SOURCE_UNKNOWN", "SOURCE_LINK"},
     lambda at: eth(at) / to_b6(at, at.n1.ip6) / DATA),
    ("ipv4 source of the gateway", {"SOURCE_UNKNOWN"},
     lambda at: eth(at) / to_b4(at, packets.GATEWAY4) / DATA),
    ("ipv4 source loopback", {"SOURCE_UNKNOWN"},
     lambda at: eth(at) / to_b4(at, "127.0.0.1") / DATA),
    ("ipv6 source loopback", {"SOURCE_UNKNOWN"}, lambda at: eth(at) / to_b6(at, "::1") / DATA),
    ("ipv6 source is a mapped address of another pod", {"MARTIAN"},
     lambda at: eth(at) / to_b6(at, f"::ffff:{at.b.ip4}") / DATA),
    ("ipv6 destination is the mapped address of another pod",
     {"MARTIAN"},
     lambda at: eth(at) / IPv6(src=f"::ffff:{at.evil.ip4}", dst=f"::ffff:{at.b.ip4}") / DATA),
    ("ipv4 with another source MAC", {"SOURCE_MAC"},
     lambda at: eth(at, src=at.b.mac) / to_b4(at) / DATA),
    ("ipv6 with another source MAC", {"SOURCE_MAC"},
     lambda at: eth(at, src="02:00:00:00:00:99") / to_b6(at) / DATA),
    ("ARP reply for the gateway", {"ARP"},
     lambda at: eth(at, BROADCAST) / ARP(op=2, hwsrc=at.evil.mac, psrc=packets.GATEWAY4,
                                         pdst=at.b.ip4)),
    ("gratuitous ARP for another pod", {"ARP"},
     lambda at: eth(at, BROADCAST) / ARP(op=1, hwsrc=at.evil.mac, psrc=at.b.ip4, pdst=at.b.ip4)),
    ("ARP request for another pod", {"ARP"},
     lambda at: eth(at, BROADCAST) / ARP(op=1, hwsrc=at.evil.mac, psrc=at.evil.ip4,
                                         pdst=at.b.ip4)),
    ("ARP request for the gateway with another's address", {"ARP"},
     lambda at: eth(at, BROADCAST) / ARP(op=1, hwsrc=at.evil.mac, psrc=at.b.ip4,
                                         pdst=packets.GATEWAY4)),
    ("neighbour advertisement for another pod", {"ND"},
     lambda at: eth(at, ALL_NODES_MAC) / IPv6(src=at.evil.ip6, dst="ff02::1", hlim=255) /
     ICMPv6ND_NA(tgt=at.b.ip6, O=1) / ICMPv6NDOptDstLLAddr(lladdr=at.evil.mac)),
    ("neighbour solicitation for another pod", {"ND"},
     lambda at: eth(at, ALL_NODES_MAC) / IPv6(src=at.evil.ip6, dst="ff02::1", hlim=255) /
     ICMPv6ND_NS(tgt=at.b.ip6) / ICMPv6NDOptSrcLLAddr(lladdr=at.evil.mac)),
    ("router advertisement", {"ROUTER_ADVERTISEMENT"},
     lambda at: eth(at, ALL_NODES_MAC) / IPv6(src=at.evil.ip6, dst="ff02::1", hlim=255) /
     ICMPv6ND_RA() / ICMPv6NDOptPrefixInfo(prefix="2001:db8:bad::", prefixlen=64)),
    ("router advertisement from a link-local address",
     {"ROUTER_ADVERTISEMENT", "SOURCE_UNKNOWN"},
     lambda at: eth(at, ALL_NODES_MAC) / IPv6(src="fe80::bad", dst="ff02::1", hlim=255) /
     ICMPv6ND_RA() / ICMPv6NDOptPrefixInfo(prefix="2001:db8:bad::", prefixlen=64)),
    ("redirect", {"ROUTER_ADVERTISEMENT"},
     lambda at: eth(at) / IPv6(src=at.evil.ip6, dst=at.b.ip6, hlim=255) /
     ICMPv6ND_Redirect(tgt=at.evil.ip6, dst=at.c.ip6)),
    ("DHCP server", {"DHCP_SERVER"},
     lambda at: eth(at, BROADCAST) / IP(src=at.evil.ip4, dst="255.255.255.255") /
     UDP(sport=67, dport=68) / BOOTP(op=2) / Raw(MARKER)),
    ("DHCP server to a neighbour", {"DHCP_SERVER"},
     lambda at: eth(at) / to_b4(at) / UDP(sport=67, dport=68) / BOOTP(op=2) / Raw(MARKER)),
    ("DHCPv6 server", {"DHCP_SERVER"},
     lambda at: eth(at) / to_b6(at) / UDP(sport=547, dport=546) / Raw(MARKER)),
    ("LLDP", {"ETHERTYPE"}, lambda at: eth(at, "01:80:c2:00:00:0e", type=0x88cc) / Raw(MARKER)),
    ("MPLS", {"ETHERTYPE"}, lambda at: eth(at, type=0x8847) / Raw(MARKER)),
    ("a frame with a length instead of a type", {"ETHERTYPE"},
     lambda at: eth(at, "01:80:c2:00:00:00", type=0x0026) / Raw(MARKER + bytes(26))),
    ("frame that ends with its Ethernet header", {"TRUNCATED"},
     lambda at: cut(eth(at, type=0x0800), 14)),
    ("IPv4 header cut short", {"TRUNCATED"},
     lambda at: cut(eth(at) / to_b4(at) / DATA, 14 + 12)),
    ("IPv6 header cut short", {"TRUNCATED"},
     lambda at: cut(eth(at) / to_b6(at) / DATA, 14 + 30)),
    ("ARP cut short", {"TRUNCATED", "ARP"},
     lambda at: cut(eth(at, BROADCAST) / ARP(psrc=at.evil.ip4, pdst=packets.GATEWAY4), 14 + 20)),
    ("IPv4 that claims more than it has", {"IPV4_HEADER", "TRUNCATED"},
     lambda at: eth(at) / to_b4(at, len=1400) / DATA),
    ("IPv6 that claims more than it has", {"IPV6_HEADER", "TRUNCATED"},
     lambda at: eth(at) / to_b6(at, plen=1400) / DATA),
    ("IPv4 header length of four words", {"IPV4_HEADER"},
     lambda at: eth(at) / to_b4(at, ihl=4) / DATA),
    ("IPv4 of version 5", {"IPV4_HEADER"}, lambda at: eth(at) / to_b4(at, version=5) / DATA),
    ("IPv4 total length below its header", {"IPV4_HEADER"},
     lambda at: eth(at) / to_b4(at, len=12) / DATA),
    ("IPv6 extension header cut short", {"IPV6_EXTENSION", "TRUNCATED"},
     lambda at: eth(at) / to_b6(at, nh=0) / Raw(b"\x3b\x09\0\0")),
    ("TCP header cut short", {"TRANSPORT_HEADER"},
     lambda at: eth(at) / to_b4(at, proto=6) / Raw(b"\x04\xd2\0\x50")),
    ("TCP header length of one word", {"TRANSPORT_HEADER"},
     lambda at: eth(at) / to_b4(at) / TCP(dport=80, dataofs=1)),
    ("ipv4 to the pod itself", {"MARTIAN"},
     lambda at: eth(at) / IP(src=at.evil.ip4, dst=at.evil.ip4) / DATA),
    ("ipv4 to a loopback address", {"MARTIAN"},
     lambda at: eth(at) / IP(src=at.evil.ip4, dst="127.0.0.1") / DATA),
    ("ipv6 to the loopback address", {"MARTIAN"},
     lambda at: eth(at) / IPv6(src=at.evil.ip6, dst="::1") / DATA),
    ("ipv4 from nowhere", {"SOURCE_UNSPECIFIED"},
     lambda at: eth(at) / to_b4(at, "0.0.0.0") / DATA),
    ("ipv6 from nowhere", {"SOURCE_UNSPECIFIED"}, lambda at: eth(at) / to_b6(at, "::") / DATA),
    ("IPv6 of version 4", {"IPV6_HEADER"}, lambda at: eth(at) / to_b6(at, version=4) / DATA),
]


@pytest.mark.parametrize("row", ATTACKS, ids=[row[0].replace(" ", "-") for row in ATTACKS])
def test_attack_is_dropped_counted_and_seen_by_nobody(attacked, row):
    _, reasons, build = row
    frame = bytes(build(attacked))
    for tap in attacked.taps.values():
        tap.waiting()
    before = attacked.n1.drops()
    attacked.tap_evil.send(frame)

    def is_counted():
        now = attacked.n1.drops()
        raised = {r for r in now if now[r] > before.get(r, 0)}
        return raised and (raised & reasons or pytest.fail(f"counted as {raised}"))
    wait_until(is_counted, f"one of {reasons} counted", 3)
    # a fence: what follows the attack has arrived, so the attack would have
    fence = b"fence" + struct.pack(">Q", id(frame))
    attacked.tap_evil.send(packets.udp4(attacked.evil, attacked.b.ip4, fence))
    attacked.tap_evil.send(packets.udp4(attacked.evil, attacked.c.ip4, fence))
    for name, tap in attacked.taps.items():
        seen, found = [], []
        wait_until(lambda t=tap, f=found, s=seen: [
            (f if fence in data else s).append(data) for _, data in t.waiting()] and f,
            f"fence at {name}", 3)
        assert not [data for data in seen if MARKER in data or frame[14:] in data and
                    len(frame) > 20], f"{name} saw the attack"


def test_a_drop_is_shown_as_it_happens(attacked):
    """`tortie drops --follow` names link, reason and packet."""
    follow = attacked.n1.start([attacked.n1.build / "tortie", "--run-dir", attacked.n1.run_dir,
                                "drops", "--follow", "--count", "8", "-o", "json"],
                               attacked.lab.dir / "follow.log", stdout=-1)
    frame = bytes(eth(attacked) / to_b4(attacked, "10.244.1.251") / DATA)

    def is_shown():
        attacked.tap_evil.send(frame)
        return follow.poll() is not None
    wait_until(is_shown, "a drop is shown", 5, 0.1)
    # A young pod's kernel reports multicast groups without an address: those are shown too.
    lines = [json.loads(line) for line in follow.stdout.read().splitlines()]
    ours = [line for line in lines if line["reason"] == "SOURCE_UNKNOWN"]
    assert ours, lines
    assert ours[0]["interface"] == attacked.evil.host_ifname
    assert "10.244.1.251" in ours[0]["packet"]


def test_neighbours_are_unharmed(attacked):
    neighbours = attacked.b.ip("neigh", "show") + attacked.b.ip("-6", "neigh", "show")
    assert "169.254.1.1 dev eth0 lladdr ee:ee:ee:ee:ee:ee PERMANENT" in neighbours
    assert "fe80::ecee:eeff:feee:eeee dev eth0 lladdr ee:ee:ee:ee:ee:ee" in neighbours
    assert attacked.evil.mac not in neighbours
    assert "2001:db8:bad" not in attacked.b.ip("-6", "addr") + attacked.b.ip("-6", "route")
    for source, target in ((attacked.b, attacked.c), (attacked.c, attacked.b),
                           (attacked.evil, attacked.b)):
        assert "1 received" in source.ping(target.ip4) and "1 received" in source.ping(target.ip6)


def test_a_vlan_tag_opens_no_way_to_a_neighbour(attacked):
    """A tagged packet must not arrive untagged. (The kernel takes the tag off before tc.)"""
    tap = attacked.taps["b"]
    tap.waiting()
    marker, fence = b"tagged-payload", b"vlan-fence"
    attacked.tap_evil.send(bytes(eth(attacked) / Dot1Q(vlan=7) / to_b4(attacked) /
                                 UDP(sport=1, dport=9) / marker))
    attacked.tap_evil.send(packets.udp4(attacked.evil, attacked.b.ip4, fence))
    seen = []
    wait_until(lambda: seen.extend(d for _, d in tap.waiting()) or
               any(fence in d for d in seen), "fence", 3)
    assert not [d for d in seen if marker in d]


def test_a_wrong_checksum_is_never_made_right(attacked):
    tap = attacked.taps["b"]
    tap.waiting()
    marker, fence = b"bad-checksum", b"checksum-fence"
    attacked.tap_evil.send(bytes(eth(attacked) / to_b4(attacked, chksum=0x1234) /
                                 UDP(sport=1, dport=9) / marker))
    attacked.tap_evil.send(packets.udp4(attacked.evil, attacked.b.ip4, fence))
    seen = []
    wait_until(lambda: seen.extend(d for _, d in tap.waiting()) or
               any(fence in d for d in seen), "fence", 3)
    for data in (d for d in seen if marker in d):
        packet = Ether(data)
        given = packet.payload.chksum
        del packet.payload.chksum
        assert Ether(bytes(packet)).payload.chksum != given


def test_a_flood_of_spoofed_packets_does_not_hurt_a_neighbours_flow(attacked):
    import flows
    flow = flows.udp_pods(attacked.lab, attacked.b, attacked.c, 4, 7310)
    frame = bytes(eth(attacked) / to_b4(attacked, "10.244.1.251") / DATA)
    for _ in range(20):
        for _ in range(200):
            attacked.tap_evil.send(frame)
        flow.wait_more(20)
    flows.assert_nothing_lost(flow.stop())


def test_odd_but_lawful_packets_do_no_harm(attacked):
    """Options, extension headers, absurd TCP flags, empty UDP, multicast: no damage."""
    from scapy.layers.inet import IPOption_RR
    from scapy.layers.inet6 import IPv6ExtHdrDestOpt, IPv6ExtHdrHopByHop, IPv6ExtHdrRouting
    frames = [
        eth(attacked) / to_b4(attacked, options=[IPOption_RR()]) / ICMP(),
        eth(attacked) / to_b6(attacked) / IPv6ExtHdrHopByHop() / DATA,
        eth(attacked) / to_b6(attacked) / IPv6ExtHdrRouting(type=0) / DATA,
        eth(attacked) / to_b6(attacked) / IPv6ExtHdrDestOpt() / IPv6ExtHdrDestOpt() / DATA,
        eth(attacked) / to_b4(attacked) / TCP(flags="SF", dport=80),
        eth(attacked) / to_b4(attacked) / TCP(flags=0, dport=80, dataofs=1),
        eth(attacked) / to_b4(attacked) / UDP(sport=1, dport=9, len=3),
        eth(attacked) / to_b4(attacked, flags="MF", frag=0) / Raw(b"8octets!"),
        eth(attacked) / to_b4(attacked, frag=100) / Raw(b"8octets!"),
        eth(attacked) / to_b4(attacked, frag=8191, flags="MF") / Raw(bytes(800)),
        eth(attacked) / to_b4(attacked, ttl=0) / DATA,
        eth(attacked) / to_b6(attacked, hlim=0) / DATA,
        eth(attacked) / IP(src=attacked.evil.ip4, dst=attacked.evil.ip4) / DATA,
        eth(attacked, "01:00:5e:00:00:fb") / IP(src=attacked.evil.ip4, dst="224.0.0.251") / DATA,
        eth(attacked, BROADCAST) / IP(src=attacked.evil.ip4, dst="255.255.255.255") / DATA,
        eth(attacked) / IP(src=attacked.evil.ip4, dst="127.0.0.1") / DATA,
        eth(attacked) / IPv6(src=attacked.evil.ip6, dst="::1") / DATA,
        eth(attacked) / IPv6(src=attacked.evil.ip6, dst="ff02::16", hlim=1) / ICMPv6MLReport(),
        eth(attacked) / to_b4(attacked, proto=253) / Raw(bytes(64)),
        eth(attacked) / to_b6(attacked, nh=253) / Raw(bytes(64)),
    ]
    for frame in frames:
        attacked.tap_evil.send(frame)
    assert "1 received" in attacked.evil.ping(attacked.b.ip4)
    assert "1 received" in attacked.b.ping(attacked.c.ip6)
    assert attacked.n1.agent.poll() is None
