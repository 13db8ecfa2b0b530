# SPDX-License-Identifier: Apache-2.0
"""tortie-bgpd in a cluster: its configuration comes from the agent and changes while it runs.

    t1 (tortie-bgpd, and the test as its agent) ---- LAN ---- b2, b3 ... (BIRD 2)

Whether a session was disturbed is seen at BIRD: how often it came up.
"""
import copy
import re
import signal

import pytest

from bgp_lab import (BGP_LISTEN, ROUTE_DELETE, ROUTE_SET, ROUTES_BEGIN, BgpLab, FakeAgent,
                     holds_for)
from harness import wait_until

OWN4, OWN6 = "10.244.1.0/24", "fd00:244:0:1::/64"
FAR4, FAR6 = "10.244.2.0/24", "fd00:244:0:2::/64"
LATE4 = "10.245.2.0/24"


@pytest.fixture
def lab():
    with BgpLab("kube") as made:
        yield made


class Bed:
    """t1 with `kubernetes:`, and BIRDs in its mesh."""

    def __init__(self, lab, *numbers, start=True, **bgp):
        self.lab = lab
        self.node = lab.speaker(1)
        self.node.config = {"kubernetes": {"node": self.node.name}, "log_level": "debug"}
        self.document = {
            "node": {"name": self.node.name, "addresses": [self.node.ip4, self.node.ip6]},
            "pools": [{"name": "v4", "cidr": "10.244.0.0/16", "blocks": [OWN4]},
                      {"name": "v6", "cidr": "fd00:244::/48", "blocks": [OWN6]}],
            "bgp": {"as": 64512, "mesh": [], "peers": [], **bgp},
        }
        self.birds = {n: self.add_bird(n) for n in numbers}
        self.run_dir = str(self.node.dir / "run")
        self.agent = FakeAgent(self.node, self.run_dir, copy.deepcopy(self.document))
        for bird in self.birds.values():
            bird.start()
        if start:
            self.start()

    def add_bird(self, number, *lines, channel=()):
        bird = self.lab.bird(number, 64512).announce(f"10.244.{number}.0/24",
                                                     f"fd00:244:0:{number}::/64")
        bird.peer("node", self.node.ip4, 64512, "debug { states, events, packets }", *lines,
                  channel=channel)
        self.document["bgp"]["mesh"].append(bird.ip4)
        return bird

    def start(self):
        self.node.start("--run-dir", self.run_dir)

    def tell(self):
        """The document as it is now, in force when this returns."""
        self.agent.tell(copy.deepcopy(self.document))

    def wait_routes(self, *prefixes, deadline=10.0):
        wait_until(lambda: set(self.agent.routes) == set(prefixes), f"agent has {prefixes}",
                   deadline)

    def wait_up(self, *numbers):
        for number in numbers:
            self.birds[number].wait_established("node")

    def far(self, *numbers):
        return [block for n in numbers for block in (f"10.244.{n}.0/24", f"fd00:244:0:{n}::/64")]

    def sessions(self, *numbers):
        """Is each BIRD's session up, and how often did it come up?"""
        return {n: (self.birds[n].is_established("node"),
                    self.birds[n].log().count("node: State changed to up")) for n in numbers}


def statics(bird, *prefixes):
    """BIRD announces these now."""
    bird.statics = list(prefixes)
    bird.write_config()
    bird.birdc("configure")


def test_nothing_is_spoken_before_the_document_comes(lab):
    bed = Bed(lab, 2, start=False)
    bed.agent.document = None
    bed.start()
    bed.node.wait_log("waiting for the cluster's document from the agent")
    assert bed.agent.counts[BGP_LISTEN] == 0 and not bed.birds[2].is_established("node")
    bed.tell()
    bed.wait_routes(*bed.far(2))
    bed.birds[2].wait_routes("node", [OWN4], 4)
    bed.birds[2].wait_routes("node", [OWN6], 6)
    wait_until(lambda: bed.agent.in_sync, "in sync")


def test_a_node_that_joins_disturbs_no_session_and_one_that_leaves_is_told(lab):
    bed = Bed(lab, 2, 3)
    bed.wait_routes(*bed.far(2, 3))
    since = bed.sessions(2, 3)
    bed.birds[4] = bed.add_bird(4).start()
    bed.tell()
    bed.wait_routes(*bed.far(2, 3, 4))
    bed.birds[4].wait_routes("node", [OWN4], 4)
    assert "10.99.0.4" in bed.agent.peers
    assert bed.sessions(2, 3) == since
    bed.document["bgp"]["mesh"].remove("10.99.0.3")
    bed.tell()
    bed.wait_routes(*bed.far(2, 4))
    wait_until(lambda: "10.99.0.3" not in bed.agent.peers, "peer is gone at the agent")
    # RFC 4486: 6/3
    wait_until(lambda: "Received: Peer de-configured" in bed.birds[3].log(),
               "BIRD hears that it was taken out")
    assert bed.sessions(2) == {2: since[2]}


def test_a_block_that_comes_before_its_pool_is_let_in_when_the_pool_comes(lab):
    bed = Bed(lab, 2, 3)
    bed.wait_routes(*bed.far(2, 3))
    since = bed.sessions(2, 3)
    statics(bed.birds[2], FAR4, FAR6, LATE4)
    bed.birds[2].wait_routes("node", [OWN4])  # it has read what came before
    bed.document["pools"].append({"name": "late", "cidr": "10.245.0.0/16"})
    bed.tell()
    bed.wait_routes(*bed.far(2, 3), LATE4)
    assert bed.sessions(2, 3) == since
    assert bed.birds[2].log().count("node: Got ROUTE-REFRESH") == 1
    assert "ROUTE-REFRESH" not in bed.birds[3].log()  # nothing of it was refused
    bed.document["pools"].pop()
    bed.tell()
    bed.wait_routes(*bed.far(2, 3))
    bed.document["pools"].append({"name": "late", "cidr": "10.245.2.0/24"})
    bed.tell()
    bed.wait_routes(*bed.far(2, 3), LATE4)
    assert bed.sessions(2, 3) == since


def test_a_peer_without_route_refresh_gets_a_new_session_and_loses_nothing(lab):
    bed = Bed(lab, start=False)
    bed.birds[2] = bed.add_bird(2, "enable route refresh off").announce(LATE4).start()
    bed.agent.document = copy.deepcopy(bed.document)
    bed.start()
    bed.wait_routes(*bed.far(2))
    deleted = bed.agent.counts[ROUTE_DELETE]
    bed.document["pools"].append({"name": "late", "cidr": "10.245.0.0/16"})
    bed.tell()
    bed.wait_routes(*bed.far(2), LATE4)
    assert bed.agent.counts[ROUTE_DELETE] == deleted


def test_a_hundred_and_twenty_nodes_that_join_one_by_one_disturb_nobody(lab):
    """A document for each, and each time the pool grows. Nobody is asked to repeat anything, and of
    those who are there nothing is told."""
    bed = Bed(lab, 2, 3)
    bed.document["pools"][0]["cidr"] = "10.244.0.0/22"
    bed.agent.document = copy.deepcopy(bed.document)
    bed.wait_routes(*bed.far(2, 3))
    wait_until(lambda: bed.agent.in_sync, "in sync")
    wait_until(lambda: all(bed.agent.peers[f"10.99.0.{n}"][1] == (1, 1) for n in (2, 3)), "counts")
    since, counts, peers = bed.sessions(2, 3), bed.agent.counts.copy(), bed.agent.told.copy()
    updates = [bed.birds[n].log().count("Got UPDATE") for n in (2, 3)]
    for number in range(120):
        bed.document["bgp"]["mesh"].append(f"10.99.0.{100 + number}")
        bed.document["pools"].append({"name": "v4", "cidr": f"10.245.{number}.0/24"})
        bed.tell()
        wait_until(lambda n=number: f"10.99.0.{100 + n}" in bed.agent.peers, f"join {number}")
    assert bed.sessions(2, 3) == since
    assert set(bed.agent.routes) == set(bed.far(2, 3))
    for number, before in zip((2, 3), updates):
        log = bed.birds[number].log()
        assert "ROUTE-REFRESH" not in log and log.count("Got UPDATE") == before
    told = bed.agent.counts - counts
    assert told[ROUTE_SET] == told[ROUTE_DELETE] == told[ROUTES_BEGIN] == 0
    for number in (2, 3):
        assert bed.agent.told[f"10.99.0.{number}"] == peers[f"10.99.0.{number}"]


def test_the_level_of_the_log_follows_the_document(lab):
    bed = Bed(lab, 2)
    bed.wait_routes(*bed.far(2))
    since = bed.sessions(2)
    assert "debug: peer 10.99.0.2" in bed.node.log()
    bed.document["bgp"]["log_level"] = "info"
    bed.birds[3] = bed.add_bird(3).start()
    bed.tell()
    bed.wait_routes(*bed.far(2, 3))
    assert "info: peer 10.99.0.3" in bed.node.log()
    assert "debug: peer 10.99.0.3" not in bed.node.log()
    del bed.document["bgp"]["log_level"]  # that of the file again
    bed.birds[4] = bed.add_bird(4).start()
    bed.tell()
    bed.wait_routes(*bed.far(2, 3, 4))
    assert "debug: peer 10.99.0.4" in bed.node.log()
    assert bed.sessions(2) == since


def test_own_blocks_come_and_go(lab):
    bed = Bed(lab, 2)
    bed.wait_routes(*bed.far(2))
    since = bed.sessions(2)
    bed.document["pools"][0]["blocks"].append("10.244.11.0/24")
    bed.tell()
    bed.birds[2].wait_routes("node", [OWN4, "10.244.11.0/24"], 4)
    bed.document["pools"][0]["blocks"].remove(OWN4)
    bed.tell()
    bed.birds[2].wait_routes("node", ["10.244.11.0/24"], 4)
    assert bed.sessions(2) == since


def test_a_block_that_becomes_ours_is_not_taken_from_others_any_more(lab):
    """And back again: the neighbour's route was refused meanwhile, so it is asked."""
    bed = Bed(lab, 2)
    bed.wait_routes(*bed.far(2))
    bed.document["pools"][0]["blocks"].append(FAR4)
    bed.tell()
    bed.wait_routes(FAR6)
    bed.document["pools"][0]["blocks"].remove(FAR4)
    bed.tell()
    bed.wait_routes(FAR4, FAR6)


def test_changed_settings_of_a_peer_take_a_new_session_and_keep_its_routes(lab):
    bed = Bed(lab, 2, 3)
    bed.wait_routes(*bed.far(2, 3))
    since, deleted = bed.sessions(3), bed.agent.counts[ROUTE_DELETE]
    bed.document["bgp"]["mesh"].remove("10.99.0.2")
    bed.document["bgp"]["peers"].append({"address": "10.99.0.2", "as": 64512, "hold_time": 9})
    bed.tell()
    wait_until(lambda: "Hold timer:" in (text := bed.birds[2].birdc("show", "protocols", "all",
                                                                    "node"))
               and re.search(r"Hold timer:\s+[0-9.]+/9\n", text), "hold time of 9 s", 15)
    bed.birds[2].wait_routes("node", [OWN4], 4)
    bed.wait_routes(*bed.far(2, 3))
    assert bed.agent.counts[ROUTE_DELETE] == deleted
    assert "Received:" not in bed.birds[2].log()  # no NOTIFICATION: BIRD kept our routes
    assert bed.sessions(3) == since


def test_an_import_policy_changes_under_the_session(lab):
    bed = Bed(lab)
    bed.birds[2] = lab.bird(2, 64999).announce(FAR4, "192.0.2.0/24").peer("node", "10.99.0.1",
                                                                          64512)
    bed.birds[2].start()
    peer = {"address": "10.99.0.2", "as": 64999}
    bed.document["bgp"]["peers"].append(peer)
    bed.tell()
    bed.wait_routes(FAR4)
    since = bed.sessions(2)
    for policy, routes in (("all", [FAR4, "192.0.2.0/24"]), ("none", []), ("pools", [FAR4])):
        peer["import"] = policy
        bed.tell()
        bed.wait_routes(*routes)
    assert bed.sessions(2) == since


def test_a_raised_bound_is_not_held_against_who_was_beyond_the_old_one(lab):
    many = [f"10.244.{i}.0/24" for i in range(20, 30)]
    bed = Bed(lab, start=False)
    three = lab.bird(3, 64999).announce(*many)
    three.peer("node", bed.node.ip4, 64512, "debug { states, events, packets }").start()
    peer = {"address": three.ip4, "as": 64999, "max_routes": 4}
    bed.document["bgp"]["peers"].append(peer)
    bed.agent.document = copy.deepcopy(bed.document)
    bed.start()
    bed.node.wait_log("more than 4 IPv4 routes; the rest is not taken")
    wait_until(lambda: len(bed.agent.routes) == 4, "four are taken")
    peer.update(max_routes=20, max_routes_action="close")
    bed.tell()
    bed.wait_routes(*many)
    assert three.log().count("node: State changed to up") == 1
    assert three.is_established("node")


def test_another_as_makes_all_sessions_new(lab):
    bed = Bed(lab, 2)
    bed.wait_routes(*bed.far(2))
    bed.document["bgp"]["as"] = 64600
    bed.document["bgp"]["mesh"] = []
    bed.document["bgp"]["peers"] = [{"address": "10.99.0.2", "as": 64512}]
    bed.birds[2].protocols.clear()
    bed.birds[2].peer("node", "10.99.0.1", 64600)
    bed.birds[2].write_config()
    begun, deleted = bed.agent.counts[ROUTES_BEGIN], bed.agent.counts[ROUTE_DELETE]
    bed.tell()
    bed.node.wait_log("all sessions start anew")
    bed.birds[2].birdc("configure")
    route = bed.birds[2].wait_routes("node", [OWN4], 4, 20)[OWN4]
    assert "BGP.as_path: 64600" in route
    wait_until(lambda: bed.agent.in_sync, "in sync", 20)
    bed.wait_routes(*bed.far(2))
    assert bed.agent.counts[ROUTES_BEGIN] == begun + 1
    assert bed.agent.counts[ROUTE_DELETE] == deleted  # the agent kept them meanwhile


def test_another_router_id_makes_all_sessions_new(lab):
    bed = Bed(lab, 2)
    bed.wait_routes(*bed.far(2))
    bed.document["bgp"]["router_id"] = "10.0.0.77"
    bed.tell()
    wait_until(lambda: "10.0.0.77" in bed.birds[2].birdc("show", "protocols", "all", "node"),
               "BIRD sees the router id", 15)
    bed.wait_routes(*bed.far(2))


def test_the_listening_sockets_follow_the_list(lab):
    bed = Bed(lab, 2, listen=["10.99.0.1", "fd99::1"])
    bed.wait_routes(*bed.far(2))

    def listening():
        text = bed.node.run("ss", "-Hltn")
        return {line.split()[3] for line in text.splitlines()}
    wait_until(lambda: listening() == {"10.99.0.1:179", "[fd99::1]:179"}, "both listen")
    asked, since = bed.agent.counts[BGP_LISTEN], bed.sessions(2)
    bed.document["bgp"]["listen"] = ["10.99.0.1", "10.99.0.1:1790"]
    bed.tell()
    wait_until(lambda: listening() == {"10.99.0.1:179", "10.99.0.1:1790"}, "the new list")
    assert bed.agent.counts[BGP_LISTEN] == asked + 1 and bed.sessions(2) == since


def test_a_bad_document_changes_nothing_and_is_named(lab):
    bed = Bed(lab, 2)
    bed.wait_routes(*bed.far(2))
    since = bed.sessions(2)
    bed.agent.tell("node: [")
    bed.node.wait_log(r"cluster's document:\d+:\d+: ")
    bed.node.wait_log("refused; the one of before stays in force")
    bad = copy.deepcopy(bed.document)
    bad["bgp"]["mesh"] = ["10.99.0.2", "10.99.0.2"]
    bed.agent.tell(bad)
    bed.node.wait_log("10.99.0.2 stands there twice")
    bed.document["pools"][0]["blocks"].append("10.244.11.0/24")
    bed.tell()
    bed.birds[2].wait_routes("node", [OWN4, "10.244.11.0/24"], 4)
    assert bed.sessions(2) == since


@pytest.mark.parametrize("seals", [0, 0b1110 & ~0b1000], ids=["none", "not against writing"])
def test_a_document_that_can_still_change_is_refused(lab, seals):
    """The agent is not trusted then; the sessions go on, and its next hello is heard."""
    bed = Bed(lab, 2)
    bed.wait_routes(*bed.far(2))
    since = bed.sessions(2)
    bed.agent.tell(bed.document, seals)
    bed.node.wait_log("the document that it sent can still be changed; sessions go on")
    bed.document["pools"][0]["blocks"].append("10.244.11.0/24")
    bed.agent.document = bed.document
    bed.birds[2].wait_routes("node", [OWN4, "10.244.11.0/24"], 4)
    assert bed.sessions(2) == since


def test_without_bgp_all_peers_are_told_and_it_waits(lab):
    bed = Bed(lab, 2, 3)
    bed.wait_routes(*bed.far(2, 3))
    bgp = bed.document.pop("bgp")
    bed.tell()
    bed.wait_routes()
    wait_until(lambda: not bed.agent.peers, "no peers at the agent")
    for number in (2, 3):
        wait_until(lambda n=number: "Received: Peer de-configured" in bed.birds[n].log(), "told")
    bed.document["bgp"] = bgp
    bed.tell()
    bed.wait_routes(*bed.far(2, 3))


def test_a_start_without_bgp_lets_the_agent_forget(lab):
    """What a former life had told is stale at the agent, and goes."""
    bed = Bed(lab, start=False)
    bed.document.pop("bgp")
    bed.agent.document = bed.document
    bed.agent.routes["10.244.9.0/24"] = "10.99.0.9"
    bed.start()
    bed.wait_routes()


def test_the_document_of_a_restarted_agent_disturbs_nothing(lab):
    bed = Bed(lab, 2)
    bed.wait_routes(*bed.far(2))
    since = bed.sessions(2)
    for _ in range(3):
        begun = bed.agent.counts[ROUTES_BEGIN]
        bed.agent.stop()
        bed.agent.start()
        wait_until(lambda n=begun: bed.agent.counts[ROUTES_BEGIN] == n + 1, "told again")
        wait_until(lambda: bed.agent.in_sync, "in sync")
    assert bed.sessions(2) == since and set(bed.agent.routes) == set(bed.far(2))


def test_a_killed_speaker_waits_for_the_document_and_peers_keep_its_routes(lab):
    bed = Bed(lab, 2)
    bed.wait_routes(*bed.far(2))
    bed.birds[2].wait_routes("node", [OWN4], 4)
    bed.agent.document = None
    bed.node.kill(signal.SIGKILL)
    bed.start()
    bed.node.wait_log("waiting for the cluster's document")
    assert holds_for(lambda: set(bed.birds[2].routes("node")) == {OWN4}
                     and set(bed.agent.routes) == set(bed.far(2)), "routes are kept", 2) is None
    bed.tell()
    wait_until(lambda: bed.agent.in_sync, "in sync", 15)
    bed.wait_routes(*bed.far(2))
    bed.birds[2].wait_routes("node", [OWN4], 4)


def test_a_password_changes_at_run_time(lab):
    """The file's content counts, not its name; other sessions stay."""
    bed = Bed(lab, 2, 3)
    bed.wait_routes(*bed.far(2, 3))
    since = bed.sessions(3)
    secret = bed.node.dir / "secret"
    bed.document["bgp"]["mesh"].remove("10.99.0.2")
    peer = {"address": "10.99.0.2", "as": 64512, "password_file": str(secret)}
    bed.document["bgp"]["peers"].append(peer)
    for password in ("first", "second"):
        secret.write_text(password + "\n")
        bed.birds[2].protocols.clear()
        bed.birds[2].peer("node", "10.99.0.1", 64512, f'password "{password}"')
        bed.birds[2].write_config()
        bed.birds[2].birdc("configure")
        bed.tell()
        wait_until(lambda: bed.birds[2].is_established("node"), f"with {password}", 20)
        bed.birds[2].wait_routes("node", [OWN4], 4)
    wait_until(lambda: bed.agent.peers["10.99.0.2"][0] == "Established", "peer is up")
    assert bed.sessions(3) == since
    secret.unlink()
    bed.document["pools"][0]["blocks"].append("10.244.11.0/24")
    bed.tell()
    bed.node.wait_log(rf"password_file {secret}: No such file")
    bed.birds[2].wait_routes("node", [OWN4, "10.244.11.0/24"], 4)  # goes on with the old one
    peer["password_file"] = str(secret) + "2"
    bed.document["bgp"]["peers"].append({"address": "10.99.0.9", "as": 64512,
                                         "password_file": str(secret)})
    bed.tell()
    bed.node.wait_log("is left out until its password can be read")
    assert "10.99.0.9" not in bed.agent.peers


def test_a_peer_without_its_password_does_not_come_by_a_range(lab):
    bed = Bed(lab)
    bird = lab.bird(2, 64512).announce(FAR4).peer("node", "10.99.0.1", 64512)
    bed.document["bgp"]["peers"] += [
        {"address": "10.99.0.2", "as": 64512, "password_file": str(bed.node.dir / "none")},
        {"range": "10.99.0.0/29", "as": 64512}]
    bed.tell()
    bed.node.wait_log("is left out until its password can be read")
    bird.start()
    bed.node.wait_log("connection from 10.99.0.2 refused")


def test_a_range_comes_and_goes_with_its_peers(lab):
    bed = Bed(lab, 3)
    bed.birds[2] = lab.bird(2, 64512).announce(FAR4).peer("node", "10.99.0.1", 64512)
    bed.birds[2].start()
    bed.wait_routes(*bed.far(3))
    since = bed.sessions(3)
    peers = bed.document["bgp"]["peers"]
    peers.append({"range": "10.99.0.0/29", "as": 64512})
    bed.tell()
    bed.wait_routes(FAR4, *bed.far(3))
    peers[:] = [{"address": "10.99.0.2", "as": 64512}]  # the same peer, by its address now
    bed.tell()
    bed.birds[2].wait_established("node")
    bed.wait_routes(FAR4, *bed.far(3))
    peers.clear()
    bed.tell()
    bed.wait_routes(*bed.far(3))
    wait_until(lambda: set(bed.agent.peers) == {"10.99.0.3"}, "one peer")
    assert bed.sessions(3) == since


def test_a_refresh_of_bird_is_answered_between_its_marks(lab):
    """BIRD says what it got: RFC 7313 with both sides speaking it."""
    bed = Bed(lab, 2)
    bed.wait_routes(*bed.far(2))
    text = bed.birds[2].birdc("show", "protocols", "all", "node")
    assert text.count("Enhanced refresh") == 2
    before = len(bed.birds[2].log())
    bed.birds[2].birdc("reload", "in", "node")
    order = "Sending ROUTE-REFRESH.*Got BEGIN-OF-RR.*Got UPDATE.*Got END-OF-RR"
    wait_until(lambda: len(re.findall(order, bed.birds[2].log()[before:], re.S)) == 1,
               "BIRD got BoRR, the routes, EoRR")
    assert set(bed.birds[2].routes("node")) == {OWN4}


def test_what_bird_does_not_repeat_in_its_refresh_is_gone(lab):
    """BIRD answers our request between BoRR and EoRR; the test asks by letting in more."""
    bed = Bed(lab, 2)
    statics(bed.birds[2], FAR4, FAR6, LATE4)
    bed.wait_routes(*bed.far(2))
    before, since = len(bed.birds[2].log()), bed.sessions(2)
    bed.document["pools"].append({"name": "late", "cidr": "10.245.0.0/16"})
    bed.tell()
    bed.wait_routes(*bed.far(2), LATE4)
    order = "Got ROUTE-REFRESH.*Sending BEGIN-OF-RR.*Sending UPDATE.*Sending END-OF-RR"
    wait_until(lambda: re.search(order, bed.birds[2].log()[before:], re.S), "BIRD's answer")
    assert bed.sessions(2) == since


def test_it_ends_well_after_documents_of_every_kind(lab):
    """With a sanitizer's build this is where memory that was lost on the way is told."""
    bed = Bed(lab, 2, 3)
    bed.wait_routes(*bed.far(2, 3))
    first, secret = copy.deepcopy(bed.document), bed.node.dir / "secret"
    secret.write_text("first\n")
    bed.document["bgp"]["peers"] = [
        {"range": "10.99.0.128/25", "as": 64999, "password_file": str(secret)},
        {"address": "10.99.0.9", "as": 64512, "password_file": str(secret)},
        {"address": "10.99.0.8", "as": 64512, "reflector_client": True, "import": "all"}]
    second = copy.deepcopy(bed.document)
    third = copy.deepcopy(second)
    third["bgp"]["as"] = 64600
    third["bgp"]["peers"].pop()
    fourth = {key: value for key, value in first.items() if key != "bgp"}
    for document in (second, "pools: 7", third, first, second, fourth, first, second, first):
        bed.agent.tell(document)
    bed.wait_routes(*bed.far(2, 3), deadline=20)
    assert bed.node.kill(signal.SIGTERM) == 0, bed.node.log()[-2000:]


def test_a_file_with_kubernetes_is_refused_without_an_agent(lab):
    bed = Bed(lab, start=False)
    bed.node.start("--standalone")
    assert bed.node.process.wait(10) == 1
    assert "kubernetes: needs the agent; start without --standalone" in bed.node.log()


def test_a_password_of_the_cluster_is_used_and_may_change(lab):
    bed = Bed(lab)
    bird = bed.add_bird(2, 'password "first"')
    bed.birds[2] = bird
    other = bed.add_bird(3, 'password "first"')
    bed.birds[3] = other
    bed.document["bgp"]["mesh_password"] = "first"
    for one in (bird, other):
        one.start()
    bed.tell()
    bed.wait_up(2, 3)
    # another one, at one end after the other
    bed.document["bgp"]["mesh_password"] = "second #2: {x}"
    bed.tell()
    wait_until(lambda: not bird.is_established("node"), "the old password is of no use", 30)
    for one in (bird, other):
        one.protocols[0] = one.protocols[0].replace("first", "second #2: {x}")
        one.write_config()
        one.birdc("configure")
    bed.wait_up(2, 3)
    assert "second" not in bed.node.log() and "first" not in bed.node.log()


# --- the sessions are handed over to the next program ---

def start_again(bed):
    after = len(bed.node.log())
    bed.agent.in_sync = False
    assert bed.node.kill(signal.SIGTERM) == 0
    bed.start()
    bed.node.wait_log("go on from", after=after)
    wait_until(lambda: bed.agent.in_sync, "in sync")
    return bed.node.log()[after:]


def test_a_start_goes_on_with_the_sessions_and_the_document(lab):
    bed = Bed(lab, start=False)
    bed.document["bgp"]["mesh_password"] = "of the mesh"
    bed.birds = {n: bed.add_bird(n, 'password "of the mesh"').start() for n in (2, 3)}
    bed.agent.document = copy.deepcopy(bed.document)
    bed.start()
    bed.wait_up(2, 3)
    bed.wait_routes(*bed.far(2, 3))
    since = bed.sessions(2, 3)
    for _ in range(3):
        assert "2 of 2 go on from" in start_again(bed)
    assert bed.sessions(2, 3) == since
    bed.wait_routes(*bed.far(2, 3))


def test_a_document_that_changed_meanwhile_is_a_change_like_any_other(lab):
    bed = Bed(lab, 2, 3)
    bed.wait_routes(*bed.far(2, 3))
    since = bed.sessions(2, 3)
    bed.birds[4] = bed.add_bird(4).start()
    bed.document["bgp"]["mesh"].remove("10.99.0.3")
    bed.document["pools"][0]["blocks"].append("10.244.77.0/24")
    bed.agent.document = copy.deepcopy(bed.document)
    said = start_again(bed)
    assert "2 of 2 go on from" in said and "refused" not in said
    bed.birds[2].wait_routes("node", [OWN4, "10.244.77.0/24"], 4)
    wait_until(lambda: "Received: Peer de-configured" in bed.birds[3].log(),
               "BIRD hears that it was taken out")
    bed.wait_up(4)
    bed.wait_routes(*bed.far(2, 4))
    assert bed.sessions(2) == {2: since[2]}


def test_without_a_document_the_one_of_before_is_in_force(lab):
    """And it is what the third program gets, though the second has had none from the agent."""
    bed = Bed(lab, 2)
    bed.wait_routes(*bed.far(2))
    since = bed.sessions(2)
    bed.agent.document = None
    for _ in range(2):
        assert "1 of 1 go on from" in start_again(bed)
    assert bed.sessions(2) == since
    bed.document["pools"][0]["blocks"].append("10.244.77.0/24")
    bed.tell()
    bed.birds[2].wait_routes("node", [OWN4, "10.244.77.0/24"], 4)
    assert bed.sessions(2) == since


def test_another_password_meanwhile_is_a_new_session_and_no_route_is_lost(lab):
    bed = Bed(lab, 2, start=False)
    secret = lab.dir / "secret"
    secret.write_text("first\n")
    bed.document["bgp"]["mesh"].clear()
    bed.document["bgp"]["peers"] = [{"address": "10.99.0.2", "as": 64512,
                                     "password_file": str(secret)}]
    bird = bed.birds[2]

    def with_password(password):
        bird.protocols.clear()
        bird.peer("node", bed.node.ip4, 64512, f'password "{password}"')
        bird.write_config()
        bird.birdc("configure")
    with_password("first")
    bed.agent.document = copy.deepcopy(bed.document)
    bed.start()
    bed.wait_up(2)
    bed.wait_routes(*bed.far(2))
    assert "1 of 1 go on from" in start_again(bed)
    before = bed.agent.counts[ROUTE_DELETE]
    secret.write_text("second\n")
    said = start_again(bed)
    assert "1 of 1 go on from" in said
    bed.node.wait_log("its settings changed")
    with_password("second")
    bed.wait_up(2)
    wait_until(lambda: "graceful restart is over: End-of-RIB received" in bed.node.log(),
               "it is back")
    assert set(bed.agent.routes) == set(bed.far(2)) and bed.agent.counts[ROUTE_DELETE] == before


def test_another_as_meanwhile_is_another_speaker(lab):
    bed = Bed(lab, 2)
    bed.wait_routes(*bed.far(2))
    bed.document["bgp"]["as"] = 64777
    bed.agent.document = copy.deepcopy(bed.document)
    assert bed.node.kill(signal.SIGTERM) == 0
    bed.start()
    bed.node.wait_log("1 of 1 go on from")
    bed.node.wait_log("another AS, router id or address: all sessions start anew")
    bed.birds[2].protocols.clear()
    bed.birds[2].peer("node", bed.node.ip4, 64777)
    bed.birds[2].write_config()
    bed.birds[2].birdc("configure")
    assert set(bed.agent.routes) == set(bed.far(2))


def test_bgp_that_is_gone_meanwhile_is_told(lab):
    bed = Bed(lab, 2)
    bed.wait_routes(*bed.far(2))
    del bed.document["bgp"]
    bed.agent.document = copy.deepcopy(bed.document)
    start_again(bed)
    bed.node.wait_log("no bgp: in the cluster's document any more")
    wait_until(lambda: "Received: Peer de-configured" in bed.birds[2].log(),
               "BIRD hears that it was taken out")
    bed.wait_routes()
