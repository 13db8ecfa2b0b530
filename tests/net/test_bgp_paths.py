# SPDX-License-Identifier: Apache-2.0
"""Ways that BGP finds, from UPDATEs to the data plane, on nodes that speak over IPv6 alone.

    a -- n1 --+
    b -- n2 --+   a full mesh without an IPv4 address of a node: IPv4 goes by IPv6 next hops
    c -- n3 --+

At the end n3 is beyond n1's subnets: n1's kernel has a route to it, its agent no way.
"""
import pytest

from harness import Lab, wait_until

SHARED = "10.244.200.0/24"  # n2 and n3 both announce it


@pytest.fixture(scope="module")
def mesh():
    with Lab("paths") as lab:
        nodes = [lab.add_node(number) for number in (1, 2, 3)]
        for node in nodes:
            node.config["node"]["addresses"] = [node.ip6]
            node.config["bgp"] = {"as": 64512, "router_id": node.ip4,
                                  "mesh": [each.ip6 for each in nodes]}
            if node is not nodes[0]:
                node.config["bgp"]["announce"] = [SHARED]
            node.start_agent(wait=False)
        for node in nodes:
            node.wait_ready()
            node.start_bgpd()
        lab.wait_routes()
        yield lab


def ways(node, prefix):
    """The next hops in the kernel's table, as `ip route` has them."""
    return sorted(hop["via"]["host"] if "via" in hop else hop.get("gateway")
                  for route in node.json("-4", "route", "show", prefix)
                  for hop in route.get("nexthops", [route]))


def test_pods_talk_ipv4_where_nodes_have_only_ipv6(mesh):
    pods = [node.add_pod(name) for node, name in zip(mesh.nodes, "abc")]
    assert ways(mesh.nodes[0], mesh.nodes[1].block4) == [mesh.nodes[1].ip6]
    for target in pods[1:]:
        for family in (4, 6):
            assert "ttl=62" in pods[0].ping(target.address(family))


def test_what_two_nodes_announce_has_two_ways_and_loses_one(mesh):
    n1, n2, n3 = mesh.nodes
    wait_until(lambda: ways(n1, SHARED) == [n2.ip6, n3.ip6], "both ways", 20)
    row, = [row for row in n1.tortie_json("get", "route") if row["destination"] == SHARED]
    assert row["state"] == "active" and row["source"] == "bgp"
    assert [hop["via"] for hop in row["next_hops"]] == [n2.ip6, n3.ip6]
    used = {route["peer"]: (route["best"], route["multipath"])
            for route in n1.tortie_json("bgp", "routes", SHARED)}
    assert used == {n2.ip6: (True, False), n3.ip6: (False, True)}
    n1.tortie("bgp", "peer", n2.ip6, "down")
    wait_until(lambda: ways(n1, SHARED) == [n3.ip6], "the other way alone", 10)
    n1.tortie("bgp", "peer", n2.ip6, "up")
    wait_until(lambda: ways(n1, SHARED) == [n2.ip6, n3.ip6], "both ways again", 30)


def test_a_next_hop_is_a_way_once_it_is_on_a_subnet_of_an_uplink():
    """RFC 4271 9.1.2.1: until then n2's route is used alone; sessions have no part in it."""
    with Lab("reach") as lab:
        nodes = n1, n2, n3 = [lab.add_node(number) for number in (1, 2, 3)]
        n3.ip6 = "fd00:300::3"
        n3.ip("addr", "add", f"{n3.ip6}/64", "dev", "up0", "nodad")
        for node in nodes:
            node.config["node"]["addresses"] = [node.ip6]
            node.config["bgp"] = {"as": 64512, "router_id": node.ip4,
                                  "mesh": [each.ip6 for each in nodes]}
            if node is not n1:
                node.config["bgp"]["announce"] = [SHARED]
            if node is not n3:
                node.ip("-6", "route", "add", "fd00:300::/64", "dev", "up0")
            node.start_agent()
            node.start_bgpd()

        def used():
            return {route["peer"]: (route["best"], route["multipath"], route["unreachable"])
                    for route in n1.tortie_json("bgp", "routes", SHARED)}
        wait_until(lambda: used() == {n2.ip6: (True, False, False), n3.ip6: (False, False, True)},
                   "n3's is out of reach", 20)
        wait_until(lambda: ways(n1, SHARED) == [n2.ip6], "one way", 5)
        assert f"via {n3.ip6}" in n1.tortie("status", check=False)  # to n3's own block
        up = {row["peer_address"]: row["since"] for row in n1.tortie_json("node", "status")}
        n1.ip("addr", "add", "fd00:300::1/64", "dev", "up0", "nodad")
        wait_until(lambda: ways(n1, SHARED) == sorted([n2.ip6, n3.ip6]), "both ways", 5)
        assert used() == {n2.ip6: (True, False, False), n3.ip6: (False, True, False)}
        wait_until(lambda: ways(n1, n3.block4) == [n3.ip6], "n3's block", 5)
        n1.ip("addr", "del", "fd00:300::1/64", "dev", "up0")
        wait_until(lambda: ways(n1, SHARED) == [n2.ip6], "one way again", 5)
        assert up == {row["peer_address"]: row["since"] for row in
                      n1.tortie_json("node", "status")}
