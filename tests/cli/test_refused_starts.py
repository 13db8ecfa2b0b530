# SPDX-License-Identifier: Apache-2.0
"""A daemon that cannot start says so in one line, with object and mend, and leaves nothing behind.

    n1 -- lan          no agent runs but the one that a test starts
"""
import subprocess

import pytest

from harness import LAN4, Lab

RIGHTS = ["bpf", "net_admin", "perfmon"]


@pytest.fixture(scope="module")
def node():
    with Lab("refused") as lab:
        node = lab.add_node(1)
        node.config["bgp"] = lab.peer_config(node)
        node.write_config()
        yield node


def start(node, *argv, rights=()):
    """Exit status and stderr of a start that must end by itself."""
    done = subprocess.run(
        ["ip", "netns", "exec", node.netns, *map(str, [*rights, *argv])], capture_output=True,
        stdin=subprocess.DEVNULL, text=True, timeout=10, check=False)
    assert done.stdout == ""
    return done.returncode, done.stderr


def start_agent(node, run_dir=None, bpf_dir=None, rights=()):
    return start(node, node.build / "tortied", "-c", node.config_file,
                 "--run-dir", run_dir or node.run_dir, "--bpf-dir", bpf_dir or node.bpf_dir,
                 rights=rights)


def assert_untouched(node):
    assert list(node.run_dir.iterdir()) == [] and list(node.cni_dir.iterdir()) == []
    assert not node.bpf_dir.exists()
    assert node.ip("route", "show", "proto", 116) == ""
    assert "from_network" not in node.run("bpftool", "net", "show")


@pytest.mark.parametrize("right", RIGHTS)
def test_a_missing_capability_is_named(node, right):
    status, words = start_agent(node, rights=["setpriv", f"--bounding-set=-{right}"])
    assert status == 1 and words.count("\n") == 1
    assert f"CAP_{right.upper()} missing; start as root" in words
    assert_untouched(node)


def test_a_bpf_folder_on_no_bpffs_is_refused(node):
    status, words = start_agent(node, bpf_dir=node.dir / "plain")
    assert status == 1 and words.count("\n") == 1
    assert f"bpf-dir {node.dir}/plain: lies on no bpffs; mount one: mount -t bpf" in words
    assert not (node.dir / "plain").exists()
    assert_untouched(node)


def test_a_start_without_descriptors_says_so(node):
    """Streams, the run folder, and one for the loop that needs two."""
    status, words = start_agent(node, rights=["prlimit", "--nofile=5:5"])
    assert status == 1
    assert "cannot start: event loop: Too many open files" in words
    assert_untouched(node)


def test_a_run_folder_that_cannot_be_made_is_refused(node):
    status, words = start_agent(node, run_dir=node.dir / "missing" / "run")
    assert status == 1 and words.count("\n") == 1
    assert f"run-dir {node.dir}/missing/run: cannot be made: No such file" in words
    assert "--run-dir DIR" in words
    assert_untouched(node)


def test_a_run_folder_that_cannot_be_written_is_refused(node):
    folder = node.dir / "ro"
    folder.mkdir(exist_ok=True)
    mount = ["unshare", "--mount", "sh", "-ec",
             'mount -t tmpfs -o ro none "$1"; shift; exec "$@"', "read-only", folder]
    status, words = start_agent(node, run_dir=folder, rights=mount)
    assert status == 1
    assert f"{folder}/cni.sock: cannot listen: Read-only file system; say --run-dir" in words
    assert node.reset()
    node.run_dir.mkdir(exist_ok=True)


def test_a_speaker_alone_says_why_it_cannot_listen(node):
    speaker = [node.build / "tortie-bgpd", "-c", node.config_file, "--standalone"]
    status, words = start(node, *speaker, rights=["setpriv", "--bounding-set=-net_bind_service"])
    assert status == 1
    assert f"bgp.listen {LAN4}.100 port 179: Permission denied; start with CAP_NET_BIND" in words
    taken = "import os, socket, sys; s = socket.socket(); s.bind((sys.argv[1], 179)); " \
            "s.listen(); sys.exit(os.spawnv(os.P_WAIT, sys.argv[2], sys.argv[2:]))"
    status, words = start(node, "/usr/bin/python3", "-c", taken, node.ip4, *speaker)
    assert status == 1
    assert f"bgp.listen {LAN4}.100 port 179: Address already in use; stop the other BGP" in words
