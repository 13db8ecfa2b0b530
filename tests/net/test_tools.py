# SPDX-License-Identifier: Apache-2.0
"""The traffic tools themselves: they see loss when forwarding is really broken, and none when not.

    a 10.9.1.2 -- r -- b 10.9.2.2
"""
import subprocess
import sys
import time
from pathlib import Path

import pytest

import flows
from harness import Host, Lab, netns_names, pid_is_alive, remove_leftovers


@pytest.fixture(scope="module")
def path():
    with Lab("tools") as lab:
        router = Host(lab, "r")
        ends = []
        for number, name in ((1, "a"), (2, "b")):
            end = Host(lab, name)
            router.ip("link", "add", f"to-{name}", "type", "veth", "peer", "name", "eth0",
                      "netns", end.netns)
            router.ip("addr", "add", f"10.9.{number}.1/24", "dev", f"to-{name}")
            router.ip("link", "set", f"to-{name}", "up")
            end.ip("addr", "add", f"10.9.{number}.2/24", "dev", "eth0")
            end.ip("link", "set", "eth0", "up")
            end.ip("route", "add", "default", "via", f"10.9.{number}.1")
            ends.append(end)
        router.sysctl("net.ipv4.ip_forward", 1)
        yield lab, router, ends[0], ends[1]


def break_for(router, seconds):
    """Stop forwarding; the pause is the thing tested, not a wait."""
    router.sysctl("net.ipv4.ip_forward", 0)
    time.sleep(seconds)
    router.sysctl("net.ipv4.ip_forward", 1)


def test_an_unbroken_path_loses_nothing(path):
    lab, _, a, b = path
    flow = flows.udp_flow(lab, a, "10.9.1.2", b, "10.9.2.2", 7001)
    flow.wait_more(1000)
    counts = flow.stop()
    flows.assert_nothing_lost(counts)
    assert all(count["received"] >= 1000 and not count["duplicates"] for count in counts)


def test_a_break_of_50_ms_is_seen_by_the_udp_flow(path):
    lab, router, a, b = path
    flow = flows.udp_flow(lab, a, "10.9.1.2", b, "10.9.2.2", 7002)
    flow.wait_more(200)
    break_for(router, 0.05)
    flow.wait_more(200)
    counts = flow.stop()
    for count in counts:
        assert count["lost"] >= 40 and count["longest_loss"] >= 40, counts
        assert count["longest_gap_ms"] >= 40, counts


def test_a_stream_lives_through_a_break_and_counts_retransmissions(path):
    lab, router, a, b = path
    stream = flows.tcp_stream(lab, b, "10.9.2.2", a, 7003)
    stream.wait_more(100000)
    break_for(router, 0.05)
    stream.wait_more(100000)
    counts = stream.stop()
    flows.assert_stream_whole(counts)
    assert sum(count["retransmissions"] for count in counts) > 0, counts


def test_a_damaged_octet_is_seen_by_the_stream(path):
    """Another program on the port sends other octets: every one is counted as a mismatch."""
    lab, _, a, b = path
    server = b.start([flows.build_dir() / flows.TOOLS / "tcp_verify", "listen", "10.9.2.2", 7004],
                     lab.dir / "damaged.log", stdout=-1)
    assert server.stdout.readline().strip() == "listening"
    a.run("/usr/bin/python3", "-c",
          "import socket; s = socket.create_connection(('10.9.2.2', 7004)); "
          "s.sendall(bytes(1000)); s.shutdown(1)\n"
          "while s.recv(65536): pass")
    out, _ = server.communicate(timeout=30)
    assert server.returncode == 1
    assert '"mismatches": 9' in out, out


def test_what_a_killed_owner_left_is_removed_by_the_next(path):
    """kill -9 of a test run: its namespaces, mounts and processes go when the next one starts."""
    script = ("import sys; sys.path.insert(0, sys.argv[1]); import harness\n"
              "lab = harness.Lab('gone'); host = harness.Host(lab, 'a')\n"
              "left = host.start(['sleep', '1000'], lab.dir / 'log')\n"
              "print(lab.dir, host.netns, left.pid, flush=True); sys.stdin.read()")
    owner = subprocess.Popen([sys.executable, "-c", script, str(Path(__file__).parent)],
                             stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    directory, netns, pid = owner.stdout.readline().split()
    assert netns in netns_names() and pid_is_alive(int(pid))
    owner.kill()
    owner.wait()
    remove_leftovers()
    assert netns not in netns_names() and not pid_is_alive(int(pid))
    assert not Path(directory).exists()
    assert directory not in Path("/proc/mounts").read_text()
