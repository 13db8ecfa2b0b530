# SPDX-License-Identifier: Apache-2.0
"""Equal-cost multipath: several peers tell one prefix, and the agent hears of all ways to it.

    t1 (tortie-bgpd, the test is its agent) ---- LAN ---- b2, b3 (tell it), b4 (gets the best)
"""
import copy
import json
import re
import signal
import subprocess

import pytest

from bgp_lab import ROUTE_DELETE, ROUTE_SET, BgpLab, FakeAgent
from harness import build_dir, wait_until
from other_speakers import Frr, Gobgp, Openbgpd, Peering

FAR4, FAR6, MARK = "10.244.2.0/24", "fd00:244:0:2::/64", "10.244.99.0/24"
HOP2, HOP3, BOTH = "10.99.0.2", "10.99.0.3", "10.99.0.2,10.99.0.3"


@pytest.fixture
def lab():
    with BgpLab("paths") as made:
        yield made


class Bed:
    """The peers' AS numbers are their own, so the paths are as long but not the same."""

    def __init__(self, lab, **bgp):
        self.node = lab.speaker(1, 64512, ["10.244.1.0/24"], ["fd00:244:0:1::/64"], **bgp, peers=[
            {"address": HOP2, "as": 64902}, {"address": HOP3, "as": 64903},
            {"address": "10.99.0.4", "as": 64904, "export": "all"}])
        self.birds = {n: lab.bird(n, 64900 + n).peer("node", "10.99.0.1", 64512)
                      for n in (2, 3, 4)}
        self.run_dir = str(self.node.dir / "run")
        self.agent = FakeAgent(self.node, self.run_dir)
        for number in (2, 3):
            self.birds[number].announce(FAR4, FAR6)
        for bird in self.birds.values():
            bird.start()
        self.node.start("--run-dir", self.run_dir)
        for bird in self.birds.values():
            bird.wait_established("node")

    def wait_hops(self, hops, prefix=FAR4):
        wait_until(lambda: self.agent.routes.get(prefix) == hops,
                   f"{prefix} via {hops}: {self.agent.routes}")

    def tell(self, number, *prefixes, prepend=0):
        """What this BIRD announces now, by a longer path."""
        bird = self.birds[number]
        bird.statics = list(prefixes)
        bird.write_config()
        bird_as = bird.asn
        text = (bird.dir / "bird.conf").read_text()
        longer = "".join(f"bgp_path.prepend({bird_as}); " for _ in range(prepend))
        text = text.replace("export where source = RTS_STATIC || source = RTS_BGP;",
                            f"export filter {{ {longer} accept; }};")
        (bird.dir / "bird.conf").write_text(text)
        bird.birdc("configure")

    def heard(self):
        """What b4 has been told so far: routes of updates and withdrawals."""
        return re.findall(r"Import (updates|withdraws): +(\d+)",
                          self.birds[4].birdc("show", "protocols", "all", "node"))

    def changes(self):
        return self.agent.counts[ROUTE_SET] + self.agent.counts[ROUTE_DELETE]

    def settle(self):
        """All that was under way is through: a route that comes behind it has come and gone."""
        for bird in (2, 3):
            before = list(self.birds[bird].statics)
            self.tell(bird, *before, MARK)
            wait_until(lambda: MARK in self.agent.routes, "the mark comes")
            self.tell(bird, *before)
            wait_until(lambda: MARK not in self.agent.routes, "the mark goes")

    def used(self):
        done = subprocess.run([build_dir() / "tortie", "--run-dir", self.run_dir, "bgp", "routes",
                               FAR4, "-o", "json"], capture_output=True, text=True, timeout=30,
                              check=True)
        return {item["peer"]: (item["best"], item["multipath"])
                for item in json.loads(done.stdout)["items"]}


def test_a_way_that_comes_and_goes_is_one_change_and_peers_hear_of_the_best_alone(lab):
    bed = Bed(lab)
    bed.wait_hops(BOTH)
    bed.wait_hops("fd99::2,fd99::3", FAR6)
    bed.settle()
    best = bed.birds[4].wait_routes("node", ["10.244.1.0/24", FAR4])[FAR4]
    assert "BGP.as_path: 64512 64902" in best  # the lower router id
    assert bed.used() == {HOP2: (True, False), HOP3: (False, True)}
    before, heard = bed.changes(), bed.heard()

    bed.tell(3, FAR6)
    bed.wait_hops(HOP2)
    bed.tell(3, FAR4, FAR6)
    bed.wait_hops(BOTH)
    bed.tell(3, FAR4, FAR6, prepend=1)  # a longer path is no equal way
    bed.wait_hops(HOP2)
    bed.wait_hops("fd99::2", FAR6)
    assert bed.used() == {HOP2: (True, False), HOP3: (False, False)}
    bed.tell(3, FAR4, FAR6)
    bed.wait_hops(BOTH)
    bed.wait_hops("fd99::2,fd99::3", FAR6)
    assert bed.changes() - before == 6  # one a route and change
    assert len(heard) == 4 and bed.heard() == heard

    bed.tell(2, FAR6)  # the best one goes
    bed.wait_hops(HOP3)
    wait_until(lambda: "64512 64903" in bed.birds[4].routes("node")[FAR4], "b4 hears of it")
    assert bed.changes() - before == 7


def test_a_session_that_ends_takes_its_way_along_and_a_restart_keeps_it(lab):
    bed = Bed(lab)
    bed.wait_hops(BOTH)
    bed.settle()
    before = bed.changes()
    bed.birds[3].kill(signal.SIGKILL)  # graceful restart: it forwards on
    bed.node.wait_log("peer 10.99.0.3: its 2 routes are kept for")
    assert bed.agent.routes[FAR4] == BOTH and bed.changes() == before
    bed.birds[3].start("-R")
    bed.node.wait_log("peer 10.99.0.3: graceful restart is over: End-of-RIB received")
    assert bed.agent.routes[FAR4] == BOTH and bed.changes() == before
    bed.birds[3].birdc("disable", "node")
    bed.wait_hops(HOP2)
    bed.wait_hops("fd99::2", FAR6)
    assert bed.changes() - before == 2


def test_an_agent_that_restarts_is_told_all_ways(lab):
    bed = Bed(lab)
    bed.wait_hops(BOTH)
    bed.agent.stop()
    bed.agent.routes.clear()
    bed.agent.start()
    bed.wait_hops(BOTH)
    bed.wait_hops("fd99::2,fd99::3", FAR6)


def test_max_paths_1_is_the_best_route_alone(lab):
    bed = Bed(lab, max_paths=1)
    bed.wait_hops(HOP2)
    bed.settle()
    assert bed.agent.routes[FAR4] == HOP2
    assert bed.used() == {HOP2: (True, False), HOP3: (False, False)}
    before = bed.changes()
    bed.tell(3, FAR6)
    bed.settle()
    assert bed.changes() - before == 4  # the marks' alone


def test_max_paths_changes_with_the_clusters_document(lab):
    node = lab.speaker(1)
    node.config = {"kubernetes": {"node": node.name}, "log_level": "debug"}
    document = {"node": {"name": node.name, "addresses": [node.ip4, node.ip6]},
                "pools": [{"name": "v4", "cidr": "10.244.0.0/16", "blocks": ["10.244.1.0/24"]}],
                "bgp": {"as": 64512, "peers": [{"address": HOP2, "as": 64902},
                                               {"address": HOP3, "as": 64903}]}}
    run_dir = str(node.dir / "run")
    agent = FakeAgent(node, run_dir, copy.deepcopy(document))
    birds = [lab.bird(n, 64900 + n).announce(FAR4).peer("node", node.ip4, 64512).start()
             for n in (2, 3)]
    node.start("--run-dir", run_dir)
    for hops, max_paths in ((BOTH, None), (HOP2, 1), (BOTH, 2)):
        if max_paths:
            document["bgp"]["max_paths"] = max_paths
            agent.tell(copy.deepcopy(document))
        wait_until(lambda: agent.routes.get(FAR4) == hops, f"{hops} with max_paths {max_paths}")
    assert all(bird.is_established("node") for bird in birds)


@pytest.mark.parametrize("make", [Frr, Gobgp, Openbgpd], ids=lambda make: make.__name__)
def test_two_others_tell_one_prefix(lab, make):
    if not make.is_installed():
        pytest.skip(f"{make.program} is not installed")
    node = lab.speaker(1, 64512, ["10.244.1.0/24"], hold_time=9, peers=[
        {"address": HOP2, "as": 64902}, {"address": HOP3, "as": 64903}])
    agent = FakeAgent(node, str(node.dir / "run"))
    others = [make(lab, n, Peering(asn=64900 + n, prefixes=[FAR4])).start() for n in (2, 3)]
    node.start("--run-dir", str(node.dir / "run"))
    wait_until(lambda: agent.routes.get(FAR4) == BOTH, "both ways", 20)
    others[0].kill(signal.SIGTERM)
    node.wait_log("peer 10.99.0.2: ", 10)
    assert others[1].is_established()


def test_all_ways_are_handed_over(lab):
    bed = Bed(lab)
    bed.wait_hops(BOTH)
    wait_until(lambda: bed.agent.in_sync, "in sync")
    deleted = bed.agent.counts[ROUTE_DELETE]
    for _ in range(2):
        after = len(bed.node.log())
        bed.agent.in_sync = False
        assert bed.node.kill(signal.SIGTERM) == 0
        bed.node.start("--run-dir", bed.run_dir)
        bed.node.wait_log("3 of 3 go on from", after=after)
        wait_until(lambda: bed.agent.in_sync, "in sync")
        assert bed.agent.routes[FAR4] == BOTH and bed.agent.counts[ROUTE_DELETE] == deleted
    bed.tell(2, FAR6)
    bed.wait_hops(HOP3)
