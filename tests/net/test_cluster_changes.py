# SPDX-License-Identifier: Apache-2.0
"""The cluster changes, and the agent and the speaker die, while pods talk: nothing is lost.

    a, b -- n1 -- lan -- n2 -- c        n3 is only told of
                   |
                  tor -- outside
"""
import random
import time

import pytest

import cluster
import flows
from harness import LAN4, Failed, Lab, wait_until
from speaker import Refused
from test_routes_masquerade import outside, source_seen
from watcher import Watcher


class Net:
    def __init__(self, lab):
        self.lab = lab
        self.n1, self.n2 = lab.add_node(1), lab.add_node(2)
        lab.add_tor()
        lab.return_routes()
        self.told = cluster.Cluster(lab, lab.nodes, nat=True)
        for node in lab.nodes:
            cluster.join(node)
            node.start_agent(wait=False)
            node.start_bgpd()
            cluster.wait_socket(node)
            self.told.watch(node)
        self.told.tell()
        for node in lab.nodes:
            node.wait_ready()
        lab.wait_routes()
        self.a, self.b = self.n1.add_pod("a"), self.n1.add_pod("b")
        self.c = self.n2.add_pod("c")
        self.port = 7600

    def start_flows(self):
        self.port += 3
        running = [flows.udp_pods(self.lab, self.a, self.b, 4, self.port),
                   flows.udp_pods(self.lab, self.a, self.c, 6, self.port + 1),
                   flows.udp_pods(self.lab, self.b, self.c, 4, self.port + 2)]
        for flow in running:
            flow.wait_more(200)
        return running

    def restart_agent(self, node):
        """A new process, then the watcher is back."""
        node.start_agent()
        self.told.watch(node)
        self.told.tell(node)


@pytest.fixture(scope="module")
def net():
    with Lab("clus") as lab:
        yield Net(lab)


@pytest.fixture
def traffic(net):
    running = net.start_flows()
    yield running
    for flow in running:
        flow.wait_more(200)
    for flow in running:
        flows.assert_nothing_lost(flow.stop(), flow.name)


def host_entries(node):
    """The addresses of map endpoint that are the node's own, as the tool of the kernel tells."""
    return node.map_dump("endpoint")


def test_nodes_join_and_leave(net, traffic):
    for _ in range(5):
        net.told.members.append(cluster.far_member(3))
        net.told.tell()
        rows = {row["name"]: row for row in net.n1.tortie_json("get", "node")}
        assert rows["n3"]["address"] == f"{LAN4}.102"
        net.told.members.pop()
        net.told.tell()
        assert "n3" not in str(net.n1.tortie_json("get", "node"))
    assert {row["name"] for row in net.n1.tortie_json("get", "node")} == {"n1", "n2"}


def test_a_node_changes_its_address(net, traffic):
    """n2 gets a second address; the others' documents name it, then it is the first one."""
    member = net.told.member("n2")
    before = list(member.addresses)
    net.n2.ip("addr", "add", f"{LAN4}.201/24", "dev", "up0")
    member.addresses = [*before, f"{LAN4}.201"]
    net.told.tell()
    assert f"node address {LAN4}.201: InternalIP of Node n2" in cluster.status(net.n2)
    # n1's pods reach it without being masqueraded.
    wait_until(lambda: f"{LAN4}.201" in net.n1.run("nft", "list", "table", "inet", "tortie"),
               "the set of addresses that are not masqueraded to")
    member.addresses = before
    net.told.tell()
    net.n2.ip("addr", "del", f"{LAN4}.201/24", "dev", "up0")
    assert f"{LAN4}.201" not in net.n1.run("nft", "list", "table", "inet", "tortie")


def test_the_own_node_gets_another_address(net, traffic):
    """The neighbours' sessions go to the new address; routes go on meanwhile."""
    member = net.told.member("n1")
    before = list(member.addresses)
    net.n1.ip("addr", "add", f"{LAN4}.202/24", "dev", "up0")
    member.addresses = [f"{LAN4}.202", before[1]]
    net.told.tell()
    assert f"node address {LAN4}.202: InternalIP of Node n1" in cluster.status(net.n1)
    wait_until(lambda: net.n2.established() == 1 and net.n1.established() == 1,
               f"the session to the new address\n{net.n1.log('tortie-bgpd')[-2000:]}\n"
               f"{net.n2.log('tortie-bgpd')[-2000:]}", 30)
    member.addresses = before
    net.told.tell()
    wait_until(lambda: net.n2.established() == 1 and net.n1.established() == 1,
               "the session to the old address", 30)
    net.n1.ip("addr", "del", f"{LAN4}.202/24", "dev", "up0")


def test_pools_and_reserved_addresses_change(net, traffic):
    net.told.reserved = ["10.244.1.0/28"]
    net.told.members.append(cluster.far_member(3))
    net.told.tell()
    d = net.n1.add_pod("d")
    assert int(d.ip4.split(".")[3]) >= 16
    net.told.reserved = []
    net.told.members.pop()
    net.told.tell()
    d.remove()


def test_a_second_block_comes_and_the_first_goes(net):
    """Pods keep the addresses that they have; new ones get theirs from the new block."""
    running = flows.udp_pods(net.lab, net.a, net.b, 4, 7598)
    member = net.told.member("n1")
    before = list(member.blocks)
    member.blocks = ["10.244.77.0/24", before[1]]
    net.told.tell()
    running.wait_more(200)
    assert "outside this node's blocks" in cluster.status(net.n1)
    d = net.n1.add_pod("d")
    assert d.ip4.startswith("10.244.77.")
    assert net.a.reaches(d.ip4)
    wait_until(lambda: net.c.reaches(d.ip4), "the new block from the other node", 15)
    assert "unreachable" in net.n1.ip("route", "show", "10.244.77.0/24")
    assert not net.n1.ip("route", "show", "type", "unreachable", before[0]).strip()
    member.blocks = before
    net.told.tell()
    flows.assert_nothing_lost(running.stop(), running.name)
    assert "outside this node's blocks" in cluster.status(net.n1)  # d
    d.remove()
    # The block is back with what its pods hold: nobody gets an address twice.
    held = {net.a.ip4, net.b.ip4}
    e = net.n1.add_pod("e")
    assert e.ip4 not in held and e.ip4.startswith("10.244.1.")
    e.remove()
    assert "outside this node's blocks" not in cluster.status(net.n1)
    net.lab.wait_routes()


def test_pods_are_masqueraded_to_the_outside_and_never_to_a_node_or_pod(net):
    assert source_seen(net.a, net.lab.outside, 4, outside(4)) == net.n1.ip4
    assert source_seen(net.a, net.n2, 4, net.n2.ip4) == net.a.ip4
    assert source_seen(net.a, net.n2, 6, net.n2.ip6) == net.a.ip6
    assert source_seen(net.a, net.c, 4, net.c.ip4) == net.a.ip4
    # A node that joins is known as one at once.
    net.told.members.append(cluster.Member("n9", ["198.51.100.2"], []))
    net.told.tell()
    assert source_seen(net.a, net.lab.outside, 4, outside(4)) == net.a.ip4
    net.told.members.pop()
    net.told.tell()
    assert source_seen(net.a, net.lab.outside, 4, outside(4)) == net.n1.ip4


def test_a_refused_document_changes_nothing(net, traffic):
    bad = net.told.document("n1")
    bad["pools"].append({"name": "x", "cidr": "10.244.0.0/16"})
    with pytest.raises(Refused, match="overlaps pool"):
        net.told.watchers["n1"].commit(bad)
    assert "the last document is refused" in cluster.status(net.n1)
    net.told.tell()


def test_the_watcher_dies_and_comes_back(net, traffic):
    net.told.watchers["n1"].close()
    wait_until(lambda: "what was last known is in force" in cluster.status(net.n1), "status")
    net.told.watch(net.n1)
    net.told.tell(net.n1)
    assert "cluster: in sync" in cluster.status(net.n1)


def test_the_agent_is_killed_and_starts_with_what_was_kept(net, traffic):
    net.n1.kill_agent()
    net.restart_agent(net.n1)
    net.lab.wait_routes()


def test_the_agent_is_killed_in_the_middle_of_a_commit(net, traffic):
    """Whichever document it was left with is whole, and the next commit is taken."""
    for _ in range(12):
        net.told.members.append(cluster.far_member(3))
        watcher = net.told.watchers["n1"]
        watcher.begin()
        watcher.send_commit(net.told.document("n1"))
        time.sleep(random.uniform(0, 0.02))  # the moment is the test's subject
        net.n1.kill_agent()
        net.told.members.pop()
        net.restart_agent(net.n1)
        assert "not used" not in net.n1.log()
        assert "cluster: in sync" in cluster.status(net.n1)


def test_what_was_kept_is_lost_and_the_pods_talk_on_until_the_cluster_speaks(net, traffic):
    """Nothing is touched while nothing is known; a DEL meanwhile is carried out then."""
    d = net.n1.add_pod("d")
    link = d.host_ifname
    config = net.n1.network_config()
    net.n1.stop_agent()
    net.n1.state.unlink()
    net.n1.start_agent(wait=False)
    wait_until(lambda: "waits, tortie-kubed" in cluster.status(net.n1), "the agent waits")
    for flow in traffic:
        flow.wait_more(500)
    net.n1.cni("DEL", d, config=config)
    assert link in str(net.n1.cali_links())
    net.told.watch(net.n1)
    net.told.tell(net.n1)
    net.n1.wait_ready()
    wait_until(lambda: link not in str(net.n1.cali_links()), "the DEL is carried out")
    assert net.a.ip4 in str(net.n1.tortie_json("get", "workloadendpoint"))
    net.n1.pods.remove(d)
    d.delete()
    wait_until(lambda: "tortie-bgpd: connected and in sync" in cluster.status(net.n1),
               "the speaker has told everything again", 30)


def test_a_family_comes_with_a_pool(net, traffic):
    """IPv4 only, then both: forwarding of the new family is switched on."""
    n3 = net.lab.add_node(3)
    cluster.join(n3)
    n3.sysctl("net.ipv6.conf.all.forwarding", 0)
    member = cluster.member_of(n3)
    member.blocks = [n3.block4]
    net.told.members.append(member)
    n3.start_agent(wait=False)
    cluster.wait_socket(n3)
    net.told.watch(n3)
    document = net.told.document("n3")
    document["pools"] = [p for p in document["pools"] if ":" not in p["cidr"]]
    net.told.watchers["n3"].commit(document)
    n3.wait_ready()
    x = n3.add_pod("x")
    assert len(x.addresses()) == 1 and n3.sysctl("net.ipv6.conf.all.forwarding") == "0"
    member.blocks = [n3.block4, n3.block6]
    net.told.tell()
    assert n3.sysctl("net.ipv6.conf.all.forwarding") == "1"
    y = n3.add_pod("y")
    assert y.ip6.startswith("fd00:244:0:3:")
    x.remove()
    y.remove()
    n3.stop_agent()
    net.told.watchers.pop("n3").close()
    net.told.members.pop()
    net.lab.nodes.remove(n3)
    net.told.tell()


def test_a_node_on_no_subnet_of_ours_is_named_everywhere(net):
    net.told.members.append(cluster.Member("far", ["203.0.113.7"], ["10.244.9.0/24"]))
    net.told.tell()
    wait_until(lambda: "node far: needs encapsulation, not in this version"
               in cluster.status(net.n1), "status names it", 40)
    text = net.n1.tortie("explain", net.a.ip4, "10.244.9.7", check=False)
    assert "needs encapsulation, not in this version" in text
    # A router that announces the block makes it reachable: BIRD is not needed to say so.
    net.told.members.pop()
    net.told.tell()
    assert "needs encapsulation" not in cluster.status(net.n1)


def test_pods_of_another_network_are_listed(net):
    net.n1.ip("link", "add", "cali0000000000f", "type", "veth", "peer", "name", "old0")
    try:
        net.n1.ip("link", "set", "cali0000000000f", "up")
        net.n1.ip("route", "add", "10.99.0.7/32", "dev", "cali0000000000f")
        text = cluster.status(net.n1)
        assert "pods of another network: 1 addresses" in text
        assert "10.99.0.7 on cali0000000000f" in text
    finally:
        net.n1.ip("link", "del", "cali0000000000f")
    assert "pods of another network" not in cluster.status(net.n1)
