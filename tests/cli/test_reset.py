# SPDX-License-Identifier: Apache-2.0
"""`tortie reset` removes all that tortie made and nothing of others, with the agent running,
stopped and dead.

    a, b -- n1 -- lan -- n2
"""
import ctypes
import json
import os
import signal
import struct
import subprocess

import pytest
from pyroute2 import NetNS

from harness import LIBC, Failed, Lab, run

SYS_BPF = {"x86_64": 321, "aarch64": 280}[os.uname().machine]
BPF_PROG_GET_FD_BY_ID = 13
STRANGE_FILTER = ["bpf", "bytecode", "1,6 0 0 0"]  # matches nothing
STRANGE_ROUTE = "203.0.113.0/24"


class Net:
    def __init__(self, lab):
        self.lab = lab
        self.n1, self.n2 = lab.add_node(1, pods_nat=True), lab.add_node(2)
        lab.configure_routes()
        lab.start_all(bgp=False)
        self.a = self.n1.add_pod("a")
        self.b = self.n1.add_pod("b")
        self.make_strangers()

    # --- what is not tortie's ---

    def make_strangers(self):
        n1 = self.n1
        n1.ip("link", "add", "cali0badcafe", "type", "bridge")  # Calico's: group 0
        n1.ip("link", "add", "cali1badcafe", "group", 11602, "type", "bridge")  # no record of ours
        n1.ip("link", "add", "mine0", "group", 11602, "type", "bridge")  # our group, another name
        n1.ip("link", "set", "mine0", "up")
        n1.ip("route", "add", STRANGE_ROUTE, "dev", "mine0", "proto", 117)
        n1.run("nft", "-f", "-", stdin="add table inet theirs\nadd chain inet theirs c\n"
                                       "add table ip tortie\n")
        run("tc", "-n", n1.netns, "qdisc", "add", "dev", "mine0", "clsact")
        run("tc", "-n", n1.netns, "filter", "add", "dev", "mine0", "ingress", "pref", 2, "handle",
            "0x74", *STRANGE_FILTER)
        (n1.run_dir / "theirs.pid").write_text("1\n")
        (n1.cni_dir / "20-theirs.conflist").write_text("{}\n")
        run("bpftool", "map", "create", n1.bpf_dir / "theirs", "type", "array", "key", 4,
            "value", 4, "entries", 1, "name", "theirs")

    def assert_strangers_stay(self):
        n1 = self.n1
        links = {link["ifname"] for link in n1.json("link", "show")}
        assert {"cali0badcafe", "cali1badcafe", "mine0", "up0", "lo"} == links
        assert STRANGE_ROUTE in n1.ip("route")
        assert n1.ip("route", "show", "default"), "the default route stays"
        tables = n1.run("nft", "list", "tables")
        assert "inet theirs" in tables and "ip tortie" in tables
        assert "bytecode" in run("tc", "-n", n1.netns, "filter", "show", "dev", "mine0", "ingress")
        assert (n1.run_dir / "theirs.pid").exists()
        assert (n1.cni_dir / "20-theirs.conflist").exists()
        assert n1.pins() == ["theirs"]

    def assert_nothing_of_ours(self):
        n1 = self.n1
        for family in ("-4", "-6"):
            assert n1.ip(family, "route", "show", "table", "all", "proto", 116) == ""
        assert "inet tortie" not in n1.run("nft", "list", "tables")
        assert not (n1.cni_dir / "10-tortie.conflist").exists()
        assert sorted(p.name for p in n1.run_dir.iterdir()) == ["theirs.pid"]
        assert "from_network" not in n1.run("bpftool", "net", "show")
        for pod in (self.a, self.b):
            assert not [link for link in pod.json("link", "show") if link["ifname"] == "eth0"]

    # --- what a clsact kernel has on its uplink ---

    def add_clsact_filter(self):
        """Ours by name, preference and handle, running the live from_network."""
        programs = [p for p in json.loads(run("bpftool", "-j", "prog", "show"))
                    if p.get("name") == "from_network"]
        attribute = struct.pack("IIII", programs[0]["id"], 0, 0, 0)
        fd = LIBC.syscall(SYS_BPF, BPF_PROG_GET_FD_BY_ID, ctypes.c_char_p(attribute), 16)
        assert fd >= 0
        run("tc", "-n", self.n1.netns, "qdisc", "add", "dev", "up0", "clsact")
        with NetNS(self.n1.netns) as netns:
            index = netns.link_lookup(ifname="up0")[0]
            netns.tc("add-filter", "bpf", index, handle=0x74, parent=0xfffffff2, prio=2, fd=fd,
                     name="from_network", flags=1)
        os.close(fd)
        assert "from_network" in self.uplink_filters()

    def uplink_filters(self):
        return run("tc", "-n", self.n1.netns, "filter", "show", "dev", "up0", "ingress",
                   check=False)


@pytest.fixture
def net():
    with Lab("reset") as lab:
        yield Net(lab)


@pytest.mark.parametrize("agent", ["running", "stopped", "dead"])
def test_reset_removes_ours_and_leaves_others(net, agent):
    n1 = net.n1
    assert net.a.reaches(net.b.ip4)
    if agent == "stopped":
        n1.stop_agent()
    elif agent == "dead":
        n1.stop_agent(signal.SIGKILL)
    for host, why in (("/nonexistent", "No such file"), (n1.config_file, "not a folder")):
        with pytest.raises(Failed, match=f"--host {host}: {why}"):
            n1.tortie("reset", "--yes", "--host", host, "--bpf-dir", n1.bpf_dir, "-c",
                      n1.config_file)
    out = n1.reset()
    assert ("ended tortied" in out) == (agent == "running")
    n1.agent.wait(timeout=5)
    net.assert_nothing_of_ours()
    net.assert_strangers_stay()
    for word in (net.a.host_ifname, "inet tortie", "routes of protocol 116", "endpoint_v"):
        assert word in out, "it says what went"
    assert "nothing of tortie's is here" in n1.reset(), "a second run finds nothing"


def test_a_node_that_was_reset_starts_again(net):
    net.n1.reset()
    net.n1.agent.wait(timeout=5)
    (net.n1.run_dir / "theirs.pid").unlink()
    net.n1.start_agent()
    again = net.n1.add_pod("again")
    assert again.reaches(net.n1.ip4)
    assert net.n1.tortie_json("get", "pods")[0]["workload"] == "default/again"


def test_the_filter_of_a_kernel_without_tcx_goes_too(net):
    net.n1.stop_agent(signal.SIGKILL)
    net.add_clsact_filter()
    assert "filter from_network on up0" in net.n1.reset()
    assert "from_network" not in net.uplink_filters()
    assert "clsact" not in run("tc", "-n", net.n1.netns, "qdisc", "show", "dev", "up0")


def test_a_foreign_filter_beside_ours_keeps_its_qdisc(net):
    net.n1.stop_agent(signal.SIGKILL)
    net.add_clsact_filter()
    run("tc", "-n", net.n1.netns, "filter", "add", "dev", "up0", "egress", "pref", 9,
        *STRANGE_FILTER)
    net.n1.reset()
    assert "from_network" not in net.uplink_filters()
    assert "bytecode" in run("tc", "-n", net.n1.netns, "filter", "show", "dev", "up0", "egress")


def test_an_agent_of_another_run_folder_stops_the_reset(net):
    done = subprocess.run(
        ["ip", "netns", "exec", net.n1.netns, net.n1.build / "tortie", "--run-dir",
         net.lab.dir / "elsewhere", "reset", "--yes", "--bpf-dir", net.n1.bpf_dir, "-c",
         net.n1.config_file], capture_output=True, text=True, check=False)
    assert done.returncode == 1 and str(net.n1.agent.pid) in done.stderr
    assert "--run-dir" in done.stderr
    assert net.a.reaches(net.b.ip4) and net.n1.pins() != ["theirs"], "nothing was touched"


def test_a_frozen_agent_stops_the_reset(net):
    """It would put things back once it goes on: a process that does not answer is not ended."""
    net.n1.agent.send_signal(signal.SIGSTOP)
    try:
        done = subprocess.run(
            ["ip", "netns", "exec", net.n1.netns, net.n1.build / "tortie", "--run-dir",
             net.n1.run_dir, "reset", "--yes", "--bpf-dir", net.n1.bpf_dir, "-c",
             net.n1.config_file], capture_output=True, text=True, check=False, timeout=40)
        assert done.returncode == 1 and "does not answer" in done.stderr
        assert net.a.reaches(net.b.ip4)
    finally:
        net.n1.agent.send_signal(signal.SIGCONT)
    net.n1.reset()


def test_a_mistyped_pin_folder_loses_nothing(net):
    folder = net.lab.dir / "files"
    folder.mkdir()
    (folder / "endpoint_v1").write_text("not a pin\n")
    done = subprocess.run(
        ["ip", "netns", "exec", net.n1.netns, net.n1.build / "tortie", "--run-dir", net.n1.run_dir,
         "reset", "--yes", "--bpf-dir", folder, "-c", net.n1.config_file],
        capture_output=True, text=True, check=False)
    assert done.returncode == 1 and "bpffs" in done.stderr
    assert (folder / "endpoint_v1").exists()
    net.n1.reset()
    net.assert_nothing_of_ours()
