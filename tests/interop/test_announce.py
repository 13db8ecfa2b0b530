# SPDX-License-Identifier: Apache-2.0
"""bgp.announce and bgp.service_ranges against BIRD 2.

    t1 (tortie-bgpd, of a cluster) ---- LAN ---- b2, b3

b2 and b3 are external routers, nodes of the mesh or clients of t1 as a reflector, as a test says.
What t1 would have forwarded is seen at the agent, which is told of it.
"""
import re

import pytest

from bgp_lab import BgpLab, FakeAgent
from harness import wait_until

OWN4, OWN6 = "10.244.1.0/24", "fd00:244:0:1::/64"
POD4 = "10.244.2.0/24"
RANGE4, RANGE6 = "10.96.0.0/16", "fd96::/112"
LOCAL4, OTHER4, LOCAL6 = "10.96.0.7/32", "192.0.2.9/32", "fd96::7/128"


@pytest.fixture
def lab():
    with BgpLab("announce") as made:
        yield made


class Bed:
    """t1 as in a cluster: its configuration is a document that may change."""

    def __init__(self, lab, as2=64999, as3=64998):
        self.node = lab.speaker(1)
        self.node.config = {"kubernetes": {"node": self.node.name}, "log_level": "debug"}
        self.birds = [lab.bird(2, as2), lab.bird(3, as3)]
        for bird in self.birds:
            bird.peer("node", self.node.ip4, 64512, "debug { states }")
        self.bgp = {"as": 64512,
                    "peers": [{"address": bird.ip4, "as": bird.asn} for bird in self.birds]}
        self.document = {
            "node": {"name": self.node.name, "addresses": [self.node.ip4, self.node.ip6]},
            "pools": [{"name": "v4", "cidr": "10.244.0.0/16", "blocks": [OWN4]},
                      {"name": "v6", "cidr": "fd00:244::/48", "blocks": [OWN6]}],
            "bgp": self.bgp,
        }

    def start(self):
        self.agent = FakeAgent(self.node, str(self.node.dir / "run"), self.document)
        for bird in self.birds:
            bird.start()
        self.node.start("--run-dir", str(self.node.dir / "run"))
        for bird in self.birds:
            bird.wait_established("node")

    def tell(self, **bgp):
        self.bgp.update(bgp)
        self.agent.tell(self.document)

    def wait_routes(self, routes4, routes6=(OWN6,), birds=None):
        for bird in birds or self.birds:
            bird.wait_routes("node", routes4, 4)
            bird.wait_routes("node", routes6, 6)

    def ups(self):
        return [bird.log().count("node: State changed to up") for bird in self.birds]


def test_what_is_announced_comes_and_goes_without_a_new_session(lab):
    bed = Bed(lab)
    bed.bgp["announce"] = [RANGE4, RANGE6, LOCAL4]
    bed.start()
    bed.wait_routes([OWN4, RANGE4, LOCAL4], [OWN6, RANGE6])
    for family, prefix, hop in ((4, LOCAL4, bed.node.ip4), (6, RANGE6, bed.node.ip6)):
        route = bed.birds[0].routes("node", family)[prefix]
        assert re.search(rf"next_hop: {hop}\b", route), route
        assert re.search(r"as_path: 64512\n", route), route
    bed.tell(announce=[RANGE4, OTHER4, LOCAL6])
    bed.wait_routes([OWN4, RANGE4, OTHER4], [OWN6, LOCAL6])
    bed.tell(announce=[])
    bed.wait_routes([OWN4])
    assert bed.ups() == [1, 1]
    assert not bed.agent.routes  # the node's own routes are not for its data plane


def test_the_file_has_it_too(lab):
    node = lab.speaker(1, blocks4=[OWN4], announce=[OTHER4, RANGE6],
                       peers=[{"address": "10.99.0.2", "as": 64999}])
    bird = lab.bird(2, 64999).peer("node", node.ip4, 64512)
    bird.start()
    node.start()
    bird.wait_routes("node", [OWN4, OTHER4], 4)
    bird.wait_routes("node", [RANGE6], 6)


def test_filters_hold_for_what_is_announced(lab):
    bed = Bed(lab)
    bed.bgp["announce"] = [RANGE4, LOCAL4]
    bed.bgp["filters"] = [
        {"name": "communities", "export_v4": [{"cidr": RANGE4, "action": "next",
                                               "operations": [{"add_community": "65000:96"}]}]},
        {"name": "hosts", "export_v4": [{"source": "own", "cidr": RANGE4, "length": [32, 32],
                                         "action": "reject"}]}]
    bed.bgp["peers"][0]["filters"] = ["communities"]
    bed.bgp["peers"][1]["filters"] = ["hosts"]
    bed.start()
    bed.wait_routes([OWN4, RANGE4, LOCAL4], birds=bed.birds[:1])
    bed.wait_routes([OWN4, RANGE4], birds=bed.birds[1:])
    routes = bed.birds[0].routes("node", 4)
    for prefix in (RANGE4, LOCAL4):
        assert re.search(r"community: \(65000,96\)", routes[prefix]), routes[prefix]
    assert "community" not in routes[OWN4]


def test_nodes_of_the_mesh_neither_use_it_nor_are_asked_again(lab):
    """What others announce of Services is not let in; a pool that grows asks nobody for it."""
    bed = Bed(lab, 64512, 64512)
    bed.birds[0].announce(RANGE4, LOCAL4, POD4)
    del bed.bgp["peers"]
    bed.bgp.update(mesh=[bird.ip4 for bird in bed.birds], announce=[RANGE4],
                   service_ranges=[RANGE4])
    bed.start()
    wait_until(lambda: set(bed.agent.routes) == {POD4}, "pods' routes alone at the agent")
    bed.document["pools"][0]["cidr"] = "10.240.0.0/12"
    bed.tell(announce=[RANGE4, OTHER4])
    bed.wait_routes([OWN4, RANGE4, OTHER4])
    assert "asked to tell its" not in bed.node.log()
    assert set(bed.agent.routes) == {POD4}


def test_no_filter_brings_a_route_to_a_service_into_the_data_plane(lab):
    bed = Bed(lab)
    bed.birds[0].announce(LOCAL4, OTHER4)
    bed.bgp["filters"] = [{"name": "all", "import_v4": [{"action": "accept"}]}]
    bed.bgp["peers"][0]["filters"] = ["all"]
    bed.bgp["peers"][1]["export"] = "all"
    bed.bgp["service_ranges"] = [RANGE4]
    bed.start()
    bed.wait_routes([OWN4, LOCAL4, OTHER4], birds=bed.birds[1:])
    wait_until(lambda: set(bed.agent.routes) == {OTHER4}, "the other route alone")
    bed.tell(service_ranges=[RANGE4, "192.0.2.0/24"])
    wait_until(lambda: not bed.agent.routes, "no route at the agent")
    bed.tell(service_ranges=["192.0.2.0/24"])
    wait_until(lambda: set(bed.agent.routes) == {LOCAL4}, "what is no Service any more")
    bed.wait_routes([OWN4, LOCAL4, OTHER4], birds=bed.birds[1:])
    assert bed.ups() == [1, 1]


def test_a_reflector_passes_on_what_its_clients_announce(lab):
    bed = Bed(lab, 64512, 64512)
    bed.birds[0].announce(RANGE4, LOCAL4, POD4, OTHER4)
    for peer in bed.bgp["peers"]:
        peer["reflector_client"] = True
    bed.bgp["service_ranges"] = [RANGE4]
    bed.start()
    bed.wait_routes([OWN4, POD4, RANGE4, LOCAL4], birds=bed.birds[1:])
    assert set(bed.agent.routes) == {POD4}
    # its own announcement of the range is as good as another's
    bed.tell(announce=[RANGE4])
    wait_until(lambda: f"next_hop: {bed.node.ip4}" in bed.birds[1].routes("node", 4)[RANGE4],
               "the reflector's own route")
    # without the range it is a route like any other outside the pools
    bed.tell(announce=[], service_ranges=[])
    bed.wait_routes([OWN4, POD4], birds=bed.birds[1:])
    bed.tell(service_ranges=[RANGE4, RANGE6])
    bed.wait_routes([OWN4, POD4, RANGE4, LOCAL4], birds=bed.birds[1:])
    assert bed.ups() == [1, 1]
