# SPDX-License-Identifier: Apache-2.0
"""Real container runtimes: containerd of Debian, and containerd 2 in the long tests.

    ctr, a client of the CRI -- containerd -- tortie-cni -- tortied of n1
                                    |                         up0 -- lan
                                    pods: an image with one static program
"""
import copy
import json
import sys

import grpc
import pytest

import inventory
from containerd import Containerd
from harness import Lab, wait_until
from talk import KINDS, SERVER, TARGET, ask

VERSIONS = ["1.6", pytest.param("2.2.9", marks=pytest.mark.long)]
FEW, MANY, SMALL_BITS = 20, 100, 2
TCP, UDP = 0, 1  # of the CRI's Protocol


@pytest.fixture(scope="module", params=VERSIONS)
def containerd(request):
    with Lab("cnird") as lab:
        node = lab.add_node(1)
        node.start_agent()
        with Containerd(node, request.param) as runtime:
            runtime.version = request.param
            yield runtime


@pytest.fixture(autouse=True)
def nothing_is_left(containerd):
    """No link, no map entry, no route, no address of a pod that is gone."""
    yield
    containerd.remove_all()
    inventory.assert_exactly(containerd.node, 0)


def test_the_runtime_takes_the_conflist_and_is_ready(containerd):
    wait_until(lambda: containerd.conditions()["NetworkReady"].status, "NetworkReady")


def test_ctr_run_with_cni(containerd):
    process = containerd.start_container("web")
    link = containerd.container_links("web")[0]
    assert link["ifname"] == "eth0" and link["operstate"] == "UP"
    inventory.assert_exactly(containerd.node, 1)
    for address in link["addr_info"]:
        assert containerd.node.reaches(address["local"])
    containerd.ctr("task", "kill", "-s", "SIGTERM", "web")
    assert process.wait(timeout=20) == 0
    inventory.assert_exactly(containerd.node, 0)


def run_pods(containerd, count):
    sandboxes = [containerd.run_pod(f"p{number}") for number in range(count)]
    inventory.assert_exactly(containerd.node, count)
    return sandboxes


def test_pods_live_and_go(containerd):
    """Each pod's addresses are what the runtime tells the kubelet; then stop and remove, which are
    DELs with and without the namespace."""
    sandboxes = run_pods(containerd, FEW)
    addresses = [containerd.addresses(sandbox) for sandbox in sandboxes]
    assert [len(both) for both in addresses] == [2] * FEW
    assert len({address for both in addresses for address in both}) == 2 * FEW
    for address in addresses[-1]:
        containerd.run_in_pod(sandboxes[0], "ping", "-n", "-c1", "-W2", address)
        assert containerd.node.reaches(address)
    names = [row["pod"] for row in containerd.node.tortie_json("get", "workloadendpoint")]
    assert sorted(names) == sorted(f"p{number}" for number in range(FEW))
    for sandbox in sandboxes:
        containerd.stop_pod(sandbox)
    inventory.assert_exactly(containerd.node, 0)
    for sandbox in sandboxes:
        containerd.remove_pod(sandbox)


def test_what_the_runtime_keeps_of_its_pods_agrees_with_their_links(containerd):
    """`tortie ipam check` reads the results where the runtime's libcni puts them."""
    node, results = containerd.node, containerd.room.dir / "var-lib" / "cni" / "results"
    words = ["ipam", "check", "--bpf-dir", node.bpf_dir, "--results", results]
    sandboxes = run_pods(containerd, 3)
    out = node.tortie(*words)
    assert "runtime       3 results" in out and "All agree." in out
    containerd.stop_pod(sandboxes[0])
    assert "runtime       2 results" in node.tortie(*words)
    next(results.glob(f"*-{sandboxes[1]}-eth0")).unlink()
    out = node.tortie(*words, check=False)
    assert f"the runtime has no result for container {sandboxes[1]}" in out, out


def test_pods_are_removed_without_being_stopped(containerd):
    for sandbox in run_pods(containerd, 3):
        containerd.remove_pod(sandbox)


def test_an_address_asked_for_by_annotation(containerd):
    """The runtime hands over the pod's annotations, because the conflist asks for them."""
    wish = f"10.244.{containerd.node.number}.77"
    annotation = {"key": "cni.projectcalico.org/ipAddrs", "value": json.dumps([wish])}
    sandbox = containerd.run_pod("wish", annotations=[annotation])
    assert containerd.addresses(sandbox)[0] == wish


@pytest.fixture
def agent(containerd):
    """agent(part, **keys): the agent anew with these keys in a part of its file, for one test."""
    node, kept = containerd.node, copy.deepcopy(containerd.node.config)

    def restart():
        node.kill_agent()
        node.start_agent()

    def change(part, **keys):
        part.update(keys)
        restart()
    yield change
    containerd.remove_all()
    inventory.assert_exactly(node, 0)
    node.config = kept
    restart()


def test_an_exhausted_pool_is_told_in_our_words(containerd, agent):
    """By the pod's error, which the kubelet makes an event of; and where the runtime asks STATUS,
    by the node's condition."""
    node = containerd.node
    agent(node.config["pools"][0], blocks=[f"10.244.{node.number}.0/{32 - SMALL_BITS}"])
    run_pods(containerd, 1 << SMALL_BITS)
    with pytest.raises(grpc.RpcError) as failed:
        containerd.run_pod("too-many")
    for word in ("no address is free", "default-ipv4", "default/p0"):
        assert word in failed.value.details()
    if containerd.version == "1.6":
        return  # knows no STATUS
    wait_until(lambda: not containerd.conditions()["NetworkReady"].status, "not NetworkReady", 20)
    assert "no address is free" in containerd.conditions()["NetworkReady"].message
    containerd.remove_all()
    wait_until(lambda: containerd.conditions()["NetworkReady"].status, "NetworkReady again", 20)


def test_a_pods_host_port(containerd, agent):
    """A list with portmap, as the agent writes it on Kubernetes and people elsewhere."""
    node, port = containerd.node, 31080
    agent(node.config["cni"], conflist="none")
    (node.cni_dir / "10-tortie.conflist").write_text(json.dumps({
        "cniVersion": "1.0.0", "name": "tortie", "plugins": [
            {"type": "tortie-cni", "runDir": str(node.run_dir)},
            {"type": "portmap", "snat": True, "capabilities": {"portMappings": True}}]}))
    wait_until(lambda: "portmap" in json.dumps(containerd.network()), "the list with portmap")
    mappings = [{"protocol": protocol, "container_port": TARGET, "host_port": port}
                for protocol in (TCP, UDP)]
    sandbox = containerd.run_pod("web", port_mappings=mappings)
    server = containerd.start_in_pod(sandbox, [sys.executable, SERVER, "web", TARGET],
                                     containerd.room.dir / "web.log", stdout=-1)
    assert server.stdout.readline() == "listening\n"
    client = node.add_pod("client")
    for host in (node, client):
        for kind in KINDS:
            for family in (4, 6):
                assert ask(host, kind, (node.address(family), port))[0] == "web"
    client.remove()
    containerd.stop_pod(sandbox)
    assert str(port) not in node.run("iptables-save") + node.run("ip6tables-save")


@pytest.mark.long
def test_many_pods_in_one_go(containerd):
    for _ in range(2):
        sandboxes = containerd.at_once(containerd.run_pod,
                                       [f"m{number}" for number in range(MANY)])
        inventory.assert_exactly(containerd.node, MANY)
        containerd.at_once(containerd.stop_pod, sandboxes)
        containerd.at_once(containerd.remove_pod, sandboxes)
        inventory.assert_exactly(containerd.node, 0)
