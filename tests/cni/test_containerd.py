# SPDX-License-Identifier: Apache-2.0
"""Real container runtimes: containerd of Debian, and containerd 2 in the long tests.

    ctr, a client of the CRI -- containerd -- tortie-cni -- tortied of n1
                                    |                         up0 -- lan
                                    pods: an image with one static program
"""
import grpc
import pytest

import inventory
from containerd import Containerd
from harness import Lab, wait_until

VERSIONS = ["1.6", pytest.param("2.2.9", marks=pytest.mark.long)]
FEW, MANY, SMALL = 20, 100, 4


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
    names = {row["pod"] if "pod" in row else str(row) for row in
             containerd.node.tortie_json("get", "workloadendpoint")}
    assert all(any(f"p{number}" in name for name in names) for number in range(FEW))
    for sandbox in sandboxes:
        containerd.stop_pod(sandbox)
    inventory.assert_exactly(containerd.node, 0)
    for sandbox in sandboxes:
        containerd.remove_pod(sandbox)


def test_pods_are_removed_without_being_stopped(containerd):
    for sandbox in run_pods(containerd, 3):
        containerd.remove_pod(sandbox)


@pytest.fixture
def small_pool(containerd):
    """The node's IPv4 block has SMALL addresses for as long as a test lasts."""
    node = containerd.node
    pool = node.config["pools"][0]
    blocks = pool["blocks"]

    def restart(new_blocks):
        pool["blocks"] = new_blocks
        node.kill_agent()
        node.start_agent()
    restart([f"10.244.{node.number}.0/{32 - SMALL.bit_length() + 1}"])
    yield SMALL
    containerd.remove_all()
    inventory.assert_exactly(node, 0)
    restart(blocks)


def test_an_exhausted_pool_is_told_in_our_words(containerd, small_pool):
    """By the pod's error, which the kubelet makes an event of; and where the runtime asks STATUS,
    by the node's condition."""
    run_pods(containerd, small_pool)
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


@pytest.mark.long
def test_many_pods_in_one_go(containerd):
    for _ in range(2):
        sandboxes = containerd.at_once(containerd.run_pod,
                                       [f"m{number}" for number in range(MANY)])
        inventory.assert_exactly(containerd.node, MANY)
        containerd.at_once(containerd.stop_pod, sandboxes)
        containerd.at_once(containerd.remove_pod, sandboxes)
        inventory.assert_exactly(containerd.node, 0)
