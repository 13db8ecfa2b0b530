# SPDX-License-Identifier: Apache-2.0
"""The links to the other nodes and the node's own addresses, as they come, go and change.

    n1 up0 (and others) -- lan          no pods: what the agent makes of its links
"""
import ipaddress
import json
import os
import re
from pathlib import Path

import pytest

from harness import LAN4, LAN6, Lab, run, wait_until
from speaker import Refused, Speaker

REMOTE = [{"prefix": "10.244.2.0/24", "via": f"{LAN4}.101"},
          {"prefix": "fd00:244:0:2::/64", "via": f"{LAN6}101"}]


@pytest.fixture
def node():
    with Lab("up") as lab:
        node = lab.add_node(1)
        node.config["routes"] = REMOTE
        yield node


@pytest.fixture
def running(node):
    node.start_agent()
    return node


def host_addresses(node):
    """What map endpoint flags as the node's own."""
    found = []
    for entry in node.map_dump("endpoint"):
        value = entry["formatted"]["value"]
        if value["flags"] & 1:
            address = ipaddress.ip_address(bytes(int(octet, 16) for octet in entry["key"]))
            found.append(str(address.ipv4_mapped or address))
    return sorted(found)


def map_next_hops(node):
    """Uplink index and MTU of every route of the map."""
    return [(e["formatted"]["value"]["ifindex"], e["formatted"]["value"]["mtu"])
            for e in node.map_dump("route")]


def ifindex(node, device):
    return node.json("link", "show", device)[0]["ifindex"]


def hook_is_on(node, device):
    """By the pinned tcx link, else by the filter on clsact. (Debian 12's bpftool net: no tcx.)"""
    pin = node.bpf_dir / f"from_network_{ifindex(node, device)}"
    if not pin.exists():
        return "from_network" in run("tc", "-n", node.netns, "filter", "show", "dev", device,
                                     "ingress")
    link = json.loads(run("bpftool", "-j", "link", "show", "pinned", pin))
    link = link[0] if isinstance(link, list) else link
    return json.loads(run("bpftool", "-j", "prog", "show", "id", link["prog_id"]))["name"] == \
        "from_network"


def wait_log(node, pattern, deadline=5):
    wait_until(lambda: re.search(pattern, node.log()), f"log says {pattern!r}\n{node.log()}",
               deadline)


def wait_status(node, words, deadline=5):
    wait_until(lambda: words in node.tortie("status", check=False), f"status says {words!r}",
               deadline)


def test_every_address_of_the_node_is_in_the_map_and_no_link_local_or_loopback_one(running):
    assert host_addresses(running) == sorted([running.ip4, running.ip6])


def test_addresses_that_come_and_go_are_followed(running):
    running.ip("addr", "add", "198.18.0.1/32", "dev", "lo")
    running.ip("addr", "add", "2001:db8:9::1/128", "dev", "lo")
    wanted = sorted([running.ip4, running.ip6, "198.18.0.1", "2001:db8:9::1"])
    wait_until(lambda: host_addresses(running) == wanted, "the new ones are in the map", 1)
    running.ip("addr", "del", "198.18.0.1/32", "dev", "lo")
    wanted.remove("198.18.0.1")
    wait_until(lambda: host_addresses(running) == wanted, "the old one is out of the map", 1)


def test_addresses_changed_while_the_agent_was_away_are_compared_at_start(running):
    running.ip("addr", "add", "198.18.0.1/32", "dev", "lo")
    wait_until(lambda: "198.18.0.1" in host_addresses(running), "the address is in the map", 1)
    running.kill_agent()
    running.ip("addr", "del", "198.18.0.1/32", "dev", "lo")
    running.ip("addr", "add", "198.18.0.2/32", "dev", "lo")
    running.start_agent()
    assert host_addresses(running) == sorted([running.ip4, running.ip6, "198.18.0.2"])


def test_the_uplink_is_found_by_the_node_address(node):
    del node.config["node"]["uplinks"]
    node.start_agent()
    assert hook_is_on(node, "up0")
    assert "uplink up0: up" in node.tortie("status")


def test_a_missing_uplink_is_told_and_taken_when_it_comes(node):
    node.ip("link", "property", "add", "dev", "up0", "altname", "enx020000000001")
    node.config["node"]["uplinks"] = ["enx020000000001", "late0"]
    node.start_agent(wait=False)
    wait_until(lambda: (node.run_dir / "agent.sock").exists(), "the agent's socket")
    wait_status(node, "uplink late0: no such link")
    wait_until(lambda: "not ready: uplink late0: no such link (set node.uplinks)" in node.log(),
               "a line about the uplink")
    assert not node.ready_file.exists()
    node.lab.lan.ip("link", "add", "late-port", "type", "veth", "peer", "name", "late0",
                    "netns", node.netns)
    node.lab.lan.ip("link", "set", "late-port", "up")
    node.ip("link", "set", "late0", "up")
    node.wait_ready()
    assert hook_is_on(node, "late0") and hook_is_on(node, "up0")
    assert "no such link" not in node.tortie("status", check=False)


def test_a_node_address_that_no_link_has_is_told_and_waited_for(node):
    del node.config["node"]["uplinks"]
    node.config["node"]["addresses"] = [f"{LAN4}.77"]
    node.start_agent(wait=False)
    wait_until(lambda: f"not ready: node address {LAN4}.77: no link carries it" in node.log(),
               "a line about the address")
    assert not node.ready_file.exists()
    node.ip("addr", "add", f"{LAN4}.77/24", "dev", "up0")
    node.wait_ready()
    assert hook_is_on(node, "up0")


def links_held(node):
    """What the agent has of BPF links: descriptors and pins."""
    return ([fd for fd in Path(f"/proc/{node.agent.pid}/fd").iterdir()
             if "bpf_link" in os.readlink(fd)],
            [pin.name for pin in node.bpf_dir.iterdir() if "_network_" in pin.name])


def test_an_uplink_that_is_replaced_by_another_link_of_its_name_is_taken_anew(running):
    old, held = ifindex(running, "up0"), links_held(running)
    running.ip("link", "del", "up0")
    wait_status(running, "uplink up0: no such link")
    running.lab.plug(running, "up0", [f"{running.ip4}/24", f"{running.ip6}/64"])
    new = ifindex(running, "up0")
    assert new != old
    wait_until(lambda: {i for i, _ in map_next_hops(running)} == {new}, "routes by the new link", 3)
    wait_until(lambda: f"via {LAN4}.101 dev up0" in running.ip("route"), "kernel route", 3)
    assert hook_is_on(running, "up0")
    assert [len(kind) for kind in links_held(running)] == [len(kind) for kind in held]


def test_a_renamed_uplink_goes_on(running):
    running.ip("link", "set", "up0", "name", "other0")
    wait_status(running, "uplink other0: up")
    assert hook_is_on(running, "other0")
    assert len(running.map_dump("route")) == 2


def test_routes_over_a_link_that_is_no_ethernet_are_the_host_stacks(node):
    """from_network cannot read what comes back: half a flow would be INVALID to conntrack."""
    node.ip("tuntap", "add", "dev", "tun0", "mode", "tun")
    node.ip("addr", "add", "10.9.9.1/24", "dev", "tun0")
    node.ip("link", "set", "tun0", "up")
    node.config["node"]["uplinks"] = ["up0", "tun0"]
    several = {"prefix": "10.244.4.0/24", "via": ["10.9.9.2", f"{LAN4}.101"]}
    node.config["routes"] = [*REMOTE, {"prefix": "10.244.3.0/24", "via": "10.9.9.2"}, several]
    node.start_agent(wait=False)
    wait_until(lambda: (node.run_dir / "agent.sock").exists(), "the agent's socket")
    wait_status(node, "2 are in the kernel's table only")
    assert {i for i, _ in map_next_hops(node)} == {ifindex(node, "up0")}


def test_flushed_addresses_leave_the_map_routes_and_come_back_in_the_kernel(running):
    running.ip("addr", "flush", "dev", "up0")
    wait_status(running, "uplink up0: has no address")
    assert len(running.map_dump("route")) == 2
    assert "101" not in running.ip("route")
    running.ip("addr", "add", f"{running.ip4}/24", "dev", "up0")
    running.ip("addr", "add", f"{running.ip6}/64", "dev", "up0", "nodad")
    wait_until(lambda: f"via {LAN4}.101" in running.ip("route") and
               f"via {LAN6}101" in running.ip("-6", "route"), "kernel routes are back", 1)
    wait_log(running, r"routes: \d+ had gone from the kernel's table and are put back")


def test_the_speaker_hears_of_the_subnets_that_next_hops_can_be_on(running):
    ours = {f"{LAN4}.0/24", f"{LAN6}/64"}
    with Speaker(running) as speaker, Speaker(running, role=1) as tool:
        assert speaker.ask_subnets() == ours
        with pytest.raises(Refused, match="may not ask this"):
            tool.ask_subnets()
        running.ip("addr", "add", "203.0.113.1/24", "dev", "up0")
        assert speaker.told_subnets() == ours | {"203.0.113.0/24"}
        running.ip("addr", "del", "203.0.113.1/24", "dev", "up0")
        assert speaker.told_subnets() == ours
        # Routes of the map go on without the addresses, so these are no news; nor is a link.
        running.ip("addr", "flush", "dev", "up0")
        wait_status(running, "uplink up0: has no address")
        running.ip("link", "set", "up0", "down")
        wait_status(running, "uplink up0: down")
        assert speaker.ask_subnets() == ours
        running.ip("link", "del", "up0")
        assert speaker.told_subnets() == set()


def test_a_changed_mtu_reaches_the_routes(running):
    running.ip("link", "set", "up0", "mtu", "1400")
    wait_until(lambda: {mtu for _, mtu in map_next_hops(running)} == {1400}, "MTU in the map", 1)


def test_routes_of_others_are_left_alone_and_told(node):
    node.ip("route", "add", "10.244.2.0/24", "via", f"{LAN4}.77", "proto", "static")
    node.ip("route", "add", "10.99.0.0/16", "via", f"{LAN4}.77")
    node.start_agent()
    assert f"via {LAN4}.77 dev up0 proto static" in node.ip("route", "show", "10.244.2.0/24")
    wait_status(node, "another program's route")
    node.ip("route", "del", "10.244.2.0/24")
    wait_until(lambda: "proto 116" in node.ip("route", "show", "10.244.2.0/24"), "ours follows", 1)
    node.ip("route", "flush", "proto", "116")
    wait_until(lambda: "proto 116" in node.ip("route", "show", "10.244.2.0/24"), "put back", 1)
    assert f"via {LAN4}.77" in node.ip("route", "show", "10.99.0.0/16")


def test_own_blocks_are_unreachable_and_go_with_the_configuration(running):
    assert "unreachable 10.244.1.0/24 proto 116" in running.ip("route")
    assert "unreachable fd00:244:0:1::/64" in running.ip("-6", "route")
    running.stop_agent()
    running.config["pools"][0]["blocks"] = ["10.244.5.0/24"]
    running.config["routes"] = REMOTE[:1]
    running.start_agent()
    routes = running.ip("route") + running.ip("-6", "route")
    assert "unreachable 10.244.5.0/24 proto 116" in routes and "10.244.1.0/24" not in routes
    assert "fd00:244:0:2::/64" not in routes
    assert len(running.map_dump("route")) == 1


def test_ipv6_waits_for_duplicate_address_detection(node):
    """redirect_neigh loses everything until the uplink's link-local address may be used."""
    node.sysctl("net.ipv6.conf.up0.accept_dad", 1)
    node.sysctl("net.ipv6.conf.up0.dad_transmits", 5)
    node.ip("link", "set", "up0", "down")
    node.ip("link", "set", "up0", "up")
    node.ip("addr", "add", f"{node.ip6}/64", "dev", "up0", "nodad")
    wait_until(lambda: "tentative" in node.ip("-6", "addr", "show", "dev", "up0"), "detection runs")
    node.start_agent(wait=False)
    wait_status(node, "duplicate address detection", 3)
    assert not node.ready_file.exists()
    node.wait_ready()
    assert "tentative" not in node.ip("-6", "addr", "show", "dev", "up0")


def test_ipv6_is_not_switched_on_where_nobody_uses_it(node):
    node.config["node"]["addresses"] = [node.ip4]
    node.config["pools"] = node.config["pools"][:1]
    node.config["routes"] = REMOTE[:1]
    node.start_agent()
    assert node.sysctl("net.ipv4.ip_forward") == "1"
    assert node.sysctl("net.ipv6.conf.all.forwarding") == "0"


def test_forwarding_that_others_switch_off_is_switched_on_again(running):
    for key in ("net.ipv4.ip_forward", "net.ipv6.conf.all.forwarding"):
        told = running.log_length()
        running.sysctl(key, 0)
        wait_until(lambda k=key: running.sysctl(k) == "1", f"{key} is on again", 1)
        path = key.replace(".", "/")
        wait_until(lambda p=path, t=told: f"sysctl {p}: set to 1" in running.log()[t:], "log", 1)


def gso_size(node, device):
    return node.json("-d", "link", "show", device)[0]["gso_max_size"]


@pytest.mark.parametrize("setting, size", [("auto", 65536), ("none", 65536), ("always", 196608)])
def test_pods_and_a_veth_uplink_get_big_tcp_together_and_only_when_told(node, setting, size):
    node.config["big_tcp"] = setting
    node.start_agent()
    pod = node.add_pod("a")
    assert gso_size(node, "up0") == size
    assert gso_size(node, pod.host_ifname) == size
    assert pod.json("-d", "link", "show", "eth0")[0]["gso_max_size"] == size


def test_an_uplink_whose_gso_size_somebody_set_keeps_it_and_pods_follow(node):
    node.config["big_tcp"] = "always"
    node.ip("link", "set", "up0", "gso_max_size", "100000")
    node.start_agent()
    pod = node.add_pod("a")
    assert gso_size(node, "up0") == 100000
    assert gso_size(node, pod.host_ifname) == 100000
