# SPDX-License-Identifier: Apache-2.0
"""GC (CNI specification 1.1.0): what a runtime does not name is removed, of one network alone.

    pods of two networks -- n1 (a real tortied)
"""
import json

import pytest

import inventory
from harness import Pod, wait_until
from runtime import add, call, config, delete, plugin, recorded

KEY = "cni.dev/valid-attachments"


@pytest.fixture
def pods(node):
    """Two pods of the network and one of another."""
    pods = [Pod(node, name, add=False) for name in ("a", "b", "other")]
    for pod in pods:
        add(pod, "1.1.0", name="othernet" if pod.pod_name == "other" else "testnet")
    yield pods
    for pod in pods:
        delete(pod)
        pod.delete()
    inventory.assert_exactly(node, 0)


def gc(node, valid, **keys):
    keys = {**keys, KEY: valid} if valid is not None else keys
    return plugin(node, {"CNI_COMMAND": "GC", "CNI_PATH": str(node.build)},
                  json.dumps(config(node, **{"version": "1.1.0", **keys})))


def attachment(pod):
    return {"containerID": pod.container_id, "ifname": pod.ifname}


def live(node, pods):
    """The pods that the agent has, by name."""
    known = json.dumps(node.tortie_json("get", "workloadendpoint"))
    return {pod.pod_name for pod in pods if pod.container_id in known}


def test_what_is_not_named_is_removed_of_this_network_alone(node, pods):
    answer = gc(node, [attachment(pods[0])])
    assert answer.status == 0 and answer.stdout == ""
    assert live(node, pods) == {"a", "other"}
    assert call(pods[0], "CHECK", prevResult=pods[0].result).status == 0
    assert pods[0].reaches(node.ip4)
    wait_until(lambda: len(pods[1].json("link", "show")) == 1, "eth0 of b gone")
    inventory.assert_exactly(node, 2)
    assert f"{pods[1].container_id} eth0: not among network testnet's" in node.log()


def test_an_empty_list_means_that_nothing_is_valid(node, pods):
    assert gc(node, []).status == 0
    assert live(node, pods) == {"other"}
    assert gc(node, []).status == 0


def test_another_interface_of_a_valid_container_is_not_meant(node, pods):
    assert gc(node, [dict(attachment(pods[0]), ifname="net1"), attachment(pods[1])]).status == 0
    assert live(node, pods) == {"b", "other"}


def test_names_that_nobody_has_are_fine(node, pods):
    valid = [attachment(pod) for pod in pods]
    valid += [{"containerID": f"gone{i}", "ifname": "eth0", "more": 1} for i in range(5000)]
    assert gc(node, valid).status == 0
    assert live(node, pods) == {"a", "b", "other"}


# (what, the list, code, words)
REFUSED = [
    ("missing", None, 7, ["valid-attachments", "missing"]),
    ("no list", {}, 7, ["valid-attachments", "list"]),
    ("a number in it", [1], 7, ["valid-attachments[0]"]),
    ("no interface", [{"containerID": "a"}], 7, ["valid-attachments[0]", "ifname"]),
    ("no container", [{"ifname": "eth0"}], 7, ["containerID"]),
    ("a malformed id", [{"containerID": "a/b", "ifname": "eth0"}], 7, ["containerID"]),
    ("a number as id", [{"containerID": 1, "ifname": "eth0"}], 7, ["containerID"]),
    ("too many", [{"containerID": "a", "ifname": "eth0"}] * 7001, 7, ["7000"]),
]


@pytest.mark.parametrize("row", REFUSED, ids=lambda row: row[0])
def test_a_list_that_cannot_be_read_removes_nothing(node, pods, row):
    _, valid, code, words = row
    answer = gc(node, valid)
    assert answer.code == code, answer.stdout
    for word in words:
        assert word in answer.words, answer.stdout
    assert live(node, pods) == {"a", "b", "other"}


def test_null_is_no_list(node, pods):
    stdin = json.dumps({**config(node, "1.1.0"), KEY: None})
    answer = plugin(node, {"CNI_COMMAND": "GC"}, stdin)
    assert answer.code == 7 and "missing" in answer.words
    assert live(node, pods) == {"a", "b", "other"}


@pytest.mark.parametrize("name, code", [("gc-none-valid", 7), ("gc-two-valid", 0)])
def test_libcnis_recorded_calls(node, pods, name, code):
    """libcni leaves the key out when nothing is valid: refused, as all would go."""
    env, stdin = recorded(f"libcni-1.3.0/{name}")
    stdin.update(type="tortie-cni", runDir=str(node.run_dir), name="testnet")
    del stdin["ipam"]
    answer = plugin(node, env, json.dumps(stdin))
    assert answer.code == code, answer.stdout
    assert live(node, pods) == ({"a", "b", "other"} if code else {"other"})


def test_a_version_before_1_1_0_has_no_gc(node, pods):
    answer = gc(node, [], version="1.0.0")
    assert answer.code == 1 and "GC needs cniVersion 1.1.0" in answer.words


def test_attachments_whose_network_was_forgotten_stay(node, pods):
    """The names are in a pinned map, which can be lost; a restart without it knows no networks."""
    node.stop_agent()
    for pin in node.bpf_dir.glob("pod_name_v*"):
        pin.unlink()
    node.start_agent()
    assert gc(node, []).status == 0
    assert live(node, pods) == {"a", "b", "other"}
    assert "3 attachments stay" in node.log()


def test_a_gc_without_an_agent_can_be_tried_later(node, pods):
    node.stop_agent()
    answer = gc(node, [])
    node.start_agent()
    assert answer.code == 11 and "tortied is not running" in answer.words
    assert live(node, pods) == {"a", "b", "other"}


@pytest.mark.parametrize("status, code", [(0, 0), (1, 999)])
def test_a_gc_is_forwarded_to_a_delegated_plugin(node, pods, tmp_path, status, code):
    """With the whole input; ours is carried out whatever it says, and its error is told."""
    program = tmp_path / "other-ipam"
    program.write_text(f"#!/bin/sh\necho $CNI_COMMAND >{tmp_path}/command\ncat >{tmp_path}/input\n"
                       f"exit {status}\n")
    program.chmod(0o755)
    stdin = {**config(node, "1.1.0"), KEY: [attachment(pods[0])], "ipam": {"type": "other-ipam"}}
    answer = plugin(node, {"CNI_COMMAND": "GC", "CNI_PATH": str(tmp_path)}, json.dumps(stdin))
    assert answer.code == code, answer.stdout
    assert code == 0 or "ipam other-ipam" in answer.words
    assert (tmp_path / "command").read_text() == "GC\n"
    assert json.loads((tmp_path / "input").read_text()) == stdin
    assert live(node, pods) == {"a", "other"}
