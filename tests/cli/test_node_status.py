# SPDX-License-Identifier: Apache-2.0
"""`tortie node status` and the commands about routes, with BGP sessions.

    n1, n2 -- lan        full mesh of two; n2's file has a further peer, a filter, a reservation
"""
import json
import re
import signal
import subprocess

import pytest
import yaml

from harness import Failed, Lab, wait_until


ABSENT = "192.168.100.77"


class TwoPeers(Lab):
    def peer_config(self, node):
        bgp = super().peer_config(node)
        if node.name == "n2":
            bgp["peers"] = [{"address": ABSENT, "as": 65001, "filters": ["all"]}]
            bgp["filters"] = [{"name": "all", "import_v4": [{"action": "accept"}]}]
        return bgp


class Net:
    def __init__(self, lab):
        self.lab = lab
        self.n1, self.n2 = lab.add_node(1), lab.add_node(2)
        self.n2.config["reserved"] = ["10.244.2.9"]
        lab.start_all()
        lab.wait_routes()

    def peer(self):
        rows = self.n1.tortie_json("node", "status")
        assert len(rows) == 1
        return rows[0]


@pytest.fixture(scope="module")
def net():
    with TwoPeers("peers") as lab:
        yield Net(lab)


def test_the_table_is_the_one_that_people_know(net):
    wait_until(lambda: net.peer()["routes_in_ipv4"] == 1, "the counts are told")
    out = net.n1.tortie("node", "status")
    assert "tortied is running on n1." in out and "No IPv6 peers found." in out
    head = next(line for line in out.splitlines() if "PEER ADDRESS" in line)
    assert [c.strip() for c in head.strip("|").split("|")] == \
        ["PEER ADDRESS", "PEER TYPE", "AS", "STATE", "SINCE", "INFO", "ROUTES IN", "ROUTES OUT"]
    row = next(line for line in out.splitlines() if net.n2.ip4 in line)
    cells = [c.strip() for c in row.strip("|").split("|")]
    assert cells[:4] == [net.n2.ip4, "node-to-node mesh", "64512", "up"]
    assert re.fullmatch(r"(\d+m)?\d+s", cells[4]) and cells[5] == "Established"
    assert cells[6:] == ["1 v4, 1 v6", "1 v4, 1 v6"]
    lines = [line for line in out.splitlines() if line.startswith(("|", "+"))]
    assert len({len(line) for line in lines}) == 1, "a box has straight sides"


def test_a_peer_is_told_in_full(net):
    peer = net.peer()
    assert (peer["peer_address"], peer["session"], peer["as"]) == \
        (net.n2.ip4, "Established", 64512)
    assert peer["router_id"] == net.n2.ip4 and peer["port"] == 179
    assert peer["hold_time_s"] == 90 and peer["last_error"] == ""
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", peer["since"])


def test_learnt_routes_and_their_node_are_listed(net):
    routes = {r["destination"]: r for r in net.n1.tortie_json("get", "route")}
    assert routes[net.n2.block4]["source"] == "bgp" and routes[net.n2.block4]["via"] == net.n2.ip4
    assert routes[net.n2.block6]["via"] == net.n2.ip6
    nodes = {n["address"]: n for n in net.n1.tortie_json("get", "nodes")}
    assert nodes[net.n2.ip4]["bgp"] == "Established"
    for addr in (net.n2.ip4, net.n2.ip6):  # no name is known of it
        assert net.n1.tortie_json("get", "node", addr) == [nodes[addr]]


def test_without_a_cluster_nothing_is_denied_that_the_file_has(net):
    header, _, row = net.n2.tortie("get", "bgppeer").splitlines()
    assert "no Kubernetes" in header and row.split() == [ABSENT, ABSENT, "(global)", "65001"]
    peer = net.n2.tortie_json("get", "bgppeer")[0]
    assert peer["kind"] == "BGPPeer" and peer["spec"] == {"peerIP": ABSENT, "asNumber": 65001}
    for kind in ("bgpfilter", "ipreservation"):
        assert "no Kubernetes: what its file says of them is not listed" in \
            net.n2.tortie("get", kind)


def running_spec(node):
    shown = node.tortie("get", "bgpconfig", "default", "-o", "yaml")
    assert shown.startswith(f"# from node {node.name}; no Kubernetes")
    return yaml.safe_load(shown)["spec"]


def test_the_bgp_configuration_has_only_what_was_told(net):
    """Nobody tells the tool the port that tortie-bgpd listens on, nor the level of its log."""
    assert running_spec(net.n2) == {"asNumber": 64512, "nodeToNodeMeshEnabled": True}
    assert "-" in net.n2.tortie("get", "bgpconfig", "-o", "wide").splitlines()[-1].split()


def test_routes_of_an_unknown_peer_are_no_answer(net):
    assert net.n2.tortie("bgp", "routes", "--peer", ABSENT) == "No routes.\n"
    with pytest.raises(Failed, match="--peer 192.168.100.78: no such peer"):
        net.n2.tortie("bgp", "routes", "--peer", "192.168.100.78")


def test_routes_in_yaml_are_those_in_json(net):
    def routes(text):
        return sorted(text["items"], key=lambda row: row["prefix"])
    told = json.loads(net.n1.tortie("bgp", "routes", "-o", "json"))
    assert len(told["items"]) == 4
    assert routes(yaml.safe_load(net.n1.tortie("bgp", "routes", "-o", "yaml"))) == routes(told)


@pytest.mark.parametrize("form", ["wide", "json"])
def test_routes_that_cannot_be_written_are_a_failure(net, form):
    with open("/dev/full", "w", encoding="utf-8") as full:
        done = subprocess.run([net.n1.build / "tortie", "--run-dir", net.n1.run_dir, "bgp",
                               "routes", "-o", form], stdout=full, stderr=subprocess.PIPE,
                              text=True, timeout=20, check=False)
    assert done.returncode == 1 and "standard output" in done.stderr


def test_a_peer_that_is_gone_is_told_with_the_cause(net):
    net.n2.stop_bgpd(signal.SIGKILL)
    wait_until(lambda: net.peer()["session"] != "Established", "the loss is told")
    peer = net.peer()
    assert peer["state"] == "restarting" and peer["restarting"], "its routes are kept"
    assert peer["last_error"] and peer["last_error"] in peer["info"]
    assert net.n2.block4 in net.n1.tortie("get", "route")
    net.n2.start_bgpd()
    wait_until(lambda: net.peer()["session"] == "Established", "the session is back", 20)
    assert net.peer()["since_s"] < 20


def test_a_missing_speaker_is_a_warning_in_status(net):
    net.n1.stop_bgpd(signal.SIGKILL)
    wait_until(lambda: "tortie-bgpd" in net.n1.tortie("status") and
               net.n1.tortie_json("status")["bgp"] == "no tortie-bgpd", "the loss is told")
    assert "warning  tortie-bgpd" in net.n1.tortie("status")
    assert "tortie-bgpd: not connected" in net.n1.tortie("node", "status")
    assert running_spec(net.n1) == {"asNumber": 64512}, "it alone knows of a mesh"
    header, nothing = net.n1.tortie("get", "bgppeer").splitlines()
    assert "no tortie-bgpd that knows the peers" in header and "mesh" not in nothing
    net.n1.start_bgpd()
    wait_until(lambda: net.n1.tortie_json("status")["bgp"] == "in sync", "in sync again", 20)
