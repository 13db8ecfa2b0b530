# SPDX-License-Identifier: Apache-2.0
"""Every command against a real agent: what it prints, in all forms, and its exit status.

    a, b -- n1 -- lan -- n2 -- c        routes by the file, no BGP speaker
"""
import json
import os
import re
import subprocess
import time
from pathlib import Path

import pytest
import yaml

import packets
from harness import Failed, Lab, wait_until

SHOWS = ["version", "status", "node status", "get workloadendpoint", "get route", "get node",
         "get ippool", "counters", "drops", "ipam show", "ipam show --blocks"]


class Net:
    def __init__(self, lab):
        self.lab = lab
        self.n1, self.n2 = lab.add_node(1), lab.add_node(2)
        lab.configure_routes()
        lab.start_all(bgp=False)
        self.a = self.n1.add_pod("a")
        self.b = self.n1.add_pod("b", namespace="shop")
        self.c = self.n2.add_pod("c")

    def tortie(self, *argv):
        """Exit status, stdout, stderr on n1."""
        done = subprocess.run(
            ["ip", "netns", "exec", self.n1.netns, self.n1.build / "tortie", "--run-dir",
             self.n1.run_dir, *argv], capture_output=True, text=True, timeout=30, check=False)
        return done.returncode, done.stdout, done.stderr

    def explain(self, *words):
        status, out, err = self.tortie("explain", *words, "-o", "json")
        assert err == ""
        return status, json.loads(out)


@pytest.fixture(scope="module")
def net():
    with Lab("cli") as lab:
        yield Net(lab)


def without_time(value):
    if isinstance(value, dict):
        return {k: without_time(v) for k, v in value.items() if k != "uptime_s"}
    return [without_time(v) for v in value] if isinstance(value, list) else value


@pytest.mark.parametrize("command", SHOWS)
def test_each_listing_is_valid_json_and_the_same_yaml(net, command):
    def read(form, parse):
        status, out, err = net.tortie(*command.split(), "-o", form)
        assert (status, err) == (0, "")
        return without_time(parse(out))
    # Pods say something of their own now and then, which is counted between the two.
    wait_until(lambda: read("json", json.loads) == read("yaml", yaml.safe_load), "both the same", 5)


@pytest.mark.parametrize("command", SHOWS)
def test_each_listing_is_readable_text(net, command):
    for options in ([], ["-o", "wide"]):
        status, out, err = net.tortie(*command.split(), *options)
        assert (status, err) == (0, "")
        assert out.endswith("\n") and "null" not in out and "unknown" not in out
        assert not re.search(r"[^\n -~]", out), "plain characters only"


def test_version_tells_all_four(net):
    _, out, _ = net.tortie("version")
    for word in ("Client:", "Agent:", "Data plane:", "Kernel:"):
        assert word in out


def test_pods_are_listed_with_what_the_runtime_called_them(net):
    rows = net.n1.tortie_json("get", "workloadendpoint")
    row = next(r for r in rows if r["workload"] == "shop/b")
    assert row["networks"] == [f"{net.b.ip4}/32", f"{net.b.ip6}/128"]
    assert row["interface"] == net.b.host_ifname and row["mac"] == net.b.mac
    assert row["container_id"] == net.b.container_id and row["node"] == "n1"
    _, out, _ = net.tortie("get", "wep", "shop/b")
    assert net.b.ip4 in out and net.a.ip4 not in out
    for words in (["b"], ["b", "-n", "shop"], ["shop/b", "-n", "shop"]):
        assert net.tortie("get", "pod", *words)[1] == out, words
    status, out, err = net.tortie("get", "pod", "b", "-n", "default")
    assert (status, out) == (1, "") and "no such item" in err
    assert "No pods of this namespace" in net.tortie("get", "pods", "-n", "nowhere")[1]
    status, out, err = net.tortie("get", "pods", "shop/nobody")
    assert (status, out) == (1, "") and "shop/nobody" in err and "no such item" in err


@pytest.mark.parametrize("words", [("wep", "weps", "pod", "pods", "WorkloadEndpoints"),
                                   ("route", "routes"), ("node", "nodes"),
                                   ("ippool", "ippools", "pool", "pools")])
def test_kinds_have_short_and_plural_names(net, words):
    assert len({net.tortie("get", word)[1] for word in words}) == 1


def test_routes_pools_and_nodes_are_what_the_file_says(net):
    routes = {r["destination"]: r for r in net.n1.tortie_json("get", "route")}
    other = routes[net.n2.block4]
    assert (other["via"], other["interface"], other["source"], other["state"]) == \
        (net.n2.ip4, "up0", "config", "active")
    assert routes[f"{net.a.ip4}/32"]["interface"] == net.a.host_ifname
    assert routes[net.n1.block4]["source"] == "block"
    pools = {p["name"]: p for p in net.n1.tortie_json("get", "ippool")}
    assert pools["default-ipv4"]["block_cidrs"] == [net.n1.block4]
    nodes = {n["address"]: n for n in net.n1.tortie_json("get", "node")}
    assert nodes[net.n1.ip4]["self"] and not nodes[net.n2.ip4]["self"]


def test_counters_count_what_a_pod_sends_to_another(net):
    def row():
        return next(r for r in net.n1.tortie_json("counters") if r["workload"] == "default/a")
    before = row()
    net.a.ping(net.b.ip4, 10)
    after = row()
    assert after["tx_packets"] - before["tx_packets"] >= 10
    assert after["rx_packets"] - before["rx_packets"] >= 10
    assert after["tx_octets"] - before["tx_octets"] >= 10 * 84


def test_ipam_counts_addresses_and_names_their_owners(net):
    rows = net.n1.tortie_json("ipam", "show", "--blocks")
    block = next(r for r in rows if r["cidr"] == net.n1.block4)
    assert block["grouping"] == "Block" and block["used"] == 2
    assert block["total"] - block["used"] == block["free"]
    whole = next(r for r in rows if r["cidr"] == net.n1.block6)
    assert whole["total"] == 2**64 - 1, "but the anycast address"
    for command in ("ipam show --blocks", "get ippool -o wide", "status"):
        _, out, _ = net.tortie(*command.split())
        assert "1.8447e+19" in out and "18446744073" not in out, "as calicoctl writes it"
    _, out, _ = net.tortie("ipam", "show", "--ip", net.b.ip4)
    assert "in use by shop/b" in out and net.b.container_id in out
    _, out, _ = net.tortie("ipam", "show", "--ip", "10.244.1.250")
    assert "free" in out and net.n1.block4 in out
    _, out, _ = net.tortie("ipam", "show", "--ip", "192.0.2.1")
    assert "no block of this node" in out
    answer = net.n1.tortie_json("ipam", "show", "--ip", net.b.ip6)
    assert answer["state"] == "in-use" and answer["pool"] == "default-ipv6"
    assert answer["workloadendpoint"]["workload"] == "shop/b"


def test_ipam_tells_an_address_that_rests_and_one_that_no_pod_gets(net):
    pod = net.n1.add_pod("gone")
    pod.remove()
    answer = wait_until(lambda: next(
        (a for a in [net.n1.tortie_json("ipam", "show", "--ip", pod.ip4)]
         if a["state"] == "resting"), None), "its link is gone", 5)
    assert answer["workloadendpoint"] is None and answer["block"] == net.n1.block4
    _, out, _ = net.tortie("ipam", "show", "--ip", pod.ip4)
    assert "free, but given back shortly ago" in out
    _, out, _ = net.tortie("ipam", "show", "--ip", net.n1.block6.split("/")[0])
    assert "anycast" in out


def test_status_is_0_only_when_there_is_no_problem(net):
    assert net.tortie("status")[0] == 0
    net.n1.ip("link", "set", "up0", "down")
    try:
        wait_until(lambda: net.tortie("status")[0] == 1, "a problem is told")
        _, out, _ = net.tortie("status")
        assert re.search(r"problem.*up0", out), out
        started = time.monotonic()
        assert net.tortie("status", "--wait", "1")[0] == 1
        assert time.monotonic() - started < 5
    finally:
        net.n1.ip("link", "set", "up0", "up")
        net.n1.ip("addr", "replace", f"{net.n1.ip6}/64", "dev", "up0", "nodad")
        net.n1.ip("route", "replace", "default", "via", "192.168.100.1")
    assert net.tortie("status", "--wait", "20")[0] == 0


def test_ready_is_a_node_that_serves_whatever_problems_it_has():
    """A full pool, here, is a problem; it must not stop an upgrade."""
    with Lab("full") as lab:
        node = lab.add_node(1)
        node.config["pools"] = [{"name": "small", "cidr": "10.244.0.0/16",
                                 "blocks": ["10.244.1.0/32"]}]
        node.start_agent()
        node.add_pod("a")

        def status(*words):
            return subprocess.run([node.build / "tortie", "--run-dir", node.run_dir, "status",
                                   *words], stdout=subprocess.PIPE, text=True, check=False)
        assert status().returncode == 1
        assert "problem  pool small: 1 of 1 addresses in use" in status("--ready").stdout
        assert status("--ready").returncode == 0
        node.kill_agent()
        assert status("--ready").returncode == 1


def test_explain_tells_delivered_from_unreachable(net):
    rows = [
        # from, to, exit status, words of the verdict
        (net.a.ip4, f"{net.b.ip4}:80", 0, "delivered to the pod"),
        ("default/a", f"{net.b.ip4}:53/udp", 0, "delivered to the pod"),
        (net.a.container_id[:12], net.b.ip6, 0, "delivered to the pod"),
        ("a", "shop/b:80", 0, "delivered to the pod"),
        ("a", f"[{net.c.ip6}]:443", 0, "sent to the next node"),
        ("a", net.c.ip4, 0, "sent to the next node"),
        ("a", f"{net.n1.ip4}:22", 0, "this node itself"),
        ("a", "10.244.1.250", 1, "no pod has it"),
        ("a", "10.244.77.7", 1, "no node announces it"),
        ("a", net.n2.ip4, 0, "up0"),
        (net.c.ip4, f"{net.a.ip4}/udp", 0, "delivered to the pod"),
        (net.c.ip4, "10.244.2.250", 0, "host stack would send it"),  # n2's block, through n1
    ]
    for source, to, status, words in rows:
        got, answer = net.explain(source, to)
        assert got == status and words in answer["verdict"], (source, to, answer)
        assert answer["delivered"] == (status == 0) and answer["steps"], answer
        assert answer["next"], answer


def test_explain_of_the_last_hop_and_of_large_packets(net):
    status, answer = net.explain("a", net.c.ip4, "--ttl", "1")
    assert status == 1 and "TTL" in answer["verdict"]
    status, answer = net.explain("a", net.c.ip6, "--length", "2000")
    assert status == 1 and "too large" in answer["verdict"]


def test_explain_of_nobody_says_who_is_unknown(net):
    status, out, err = net.tortie("explain", "default/nobody", net.b.ip4)
    assert (status, out) == (1, "") and "default/nobody" in err
    assert err.startswith("tortie: ")
    for address in ("10.244.1.250", "fd00:244:0:1::fbfb"):
        status, out, err = net.tortie("explain", address, "a")
        assert (status, out) == (1, "")
        assert f"{address}: in this node's block, but no pod has it" in err


def test_drops_are_counted_by_reason_and_followed(net):
    follow = subprocess.Popen(
        ["ip", "netns", "exec", net.n1.netns, net.n1.build / "tortie", "--run-dir", net.n1.run_dir,
         "drops", "--follow", "--count", "1", "-o", "json"], stdout=subprocess.PIPE, text=True)
    before = net.n1.drops()["SOURCE_UNKNOWN"]
    frame = packets.udp4(net.a, net.b.ip4, b"forged", source="192.0.2.7")
    with packets.Tap(net.a) as tap:
        def is_followed():
            tap.send(frame)  # again and again: the first may be before the subscription
            return follow.poll() is not None
        wait_until(is_followed, "the followed drop", 5, 0.1)
    drop = json.loads(follow.stdout.read())
    assert follow.returncode == 0
    assert (drop["reason"], drop["hook"], drop["interface"]) == \
        ("SOURCE_UNKNOWN", "from_pod", net.a.host_ifname)
    assert drop["packet"] == f"192.0.2.7:4321 > {net.b.ip4}:9 udp"
    assert drop["length"] == len(frame)
    assert net.n1.drops()["SOURCE_UNKNOWN"] > before
    _, out, _ = net.tortie("drops")
    assert "SOURCE_UNKNOWN" in out and "TRUNCATED" not in out, "only what happened"


def test_following_ends_with_the_agent(net):
    follow = subprocess.Popen(
        ["ip", "netns", "exec", net.n2.netns, net.n2.build / "tortie", "--run-dir", net.n2.run_dir,
         "drops", "--follow"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    wait_until(lambda: has_socket(follow.pid), "the subscription")
    net.n2.stop_agent()
    _, err = follow.communicate(timeout=10)
    net.n2.start_agent()
    assert follow.returncode == 1 and "agent" in err


def has_socket(pid):
    return any("socket:" in os.readlink(fd) for fd in Path(f"/proc/{pid}/fd").iterdir())


def test_others_than_root_are_told_about_the_group(net):
    done = subprocess.run(
        ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", net.n1.build / "tortie",
         "--run-dir", net.n1.run_dir, "status"], capture_output=True, text=True, check=False)
    assert done.returncode == 1 and done.stdout == ""
    assert "permission denied" in done.stderr and "group tortie" in done.stderr
    done = subprocess.run(
        ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", net.n1.build / "tortie",
         "reset", "--yes"], capture_output=True, text=True, check=False)
    assert done.returncode == 1 and "only root" in done.stderr


@pytest.mark.parametrize("name", ["\x1b]0;title\x07", "\x9b31m", "a\u202eb", "x\ny"])
def test_a_pods_name_cannot_steer_the_terminal(net, name):
    """Whatever the runtime let pass: refused at ADD, or shown escaped."""
    pod = net.n1.add_pod("odd", add=False)
    try:
        pod.cni("ADD", env={"CNI_ARGS": f"IgnoreUnknown=1;K8S_POD_NAMESPACE=x;K8S_POD_NAME={name}"})
    except Failed:
        pod.delete()
        return
    try:
        for form in ("wide", "json", "yaml"):
            out = net.tortie("get", "pods", "-o", form)[1] + net.tortie("counters", "-o", form)[1]
            assert not re.search("[^\n -~]", out), repr(out)
    finally:
        pod.cni("DEL")
        pod.delete()
