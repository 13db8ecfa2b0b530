# SPDX-License-Identifier: Apache-2.0
"""Settings of one peer against BIRD 2: local AS, own AS in a path, next hop, bound of routes.

    t1 (tortie-bgpd) ---- LAN ---- b2, b3 (BIRD 2)
"""
import json
import re
import socket
import subprocess

import pytest

from bgp_lab import BgpLab, FakeAgent, Member
from bgp_wire import OPEN, Wire, message, open_body
from harness import build_dir, inside, wait_until

OWN4, OWN6 = "10.244.1.0/24", "fd00:244:0:1::/64"
POD4, POD6 = "10.244.2.0/24", "fd00:244:0:2::/64"


@pytest.fixture
def lab():
    with BgpLab("policy") as made:
        yield made


def start(lab, two, three, *birds, **bgp):
    node = lab.speaker(1, 64512, [OWN4], [OWN6], peers=[
        {"address": "10.99.0.2", **two}, {"address": "10.99.0.3", **three}], **bgp)
    for bird in birds:
        bird.start()
    node.start()
    for bird in birds:
        bird.wait_established("node")
    return node


def test_a_peer_knows_us_by_another_as(lab):
    two = lab.bird(2, 64999).announce(POD4, POD6).peer("node", "10.99.0.1", 65001)
    three = lab.bird(3, 64998).peer("node", "10.99.0.1", 64512)
    start(lab, {"as": 64999, "local_as": 65001}, {"as": 64998, "export": "all"}, two, three)
    assert "BGP.as_path: 65001\n" in two.wait_routes("node", [OWN4], 4)[OWN4]
    # others never see that number
    assert "BGP.as_path: 64512 64999\n" in three.wait_routes("node", [OWN4, POD4], 4)[POD4]


def test_a_peer_of_our_other_as_is_internal(lab):
    two = lab.bird(2, 65001).announce(POD4).peer("node", "10.99.0.1", 65001)
    three = lab.bird(3, 64998).peer("node", "10.99.0.1", 64512)
    start(lab, {"as": 65001, "local_as": 65001}, {"as": 64998, "export": "all"}, two, three)
    text = two.wait_routes("node", [OWN4], 4)[OWN4]
    assert "BGP.as_path: \n" in text and "BGP.local_pref: 100" in text
    assert "BGP.as_path: 64512\n" in three.wait_routes("node", [OWN4, POD4], 4)[POD4]


def test_our_as_in_a_path_is_taken_where_it_is_allowed(lab):
    loop = ("export filter { bgp_path.prepend(64512); accept; };",)
    two = lab.bird(2, 64999).announce(POD4).peer("node", "10.99.0.1", 64512, channel=loop)
    three = lab.bird(3, 64998).announce("10.244.3.0/24").peer("node", "10.99.0.1", 64512,
                                                              channel=loop)
    node = lab.speaker(1, 64512, [OWN4], [OWN6], peers=[
        {"address": "10.99.0.2", "as": 64999, "allow_own_as": 1},
        {"address": "10.99.0.3", "as": 64998}])
    agent = FakeAgent(node, str(node.dir / "run"))
    for bird in (two, three):
        bird.start()
    node.start("--run-dir", node.dir / "run")
    wait_until(lambda: set(agent.routes) == {POD4} and agent.in_sync, "the one that is allowed")


def test_next_hops_are_ours_or_kept(lab):
    two = lab.bird(2, 64999).announce(POD4, POD6).peer("node", "10.99.0.1", 64512)
    three = lab.bird(3, 64998).peer("node", "10.99.0.1", 64512)
    four = lab.bird(4, 64512).peer("node", "10.99.0.1", 64512)
    node = lab.speaker(1, 64512, [OWN4], [OWN6], peers=[
        {"address": "10.99.0.2", "as": 64999},
        {"address": "10.99.0.3", "as": 64998, "export": "all", "next_hop": "keep"},
        {"address": "10.99.0.4", "as": 64512, "export": "all", "next_hop": "self"}])
    for bird in (two, three, four):
        bird.start()
    node.start()
    at_three = three.wait_routes("node", [OWN4, POD4], 4)
    assert "BGP.next_hop: 10.99.0.2\n" in at_three[POD4]
    assert "BGP.next_hop: 10.99.0.1\n" in at_three[OWN4]
    assert "BGP.next_hop: fd99::2" in three.wait_routes("node", [OWN6, POD6], 6)[POD6]
    at_four = four.wait_routes("node", [OWN4, POD4], 4)
    assert "BGP.next_hop: 10.99.0.1\n" in at_four[POD4]
    assert "BGP.next_hop: fd99::1" in four.wait_routes("node", [OWN6, POD6], 6)[POD6]


def test_more_routes_than_a_peer_may_tell_are_refused(lab):
    many = [f"10.244.{i}.0/24" for i in range(2, 12)]
    two = lab.bird(2, 64999).announce(*many, POD6).peer("node", "10.99.0.1", 64512)
    three = lab.bird(3, 64998).peer("node", "10.99.0.1", 64512)
    node = start(lab, {"as": 64999, "max_routes": 4}, {"as": 64998, "export": "all"}, two, three)
    wait_until(lambda: len(three.routes("node", 4)) == 5, "ours and four")
    three.wait_routes("node", [OWN6, POD6], 6)  # families count by themselves
    node.wait_log("peer 10.99.0.2: more than 4 IPv4 routes; the rest is not taken")
    assert two.is_established("node")


def test_more_routes_than_a_peer_may_tell_close_the_session(lab):
    many = [f"10.244.{i}.0/24" for i in range(2, 12)]
    two = lab.bird(2, 64999).announce(*many).peer("node", "10.99.0.1", 64512)
    three = lab.bird(3, 64998).peer("node", "10.99.0.1", 64512)
    node = lab.speaker(1, 64512, [OWN4], [OWN6], peers=[
        {"address": "10.99.0.2", "as": 64999, "max_routes": 4, "max_routes_action": "close"},
        {"address": "10.99.0.3", "as": 64998, "export": "all"}])
    run_dir = node.dir / "run"
    run_dir.mkdir()
    for bird in (two, three):
        bird.start()
    node.start("--standalone", "--run-dir", run_dir)
    node.wait_log("peer 10.99.0.2: more than 4 IPv4 routes; its session is closed")
    peers = subprocess.run([build_dir() / "tortie", "--run-dir", run_dir, "bgp", "peers", "-o",
                            "json"], check=True, timeout=10, capture_output=True).stdout
    peer = [one for one in json.loads(peers)["items"] if one["peer_address"] == "10.99.0.2"][0]
    assert peer["down"] and peer["last_sent"] == "Cease/Maximum Number of Prefixes Reached"
    three.wait_established("node")
    three.wait_routes("node", [OWN4], 4)
    two.statics = many[:3]
    two.write_config()
    two.birdc("configure")
    subprocess.run([build_dir() / "tortie", "--run-dir", run_dir, "bgp", "peer", "10.99.0.2", "up"],
                   check=True, timeout=10)
    three.wait_routes("node", [OWN4, *many[:3]], 4, deadline=30)


def test_who_fails_to_be_a_peer_of_a_range_does_not_fill_the_log(lab):
    node = lab.speaker(1, 64512, peers=[{"range": "10.99.0.0/24", "as": 64998}]).start()
    two = Member(lab, "s2", 2)
    with inside(two.netns):
        wait_until(lambda: socket.create_connection(("10.99.0.1", 179), 5).close() is None,
                   "tortie-bgpd listens")
        for _ in range(10):
            wire = Wire(socket.create_connection(("10.99.0.1", 179), 5))
            wire.send(message(OPEN, open_body()))  # of AS 64999
            while wire.receive()[0] is not None:
                pass
            wire.socket.close()
    # of both kinds and all eleven connections one line in 10 s
    assert 1 <= len(re.findall("it says AS|no session:", node.log())) <= 2, node.log()


def test_a_reflector_stamps_its_cluster_and_knows_it_again(lab):
    two = lab.bird(2, 64512).announce(POD4, POD6).peer("node", "10.99.0.1", 64512)
    three = lab.bird(3, 64512).peer("node", "10.99.0.1", 64512)
    start(lab, {"as": 64512, "reflector_client": True}, {"as": 64512, "reflector_client": True},
          two, three, cluster_id="244.0.0.1")
    text = three.wait_routes("node", [OWN4, POD4], 4)[POD4]
    assert "BGP.cluster_list: 244.0.0.1" in text and "BGP.originator_id: 10.99.0.2" in text
    # a second reflector of the cluster refuses what the first has reflected
    other = lab.speaker(4, 64512, ["10.244.4.0/24"], [], cluster_id="244.0.0.1",
                        peers=[{"address": "10.99.0.5", "as": 64512, "reflector_client": True}])
    five = lab.bird(5, 64512).announce("10.244.5.0/24", "10.244.6.0/24")
    five.peer("node", "10.99.0.4", 64512,
              channel=("export filter { if net = 10.244.6.0/24 then "
                       "bgp_cluster_list.add(244.0.0.1); accept; };",))
    agent = FakeAgent(other, str(other.dir / "run"))
    five.start()
    other.start("--run-dir", other.dir / "run")
    wait_until(lambda: agent.in_sync and set(agent.routes) == {"10.244.5.0/24"}, "all but the loop")
