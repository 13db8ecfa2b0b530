# SPDX-License-Identifier: Apache-2.0
"""Three nodes in a full mesh, each with BIRD at the top of the rack as eBGP peer.

    a -- n1 --+
    b -- n2 --+-- tor (BIRD) -- outside
    c -- n3 --+
"""
import re
import signal

import pytest

import flows
from harness import LAN4, OUT4, OUT6, Lab, wait_until


class Mesh:
    def __init__(self, lab):
        self.lab = lab
        for number in (1, 2, 3):
            lab.add_node(number)
        lab.add_tor()
        lab.start_all()
        self.n1, self.n2, self.n3 = lab.nodes
        self.a, self.b, self.c = (node.add_pod(name) for node, name in zip(lab.nodes, "abc"))
        self.pods = [self.a, self.b, self.c]
        lab.wait_routes()


@pytest.fixture(scope="module")
def mesh():
    with Lab("mesh") as lab:
        yield Mesh(lab)


@pytest.fixture(params=[4, 6], ids=["ipv4", "ipv6"])
def family(request):
    return request.param


def has_route(node, block):
    flag = "-6" if ":" in block else "-4"
    return bool(node.ip(flag, "route", "show", block).strip())


def test_every_session_is_established(mesh):
    for node in mesh.lab.nodes:
        wait_until(lambda n=node: n.established() == 3, f"{node.name}: three sessions", 20)


def test_node_status_counts_the_routes_of_every_peer(mesh):
    """One block a family from each node; BIRD sends none."""
    def counts():
        rows = mesh.n1.tortie_json("node", "status")
        return {row["peer_address"]: (row["routes_in_ipv4"], row["routes_in_ipv6"]) for row in rows}
    wanted = {mesh.n2.ip4: (1, 1), mesh.n3.ip4: (1, 1), f"{LAN4}.1": (0, 0)}
    wait_until(lambda: counts() == wanted, f"{wanted}", 10)


def test_routes_are_in_map_and_kernel_with_our_protocol(mesh):
    for node in mesh.lab.nodes:
        for other in mesh.lab.nodes:
            if other is node:
                continue
            assert f"via {other.ip4} dev up0 proto 116" in node.ip("route", "show", other.block4)
            assert f"via {other.ip6} dev up0 proto 116" in \
                node.ip("-6", "route", "show", other.block6)
        assert len(node.map_dump("route")) == 4


def test_every_pod_reaches_every_other(mesh, family):
    for source in mesh.pods:
        for target in mesh.pods:
            if source is not target:
                assert "ttl=62" in source.ping(target.address(family))


def test_bird_learns_every_block_and_the_outside_reaches_the_pods(mesh, family):
    def is_learnt():
        out = mesh.lab.birdc("show", "route")
        return all((n.block4 if family == 4 else n.block6) in out for n in mesh.lab.nodes)
    wait_until(is_learnt, "BIRD has all blocks", 20)
    for pod in mesh.pods:
        wait_until(lambda p=pod: mesh.lab.outside.reaches(p.address(family)),
                   f"outside reaches {pod.name}", 10)
    assert "1 received" in mesh.a.ping(f"{OUT4}.2" if family == 4 else f"{OUT6}2")


def test_a_session_that_is_cut_comes_back_and_no_packet_is_lost(mesh):
    """BIRD-side and mesh-side TCP connections are reset; routes stay by graceful restart."""
    flow = flows.udp_pods(mesh.lab, mesh.a, mesh.b, 4, 7210)
    flow.wait_more(200)
    times_up = sessions_of(mesh.n1)[mesh.n2.ip4][2]
    mesh.n1.run("ss", "-K", "dst", mesh.n2.ip4, "dport", "=", "179", check=False)
    mesh.n1.run("ss", "-K", "dst", mesh.n2.ip4, "sport", "=", "179", check=False)
    wait_until(lambda: sessions_of(mesh.n1)[mesh.n2.ip4][2] > times_up, "cut, and up once more", 30)
    wait_until(lambda: mesh.n1.established() == 3 and mesh.n2.established() == 3,
               "session back", 30)
    flow.wait_more(200)
    flows.assert_nothing_lost(flow.stop())


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL], ids=["term", "kill"])
def test_a_restart_of_bgpd_loses_nothing_not_even_for_the_router_outside(mesh, number):
    """Peers keep the routes (RFC 4724): the mesh, and BIRD, which forwards for the outside host."""
    between = flows.udp_pods(mesh.lab, mesh.a, mesh.b, 4, 7220 + number)
    outside = flows.udp_flow(mesh.lab, mesh.lab.outside, f"{OUT4}.2", mesh.b, mesh.b.ip4,
                             7240 + number)
    for flow in (between, outside):
        flow.wait_more(200)
    mesh.n2.stop_bgpd(number)
    outside.wait_more(300)
    mesh.n2.start_bgpd()
    wait_until(lambda: mesh.n2.established() == 3, "sessions back", 40)
    for flow in (between, outside):
        flow.wait_more(200)
        flows.assert_nothing_lost(flow.stop(), flow.name)


def sessions_of(node):
    return {row["peer_address"]: (row["session"], row["since"], row["times_up"])
            for row in node.tortie_json("bgp", "peers")}


def sessions_at_bird(mesh):
    """Since when each is up; without milliseconds, which BIRD works out anew each time."""
    return re.findall(r"^(\S+) +BGP +\S+ +(up +[0-9:]+)", mesh.lab.birdc("show", "protocols"), re.M)


def test_ten_restarts_of_every_bgpd_are_seen_by_no_peer(mesh):
    """The sessions are handed over: in the mesh, and with BIRD, which writes down what it sees."""
    wait_until(lambda: all(node.established() == 3 for node in mesh.lab.nodes), "sessions", 30)
    before = {node: sessions_of(node) for node in mesh.lab.nodes}
    at_bird = sessions_at_bird(mesh)
    assert len(at_bird) == 3
    flow = flows.udp_pods(mesh.lab, mesh.a, mesh.b, 4, 7260)
    for _ in range(10):
        for node in mesh.lab.nodes:
            after = node.log_length("tortie-bgpd")
            node.stop_bgpd()
            node.start_bgpd()
            wait_until(lambda n=node, at=after: "3 of 3 go on from" in n.log("tortie-bgpd")[at:],
                       f"{node.name}: sessions go on", 10)
    flow.wait_more(200)
    flows.assert_nothing_lost(flow.stop())
    for node in mesh.lab.nodes:
        wait_until(lambda n=node: sessions_of(n) == before[n], f"{node.name}: up since {before}", 5)
        wait_until(lambda n=node: "in sync" in n.tortie("status"), f"{node.name}: in sync", 10)
    assert sessions_at_bird(mesh) == at_bird
    mesh.lab.wait_routes()


def test_a_bgpd_that_stays_away_is_told_by_status_and_its_routes_stay(mesh):
    mesh.n1.stop_bgpd(signal.SIGKILL)
    wait_until(lambda: re.search(r"bgp", mesh.n1.tortie("status", check=False), re.I),
               "status tells", 5)
    assert has_route(mesh.n1, mesh.n2.block4) and "1 received" in mesh.a.ping(mesh.b.ip4)
    mesh.n1.start_bgpd()
    wait_until(lambda: mesh.n1.established() == 3, "sessions back", 40)
    assert "1 received" in mesh.a.ping(mesh.b.ip4)


def test_a_node_that_leaves_for_good_is_forgotten_and_one_that_comes_is_learnt(mesh):
    """n3 says goodbye by Administrative Shutdown (it is taken out); then it comes back."""
    pod, node = mesh.c, mesh.n3
    assert mesh.a.reaches(pod.ip4)
    node.reset()
    node.agent.wait(timeout=10)
    node.stop_bgpd(signal.SIGTERM)
    node.ip("link", "set", "up0", "down")
    for block in (node.block4, node.block6):
        # a peer that vanishes keeps its routes for the restart time it announced, never longer
        wait_until(lambda b=block: not has_route(mesh.n1, b) or "linkdown" in mesh.n1.ip("route"),
                   f"n1 forgets {block}", 150)
    node.ip("link", "set", "up0", "up")
    node.ip("addr", "replace", f"{node.ip6}/64", "dev", "up0", "nodad")
    node.ip("route", "replace", "default", "via", f"{LAN4}.1")
    node.start_agent()
    node.start_bgpd()
    mesh.lab.wait_routes(40)
    mesh.pods.remove(pod)
    node.pods.remove(pod)
    pod.delete()
    mesh.c = node.add_pod("c2")
    mesh.pods.append(mesh.c)
    wait_until(lambda: mesh.a.reaches(mesh.c.ip4), "a reaches the new pod of n3")


def restart(node):
    """Both programs, with the configuration as it is now; hitless by promise."""
    node.stop_bgpd()
    node.stop_agent()
    node.start_agent()
    node.start_bgpd()


def test_a_block_more_is_told_and_one_less_is_withdrawn(mesh):
    """The node's operator edits blocks: and restarts; the others follow without a restart."""
    flow = flows.udp_pods(mesh.lab, mesh.a, mesh.b, 4, 7260)
    flow.wait_more(200)
    blocks = mesh.n2.config["pools"][0]["blocks"]
    blocks.append("10.244.12.0/24")
    restart(mesh.n2)
    for node in (mesh.n1, mesh.n3):
        wait_until(lambda n=node: f"via {mesh.n2.ip4}" in n.ip("route", "show", "10.244.12.0/24"),
                   f"{node.name} learns the block", 20)
    blocks.pop()
    restart(mesh.n2)
    for node in (mesh.n1, mesh.n3):
        wait_until(lambda n=node: not has_route(n, "10.244.12.0/24"),
                   f"{node.name} forgets the block", 20)
        assert has_route(node, mesh.n2.block4)
    flow.wait_more(200)
    flows.assert_nothing_lost(flow.stop())


def test_a_block_that_moves_to_another_node_is_followed(mesh):
    """n2 gives a block up and n3 takes it: n1's pods meet the new owner, by map and kernel."""
    block = "10.244.14.0/24"
    for old, new in ((None, mesh.n2), (mesh.n2, mesh.n3)):
        if old:
            old.config["pools"][0]["blocks"].remove(block)
            restart(old)
        new.config["pools"][0]["blocks"].insert(0, block)
        restart(new)
        wait_until(lambda n=new: f"via {n.ip4}" in mesh.n1.ip("route", "show", block),
                   f"n1 knows {new.name} as the owner", 20)
        pod = new.add_pod(f"mover-{new.name}")
        assert pod.ip4.startswith("10.244.14.")
        wait_until(lambda p=pod: mesh.a.reaches(p.ip4), "a reaches the pod", 2)
        assert "20 received" in mesh.a.ping(pod.ip4, 20)
        pod.remove()
    mesh.n3.config["pools"][0]["blocks"].remove(block)
    restart(mesh.n3)
    wait_until(lambda: not has_route(mesh.n1, block), "n1 forgets the block", 20)


def test_a_node_more_is_taken_in_without_a_loss(mesh):
    """n4 joins: the others get its address in bgp.mesh and restart under traffic."""
    flow = flows.udp_pods(mesh.lab, mesh.a, mesh.b, 4, 7270)
    flow.wait_more(200)
    newcomer = mesh.lab.add_node(4)
    for node in mesh.lab.nodes:
        node.config["bgp"] = mesh.lab.peer_config(node)
        node.config["bgp"]["peers"] = [] if node is newcomer else node.config["bgp"]["peers"]
    newcomer.start_agent()
    newcomer.start_bgpd()
    for node in (mesh.n1, mesh.n2, mesh.n3):
        restart(node)
    mesh.lab.wait_routes(40)
    pod = newcomer.add_pod("d")
    for other in mesh.pods:
        wait_until(lambda o=other: o.reaches(pod.ip4) and o.reaches(pod.ip6),
                   f"{other.name} reaches the new node's pod", 5)
    flow.wait_more(200)
    flows.assert_nothing_lost(flow.stop())
