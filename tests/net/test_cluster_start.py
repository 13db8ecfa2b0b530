# SPDX-License-Identifier: Apache-2.0
"""A node that is told by a cluster what it is: from the first start to the first pod.

    n1 -- lan
"""
import json
import os
import stat

import pytest

import cluster
from harness import Failed, Lab, Pod, wait_until
from speaker import Refused
from watcher import GET_OBJECTS, SEAL_GROW, SEAL_SEAL, SEAL_SHRINK, Watcher

CONFIG = {"cniVersion": "1.0.0", "name": "tortie", "type": "tortie-cni"}


@pytest.fixture
def node():
    with Lab("clus") as lab:
        lab.add_node(1)
        cluster.join(lab.nodes[0])
        yield lab.nodes[0]


def network_config(node):
    return dict(CONFIG, runDir=str(node.run_dir))


def start_waiting(node):
    node.start_agent(wait=False)
    cluster.wait_socket(node)


def cni_error(node, command, pod, **options):
    with pytest.raises(Failed) as error:
        node.cni(command, pod, config=options.pop("config", network_config(node)), **options)
    text = str(error.value)
    return json.loads(text[text.index("{"):text.rindex("}") + 1])


def test_before_the_first_document_only_the_sockets_are_there_and_say_what_is_missing(node):
    start_waiting(node)
    assert "waits" in cluster.status(node) and "tortie-kubed" in cluster.status(node)
    assert "from the Kubernetes cluster (the agent that runs here says so)" in \
        node.tortie("preflight", "--bpf-dir", node.bpf_dir, check=False)
    assert not node.ready_file.exists()
    assert not list(node.cni_dir.iterdir())
    pod = Pod(node, "a", add=False)
    error = cni_error(node, "ADD", pod)
    assert error["code"] == 11 and "kubectl" in error["details"]
    error = cni_error(node, "STATUS", pod, config=dict(network_config(node), cniVersion="1.1.0"))
    assert error["code"] == 50
    with pytest.raises(Failed, match="waits for the cluster"):
        node.tortie("get", "node")
    # A DEL succeeds and is kept for later.
    node.cni("DEL", pod, config=network_config(node))
    assert len(list((node.run_dir / "deletes").iterdir())) == 1
    assert not node.cali_links()
    assert node.stop_agent() == 0


def test_the_first_document_starts_the_node_in_the_same_process(node):
    start_waiting(node)
    told = cluster.Cluster(node.lab, [node])
    told.watch(node)
    told.tell()
    node.wait_ready()
    assert json.loads((node.cni_dir / "10-tortie.conflist").read_text())
    pod = node.add_pod("a")
    assert pod.ip4.startswith("10.244.1.") and pod.ip6.startswith("fd00:244:0:1:")
    text = cluster.status(node)
    assert f"node address {node.ip4}: InternalIP of Node n1" in text
    assert "cluster: in sync" in text
    mode = node.state.stat()
    assert stat.S_IMODE(mode.st_mode) == 0o600 and mode.st_uid == 0
    kept = node.state.read_text()
    node.state.unlink()
    wait_until(lambda: node.state.exists() and node.state.read_text() == kept, "kept again", 5)
    assert f"kubernetes.state {node.state}: was removed" in node.log()
    rows = node.tortie_json("get", "ippool")
    assert {row["name"] for row in rows} == {"default-ipv4-ippool", "default-ipv6-ippool"}


def test_the_conflist_names_what_the_chained_portmap_knows(node):
    """Asked of the program, which runs with none of the agent's rights."""
    programs = node.dir / "programs"
    programs.mkdir()

    def put(versions):
        fresh = programs / "portmap.new"
        fresh.write_text("#!/bin/sh\ngrep -q '^CapEff:.0*$' /proc/self/status && "
                         f"""echo '{{"supportedVersions": {json.dumps(versions)}}}'\n""")
        fresh.chmod(0o755)
        fresh.rename(programs / "portmap")

    def conflist():
        return json.loads((node.cni_dir / "10-tortie.conflist").read_text())
    put(["0.4.0", "1.0.0"])
    node.config["cni"].update(portmap="auto", bin_dir=str(programs))
    start_waiting(node)
    told = cluster.Cluster(node.lab, [node])
    told.watch(node)
    told.tell()
    node.wait_ready()
    assert [plugin["type"] for plugin in conflist()["plugins"]] == ["tortie-cni", "portmap"]
    assert "cniVersions" not in conflist()
    put(["0.4.0", "1.0.0", "1.1.0"])
    wait_until(lambda: "1.1.0" in conflist().get("cniVersions", []), "1.1.0 is named", 70)
    assert "portmap is there and knows CNI 1.1.0" in node.log()
    put(["0.4.0", "1.0.0"])
    wait_until(lambda: "cniVersions" not in conflist(), "1.0.0 alone is named", 70)


def test_a_node_without_pod_cidr_waits_and_says_so(node):
    start_waiting(node)
    told = cluster.Cluster(node.lab, [node])
    told.watch(node)
    blocks, told.member("n1").blocks = told.member("n1").blocks, []
    told.tell()
    wait_until(lambda: "no podCIDR" in node.log(), "the log says so", 10)
    assert "no podCIDR" in cluster.status(node)
    assert not node.ready_file.exists() and not list(node.cni_dir.glob("*.conflist"))
    pod = Pod(node, "a", add=False)
    error = cni_error(node, "ADD", pod)
    assert error["code"] == 11 and "podCIDR" in error["details"]
    told.member("n1").blocks = blocks
    told.tell()
    node.wait_ready()
    pod.add()
    assert pod.ip4.startswith("10.244.1.")


def test_a_start_without_anyone_uses_what_was_kept(node):
    start_waiting(node)
    told = cluster.Cluster(node.lab, [node])
    told.watch(node).begin()
    told.tell()
    node.wait_ready()
    pod = node.add_pod("a")
    told.watchers["n1"].close()
    wait_until(lambda: "what was last known is in force" in cluster.status(node), "status")
    node.kill_agent()
    node.start_agent()
    assert "what was last known is in force" in cluster.status(node)
    assert node.add_pod("b").ip4.startswith("10.244.1.")
    assert pod.ip4 in str(node.tortie_json("get", "workloadendpoint"))


def test_a_kept_document_that_is_bad_is_not_used(node):
    node.state.parent.mkdir()
    node.state.write_text("node: {name: n2, addresses: [192.168.100.101]}\n")
    node.state.chmod(0o600)
    start_waiting(node)
    assert "waits" in cluster.status(node)
    assert "the document is for node n2" in node.log()
    told = cluster.Cluster(node.lab, [node])
    told.watch(node)
    told.tell()
    node.wait_ready()


def test_a_document_that_is_refused_changes_nothing(node):
    start_waiting(node)
    told = cluster.Cluster(node.lab, [node])
    watcher = told.watch(node)
    with pytest.raises(Refused, match="known are"):
        watcher.commit({"node": {"name": "n1", "addresses": [node.ip4]}, "mtu": 1400})
    assert "waits" in cluster.status(node) and "refused" in cluster.status(node)
    told.tell()
    node.wait_ready()
    assert "refused" not in cluster.status(node)
    kept = node.state.read_text()
    for bad, words in (
            (dict(told.document("n1"), nodes=[{"name": "a"}, {"name": "a"}]), "twice"),
            ({"node": {"name": "n7", "addresses": [node.ip4]}}, "this is n1"),
            ({}, "node.addresses"), ("", "empty"), ("node: [", "not YAML"),
            ("#" * (4 << 20) + "\n", "4 MiB")):
        with pytest.raises(Refused, match=words):
            watcher.commit(bad)
    with pytest.raises(Refused, match="sealed"):
        watcher.commit(told.document("n1"), seals=SEAL_SEAL | SEAL_GROW | SEAL_SHRINK)
    assert node.state.read_text() == kept
    assert "refused" in cluster.status(node)
    assert node.add_pod("a").ip4.startswith("10.244.1.")
    told.tell()
    assert "refused" not in cluster.status(node)


def test_a_watcher_without_a_document_says_why_and_changes_nothing(node):
    start_waiting(node)
    told = cluster.Cluster(node.lab, [node])
    watcher = told.watch(node)
    why = "Node n1 does not exist in the cluster: its kubelet has not registered yet"
    watcher.commit_none(why, ["IPPool a: field blockSize is not served"])
    text = cluster.status(node)
    assert f"cluster: waits, {why}" in text and "blockSize" in text
    assert why in node.log()
    assert cni_error(node, "ADD", Pod(node, "a", add=False))["details"] == why
    with pytest.raises(Failed, match=why):
        node.tortie("get", "node")
    told.tell()
    node.wait_ready()
    assert why not in cluster.status(node)
    pod, kept = node.add_pod("b"), node.state.read_text()
    watcher.commit_none(why + "\nand more")
    text = cluster.status(node)
    assert f"cluster: what was last known is in force: {why}?and more" in text
    assert node.state.read_text() == kept and node.ping(pod.ip4)
    assert node.log().count("what was last known stays in force") == 1
    node.add_pod("c")
    told.tell()
    assert "cluster: in sync" in cluster.status(node) and why not in cluster.status(node)


def test_a_second_watcher_is_refused_while_the_first_lives(node):
    start_waiting(node)
    told = cluster.Cluster(node.lab, [node])
    told.watch(node)
    told.tell()
    with Watcher(node) as second:
        second.begin()
        with pytest.raises(Refused, match="another one"):
            second.receive()
    told.watchers["n1"].close()

    def comes_after():
        try:
            with Watcher(node) as next_one:
                next_one.commit(told.document("n1"))
            return True
        except Refused:
            return False
    wait_until(comes_after, "the next watcher is heard", 5)


def test_only_root_and_the_watchers_user_may_speak(node):
    start_waiting(node)
    (node.run_dir / "agent.sock").chmod(0o666)
    child = os.fork()
    if child == 0:
        outcome = 1
        try:
            os.setgid(65534)
            os.setuid(65534)
            with Watcher(node) as stranger:
                stranger.begin()
                stranger.receive()
        except Refused as error:
            outcome = 0 if "may not ask this" in str(error) else 2
        finally:
            os._exit(outcome)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


def test_messages_out_of_order_cut_the_watcher(node):
    start_waiting(node)
    for wrong in (lambda w: w.notice("x"), lambda w: w.object("IPPool", "a", "{}"),
                  lambda w: (w.begin(), w.notice("", 2)),
                  lambda w: (w.begin(), w.send(51, bytes(8))),
                  lambda w: (w.begin(), w.send(51, bytes(520)))):
        with Watcher(node) as watcher:
            wrong(watcher)
            try:
                assert watcher.receive() is None
            except ConnectionResetError:
                pass
    assert "waits" in cluster.status(node)


def test_notices_policies_and_objects_are_told(node):
    start_waiting(node)
    told = cluster.Cluster(node.lab, [node])
    watcher = told.watch(node)
    watcher.begin()
    watcher.notice("IPPool a: field blockSize is not served")
    watcher.object("IPPool", "a", '{"kind": "IPPool"}')
    watcher.send_commit(told.document("n1"), policies=3)
    watcher.answer()
    node.wait_ready()
    text = cluster.status(node)
    assert "IPPool a: field blockSize is not served" in text
    assert "3 network policies exist and are NOT enforced" in text
    assert "3 network policies exist and are NOT enforced" in node.log()
    with Watcher(node) as other:
        other.send(GET_OBJECTS, b"ippool".ljust(64, b"\0") + bytes(254), number=5)
        kind, body, _ = other.receive()
        assert kind == 50 and body.endswith(b'{"kind": "IPPool"}') and body[64:66] == b"a\0"
        assert other.receive()[0] == 4
    told.tell()
    assert "blockSize" not in cluster.status(node)
    assert "NOT enforced" not in cluster.status(node)
