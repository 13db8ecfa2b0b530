# SPDX-License-Identifier: Apache-2.0
"""Two nodes that know each other by `routes:`, without BGP; a router and a host outside.

    a, b -- n1 -- lan -- n2 -- c
                   |
                  tor -- outside
"""
from concurrent.futures import ThreadPoolExecutor

import pytest

import flows
import packets
from harness import OUT4, OUT6, Failed, Lab, Pod, wait_until


class TwoNodes:
    def __init__(self, lab):
        self.lab = lab
        self.n1 = lab.add_node(1)
        self.n2 = lab.add_node(2, pods_nat=True)
        lab.add_tor()
        lab.return_routes()
        lab.configure_routes()
        lab.start_all(bgp=False)
        self.a = self.n1.add_pod("a")
        self.b = self.n1.add_pod("b")
        self.c = self.n2.add_pod("c")
        self.pods = [self.a, self.b, self.c]


@pytest.fixture(scope="module")
def two():
    with Lab("two") as lab:
        yield TwoNodes(lab)


@pytest.fixture(params=[4, 6], ids=["ipv4", "ipv6"])
def family(request):
    return request.param


def test_the_kernels_table_shows_what_the_guide_promises(two):
    assert f"10.244.2.0/24 via {two.n2.ip4} dev up0 proto 116" in two.n1.ip("route")
    assert f"fd00:244:0:2::/64 via {two.n2.ip6} dev up0 proto 116" in two.n1.ip("-6", "route")
    assert len(two.n1.map_dump("route")) == 2


def test_every_pod_reaches_every_other(two, family):
    for source in two.pods:
        for target in two.pods:
            if source is not target:
                out = source.ping(target.address(family), 2)
                want = 63 if source.node is target.node else 62
                assert f"ttl={want}" in out and "2 received" in out, (source.name, target.name)


def test_udp_across_nodes_loses_nothing(two, family):
    flow = flows.udp_pods(two.lab, two.a, two.c, family, 7110 + family)
    flow.wait_more(500)
    flows.assert_nothing_lost(flow.stop())


def test_tcp_across_nodes_is_whole(two, family):
    stream = flows.tcp_stream(two.lab, two.c, two.c.address(family), two.a, 7120 + family, rate=0)
    stream.wait_more(20 << 20)
    flows.assert_stream_whole(stream.stop())


def test_the_source_is_untouched_across_nodes_even_with_nat_outgoing(two, family):
    for source, target in ((two.a, two.c), (two.c, two.a)):
        marker = b"across-" + source.pod_name.encode()
        with packets.Tap(source) as out, packets.Tap(target) as seen:
            out.send(packets.udp(family, source, target.address(family), marker))
            frame = seen.wait_for(packets.holds(marker))
        from scapy.layers.l2 import Ether
        packet = Ether(frame)
        assert packet.payload.src == source.address(family)
        assert packet.payload.payload.sport == 4321
        assert (packet.payload.ttl if family == 4 else packet.payload.hlim) == 62


def test_traceroute_shows_both_nodes(two, family):
    def three_hops():
        out = two.a.run("traceroute", f"-{family}", "-n", "-q", "1", "-w", "1", "-m", "5",
                        two.c.address(family))
        lines = out.strip().splitlines()[1:]
        return len(lines) == 3 and "*" not in out and lines
    lines = wait_until(three_hops, "three hops", 8)
    wanted = [two.n1.address(family), two.n2.address(family), two.c.address(family)]
    assert [line.split()[1] for line in lines] == wanted


def test_fragments_cross_nodes(two, family):
    assert "2 received" in two.a.ping(two.c.address(family), 2, "-s", 6000)


def test_a_packet_larger_than_the_routes_mtu_is_answered_with_the_mtu(two, family):
    """The pod keeps its MTU of 1500; the LAN shrinks to 1400: path MTU discovery works."""
    for node in (two.n1, two.n2):
        node.ip("link", "set", "up0", "mtu", 1400)
    try:
        target = two.c.address(family)
        size = 1450 - (28 if family == 4 else 48)

        def is_told():
            out = two.a.ping(target, 1, "-M", "do", "-s", size, check=False)
            if "1400" in out:
                return out
            two.a.ip(f"-{family}", "route", "flush", "cache")
            return ""
        assert wait_until(is_told, "the pod is told the MTU of 1400", 10)
        stream = flows.tcp_stream(two.lab, two.c, target, two.a, 7140 + family, rate=0)
        stream.wait_more(2 << 20)
        flows.assert_stream_whole(stream.stop())
    finally:
        for node in (two.n1, two.n2):
            node.ip("link", "set", "up0", "mtu", 1500)
        for pod in two.pods:
            pod.ip(f"-{family}", "route", "flush", "cache")


def outside_address(family):
    return f"{OUT4}.2" if family == 4 else f"{OUT6}2"


def test_without_nat_outgoing_the_outside_sees_the_pod(two, family):
    marker = b"plain-outside"
    with packets.Tap(two.a) as out, packets.Tap(two.lab.outside) as seen:
        out.send(packets.udp(family, two.a, outside_address(family), marker))
        frame = seen.wait_for(packets.holds(marker))
    from scapy.layers.l2 import Ether
    assert Ether(frame).payload.src == two.a.address(family)


def test_with_nat_outgoing_the_outside_sees_the_node(two, family):
    marker = b"masqueraded"
    with packets.Tap(two.c) as out, packets.Tap(two.lab.outside) as seen:
        out.send(packets.udp(family, two.c, outside_address(family), marker))
        frame = seen.wait_for(packets.holds(marker))
    from scapy.layers.l2 import Ether
    assert Ether(frame).payload.src == two.n2.address(family)
    assert "1 received" in two.c.ping(outside_address(family))


def test_with_nat_outgoing_the_outside_reaches_the_pod_by_its_own_address(two, family):
    """Answers belong to a connection from outside: they are not translated."""
    pod = two.c.address(family)
    stream = flows.tcp_stream(two.lab, two.c, pod, two.lab.outside, 7130 + family)
    stream.wait_more(100000)
    flows.assert_stream_whole(stream.stop())


def test_pods_that_come_and_go_cost_their_neighbours_no_packet(two):
    running = [flows.udp_pods(two.lab, two.a, two.b, 4, 7160),
               flows.udp_pods(two.lab, two.a, two.c, 6, 7161)]
    for flow in running:
        flow.wait_more(200)
    with ThreadPoolExecutor(8) as pool:
        pods = [Pod(two.n1, f"churn{number}", add=False) for number in range(24)]
        list(pool.map(lambda pod: pod.add(), pods))
        list(pool.map(lambda pod: pod.remove(), pods))
    for flow in running:
        flow.wait_more(200)
        flows.assert_nothing_lost(flow.stop(), flow.name)


def test_a_node_reaches_the_other_nodes_pods(two, family):
    assert "1 received" in two.n1.ping(two.c.address(family))
    assert "1 received" in two.c.ping(two.n1.address(family))


def test_a_next_hop_whose_mac_changes_mid_flow_is_followed(two, family):
    """No MAC is kept anywhere: the kernel's neighbour entry follows the announcement."""
    for notify in ("net.ipv4.conf.up0.arp_notify", "net.ipv6.conf.up0.ndisc_notify"):
        two.n2.sysctl(notify, 1)
    flow = flows.udp_pods(two.lab, two.a, two.c, family, 7150 + family)
    flow.wait_more(300)
    two.n2.ip("link", "set", "up0", "address", f"02:00:00:00:77:0{family}")
    flow.wait_more(300)
    counts = flow.stop()
    assert all(count["longest_loss"] <= 1000 for count in counts), counts


def test_spoofed_source_from_the_network_is_dropped(two, family):
    """n2 sends n1 a packet with the address of n1's own pod: dropped, counted, never delivered."""
    from scapy.layers.inet import IP, UDP
    from scapy.layers.inet6 import IPv6
    from scapy.layers.l2 import Ether
    marker = b"says-it-is-b"
    mac = two.n1.json("link", "show", "up0")[0]["address"]
    before = two.n1.drops()
    header = (IP if family == 4 else IPv6)(src=two.b.address(family), dst=two.a.address(family))
    with packets.Tap(two.n2, "up0") as out, packets.Tap(two.a) as seen:
        out.send(bytes(Ether(dst=mac) / header / UDP(sport=1, dport=9) / marker))
        wait_until(lambda: two.n1.drops()["NETWORK_SPOOF"] > before["NETWORK_SPOOF"], "counted", 3)
        with pytest.raises(Failed):
            seen.wait_for(packets.holds(marker), deadline=0.1)
