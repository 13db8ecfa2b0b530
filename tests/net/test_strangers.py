# SPDX-License-Identifier: Apache-2.0
"""Others change the host's network under running traffic: pod to pod goes on, or comes back within
a second, and the log says so.

    a, b -- n1 -- lan -- n2 -- c          flows a <-> b and a <-> c, 1,000 packets/s each way
"""
import re

import pytest

import flows
import packets
import tcx
from harness import LAN4, LAN6, Lab, run, wait_until

SECOND = 1000  # packets of a flow


class Disturbed:
    def __init__(self, lab):
        self.lab = lab
        self.n1, self.n2 = lab.start_pair()
        self.a = self.n1.add_pod("a")
        self.b = self.n1.add_pod("b")
        self.c = self.n2.add_pod("c")
        self.port = 7400

    def flows(self, family=4):
        self.port += 2
        self.running = {
            "same node": flows.udp_pods(self.lab, self.a, self.b, family, self.port),
            "across": flows.udp_pods(self.lab, self.a, self.c, family, self.port + 1)}
        self.go_on()
        self.log_from = self.n1.log_length()
        return self.running

    def go_on(self, packets_more=200):
        for flow in self.running.values():
            flow.wait_more(packets_more)

    def finish(self):
        return {name: flow.stop() for name, flow in self.running.items()}

    def assert_nothing_lost(self):
        self.go_on()
        for name, counts in self.finish().items():
            flows.assert_nothing_lost(counts, name)

    def assert_back_within_a_second(self):
        self.go_on()
        for name, counts in self.finish().items():
            assert all(c["longest_loss"] <= SECOND for c in counts), (name, counts)

    def wait_log(self, pattern, deadline=3):
        wait_until(lambda: re.search(pattern, self.n1.log()[self.log_from:]),
                   f"n1's log says {pattern!r}; it says:\n{self.n1.log()[self.log_from:]}",
                   deadline)

    def hooks(self, device):
        return [run("tc", "-n", self.n1.netns, "filter", "show", "dev", device, way)
                for way in ("ingress", "egress")]


@pytest.fixture(scope="module")
def net():
    with Lab("foes") as lab:
        yield Disturbed(lab)


@pytest.fixture(params=[4, 6], ids=["ipv4", "ipv6"])
def family(request):
    return request.param


@pytest.mark.parametrize("command", [
    "iptables -F", "iptables -P FORWARD DROP", "iptables -t raw -A PREROUTING -i cali+ -j DROP",
    "nft flush ruleset", "ip rule flush", "ip neigh flush all",
], ids=lambda c: c.replace(" ", "-"))
def test_firewalls_rules_and_neighbours_of_others_cost_no_packet(net, command):
    net.flows()
    try:
        net.n1.run(*command.split())
        net.assert_nothing_lost()
    finally:
        net.n1.run("nft", "flush", "ruleset")
        for priority, table in ((32766, "main"), (32767, "default")):
            net.n1.ip("rule", "add", "pref", priority, "lookup", table, check=False)


def test_a_firewall_that_drops_invalid_packets_does_not_hide_errors_from_pods(net):
    """n1's conntrack never sees short-cut flows; errors about them must take the short cut too."""
    net.n1.run("nft", "-f", "-", stdin="""
table inet strict {
    chain forward { type filter hook forward priority 0; ct state invalid counter drop; }
}""")

    def three_hops():
        out = net.a.run("traceroute", "-n", "-q", "1", "-w", "1", "-m", "5", net.c.ip4)
        return len(out.strip().splitlines()) == 4 and "*" not in out and out
    assert net.n2.ip4 in wait_until(three_hops, "n2 is seen as a hop", 8)
    net.n1.run("nft", "delete", "table", "inet", "strict")


def test_reverse_path_filters_cost_no_packet(net):
    net.flows()
    for device in ("all", "default", "up0", net.a.host_ifname, net.b.host_ifname):
        net.n1.sysctl(f"net.ipv4.conf.{device}.rp_filter", 1)
    net.assert_nothing_lost()
    assert "1 received" in net.n1.ping(net.a.ip4)


@pytest.fixture(scope="module")
def foreign(net):
    return tcx.load_foreign(net.lab)


def add_foreign_filter(net, foreign, preference):
    device = net.a.host_ifname
    run("tc", "-n", net.n1.netns, "filter", "add", "dev", device, "ingress", "pref", preference,
        "bpf", "direct-action", "object-pinned", foreign)
    return device


def delete_filter(net, device, preference):
    run("tc", "-n", net.n1.netns, "filter", "del", "dev", device, "ingress", "pref", preference)


def test_a_foreign_filter_behind_ours_changes_nothing(net, foreign):
    net.flows()
    device = add_foreign_filter(net, foreign, 50)
    net.assert_nothing_lost()
    delete_filter(net, device, 50)


def test_a_foreign_filter_in_front_of_ours_is_told(net, foreign):
    """A stranger's TC_ACT_OK in front hides us; the host's routes still carry the packets."""
    net.flows()
    device = add_foreign_filter(net, foreign, 1)
    net.wait_log(rf"{device}: .* runs before ours")
    net.assert_back_within_a_second()
    status = net.n1.tortie("status", check=False)
    delete_filter(net, device, 1)
    assert re.search(rf"{device}: .* runs before ours", status), status


def test_a_foreign_tcx_program_in_front_is_told(net, foreign):
    """tcx runs before every filter and no notification tells of it: the sweep must see it."""
    net.flows()
    device = net.a.host_ifname
    try:
        tcx.attach(net.n1, device, foreign)
    except OSError as error:
        net.finish()
        pytest.skip(f"no tcx on this kernel: {error}")
    net.wait_log(rf"{device}: .* runs before ours", 5)
    status = net.n1.tortie("status", check=False)
    net.assert_back_within_a_second()
    tcx.detach(net.n1, device, foreign)
    assert re.search(rf"{device}: .* runs before ours", status), status


def test_a_deleted_clsact_is_put_back(net):
    device = net.a.host_ifname
    net.flows()
    run("tc", "-n", net.n1.netns, "qdisc", "del", "dev", device, "clsact")
    wait_until(lambda: all("from_pod" in h or "to_pod" in h for h in net.hooks(device)),
               "both hooks are back", 1)
    net.wait_log(rf"{device}: .*removed by someone; put back")
    net.assert_back_within_a_second()


def our_filter(net, device):
    """(preference, handle) of from_pod."""
    own = net.hooks(device)[0]
    return [re.search(rf"{word} (\w+)", own).group(1) for word in ("pref", "handle")]


def test_a_deleted_program_is_put_back(net):
    device = net.a.host_ifname
    preference, _ = our_filter(net, device)
    net.flows()
    run("tc", "-n", net.n1.netns, "filter", "del", "dev", device, "ingress", "pref", preference)
    wait_until(lambda: "from_pod" in net.hooks(device)[0], "from_pod is back", 1)
    net.wait_log(rf"{device}: from_pod was removed by someone; put back")
    net.assert_back_within_a_second()


def test_a_replaced_program_is_put_back(net, foreign):
    """Somebody replaces our filter by his own, with our preference and handle."""
    device = net.a.host_ifname
    preference, handle = our_filter(net, device)
    net.flows()
    run("tc", "-n", net.n1.netns, "filter", "replace", "dev", device, "ingress", "pref", preference,
        "handle", handle, "bpf", "direct-action", "object-pinned", foreign)
    wait_until(lambda: "from_pod" in net.hooks(device)[0], "from_pod is back", 1)
    net.wait_log(rf"{device}: from_pod was removed by someone; put back")
    net.assert_back_within_a_second()


def test_flushed_routes_of_ours_are_put_back(net):
    net.flows()
    net.n1.ip("route", "flush", "proto", "116")
    net.n1.ip("-6", "route", "flush", "proto", "116")
    wait_until(lambda: f"{net.a.ip4} dev {net.a.host_ifname}" in net.n1.ip("route") and
               "10.244.2.0/24 via" in net.n1.ip("route") and
               "fd00:244:0:2::/64 via" in net.n1.ip("-6", "route") and
               net.a.ip6 in net.n1.ip("-6", "route"), "routes are back", 1)
    net.wait_log(r"route")
    net.assert_nothing_lost()


def test_a_pod_link_that_goes_down_and_up_works_again(net):
    device = net.a.host_ifname
    net.flows()
    net.n1.ip("link", "set", device, "down")
    net.n1.ip("link", "set", device, "up")
    net.assert_back_within_a_second()
    wait_until(lambda: f"{net.a.ip4} dev {device}" in net.n1.ip("route"), "route is back", 1)
    wait_until(lambda: "1 received" in net.n1.ping(net.a.ip4), "the node reaches the pod", 2)
    wait_until(lambda: "1 received" in net.n1.ping(net.a.ip6), "and by IPv6", 2)


def test_a_renamed_pod_link_goes_on_and_gets_its_name_back(net):
    net.flows()
    device = net.a.host_ifname
    net.n1.ip("link", "set", device, "name", "renamed0")
    wait_until(lambda: device in [x["ifname"] for x in net.n1.cali_links()], "the name is back", 2)
    net.wait_log(rf"{device}.*name")
    net.assert_nothing_lost()


def test_an_uplink_that_goes_down_and_up_carries_again_within_a_second(net, family):
    net.flows(family)
    net.n1.ip("link", "set", "up0", "down")
    net.n1.ip("link", "set", "up0", "up")
    # the kernel takes IPv6 addresses of a link that goes down
    net.n1.ip("addr", "add", f"{net.n1.ip6}/64", "dev", "up0", "nodad")
    if family == 6:
        wait_until(lambda: "tentative" not in net.n1.ip("-6", "addr", "show", "dev", "up0"),
                   "the uplink's IPv6 addresses are back", 5)
        before = net.running["across"].look()
        net.go_on()
        counts = net.finish()
        flows.assert_nothing_lost(counts["same node"], "same node")
        for end, now in enumerate(counts["across"]):
            on_the_way = before[1 - end]["sent"] - before[end]["received"]
            assert now["lost"] <= on_the_way + SECOND, (before, counts)
    else:
        net.go_on()
        counts = net.finish()
        flows.assert_nothing_lost(counts["same node"], "same node")
        assert all(c["longest_loss"] <= SECOND for c in counts["across"]), counts
    net.n1.ip("route", "replace", "default", "via", f"{LAN4}.1")
    net.n1.ip("-6", "route", "replace", "default", "via", f"{LAN6}1")
    wait_until(lambda: "10.244.2.0/24 via" in net.n1.ip("route"), "kernel route is back", 1)
    net.wait_log(r"up0")


def test_next_hops_are_asked_for_as_soon_as_an_uplink_can_ask(net):
    """Without a link-local address the kernel drops its solicitations, and would ask again by the
    neighbour's timer: after a minute here."""
    next_hop, retry = f"{LAN6}77", "net.ipv6.neigh.up0.retrans_time_ms"
    net.lab.lan.ip("addr", "add", f"{next_hop}/64", "dev", "br0", "nodad")
    net.n1.ip("-6", "addr", "flush", "dev", "up0", "scope", "link")
    net.n1.sysctl(retry, 60000)
    net.n1.ip("-6", "neigh", "add", next_hop, "dev", "up0", "use")  # as a pod's packet does
    try:
        assert "INCOMPLETE" in net.n1.ip("-6", "neigh", "show", next_hop)
        net.n1.ip("addr", "add", "fe80::100/64", "dev", "up0", "nodad")
        wait_until(lambda: "lladdr" in net.n1.ip("-6", "neigh", "show", next_hop), "an answer", 2)
    finally:
        net.n1.sysctl(retry, 1000)


def test_flushed_uplink_addresses_that_come_back_work_again(net):
    """What a restart of a network manager does."""
    net.flows()
    net.n1.ip("addr", "flush", "dev", "up0")
    for address in (f"{net.n1.ip4}/24", f"{net.n1.ip6}/64"):
        net.n1.ip("addr", "add", address, "dev", "up0", "nodad")
    net.n1.ip("route", "replace", "default", "via", f"{LAN4}.1")
    net.n1.ip("-6", "route", "replace", "default", "via", f"{LAN6}1")
    net.assert_back_within_a_second()
    wait_until(lambda: "10.244.2.0/24 via" in net.n1.ip("route"), "kernel route is back", 1)
    wait_until(lambda: net.n1.reaches(net.c.ip4), "the node reaches the pod", 3)


def test_a_detached_uplink_program_is_put_back(net):
    net.flows()
    pins = [pin for pin in net.n1.bpf_dir.iterdir() if pin.name.startswith("from_network")]
    if pins:
        assert tcx.programs(net.n1, "up0") == 1
        run("bpftool", "link", "detach", "pinned", pins[0])
        wait_until(lambda: tcx.programs(net.n1, "up0") == 1, "from_network is back", 3)
    else:
        run("tc", "-n", net.n1.netns, "qdisc", "del", "dev", "up0", "clsact")
        wait_until(lambda: "from_network" in net.hooks("up0")[0], "from_network is back", 3)
    net.wait_log(r"up0: .*removed by someone; put back")
    net.assert_back_within_a_second()


def test_an_uplink_that_lives_on_router_advertisements_keeps_its_default_route():
    """accept_ra=1 stops when forwarding is switched on: the agent sets 2 first."""
    from scapy.layers.inet6 import ICMPv6ND_RA, ICMPv6NDOptSrcLLAddr, IPv6
    from scapy.layers.l2 import Ether
    with Lab("ra") as lab:
        lab.add_tor()
        node = lab.add_node(1)
        node.ip("-6", "route", "del", "default")
        node.sysctl("net.ipv6.conf.up0.accept_ra", 1)
        mac = lab.tor.json("link", "show", "lan0")[0]["address"]
        advert = bytes(Ether(dst="33:33:00:00:00:01", src=mac) /
                       IPv6(src="fe80::1", dst="ff02::1", hlim=255) /
                       ICMPv6ND_RA(routerlifetime=1800) / ICMPv6NDOptSrcLLAddr(lladdr=mac))

        def has_default():
            return "default via fe80::1" in node.ip("-6", "route")

        def advertise():
            tap.send(advert)
            return has_default()
        with packets.Tap(lab.tor, "lan0") as tap:
            wait_until(advertise, "a default route by router advertisement", 10, 0.2)
            node.start_agent()
            assert node.sysctl("net.ipv6.conf.all.forwarding") == "1"
            assert node.sysctl("net.ipv6.conf.up0.accept_ra") == "2"
            assert has_default(), "the default route survived the switch to forwarding"
            node.ip("-6", "route", "del", "default", check=False)
            wait_until(advertise, "the next advertisement is still heard", 10, 0.2)
