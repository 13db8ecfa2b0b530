# SPDX-License-Identifier: Apache-2.0
"""Several next hops for a block, on two uplinks: a flow takes one of them and keeps to it.

    a -- n1 ==(up0: lan, up1: straight)== n2 -- c
"""
import signal
import socket
import struct

import pytest

import flows
from harness import LAN4, Lab, inside, wait_until
from packets import Tap
from speaker import Speaker

FLOWS = 48
FIRST_PORT = 30000
TARGET = 9000
LINKS = ("up0", "up1")
FAMILIES = (4, 6)
SOCKETS = {4: socket.AF_INET, 6: socket.AF_INET6}
SECOND4, SECOND6 = "192.168.101", "fd00:101::"


class Twice:
    """Two nodes with two links between them, and the routes of both over both."""

    def __init__(self, lab):
        self.lab = lab
        self.n1, self.n2 = lab.add_node(1), lab.add_node(2)
        self.add_second_link()
        for node in (self.n1, self.n2):
            other = self.n2 if node is self.n1 else self.n1
            node.config["node"]["uplinks"] = list(LINKS)
            node.config["routes"] = [{"prefix": other.block4, "via": self.hops(other, 4)},
                                     {"prefix": other.block6, "via": self.hops(other, 6)}]
        lab.start_all(bgp=False)
        self.a = self.n1.add_pod("a")
        self.c = self.n2.add_pod("c")

    def add_second_link(self):
        self.n1.ip("link", "add", "up1", "type", "veth", "peer", "name", "up1",
                   "netns", self.n2.netns)
        for node in (self.n1, self.n2):
            node.sysctl("net.ipv6.conf.up1.accept_dad", 0)
            node.ip("addr", "add", f"{self.second(node, 4)}/24", "dev", "up1", "nodad")
            node.ip("addr", "add", f"{self.second(node, 6)}/64", "dev", "up1", "nodad")
        for node in (self.n1, self.n2):
            node.ip("link", "set", "up1", "up")

    def second(self, node, family):
        return f"{SECOND4}.{99 + node.number}" if family == 4 else f"{SECOND6}{99 + node.number}"

    def hops(self, node, family):
        return [node.address(family), self.second(node, family)]

    def link_of(self, family, port, count=1):
        """By which link a flow of the pod comes to n2; asserts that it is one."""
        return self.links_of(family, [port], count)[port]

    def links_of(self, family, ports, count=2):
        with Tap(self.n2, "up0") as tap0, Tap(self.n2, "up1") as tap1:
            for _ in range(count):
                self.send(family, ports)
            seen = {}
            wait_until(lambda: self.note(family, (tap0, tap1), seen) >= count * len(ports),
                       f"packets of {len(ports)} flows at n2", 5)
        for port, packets in seen.items():
            assert len(set(packets)) == 1, f"IPv{family} flow {port} came by both: {packets}"
        return {port: packets[0] for port, packets in seen.items()}

    def send(self, family, ports):
        for port in ports:
            with inside(self.a.netns):
                sock = socket.socket(SOCKETS[family], socket.SOCK_DGRAM)
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                sock.bind(("", port))
            with sock:
                sock.sendto(b"flow", (self.c.address(family), TARGET))

    def note(self, family, taps, seen):
        """Put (port: [link...]) of what the taps saw into seen; how many packets are there."""
        at = 14 + (20 if family == 4 else 40)
        ethertype = b"\x08\x00" if family == 4 else b"\x86\xdd"
        for link, tap in zip(LINKS, taps):
            for outgoing, data in tap.waiting():
                if outgoing or data[12:14] != ethertype or len(data) < at + 8:
                    continue
                source, dest = struct.unpack("!HH", data[at:at + 4])
                if dest == TARGET:
                    seen.setdefault(source, []).append(link)
        return sum(len(packets) for packets in seen.values())

    def row(self, family):
        block = self.n2.block4 if family == 4 else self.n2.block6
        return next(r for r in self.n1.tortie_json("get", "route") if r["destination"] == block)

    def in_use(self, family):
        """The links of n1's next hops that are in use."""
        return sorted(hop["interface"] for hop in self.row(family)["next_hops"]
                      if hop["interface"])

    def kernel(self, family):
        """The links that n1's kernel has for the other's block."""
        route = self.n1.json(f"-{family}", "route", "show", "proto", "116",
                             self.n2.block4 if family == 4 else self.n2.block6)
        return sorted(hop["dev"] for r in route for hop in r.get("nexthops", [r]) if "dev" in hop)

    def groups(self):
        """n1's groups in the kernel: number -> how many next hops."""
        return {hop["id"]: len(hop["group"]) for hop in next_hops(self.n1) if "group" in hop}

    def wait_whole(self):
        for family in FAMILIES:
            for node in (self.n1, self.n2):
                wait_until(lambda n=node: all(
                    hop["interface"] for row in n.tortie_json("get", "route")
                    for hop in row["next_hops"]), f"{node.name}: all next hops in use", 10)
            wait_until(lambda f=family: self.kernel(f) == list(LINKS),
                       f"IPv{family}: both links in n1's kernel", 10)


def next_hops(node, protocol="116"):
    """The kernel's next hop objects of a protocol, ours by default."""
    return [hop for hop in node.json("nexthop", "show")
            if str(hop.get("protocol")) in (protocol, "tortie" if protocol == "116" else protocol)]


@pytest.fixture(scope="module")
def net():
    with Lab("twice") as lab:
        yield Twice(lab)


@pytest.fixture(autouse=True)
def whole(net):
    net.wait_whole()
    yield


def test_flows_are_spread_and_each_keeps_to_its_link(net):
    ports = range(FIRST_PORT, FIRST_PORT + FLOWS)
    for family in FAMILIES:
        links = net.links_of(family, ports, count=3)
        for link in LINKS:  # a fair coin leaves these once in 10^5 runs; ours is not thrown anew
            assert FLOWS // 6 <= list(links.values()).count(link), links
        assert net.row(family)["state"] == "active"
        assert net.in_use(family) == list(LINKS)


def test_explain_names_the_next_hop_that_the_flow_takes(net):
    for family in FAMILIES:
        ports = range(FIRST_PORT, FIRST_PORT + 4)
        links = net.links_of(family, ports)
        for port in ports:
            ends = (f"{net.a.ip4}:{port}", f"{net.c.ip4}:{TARGET}/udp") if family == 4 else \
                (f"[{net.a.ip6}]:{port}", f"[{net.c.ip6}]:{TARGET}/udp")
            told = net.n1.tortie_json("explain", *ends)
            text = str(told)
            hop = net.hops(net.n2, family)[LINKS.index(links[port])]
            assert f"{hop} on {links[port]}" in text, text
            assert "one of several next hops" in text


@pytest.mark.parametrize("side", ["ours", pytest.param("theirs", marks=pytest.mark.long)])
def test_a_link_that_goes_down_moves_only_its_flows_and_they_come_back(net, side):
    """Taken down by us, and by the other end: without carrier."""
    ports = range(FIRST_PORT, FIRST_PORT + FLOWS)
    before = {family: net.links_of(family, ports) for family in FAMILIES}
    groups = net.groups()
    (net.n1 if side == "ours" else net.n2).ip("link", "set", "up1", "down")
    for family in FAMILIES:
        wait_until(lambda f=family: net.in_use(f) == ["up0"], "the next hop is out", 2)
        assert set(net.links_of(family, ports).values()) == {"up0"}
        wait_until(lambda f=family: net.kernel(f) == ["up0"], "it is out of the kernel's", 2)
        assert net.row(family)["state"] == "active"
    (net.n1 if side == "ours" else net.n2).ip("link", "set", "up1", "up")
    restore_addresses(net)
    net.wait_whole()
    for family in FAMILIES:
        assert net.links_of(family, ports) == before[family]
    assert net.groups() == groups


def restore_addresses(net):
    """What a link that was down has lost: its IPv6 addresses."""
    for node in (net.n1, net.n2):
        if SECOND6 not in node.ip("-6", "addr", "show", "dev", "up1"):
            node.ip("addr", "add", f"{net.second(node, 6)}/64", "dev", "up1", "nodad")


def test_flows_over_the_other_link_lose_nothing_when_one_goes_down(net):
    """And those that were moved lose nothing when they go back."""
    ports = (7701, 7702)
    running = [flows.udp_pods(net.lab, net.a, net.c, 4, port, rate=200) for port in ports]
    for flow in running:
        flow.wait_more(50)
    ways = [(came_by(net, net.n2, port), came_by(net, net.n1, port)) for port in ports]
    assert ("up0", "up0") in ways and any("up1" in way for way in ways), ways
    net.n1.ip("link", "set", "up1", "down")
    for family in FAMILIES:
        wait_until(lambda f=family: net.in_use(f) == ["up0"], "the next hop is out", 2)
    wait_until(lambda: "-" in net.n2.tortie("get", "route"), "n2 has lost the carrier", 3)
    for flow in running:
        flow.wait_more(100)
    down = [missing(flow) for flow in running]
    net.n1.ip("link", "set", "up1", "up")
    restore_addresses(net)
    net.wait_whole()
    for flow in running:
        flow.wait_more(100)
    for way, before, flow in zip(ways, down, running):
        lost = [count["lost"] for count in flow.stop()]
        for by, count, then in zip(way, reversed(lost), reversed(before)):
            assert count <= then, f"{flow.name}: lost on the way back: {lost}, {before} before"
            assert by == "up1" or count == 0, f"{flow.name}: {way} lost {lost}"


def missing(flow):
    """What each end of a running flow has not got, with what is still under way."""
    return [count["lost"] for count in flow.look()]


def came_by(net, node, port):
    """By which link the packets of a running flow come to a node."""
    marker = struct.pack("!HH", port, port)
    with Tap(node, "up0") as tap0, Tap(node, "up1") as tap1:
        tap0.waiting(), tap1.waiting()  # from before they were bound to their links

        def look():
            for link, tap in zip(LINKS, (tap0, tap1)):
                if any(not out and data[34:38] == marker for out, data in tap.waiting()):
                    return link
            return None
        return wait_until(look, f"a packet of flow {port}", 3)


def test_a_next_hop_that_does_not_answer_is_out_until_it_does(net):
    hop = net.second(net.n2, 4)
    ports = range(FIRST_PORT, FIRST_PORT + FLOWS)
    before = net.links_of(4, ports)
    net.n2.ip("link", "set", "up1", "arp", "off")
    net.n1.ip("neigh", "replace", hop, "dev", "up1", "nud", "failed")
    wait_until(lambda: net.in_use(4) == ["up0"], "the silent one is out", 2)
    assert f"fewer next hops than they have, such as without {hop}" in \
        net.n1.tortie("status", check=False)
    assert set(net.links_of(4, ports).values()) == {"up0"}
    wait_until(lambda: net.kernel(4) == ["up0"], "of the kernel too", 2)
    wait_until(lambda: "INCOMPLETE" in net.n1.ip("neigh", "show", hop), "it is asked for", 5)
    assert net.in_use(4) == ["up0"]
    # When none answers the last ones stay in the map: nothing has to happen when they are back.
    net.n2.ip("link", "set", "up0", "arp", "off")
    net.n1.ip("neigh", "replace", net.n2.ip4, "dev", "up0", "nud", "failed")
    wait_until(lambda: net.in_use(4) == [], "all are silent", 2)
    usable = [entry["formatted"]["value"]["usable"] for entry in net.n1.map_dump("hop_group")
              if entry["formatted"]["value"]["count"]]
    assert len(usable) == 2 and all(usable), usable
    for link in LINKS:
        net.n2.ip("link", "set", link, "arp", "on")
    restore_addresses(net)
    net.wait_whole()
    assert net.links_of(4, ports) == before


def test_the_mtu_that_is_told_is_the_smallest_of_those_in_use(net):
    for mtu, told in ((1400, 1400), (1600, 1500)):
        net.n1.ip("link", "set", "up1", "mtu", mtu)
        for family in FAMILIES:
            wait_until(lambda f=family, t=told: net.row(f)["mtu"] == t, f"MTU {told}", 2)
    net.n1.ip("link", "set", "up1", "mtu", 1500)
    net.wait_whole()


def test_a_link_that_is_back_is_used_once_the_next_hop_answers(net):
    net.n2.ip("link", "set", "up1", "arp", "off")
    net.n1.ip("link", "set", "up1", "down")
    wait_until(lambda: net.in_use(4) == ["up0"], "the next hop is out", 2)
    net.n1.ip("link", "set", "up1", "up")
    wait_until(lambda: "uplink up1: up," in net.n1.tortie("status", check=False), "up again", 5)
    wait_until(lambda: "INCOMPLETE" in net.n1.ip("neigh", "show", net.second(net.n2, 4)),
               "it is asked for", 5)
    assert net.in_use(4) == ["up0"]
    net.n2.ip("link", "set", "up1", "arp", "on")
    restore_addresses(net)
    net.wait_whole()


@pytest.mark.parametrize("how", [signal.SIGKILL,
                                 pytest.param(signal.SIGTERM, marks=pytest.mark.long)])
def test_a_restart_loses_no_packet_and_moves_no_flow(net, how):
    ports = range(FIRST_PORT, FIRST_PORT + FLOWS)
    before = {family: net.links_of(family, ports) for family in FAMILIES}
    groups = net.groups()
    numbers = map_numbers(net.n1)
    running = [flows.udp_pods(net.lab, net.a, net.c, 4, port, rate=300)
               for port in (7701, 7702)]
    net.n1.stop_agent(how)
    net.n1.ready_file.unlink(missing_ok=True)
    for family in FAMILIES:
        assert net.links_of(family, ports) == before[family]
    net.n1.start_agent()
    for flow in running:
        flow.wait_more(100)
    for family in FAMILIES:
        assert net.links_of(family, ports) == before[family]
    for flow in running:
        flows.assert_nothing_lost(flow.stop(), flow.name)
    assert net.groups() == groups
    assert map_numbers(net.n1) == numbers


def map_numbers(node):
    """Numbers of map hop_group that are taken."""
    return [n for n, entry in enumerate(node.map_dump("hop_group"))
            if entry["formatted"]["value"]["count"]]


def test_a_link_that_went_down_while_the_agent_was_away_is_out_after_its_start(net):
    net.n1.kill_agent()
    net.n1.ready_file.unlink(missing_ok=True)
    net.n1.ip("link", "set", "up1", "down")
    net.n1.start_agent(wait=False)
    ports = range(FIRST_PORT, FIRST_PORT + FLOWS)
    for family in FAMILIES:
        wait_until(lambda f=family: net.in_use(f) == ["up0"], "the next hop is out", 10)
        assert set(net.links_of(family, ports).values()) == {"up0"}
    net.n1.ip("link", "set", "up1", "up")
    restore_addresses(net)
    net.n1.wait_ready()
    net.wait_whole()
    assert len(net.groups()) == 2


def test_what_strangers_take_from_the_kernel_comes_back_and_theirs_stays(net):
    net.n1.ip("nexthop", "add", "id", "77", "via", net.n2.ip4, "dev", "up0", "protocol", "static")
    numbers = sorted(net.groups())
    net.n1.ip("nexthop", "flush", "protocol", "116")
    net.wait_whole()
    assert sorted(net.groups()) == numbers
    net.n1.ip("nexthop", "del", "id", str(numbers[0]))
    net.wait_whole()
    for family in FAMILIES:
        net.n1.ip(f"-{family}", "route", "del", net.n2.block4 if family == 4 else net.n2.block6)
    net.wait_whole()
    assert [hop["id"] for hop in next_hops(net.n1, "static")] == [77]
    net.n1.ip("nexthop", "del", "id", "77")


def test_a_next_hop_that_the_configuration_no_longer_has_goes_and_nothing_is_left(net):
    routes = net.n1.config["routes"]
    net.n1.config["routes"] = [{"prefix": r["prefix"], "via": r["via"][0]} for r in routes]
    net.n1.stop_agent()
    net.n1.ready_file.unlink(missing_ok=True)
    net.n1.start_agent()
    ports = range(FIRST_PORT, FIRST_PORT + FLOWS)
    for family in FAMILIES:
        assert set(net.links_of(family, ports).values()) == {"up0"}
    assert next_hops(net.n1) == [] and map_numbers(net.n1) == []
    assert f"{net.n2.block4} via {net.n2.ip4} dev up0 proto 116" in net.n1.ip("route")
    net.n1.config["routes"] = routes
    net.n1.stop_agent()
    net.n1.ready_file.unlink(missing_ok=True)
    net.n1.start_agent()


def test_packets_of_the_host_stack_take_the_group_too(net):
    """From the node itself, which is no pod: the kernel's own routes."""
    for address in (net.c.ip4, net.c.ip6):
        net.n1.ping(address)


def test_ipv4_goes_by_ipv6_next_hops_through_map_and_stack(net):
    """RFC 8950, with two of them and with one; record route takes the host stack."""
    routes = net.n1.config["routes"]
    for hops in (net.hops(net.n2, 6), [net.hops(net.n2, 6)[1]]):
        net.n1.config["routes"] = [{"prefix": net.n2.block4, "via": hops}, routes[1]]
        net.n1.stop_agent()
        net.n1.ready_file.unlink(missing_ok=True)
        net.n1.start_agent()
        seen = net.links_of(4, range(FIRST_PORT, FIRST_PORT + FLOWS))
        assert set(seen.values()) == {"up0", "up1"} if len(hops) == 2 else {"up1"}
        assert "inet6" in net.n1.ip("route", "show", net.n2.block4)
        net.a.ping(net.c.ip4)
        net.a.ping(net.c.ip4, 1, "-R")
        net.n1.ping(net.c.ip4)
    net.n1.config["routes"] = routes
    net.n1.stop_agent()
    net.n1.ready_file.unlink(missing_ok=True)
    net.n1.start_agent()


# --- told by BGP ---

@pytest.fixture
def speaker(net):
    net.n1.stop_agent()
    net.n1.ready_file.unlink(missing_ok=True)
    net.n1.config["bgp"] = {"as": 64512, "peers": [{"address": f"{LAN4}.1", "as": 64999}]}
    net.n1.start_agent()
    with Speaker(net.n1) as speaker:
        speaker.replay([])
        yield speaker
        speaker.replay([])
    net.n1.stop_agent()
    net.n1.ready_file.unlink(missing_ok=True)
    del net.n1.config["bgp"]
    net.n1.start_agent()


def test_a_set_that_grows_and_shrinks_by_bgp(net, speaker):
    hops = net.hops(net.n2, 4)
    block = "10.244.9.0/24"

    def devices():
        return sorted(hop["dev"] for r in net.n1.json("route", "show", block)
                      for hop in r.get("nexthops", [r]))
    groups = len(net.groups())
    speaker.set(block, hops[0])
    wait_until(lambda: devices() == ["up0"], "one next hop", 3)
    speaker.set(block, *hops)
    wait_until(lambda: devices() == ["up0", "up1"], "two next hops", 3)
    assert len(net.groups()) == groups  # the same two as of the configured route
    speaker.set(block, *hops, f"{LAN4}.77")
    wait_until(lambda: len(devices()) == 3, "three next hops", 3)
    assert len(net.groups()) == groups + 1
    speaker.set(block, hops[1])
    wait_until(lambda: devices() == ["up1"], "the other one alone", 3)
    wait_until(lambda: len(net.groups()) == groups, "the set of three is gone", 3)
    speaker.delete(block)
    wait_until(lambda: not devices(), "no route", 3)


def test_a_next_hop_that_is_this_node_is_left_out(net, speaker):
    speaker.set("10.244.9.0/24", net.n1.ip4, net.n2.ip4)
    wait_until(lambda: f"via {net.n2.ip4} dev up0" in net.n1.ip("route", "show", "10.244.9.0/24"),
               "the other next hop", 3)
    assert "refused, the next hop is this node itself" in net.n1.tortie("status", check=False)


# --- the end ---

def test_reset_leaves_no_next_hop(net):
    """The last one: it takes the pods' links too."""
    assert len(net.groups()) == 2
    net.n1.stop_agent()
    net.n1.ready_file.unlink(missing_ok=True)
    said = net.n1.reset()
    assert "next hops of protocol 116" in said, said
    assert next_hops(net.n1) == []
    assert net.n1.ip("route", "show", "proto", "116") == ""
    assert net.n1.ip("-6", "route", "show", "proto", "116") == ""
