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


def files(node):
    return {name: os.stat(node.run_dir / name).st_ino
            for name in ("cni.sock", "agent.sock", "alive.sock", "bgp.sock", "ready")}


def test_files_that_somebody_removes_are_put_back(lab):
    """With kubernetes or without, nobody would find the agent again until its next start."""
    one, two = lab.nodes[:2]
    before = files(one)
    for name in before:
        os.unlink(one.run_dir / name)
    wait_until(lambda: set(files(one)) == set(before), "all are there again", 10)
    wait_peer(one, two)
    assert one.tortie_json("get", "route")
    one.add_pod("a").remove()
    for name in before:
        assert f"{one.run_dir}/{name}: was removed by somebody" in \
            one.log("tortie-bgpd" if name == "bgp.sock" else "tortied")
    assert {stat.S_IMODE(os.stat(one.run_dir / name).st_mode)
            for name in ("cni.sock", "alive.sock")} == {0o600}


def test_a_conflist_that_somebody_overwrites_is_put_back(lab):
    one = lab.nodes[0]
    conflist = one.cni_dir / "10-tortie.conflist"
    ours = conflist.read_text()
    conflist.write_text('{"cniVersion": "1.0.0", "name": "mine", "plugins": []}')
    wait_until(lambda: conflist.read_text() == ours, "ours is back", 5)
    conflist.unlink()
    wait_until(conflist.exists, "it is there again", 5)
    assert "overwritten by somebody" in one.log() and "was missing; put back" in one.log()
