# SPDX-License-Identifier: Apache-2.0
"""Two pods on one node, the node itself, and a host outside behind a router.

    a, b -- n1 -- lan -- tor -- outside
"""
import re
from concurrent.futures import ThreadPoolExecutor

import pytest

import flows
import inventory
import packets
from harness import OUT4, OUT6, Failed, Lab, Pod, wait_until


class OneNode:
    def __init__(self, lab):
        self.lab = lab
        self.node = lab.add_node(1)
        lab.add_tor()
        lab.return_routes()
        self.node.start_agent()
        self.a = self.node.add_pod("a")
        self.b = self.node.add_pod("b")


@pytest.fixture(scope="module")
def one():
    with Lab("one") as lab:
        yield OneNode(lab)


def test_pods_have_addresses_of_the_nodes_blocks_and_the_promised_routes(one):
    assert one.a.ip4.startswith("10.244.1.") and one.a.ip6.startswith("fd00:244:0:1:")
    assert one.a.ip4 != one.b.ip4 and one.a.ip6 != one.b.ip6
    assert "default via 169.254.1.1 dev eth0" in one.a.ip("route")
    assert "169.254.1.1 dev eth0 scope link" in one.a.ip("route")
    assert "default via fe80::ecee:eeff:feee:eeee dev eth0" in one.a.ip("-6", "route")
    addresses = one.a.json("addr", "show", "eth0")[0]["addr_info"]
    assert {(a["local"], a["prefixlen"]) for a in addresses if a["scope"] == "global"} == \
        {(one.a.ip4, 32), (one.a.ip6, 128)}
    assert not [a for a in addresses if a.get("tentative")]
    assert one.a.ip4 in one.node.ip("route") and one.a.ip6 in one.node.ip("-6", "route")


def test_the_first_packet_arrives(one):
    """Neighbour entries are permanent: a new pod's very first ping is answered."""
    for number in range(5):
        pod = one.node.add_pod(f"first{number}")
        assert "1 received" in pod.ping(one.b.ip4)
        assert "1 received" in pod.ping(one.b.ip6)
        pod.remove()


def test_ping_between_pods_has_one_router_between(one, family):
    out = one.a.ping(one.b.address(family), 3)
    assert "3 received" in out and "ttl=63" in out


def test_udp_between_pods_loses_nothing(one, family):
    flow = flows.udp_pods(one.lab, one.a, one.b, family, 7010 + family)
    flow.wait_more(500)
    flows.assert_nothing_lost(flow.stop())


def test_tcp_between_pods_is_whole(one, family):
    stream = flows.tcp_stream(one.lab, one.b, one.b.address(family), one.a, 7020 + family, rate=0)
    stream.wait_more(20 << 20)
    flows.assert_stream_whole(stream.stop())


def test_the_receiver_sees_the_senders_address_and_port(one, family):
    marker = b"untouched-source"
    with packets.Tap(one.a) as out, packets.Tap(one.b) as seen:
        out.send(packets.udp(family, one.a, one.b.address(family), marker))
        frame = seen.wait_for(packets.holds(marker))
    from scapy.layers.l2 import Ether
    packet = Ether(frame)
    assert packet.dst == one.b.mac and packet.src == packets.GATEWAY_MAC
    assert packet.payload.src == one.a.address(family)
    assert (packet.payload.payload.sport, packet.payload.payload.dport) == (4321, 9)
    assert (packet.payload.ttl if family == 4 else packet.payload.hlim) == 63


def test_traceroute_shows_the_node_and_the_pod(one, family):
    def two_hops():
        out = one.a.run("traceroute", f"-{family}", "-n", "-q", "1", "-w", "1", "-m", "4",
                        one.b.address(family))
        lines = out.strip().splitlines()[1:]
        return len(lines) == 2 and "*" not in out and lines
    lines = wait_until(two_hops, "two hops", 8)
    assert one.node.address(family) in lines[0] and one.b.address(family) in lines[1]


def test_a_packet_with_ttl_1_is_answered_with_time_exceeded(one):
    out = one.a.ping(one.b.ip4, 1, "-t", 1, check=False)
    assert re.search(r"[Tt]ime to live exceeded", out) and one.node.ip4 in out


def test_fragments_arrive(one, family):
    assert "2 received" in one.a.ping(one.b.address(family), 2, "-s", 6000)


def test_the_node_reaches_its_pods_and_they_reach_it(one, family):
    assert "1 received" in one.node.ping(one.a.address(family))
    assert "1 received" in one.a.ping(one.node.address(family))
    stream = flows.tcp_stream(one.lab, one.a, one.a.address(family), one.node, 7030 + family)
    stream.wait_more(100000)
    flows.assert_stream_whole(stream.stop())


def test_the_outside_reaches_a_pod_and_sees_its_own_address(one, family):
    outside = f"{OUT4}.2" if family == 4 else f"{OUT6}2"
    wait_until(lambda: one.lab.outside.reaches(one.a.address(family)), "outside reaches the pod")
    marker = b"from-the-pod"
    with packets.Tap(one.a) as out, packets.Tap(one.lab.outside) as seen:
        out.send(packets.udp(family, one.a, outside, marker))
        frame = seen.wait_for(packets.holds(marker))
    from scapy.layers.l2 import Ether
    assert Ether(frame).payload.src == one.a.address(family), "not translated: nat_outgoing is off"


def test_an_address_of_the_block_without_a_pod_is_refused_not_looped(one):
    out = one.a.run("ping", "-n", "-c", "1", "-W", "1", "10.244.1.200", check=False)
    assert "nreachable" in out or "rohibited" in out, out


def test_counters_count_what_the_pod_sent_and_received(one):
    def row():
        rows = one.node.tortie_json("counters")
        return next(r for r in rows if one.a.ip4 in str(r))
    before = row()
    one.a.ping(one.b.ip4, 10)
    after = row()
    for key in ("tx_packets", "rx_packets"):
        assert int(after[key]) - int(before[key]) >= 10, (before, after)


def test_del_cuts_the_pod_off_and_takes_everything_away(one):
    pod = one.node.add_pod("gone")
    assert one.b.reaches(pod.ip4)
    link, address = pod.host_ifname, pod.ip4
    pod.cni("DEL")
    assert not one.b.reaches(address)
    wait_until(lambda: link not in [x["ifname"] for x in one.node.cali_links()], "link is gone")
    assert f"{address} dev" not in one.node.ip("route")
    pod.cni("DEL")
    pod.cni("DEL", netns="")
    one.node.pods.remove(pod)
    pod.delete()


def test_a_pod_is_meant_by_its_name_or_the_beginning_of_its_id(one):
    def explain(name):
        return one.node.tortie("explain", name, one.b.ip4)
    twin = Pod(one.node, "twin", namespace="other", add=False)
    twin.pod_name = "a"
    for name in ("a", "default/a", one.a.container_id, one.a.container_id[:8]):
        assert "delivered to the pod" in explain(name), name
    twin.add()
    for name in ("default/a", "other/a"):
        assert "delivered to the pod" in explain(name), name
    for name in ("a", one.a.container_id[:7], "defaul/a"):  # whose, would be a guess
        with pytest.raises(Failed):
            explain(name)
    twin.remove()


def test_the_name_of_a_pod_whose_link_somebody_removed_is_forgotten(one):
    pod = one.node.add_pod("lost")

    def is_known():
        return any(pod.host_ifname in str(bytes(int(octet, 16) for octet in entry["key"]))
                   for entry in one.node.map_dump("pod_name"))
    assert is_known()
    one.node.ip("link", "del", pod.host_ifname)
    wait_until(lambda: not is_known(), "its name is gone")
    pod.remove()


def test_pods_that_come_at_once_get_different_addresses(one):
    """Thirty ADDs started together, as after a node's reboot."""
    pods = [Pod(one.node, f"crowd{number}", add=False) for number in range(30)]
    with ThreadPoolExecutor(10) as pool:
        results = list(pool.map(lambda pod: pod.add(), pods))
    addresses = [entry["address"] for result in results for entry in result["ips"]]
    assert len(addresses) == len(set(addresses)) == 60
    assert pods[0].reaches(pods[29].ip4) and pods[29].reaches(pods[7].ip6)
    with ThreadPoolExecutor(10) as pool:
        list(pool.map(lambda pod: pod.remove(), pods))
    inventory.assert_exactly(one.node, len(one.node.pods))
