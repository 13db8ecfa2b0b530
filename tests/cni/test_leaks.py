# SPDX-License-Identifier: Apache-2.0
"""No leak over a thousand ADD and DEL: agent and plugin built with ASan, UBSan and LSan, the agent
ended as a service manager ends it.

    one pod, 1,000 times -- n1 (build/san/tortied)
"""
import os
import signal

import pytest

from harness import ROOT, Lab, Pod, run
from runtime import call, config, environment, plugin

ROUNDS = 1000
SAN = ROOT / "build" / "san"


@pytest.fixture(scope="module")
def san_build():
    run("make", "-C", ROOT, "-j2", "SAN=1", "build/san/tortied", "build/san/tortie-cni",
        timeout=900)
    return SAN


@pytest.mark.long
def test_no_leak_over_a_thousand_adds_and_deletes(san_build, monkeypatch):
    monkeypatch.setenv("ASAN_OPTIONS", "detect_leaks=1:log_path=stderr")
    monkeypatch.setenv("UBSAN_OPTIONS", "print_stacktrace=1")
    with Lab("leaks") as lab:
        node = lab.add_node(1)
        node.build = san_build
        node.start_agent()
        pod, other = Pod(node, "a", add=False), Pod(node, "b", add=False)
        for number in range(ROUNDS):
            pod.container_id = f"leak{number}-{os.getpid()}"
            answer = call(pod, "ADD", "1.1.0")
            assert answer.status == 0 and "Sanitizer" not in answer.stderr, answer.stderr
            if number % 10 == 0:
                refused(node, pod, other, answer.json)
            answer = call(pod, "DEL", "1.1.0")
            assert answer.status == 0 and "Sanitizer" not in answer.stderr, answer.stderr
        node.stop_agent(signal.SIGTERM)
        assert node.agent.returncode == 0, node.log()[-3000:]
        assert "Sanitizer" not in node.log(), node.log()[-3000:]


def refused(node, pod, other, result):
    """The ways that end early must give back what they took, too."""
    assert call(pod, "ADD").code == 100
    assert call(pod, "CHECK", prevResult=result).status == 0
    assert call(other, "ADD", pools=["no-such-pool"]).code == 7
    other.ip("link", "add", "eth0", "type", "bridge")
    assert call(other, "ADD").code == 100
    other.ip("link", "del", "eth0")
    assert plugin(node, environment(other, "ADD"), "{").code == 6
    assert plugin(node, {"CNI_COMMAND": "STATUS"}, str(config(node))).code == 6
