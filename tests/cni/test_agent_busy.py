# SPDX-License-Identifier: Apache-2.0
"""The plugin while the agent is alive and slow, against one that hangs: the first is waited for,
the second given up within 10 seconds.

    pods -- n1 (tortied, held up by strace or by the kernel's lock of links)

strace holds up one system call of the traced threads; the thread that speaks for the agent goes on.
"""
import concurrent.futures
import os
import signal
import subprocess
from contextlib import contextmanager

import pytest

import inventory
from harness import Lab, Pod, wait_until
from runtime import call, delete, status

PATIENCE_S = 8  # after that long without progress an agent counts as hanging


@pytest.fixture
def node():
    with Lab("busy") as lab:
        node = lab.add_node(1)
        node.start_agent()
        yield node


@contextmanager
def slow_calls(node, name, seconds):
    """Each such call of the agent's loop takes that much longer; other threads are left alone."""
    log = node.dir / "strace-log"
    strace = node.start(["strace", "-e", f"trace={name}", "-e",
                         f"inject={name}:delay_enter={seconds}s", "-o", "/dev/null", "-p",
                         node.agent.pid], log)
    wait_until(lambda: "attached" in log.read_text(), "strace attached")
    try:
        yield
    finally:
        strace.kill()  # a polite end would come behind the delay
        strace.wait(timeout=10)


def test_an_agent_that_works_slowly_is_waited_for(node):
    """Every request to the kernel takes a second, as when others hold its lock: an ADD has five,
    and each waits for those before it."""
    pods = [Pod(node, f"p{number}", add=False) for number in range(2)]
    with slow_calls(node, "sendto", 1), concurrent.futures.ThreadPoolExecutor(3) as pool:
        answers = [pool.submit(call, pod, "ADD") for pod in pods]
        asked = pool.submit(status, node)
        answers = [answer.result() for answer in answers]
        assert asked.result().status == 0, asked.result().stdout
    assert [answer.code for answer in answers] == [0] * len(pods)
    assert max(answer.seconds for answer in answers) > PATIENCE_S
    inventory.assert_exactly(node, len(pods))


def test_a_delete_that_comes_while_its_add_runs_is_the_last_word(node):
    """The runtime has given the ADD up; the DEL waits behind it, and leaves a note meanwhile."""
    pod = Pod(node, "a", add=False)
    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        with slow_calls(node, "sendto", 1):
            answer = pool.submit(call, pod, "ADD")
            wait_until(lambda: len(pod.json("link", "show")) == 2, "the ADD is half done")
            deleted = delete(pod)
        assert answer.result().code == 0 and deleted.seconds < 5
    wait_until(lambda: not node.cali_links(), "the link is gone", 10)
    inventory.assert_exactly(node, 0)
    wait_until(lambda: not list(node.run_dir.glob("deletes/*")), "no note left", 5)


def test_an_agent_whose_loop_hangs_is_given_up(node):
    """Its other threads run: that is no sign of progress."""
    pod = Pod(node, "a", add=False)
    with slow_calls(node, "sendto", 60):
        answer = call(pod, "ADD")
        assert answer.code == 11 and answer.seconds < 10, answer.stdout
        assert "it hangs" in answer.words
        assert status(node).code == 50


def test_an_agent_that_dies_while_it_is_waited_for_is_noticed_at_once(node):
    pod = Pod(node, "a", add=False)
    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        with slow_calls(node, "sendto", 60):
            answer = pool.submit(call, pod, "ADD")
            wait_until(lambda: "cni.sock" in pod.run("ss", "-x"), "the plugin waits")
            os.kill(node.agent.pid, signal.SIGKILL)
        assert answer.result().code == 11 and answer.result().seconds < 5


@pytest.mark.long
def test_an_agent_that_the_kernel_holds_is_waited_for(node):
    """The lock of links of the whole machine is held for 12 seconds."""
    pod = Pod(node, "a", add=False)
    holder = subprocess.Popen([node.build / "tests" / "tools" / "rtnl_hold", "12"],
                              stdout=subprocess.PIPE)
    try:
        assert holder.stdout.readline() == b"held\n"
        answer = call(pod, "ADD")
        assert answer.code == 0, answer.stdout
        assert answer.seconds > PATIENCE_S
    finally:
        holder.kill()
        holder.wait()
    delete(pod)
