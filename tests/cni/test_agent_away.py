# SPDX-License-Identifier: Apache-2.0
"""The plugin while the agent is away, hangs or cannot serve; and restarts of the agent.

    pods -- n1 (tortied stopped, frozen, killed, started)
"""
import os
import signal
import socket
from concurrent.futures import ThreadPoolExecutor

import pytest

import inventory
from harness import Lab, Pod, wait_until
from runtime import add, call, delete, status


@pytest.fixture
def node():
    with Lab("away") as lab:
        node = lab.add_node(1)
        node.start_agent()
        yield node


def notes(node):
    return sorted(path.name for path in node.run_dir.glob("deletes/*"))


def restart(node):
    node.start_agent()


def test_add_without_an_agent_names_the_socket_and_can_be_tried_later(node):
    pod = Pod(node, "a", add=False)
    node.stop_agent()
    answer = call(pod, "ADD")
    assert answer.code == 11 and answer.seconds < 10
    assert f"{node.run_dir}/cni.sock" in answer.words and "tortied is not running" in answer.words
    assert call(pod, "CHECK", prevResult={
        "interfaces": [{"name": "eth0", "sandbox": "/x"}]}).code == 11
    assert status(node).code == 50


def test_an_add_waits_for_an_agent_that_is_just_starting(node):
    pod = Pod(node, "a", add=False)
    node.stop_agent()
    node.start_agent(wait=False)
    add(pod)
    assert pod.reaches(node.ip4)


def test_delete_without_an_agent_leaves_a_note_that_is_carried_out_later(node):
    pod, kept = Pod(node, "a", add=False), Pod(node, "kept", add=False)
    add(pod)
    add(kept)
    host_end = pod.result["interfaces"][0]["name"]
    node.stop_agent()
    for _ in range(3):
        assert delete(pod).seconds < 5
    assert notes(node) == [host_end]
    assert len(node.cali_links()) == 2
    restart(node)
    inventory.assert_exactly(node, 1)
    assert notes(node) == []
    assert "carried out" in node.log()
    assert call(kept, "CHECK", prevResult=kept.result).status == 0


def test_a_note_goes_again_when_the_agent_is_back_in_time(node):
    """Between the two tries of a DEL: the note would end a later pod of the same name."""
    pod = Pod(node, "a", add=False)
    add(pod)
    folder = node.dir / "other"
    folder.mkdir()
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    listener.bind(str(folder / "cni.sock"))
    listener.listen()
    listener.settimeout(10)

    def hang_up_then_relay():
        listener.accept()[0].close()
        plugin = listener.accept()[0]
        with plugin, socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as agent:
            agent.connect(str(node.run_dir / "cni.sock"))
            agent.send(plugin.recv(1 << 20))
            plugin.send(agent.recv(1 << 20))

    with listener, ThreadPoolExecutor(1) as pool:
        relay = pool.submit(hang_up_then_relay)
        delete(pod, runDir=str(folder))
        relay.result()
    assert list((folder / "deletes").iterdir()) == []
    wait_until(lambda: not node.cali_links(), "the agent was reached")


def test_delete_succeeds_when_no_note_can_be_written(node):
    pod = Pod(node, "a", add=False)
    add(pod)
    node.stop_agent()
    (node.run_dir / "deletes").write_text("in the way\n")
    delete(pod)
    (node.run_dir / "deletes").unlink()
    delete(pod, runDir="/nonexistent/tortie")


def test_a_note_does_not_outlive_the_next_add_of_its_pod(node):
    pod = Pod(node, "a", add=False)
    add(pod)
    node.stop_agent()
    delete(pod)
    note = node.run_dir / "deletes" / notes(node)[0]
    text = note.read_bytes()
    restart(node)
    note.write_bytes(text)  # as if it could not have been removed
    add(pod)
    assert notes(node) == []


def test_what_is_no_note_is_removed_and_said(node):
    node.stop_agent()
    folder = node.run_dir / "deletes"
    folder.mkdir(mode=0o700)
    (folder / "cali00000000000").write_text("abc\neth0\n")  # not the name of abc/eth0
    (folder / "long").write_text("x" * 5000)
    (folder / "empty").write_text("")
    (folder / "nul").write_bytes(b"a\0b\neth0\n")
    (folder / "link").symlink_to("/etc/passwd")
    os.mkfifo(folder / "pipe")
    restart(node)
    wait_until(lambda: notes(node) == [], "notes removed")
    assert node.log().count("not a note of the plugin") == 6


def test_a_note_whose_writer_was_killed_is_removed_when_it_is_old(node):
    folder = node.run_dir / "deletes"
    folder.mkdir(exist_ok=True)
    for name in (".cali00000000000-7", ".cali11111111111-8"):
        (folder / name).write_text("abc\n")
    os.utime(folder / ".cali00000000000-7", (1, 1))
    node.stop_agent()
    restart(node)
    assert [path.name for path in folder.iterdir()] == [".cali11111111111-8"]
    (folder / ".cali11111111111-8").unlink()


def test_a_frozen_agent_holds_nobody_for_long(node):
    pod, other = Pod(node, "a", add=False), Pod(node, "b", add=False)
    add(pod)
    os.kill(node.agent.pid, signal.SIGSTOP)
    try:
        answer = call(other, "ADD")
        assert answer.code == 11 and answer.seconds < 10
        assert delete(pod).seconds < 10
        assert status(node).code == 50
    finally:
        os.kill(node.agent.pid, signal.SIGCONT)
    delete(other)  # as a runtime does behind a failed ADD
    restarted = wait_until(lambda: not node.cali_links(), "links gone", 15)
    assert restarted
    inventory.assert_exactly(node, 0)


def test_pods_are_known_after_a_restart_with_their_names(node):
    pod = Pod(node, "a", add=False)
    assert call(pod, "ADD", env={"CNI_ARGS": "K8S_POD_NAME=web-1;K8S_POD_NAMESPACE=shop"}).code == 0
    for how in (signal.SIGTERM, signal.SIGKILL):
        before = node.tortie_json("get", "workloadendpoint")
        node.stop_agent(how)
        node.ready_file.unlink(missing_ok=True)
        restart(node)
        assert node.tortie_json("get", "workloadendpoint") == before
        assert "web-1" in str(before) and "shop" in str(before)
        assert pod.reaches(node.ip4)
    delete(pod)
    inventory.assert_exactly(node, 0)


def test_pods_are_known_after_a_restart_without_pins(node):
    pod, other = Pod(node, "a", add=False), Pod(node, "b", add=False)
    add(pod)
    add(other)
    node.kill_agent()
    for pin in sorted(node.bpf_dir.glob("**/*"), reverse=True):
        if not pin.is_dir():
            pin.unlink()
    restart(node)
    inventory.assert_exactly(node, 2)
    assert call(pod, "CHECK", prevResult=pod.result).status == 0
    assert pod.reaches(other.result["ips"][0]["address"].split("/")[0])
    assert pod.reaches(other.result["ips"][1]["address"].split("/")[0])


def test_half_made_and_foreign_links_are_told_apart_at_start(node):
    """A creating link with a record is removed, a live one without a pod's map entry is completed,
    cali* links of other groups and strangers in our groups stay."""
    pod = Pod(node, "a", add=False)
    add(pod)
    alias = node.json("link", "show", pod.result["interfaces"][0]["name"])[0]["ifalias"]
    node.kill_agent()
    node.ip("link", "set", pod.result["interfaces"][0]["name"], "group", "11601")
    node.ip("link", "add", "cali0badc0de000", "type", "veth", "peer", "name", "peer0")
    node.ip("link", "set", "cali0badc0de000", "alias", alias)
    node.ip("link", "add", "mine0", "group", "11603", "type", "veth", "peer", "name", "peer1")
    node.ip("link", "add", "cali0badc0de001", "group", "11602", "type", "veth", "peer", "name",
            "peer2")
    restart(node)
    wait_until(lambda: {link["ifname"] for link in node.cali_links()} ==
               {"cali0badc0de000", "cali0badc0de001"}, "half made link gone")
    assert node.tortie_json("get", "workloadendpoint") == []
    for name in ("mine0", "cali0badc0de000", "cali0badc0de001"):
        assert f"link {name}:" in node.log()
    assert "2 are not tortie's" in node.tortie("status", check=False)
    other = Pod(node, "b", add=False)  # deleting ours leaves the stranger in the dying group
    add(other)
    delete(other)
    wait_until(lambda: len(node.cali_links()) == 2, "ours gone")
    assert node.json("link", "show", "mine0")


def test_an_exhausted_pool_is_said_by_add_and_status(node):
    node.stop_agent()
    node.config["pools"] = [{"name": "tiny", "cidr": "10.244.0.0/16", "blocks": ["10.244.9.0/31"]}]
    restart(node)
    pods = [Pod(node, name, add=False) for name in "abc"]
    add(pods[0])
    add(pods[1])
    answer = call(pods[2], "ADD")
    assert answer.code == 11
    for word in ("tiny", "10.244.0.0/16", "2 of 2", "oldest: 10.244.9.1", "pools[].blocks"):
        assert word in answer.words, answer.words
    answer = status(node)
    assert answer.code == 50 and "2 of 2" in answer.words
    inventory_links = len(node.cali_links())
    assert inventory_links == 2 and len(pods[2].json("link", "show")) == 1
    delete(pods[0])
    add(pods[2])  # waits for the link that is being deleted, if it has to
    assert status(node).code == 50
    delete(pods[1])
    wait_until(lambda: status(node).status == 0, "an address is free again")


def test_status_tells_of_a_data_plane_that_does_not_serve(node):
    assert status(node).status == 0
    node.ip("link", "set", "up0", "down")
    wait_until(lambda: status(node).code == 51, "status 51")
    for word in ("data plane does not serve", "uplink up0: down", "ip link set up0 up"):
        assert word in status(node).words
    node.ip("link", "set", "up0", "up")
    wait_until(lambda: status(node).status == 0, "status good again")


# (what, the node's configuration, words of STATUS)
CANNOT_ADD = [
    ("no such pool", {"pools": ["blue"]}, 50, ["no such pool", "blue"]),
    ("a version too old", {"version": "1.0.0"}, 1, ["STATUS needs cniVersion 1.1.0"]),
]


@pytest.mark.parametrize("row", CANNOT_ADD, ids=lambda row: row[0])
def test_status_says_why_an_add_would_fail(node, row):
    _, keys, code, words = row
    answer = status(node, **{"version": "1.1.0", **keys})
    assert answer.code == code
    for word in words:
        assert word in answer.words


def test_status_without_an_agent_says_so(node):
    node.stop_agent()
    answer = status(node)
    assert answer.code == 50 and "tortied is not running" in answer.words


def test_an_add_whose_plugin_has_given_up_is_not_carried_out(node):
    """The runtime has called it failed, and may never send a DEL for it."""
    pod = Pod(node, "a", add=False)
    os.kill(node.agent.pid, signal.SIGSTOP)
    try:
        assert call(pod, "ADD").code == 11
    finally:
        os.kill(node.agent.pid, signal.SIGCONT)
    assert status(node).status == 0  # comes behind it on the same socket
    inventory.assert_exactly(node, 0)
    assert len(pod.json("link", "show")) == 1
