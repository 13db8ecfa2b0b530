# SPDX-License-Identifier: Apache-2.0
"""`tortie bgp` on a node: the socket comes from the agent, and both programs may be started again.

    n1 -- lan -- n2
"""
import os
import stat

import pytest

from harness import Lab, wait_until


@pytest.fixture(scope="module")
def lab():
    with Lab("bgpask") as made:
        nodes = [made.add_node(i) for i in (1, 2)]
        for node in nodes:
            node.config["bgp"] = {"as": 64512, "mesh": [other.ip4 for other in nodes]}
            node.start_agent()
            node.start_bgpd()
        yield made


def wait_peer(node, other):
    def state():
        peers = node.tortie_json("bgp", "peers")
        return [(peer["peer_address"], peer["session"]) for peer in peers] == \
            [(other.ip4, "Established")]
    wait_until(state, "the session is up, and shown", 30)


def test_a_nodes_speaker_answers_on_the_agents_socket(lab):
    one, two = lab.nodes[:2]
    wait_peer(one, two)
    mode = os.stat(f"{one.run_dir}/bgp.sock").st_mode
    assert stat.S_ISSOCK(mode) and stat.S_IMODE(mode) in (0o600, 0o660)
    told = one.tortie_json("bgp", "routes", "--in")
    assert {route["peer"] for route in told} == {two.ip4} and all(route["best"] for route in told)
    own = [route["prefix"] for route in one.tortie_json("bgp", "routes") if route["own"]]
    assert sorted(own) == sorted(route["prefix"]
                                 for route in two.tortie_json("bgp", "routes", "--in"))


def test_either_program_may_be_started_again(lab):
    one, two = lab.nodes[:2]
    one.stop_agent()
    wait_peer(one, two)
    one.start_agent()
    wait_peer(one, two)
    one.stop_bgpd()
    one.start_bgpd()
    wait_peer(one, two)


def test_a_peer_that_is_down_is_shown_by_both(lab):
    one, two = lab.nodes[:2]
    one.tortie("bgp", "peer", two.ip4, "down", "for the test")
    wait_until(lambda: "taken down: for the test" in one.tortie("node", "status"),
               "the agent knows")
    wait_until(lambda: two.tortie_json("bgp", "peers")[0]["last_received"]
               == "Cease/Administrative Shutdown: for the test", "the peer heard why")
    one.tortie("bgp", "peer", two.ip4, "up")
    wait_peer(one, two)
