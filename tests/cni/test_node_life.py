# SPDX-License-Identifier: Apache-2.0
"""What happens to nodes: reboots, folders that are full or read-only, interfaces that wander off,
runtimes that try again and again.

    pods -- n1 (a real tortied; its run folder and the runtime's are file systems of their own)
"""
import concurrent.futures
import errno
import os
import signal

import pytest

import inventory
from harness import Host, Lab, Pod, run, wait_until
from runtime import add, call, delete, status

STORM = 40


@pytest.fixture(scope="module")
def node_of_file():
    with Lab("nodelife") as lab:
        node = lab.add_node(1)
        for folder in (node.run_dir, node.cni_dir):
            run("mount", "-t", "tmpfs", "-o", "size=64k,nr_inodes=200,mode=755", "tortie-test",
                folder)
        node.start_agent()
        yield node


@pytest.fixture
def node(node_of_file):
    """With nothing on it, before and after."""
    node = node_of_file
    hosts = len(node.lab.hosts)
    yield node
    for folder in (node.run_dir, node.cni_dir):
        repair(folder)
    if node.agent.poll() is not None:
        restart(node)
    for host in node.lab.hosts[hosts:]:
        if isinstance(host, Pod):
            delete(host)
        host.delete()
    inventory.assert_exactly(node, 0)


def fill(folder):
    """Not an octet is left."""
    with open(folder / "filler", "wb", buffering=0) as filler:
        try:
            while True:
                filler.write(b"x" * 4096)
        except OSError as error:
            assert error.errno == errno.ENOSPC


def use_up_files(folder):
    """Not one more file can be made."""
    try:
        for number in range(1000):
            (folder / f"file{number}").touch()
    except OSError as error:
        assert error.errno == errno.ENOSPC


def read_only(folder):
    run("mount", "-o", "remount,ro", folder)


SPOILED = [fill, use_up_files, read_only]


def repair(folder):
    run("mount", "-o", "remount,rw", folder)
    for path in [*folder.glob("filler"), *folder.glob("file*")]:
        path.unlink()


def restart(node):
    node.ready_file.unlink(missing_ok=True)
    node.start_agent()


@pytest.mark.parametrize("spoil", SPOILED)
def test_pods_come_and_go_while_the_run_folder_is_unusable(node, spoil):
    pod = Pod(node, "a", add=False)
    spoil(node.run_dir)
    for _ in range(2):
        add(pod, "1.1.0")
        assert pod.reaches(node.ip4)
        assert call(pod, "CHECK", "1.1.0", prevResult=pod.result).status == 0
        delete(pod)
    assert status(node).status == 0
    inventory.assert_exactly(node, 0)


@pytest.mark.parametrize("spoil", SPOILED)
def test_a_delete_succeeds_when_its_note_cannot_be_written(node, spoil):
    """Then the link goes with its namespace, and its address with the link."""
    pod, kept = Pod(node, "a", add=False), Pod(node, "kept", add=False)
    add(pod)
    add(kept)
    node.stop_agent()
    spoil(node.run_dir)
    for netns in (pod.netns_path, "", ""):
        assert delete(pod, env={"CNI_NETNS": netns}).seconds < 5
    repair(node.run_dir)
    restart(node)
    inventory.assert_exactly(node, 2)
    assert not list(node.run_dir.glob("deletes/*"))
    pod.delete()
    inventory.assert_exactly(node, 1)
    assert kept.reaches(node.ip4)


@pytest.mark.parametrize("spoil", SPOILED)
def test_a_runtimes_folder_that_cannot_be_written_is_said_and_pods_go_on(node, spoil):
    conflist = node.cni_dir / "10-tortie.conflist"
    os.kill(node.agent.pid, signal.SIGSTOP)  # it would put the file back in between
    conflist.unlink()
    spoil(node.cni_dir)
    os.kill(node.agent.pid, signal.SIGCONT)
    pod = Pod(node, "a", add=False)
    add(pod)
    assert pod.reaches(node.ip4)
    wait_until(lambda: "10-tortie.conflist" in node.tortie("status", check=False), "said")
    repair(node.cni_dir)
    wait_until(conflist.exists, "written", 15)


def test_a_reboot_frees_everything(node):
    """Links, namespaces, maps and the run folder are gone; the runtime sends the DELs it owes."""
    pods = [Pod(node, f"p{i}", add=False) for i in range(3)]
    for pod in pods:
        add(pod)
    node.kill_agent()
    for pod in pods:
        pod.delete()
    wait_until(lambda: not node.cali_links(), "links gone")
    for pin in sorted(node.bpf_dir.glob("**/*"), reverse=True):
        if not pin.is_dir():
            pin.unlink()
    for path in sorted(node.run_dir.glob("**/*"), reverse=True):
        path.rmdir() if path.is_dir() else path.unlink()
    restart(node)
    inventory.assert_exactly(node, 0)
    for pod in pods:
        delete(pod, env={"CNI_NETNS": "/etc/hostname"})  # /run was on a disk: a plain file
        delete(pod, env={"CNI_NETNS": ""})
    again = [Pod(node, f"q{i}", add=False) for i in range(3)]
    for pod in again:
        add(pod)
        assert pod.reaches(node.ip4)
    inventory.assert_exactly(node, 3)


def test_an_interface_that_was_moved_elsewhere_is_deleted(node):
    pod, elsewhere = Pod(node, "a", add=False), Host(node.lab, "elsewhere")
    add(pod)
    pod.ip("link", "set", "eth0", "netns", elsewhere.netns)
    answer = call(pod, "CHECK", prevResult=pod.result)
    assert answer.code == 102 and "eth0 in the pod" in answer.words
    delete(pod)
    wait_until(lambda: len(elsewhere.json("link", "show")) == 1, "gone there")
    inventory.assert_exactly(node, 0)


def test_a_runtime_that_tries_again_and_again_leaves_nothing(node):
    """As the kubelet does: each try a new container id and namespace, each failure a DEL, twice
    without the namespace."""
    def attempt(number):
        pod = Pod(node, f"s{number}", add=False)
        pod.ip("link", "add", "eth0", "type", "bridge")
        codes = [call(pod, "ADD").code]
        delete(pod)
        pod.delete()
        for _ in range(2):
            delete(pod, env={"CNI_NETNS": ""})
        return codes
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        assert list(pool.map(attempt, range(STORM))) == [[100]] * STORM
    inventory.assert_exactly(node, 0)
    assert not list(node.run_dir.glob("deletes/*"))


@pytest.mark.long
def test_retries_against_a_frozen_agent_are_settled_when_it_wakes(node):
    """DELs of attachments that never came about, and ADDs whose runtime has given up."""
    pods = [Pod(node, f"f{number}", add=False) for number in range(6)]
    os.kill(node.agent.pid, signal.SIGSTOP)
    try:
        with concurrent.futures.ThreadPoolExecutor(12) as pool:
            codes = list(pool.map(lambda pod: call(pod, "ADD").code, pods))
            list(pool.map(delete, pods * 2))
    finally:
        os.kill(node.agent.pid, signal.SIGCONT)
    assert codes == [11] * len(pods)
    assert status(node).status == 0
    inventory.assert_exactly(node, 0)
    wait_until(lambda: not list(node.run_dir.glob("deletes/*")), "notes gone", 5)
