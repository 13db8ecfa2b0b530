# SPDX-License-Identifier: Apache-2.0
"""bgp.filters against BIRD 2, and other filters while sessions go on.

    t1 (tortie-bgpd) ---- LAN ---- b2 (tells), b3 (gets)

What a filter lets in is seen at b3, which gets everything that t1 uses (export: all); what it does
to attributes too, as BIRD names them.
"""
import re

import pytest

from bgp_lab import BgpLab, FakeAgent
from harness import Failed, wait_until

OWN4, OWN6 = "10.244.1.0/24", "fd00:244:0:1::/64"
POD4, POD6 = "10.244.2.0/24", "fd00:244:0:2::/64"
FAR4, NEAR4, FAR6 = "198.51.100.0/24", "203.0.113.0/24", "2001:db8::/32"


@pytest.fixture
def lab():
    with BgpLab("filter") as made:
        yield made


class Bed:
    """t1 as in a cluster: its configuration is a document that may change."""

    def __init__(self, lab, as2=64999, as3=64998, channel2=()):
        self.node = lab.speaker(1)
        self.node.config = {"kubernetes": {"node": self.node.name}, "log_level": "debug"}
        self.two, self.three = lab.bird(2, as2), lab.bird(3, as3)
        self.two.announce(POD4, POD6, FAR4, NEAR4, FAR6)
        for bird in (self.two, self.three):
            bird.peer("node", self.node.ip4, 64512, "debug { states }",
                      channel=channel2 if bird is self.two else ())
        self.peers = [{"address": self.two.ip4, "as": as2},
                      {"address": self.three.ip4, "as": as3, "export": "all"}]
        self.filters = []
        self.document = {
            "node": {"name": self.node.name, "addresses": [self.node.ip4, self.node.ip6]},
            "pools": [{"name": "v4", "cidr": "10.244.0.0/16", "blocks": [OWN4]},
                      {"name": "v6", "cidr": "fd00:244::/48", "blocks": [OWN6]}],
            "bgp": {"as": 64512, "filters": self.filters, "peers": self.peers},
        }

    def filter(self, peer, **lists):
        """The peer (0: that tells, 1: that gets) has one filter with these lists."""
        name = f"f{peer}"
        self.filters[:] = [f for f in self.filters if f["name"] != name]
        self.filters.append({"name": name, **lists})
        self.peers[peer]["filters"] = [name]

    def start(self):
        self.agent = FakeAgent(self.node, str(self.node.dir / "run"), self.document)
        for bird in (self.two, self.three):
            bird.start()
        self.node.start("--run-dir", str(self.node.dir / "run"))
        self.two.wait_established("node")
        self.three.wait_established("node")

    def tell(self):
        self.agent.tell(self.document)

    def wait_text(self, bird, prefix, *patterns, family=4):
        """BIRD has the route with attributes that its words describe."""
        def text():
            return bird.routes("node", family).get(prefix, "") + "\n"
        try:
            wait_until(lambda: all(re.search(pattern, text()) for pattern in patterns),
                       f"{prefix} at {bird.name} with {patterns}")
        except Failed as error:
            raise Failed(f"{error}: {text()}") from error

    def ups(self):
        return [bird.log().count("node: State changed to up") for bird in (self.two, self.three)]


def test_import_rules_decide_before_the_policy(lab):
    bed = Bed(lab)
    bed.filter(0, import_v4=[
        {"cidr": FAR4, "operator": "equal", "action": "accept"},
        {"cidr": "10.244.0.0/16", "length": [24, 32], "peer_type": "ebgp", "action": "reject"}])
    bed.start()
    bed.three.wait_routes("node", [OWN4, FAR4], 4)
    bed.three.wait_routes("node", [OWN6, POD6], 6)


def test_import_operations_reach_an_internal_peer(lab):
    bed = Bed(lab, as3=64512)
    bed.filter(0, import_v4=[{"cidr": POD4, "as_path_prefix": [64999], "action": "accept",
                              "operations": [{"priority": 100}, {"add_community": "65000:100"},
                                             {"prepend": [65001, 65002]},
                                             {"add_community": "65000:300:400"}]}],
               import_v6=[{"action": "next", "operations": [{"local_pref": 7}, {"med": 9}]}])
    bed.start()
    bed.wait_text(bed.three, POD4, r"local_pref: 2147483547\n", r"as_path: 65001 65002 64999\n",
                  r"community: \(65000,100\)", r"large_community: \(65000, 300, 400\)")
    bed.wait_text(bed.three, POD6, r"local_pref: 7\n", r"med: 9\n", family=6)


def test_export_operations_reach_an_external_peer(lab):
    bed = Bed(lab)
    bed.filter(1, export_v4=[
        {"source": "own", "action": "accept",
         "operations": [{"add_community": "65000:1"}, {"med": 50}, {"prepend": [64512, 64512]}]},
        {"source": "peers", "action": "next", "operations": [{"add_community": "65000:2"}]}])
    bed.start()
    bed.wait_text(bed.three, OWN4, r"as_path: 64512 64512 64512\n", r"med: 50\n",
                  r"community: \(65000,1\)")
    bed.wait_text(bed.three, POD4, r"as_path: 64512 64999\n", r"community: \(65000,2\)")
    assert "med" not in bed.three.routes("node", 4)[POD4]


def test_communities_that_bird_sets_are_matched(lab):
    bed = Bed(lab, channel2=("export filter { "
                             "if net.type = NET_IP4 && net = 198.51.100.0/24 then "
                             "bgp_community.add((65000,42)); "
                             "if net.type = NET_IP4 && net = 203.0.113.0/24 then "
                             "bgp_large_community.add((65000,1,2)); accept; };",))
    bed.filter(0, import_v4=[{"community": "65000:42", "action": "accept"},
                             {"community": "65000:1:2", "action": "accept"}])
    bed.start()
    bed.three.wait_routes("node", [OWN4, POD4, FAR4, NEAR4], 4)


def test_another_import_filter_needs_no_new_session(lab):
    bed = Bed(lab)
    bed.start()
    bed.three.wait_routes("node", [OWN4, POD4], 4)
    bed.filter(0, import_v4=[{"cidr": POD4, "action": "reject"},
                             {"cidr": FAR4, "action": "accept",
                              "operations": [{"add_community": "65000:7"}]}])
    bed.tell()
    bed.three.wait_routes("node", [OWN4, FAR4], 4)
    bed.wait_text(bed.three, FAR4, r"community: \(65000,7\)")
    # what the filter did is undone: the routes are heard again as they were told
    bed.filter(0, import_v4=[{"cidr": FAR4, "action": "accept"}])
    bed.tell()
    bed.three.wait_routes("node", [OWN4, FAR4, POD4], 4)
    wait_until(lambda: "community" not in bed.three.routes("node", 4)[FAR4],
               "the community is gone")
    del bed.peers[0]["filters"]
    bed.tell()
    bed.three.wait_routes("node", [OWN4, POD4], 4)
    assert bed.ups() == [1, 1]


def test_another_export_filter_sends_the_difference(lab):
    bed = Bed(lab)
    bed.start()
    bed.three.wait_routes("node", [OWN4, POD4], 4)
    bed.three.wait_routes("node", [OWN6, POD6], 6)
    bed.filter(1, export_v4=[{"cidr": POD4, "action": "reject"},
                             {"source": "own", "action": "accept", "operations": [{"med": 3}]}])
    bed.tell()
    bed.three.wait_routes("node", [OWN4], 4)
    bed.wait_text(bed.three, OWN4, r"med: 3\n")
    bed.three.wait_routes("node", [OWN6, POD6], 6)
    bed.peers[1]["export"] = "none"
    del bed.peers[1]["filters"]
    bed.tell()
    bed.three.wait_routes("node", [], 4)
    bed.three.wait_routes("node", [], 6)
    bed.peers[1]["export"] = "own"
    bed.tell()
    bed.three.wait_routes("node", [OWN4], 4)
    assert bed.ups() == [1, 1]
    assert set(bed.agent.routes) == {POD4, POD6}


def test_a_pool_that_goes_takes_routes_that_a_filter_changed_along(lab):
    bed = Bed(lab)
    bed.filter(0, import_v4=[{"action": "next", "operations": [{"add_community": "65000:7"}]}])
    bed.start()
    bed.three.wait_routes("node", [OWN4, POD4], 4)
    bed.document["pools"][0]["cidr"] = "10.244.0.0/23"
    bed.tell()
    bed.three.wait_routes("node", [OWN4], 4)
    assert bed.ups() == [1, 1]


def test_filters_of_the_mesh_are_for_all_of_it(lab):
    bed = Bed(lab, as2=64512, as3=64512)
    bed.document["bgp"]["mesh"] = [bed.two.ip4, bed.three.ip4]
    bed.peers[:] = []
    bed.filters.append({"name": "mesh", "import_v6": [{"action": "reject"}],
                        "export_v4": [{"action": "next",
                                       "operations": [{"add_community": "65000:5"}]}]})
    bed.document["bgp"]["mesh_filters"] = ["mesh"]
    bed.start()
    for bird in (bed.two, bed.three):
        bed.wait_text(bird, OWN4, r"community: \(65000,5\)")
    wait_until(lambda: set(bed.agent.routes) == {POD4}, "only what is let in")


def test_a_rule_for_a_link_is_for_next_hops_on_its_subnet(lab):
    bed = Bed(lab)
    bed.filter(0, import_v4=[{"interface": "lan*", "action": "reject"}],
               import_v6=[{"interface": "eth9", "action": "reject"}])
    bed.start()
    bed.three.wait_routes("node", [OWN6, POD6], 6)
    bed.three.wait_routes("node", [OWN4], 4)
