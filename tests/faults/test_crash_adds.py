# SPDX-License-Identifier: Apache-2.0
"""kill -9 of the agent and of the plugin at random instants of an ADD: after the runtime's retry
and a restart no address, link, map entry or pin is there too many.

    one node, pods come and go
"""
import json
import os
import random
import signal
import subprocess
import time

import pytest

import inventory
from harness import Failed, Lab, Pod, inside

ADDS = int(os.environ.get("TORTIE_ADDS") or 200)
LONGEST_ADD_S = 0.004


class OneNode:
    def __init__(self, lab):
        self.lab = lab
        self.node = lab.add_node(1)
        self.node.config["quarantine"] = 1
        self.node.start_agent()
        self.serial = 0
        self.interrupted = 0

    def new_pod(self):
        self.serial += 1
        return Pod(self.node, f"p{self.serial}", add=False)


@pytest.fixture(scope="module")
def one():
    with Lab("crash") as lab:
        yield OneNode(lab)


def start_add(node, pod):
    """The plugin, started by a runtime that does not wait for it."""
    environment = dict(os.environ, CNI_COMMAND="ADD", CNI_CONTAINERID=pod.container_id,
                       CNI_NETNS=pod.netns_path, CNI_IFNAME="eth0", CNI_PATH="/nonexistent",
                       CNI_ARGS=f"IgnoreUnknown=1;K8S_POD_NAMESPACE=d;K8S_POD_NAME={pod.pod_name}")
    with inside(node.netns):
        process = subprocess.Popen([node.build / "tortie-cni"], stdin=subprocess.PIPE,
                                   stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
                                   env=environment, text=True)
    process.stdin.write(json.dumps(node.network_config()))
    process.stdin.close()
    process.stdin = None
    return process


def retry(node, pod, status, out):
    """What a runtime does with an answer: take it, or DEL and ADD again."""
    if status == 0:
        pod.result = json.loads(out)
        node.pods.append(pod)
        return
    pod.cni("DEL")
    pod.add()


def crash_and_retry(one, rng, victim):
    node, pod = one.node, one.new_pod()
    plugin = start_add(node, pod)
    time.sleep(rng.uniform(0, LONGEST_ADD_S))  # the random instant
    if victim == "plugin":
        plugin.kill()
    else:
        node.stop_agent(signal.SIGKILL)
        node.ready_file.unlink(missing_ok=True)
        node.start_agent()
    out, _ = plugin.communicate(timeout=30)
    one.interrupted += plugin.returncode != 0
    retry(node, pod, plugin.returncode, out)
    return pod


@pytest.mark.parametrize("victim", ["plugin", "agent"])
def test_a_kill_at_any_instant_of_an_add_leaves_nothing(one, victim):
    node = one.node
    rng = random.Random(11 if victim == "plugin" else 13)
    pins = node.pins()
    pods = []
    one.interrupted = 0
    for number in range(ADDS // 2):
        pods.append(crash_and_retry(one, rng, victim))
        if len(pods) > 8:
            pods.pop(0).remove()
        if number % 20 == 19:
            inventory.assert_exactly(node, len(pods), pins)
    print(f"{one.interrupted} of {ADDS // 2} ADDs were interrupted")
    assert one.interrupted >= ADDS // 20, "the kills came too late to test anything"
    addresses = [pod.ip4 for pod in pods]
    assert len(set(addresses)) == len(addresses)
    if len(pods) > 1:
        assert pods[0].reaches(pods[-1].ip4)
    node.kill_agent()
    node.start_agent()
    inventory.assert_exactly(node, len(pods), pins)
    for pod in pods:
        pod.remove()
    inventory.assert_exactly(node, 0, pins)


def test_a_killed_add_that_nobody_retries_is_cleaned_by_the_next_start(one):
    """The runtime died too: no DEL ever comes, the namespace goes."""
    node = one.node
    rng = random.Random(17)
    for _ in range(20):
        pod = one.new_pod()
        plugin = start_add(node, pod)
        time.sleep(rng.uniform(0, LONGEST_ADD_S))
        node.stop_agent(signal.SIGKILL)
        plugin.kill()
        plugin.communicate(timeout=10)
        pod.delete()
        node.ready_file.unlink(missing_ok=True)
        node.start_agent()
    inventory.assert_exactly(node, 0)


def test_an_add_twice_is_refused_and_harms_nothing(one):
    pod = one.node.add_pod("twice")
    with pytest.raises(Failed):
        pod.cni("ADD")
    assert "1 received" in pod.ping(one.node.ip4)
    inventory.assert_exactly(one.node, 1)
    pod.remove()
    inventory.assert_exactly(one.node, 0)
