# SPDX-License-Identifier: Apache-2.0
"""BGP in a cluster: the speakers' configuration comes with the cluster's documents.

    a -- n1 --+
    b -- n2 --+-- tor (BIRD)      n3 joins later, with pod c
    c -- n3 --+

Each node gets its document when the test says so: in a cluster they do not come at the same time.
"""
import signal

import pytest

import cluster
import flows
from harness import Lab, wait_until


class Net:
    def __init__(self, lab):
        self.lab = lab
        self.told = None
        for number in (1, 2):
            lab.add_node(number)
        lab.add_tor()
        lab.return_routes()
        self.n1, self.n2 = lab.nodes
        self.told = cluster.Cluster(lab, lab.nodes)
        for node in lab.nodes:
            self.start(node)
        self.told.tell()
        for node in lab.nodes:
            node.wait_ready()
        lab.wait_routes()
        self.a, self.b = self.n1.add_pod("a"), self.n2.add_pod("b")
        self.port = 7700

    def start(self, node):
        cluster.join(node)
        node.config["log_level"] = "debug"
        node.start_agent(wait=False)
        node.start_bgpd()
        cluster.wait_socket(node)
        self.told.watch(node)


@pytest.fixture(scope="module")
def net():
    with Lab("cbgp") as lab:
        yield Net(lab)


@pytest.fixture
def traffic(net):
    net.port += 2
    running = [flows.udp_pods(net.lab, net.a, net.b, 4, net.port),
               flows.udp_pods(net.lab, net.b, net.a, 6, net.port + 1)]
    for flow in running:
        flow.wait_more(200)
    yield running
    for flow in running:
        flow.wait_more(200)
    for flow in running:
        flows.assert_nothing_lost(flow.stop(), flow.name)


def lines(node, pattern):
    return node.log("tortie-bgpd").count(pattern)


def test_the_mesh_comes_from_the_documents(net, traffic):
    assert net.n1.established() == net.n2.established() == 1
    assert f"via {net.n2.ip4} dev up0 proto 116" in net.n1.ip("route", "show", net.n2.block4)
    assert f"via {net.n1.ip6} dev up0 proto 116" in net.n2.ip("-6", "route", "show", net.n1.block6)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL], ids=["term", "kill"])
def test_a_restarted_speaker_gets_the_document_at_once(net, traffic, number):
    net.n2.stop_bgpd(number)
    traffic[0].wait_more(300)
    assert net.n1.ip("route", "show", net.n2.block4).strip()  # n1 keeps its routes
    net.n2.start_bgpd()
    wait_until(lambda: net.n2.established() == 1 and net.n1.established() == 1, "session back", 30)


def test_a_speaker_that_is_killed_while_documents_come_loses_nothing(net, traffic):
    for _ in range(5):
        net.told.members.append(cluster.far_member(7))
        net.n1.stop_bgpd(signal.SIGKILL)
        net.told.tell()
        net.n1.start_bgpd()
        net.told.members.pop()
        net.told.tell()
        wait_until(lambda: net.n1.established() == 1 and net.n2.established() == 1,
                   "session back", 30)


def test_a_node_that_the_others_learn_of_late_is_reached_all_the_same(net, traffic):
    """n3 knows everybody and announces its block; n1 and n2 get its address before its block.

    So its routes come before the pool that they are in, are refused, and are asked for again.
    """
    n3 = net.lab.add_node(3)
    net.lab.return_routes()
    newcomer = cluster.member_of(n3)
    blocks = newcomer.blocks
    net.told.members.append(newcomer)
    net.start(n3)
    newcomer.blocks = []
    net.told.tell(net.n1, net.n2)
    newcomer.blocks = blocks
    net.told.tell(n3)
    n3.wait_ready()
    for node in (net.n1, net.n2):
        wait_until(lambda n=node: n.established() == 2, f"{node.name}: session to n3", 30)
    for node in (net.n1, net.n2):
        for block in blocks:
            wait_until(lambda n=node, b=block: lines(n, f"peer {n3.ip4}: {b} is not let in"),
                       f"{node.name} has refused {block}", 20)
    assert not net.n1.ip("route", "show", n3.block4).strip()
    lost = {node: lines(node, "session lost") for node in (net.n1, net.n2)}
    asked = {node: lines(node, "asked to tell its IPv4 routes again") for node in lost}
    net.told.tell()
    for node in (net.n1, net.n2):
        wait_until(lambda n=node: f"via {n3.ip4}" in n.ip("route", "show", n3.block4)
                   and f"via {n3.ip6}" in n.ip("-6", "route", "show", n3.block6),
                   f"{node.name} knows n3's blocks", 10)
        assert lines(node, "session lost") == lost[node]
        assert lines(node, "asked to tell its IPv4 routes again") == asked[node] + 1
    pod = n3.add_pod("c")
    for other in (net.a, net.b):
        wait_until(lambda o=other: o.reaches(pod.ip4) and o.reaches(pod.ip6), "reached", 5)
    pod.remove()


def test_a_node_that_leaves_is_forgotten_and_others_do_not_notice(net, traffic):
    n3 = net.lab.nodes[2]
    lost = {node: lines(node, "session lost") for node in (net.n1, net.n2)}
    member = net.told.members.pop()
    assert member.name == n3.name
    net.told.tell(net.n1, net.n2)
    for node in (net.n1, net.n2):
        wait_until(lambda n=node: not n.ip("route", "show", n3.block4).strip(),
                   f"{node.name} forgets n3", 10)
        assert node.established() == 1
        assert lines(node, "session lost") <= lost[node] + 1
    n3.stop_bgpd(signal.SIGTERM)
    n3.stop_agent()


def test_bgp_is_switched_off_and_on_for_the_whole_cluster(net):
    """BGPConfiguration without a mesh, then with it again."""
    documents = {node: net.told.document(node.name) for node in (net.n1, net.n2)}
    for node, document in documents.items():
        bgp = document.pop("bgp")
        net.told.watchers[node.name].commit(document)
        wait_until(lambda n=node: n.established() == 0, f"{node.name}: no session", 10)
        document["bgp"] = bgp
    for node, other in ((net.n1, net.n2), (net.n2, net.n1)):
        wait_until(lambda n=node, o=other: not n.ip("route", "show", o.block4).strip(),
                   f"{node.name}: no route to {other.name}", 10)
    net.told.tell(net.n1, net.n2)
    for node in documents:
        wait_until(lambda n=node: n.established() == 1, f"{node.name}: session", 20)
    wait_until(lambda: net.a.reaches(net.b.ip4) and net.a.reaches(net.b.ip6), "reached", 10)


def test_another_as_for_the_whole_cluster_under_traffic(net, traffic):
    """The nodes change one after the other, as their documents come; routes stay meanwhile."""
    for node in (net.n1, net.n2):
        document = net.told.document(node.name)
        document["bgp"]["as"] = 64777
        net.told.watchers[node.name].commit(document)
    for node in (net.n1, net.n2):
        wait_until(lambda n=node: n.established() == 1
                   and {row["as"] for row in n.tortie_json("node", "status")} == {64777},
                   f"{node.name}: session in the new AS", 40)
