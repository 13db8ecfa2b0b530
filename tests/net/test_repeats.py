# SPDX-License-Identifier: Apache-2.0
"""The same thing a thousand times: no leak of memory, descriptors, links, addresses or map entries.

    one node
"""
import os
import signal
from pathlib import Path

import pytest

import inventory
from harness import ROOT, Lab, Pod, run

pytestmark = pytest.mark.long

REPEATS = int(os.environ.get("TORTIE_REPEATS") or 1000)


def descriptors(process):
    return len(list(Path(f"/proc/{process.pid}/fd").iterdir()))


def rss_kib(process):
    for line in Path(f"/proc/{process.pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1])
    return 0


def add_and_delete(node, pod, times):
    """One namespace is enough: DEL takes the link away, each ADD has a container id of its own."""
    for _ in range(times):
        pod.container_id = os.urandom(32).hex()
        pod.cni("ADD")
        pod.cni("DEL")


def test_a_thousand_adds_and_dels_leave_the_agent_as_it_was():
    with Lab("many") as lab:
        node = lab.add_node(1)
        node.start_agent()
        pod = Pod(node, "p", add=False)
        add_and_delete(node, pod, REPEATS // 10)
        inventory.assert_exactly(node, 0)
        before = descriptors(node.agent), rss_kib(node.agent)
        add_and_delete(node, pod, REPEATS)
        inventory.assert_exactly(node, 0)
        after = descriptors(node.agent), rss_kib(node.agent)
        assert after[0] == before[0], f"descriptors {before[0]} -> {after[0]}"
        assert after[1] <= before[1] + 256, f"RSS {before[1]} -> {after[1]} KiB"


def test_a_thousand_adds_and_dels_under_the_leak_sanitizer():
    """The sanitized build: ASan and UBSan stop at the first error, LSan reports at the end."""
    build = Path(os.environ.get("TORTIE_BUILD_SAN") or ROOT / "build/san")
    if not os.environ.get("TORTIE_BUILD_SAN"):
        run("make", "-C", ROOT, "--no-print-directory", "SAN=1", "build/san/tortied", timeout=900)
    with Lab("lsan") as lab:
        node = lab.add_node(1)
        node.start_agent(build=build)
        pods = [node.add_pod(f"p{n}") for n in range(5)]
        assert pods[0].reaches(pods[1].ip4)
        add_and_delete(node, Pod(node, "again", add=False), REPEATS)
        for pod in pods:
            pod.remove()
        inventory.assert_exactly(node, 0)
        for command in (["status"], ["counters"], ["drops"], ["get", "node"], ["get", "route"],
                        ["explain", "10.244.1.9", "10.244.2.9"]):
            node.tortie(*command, check=False)
        status = node.stop_agent(signal.SIGTERM, 30)
        log = node.log()
        assert "LeakSanitizer" not in log and "runtime error" not in log, log[-4000:]
        assert status == 0, log[-4000:]


def test_two_hundred_pods_at_once():
    """A full house: every pod has its own address and reaches the node."""
    with Lab("full") as lab:
        node = lab.add_node(1)
        node.start_agent()
        pods = [node.add_pod(f"p{n}") for n in range(200)]
        assert len({pod.ip4 for pod in pods}) == len({pod.ip6 for pod in pods}) == 200
        inventory.assert_exactly(node, 200)
        node.kill_agent()
        node.start_agent()
        inventory.assert_exactly(node, 200)
        for pod in (pods[0], pods[99], pods[199]):
            assert "1 received" in pod.ping(pods[57].ip4)
        for pod in pods:
            pod.remove()
        inventory.assert_exactly(node, 0)
