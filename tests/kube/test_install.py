# SPDX-License-Identifier: Apache-2.0
"""Install, remove, upgrade and reboot as docs/kubernetes.md says, on a cluster of the tests' own
(cluster.py): the network is taken off the nodes and put back.

What may not be lost while programs are replaced is known by udp_flow: each datagram has a number.
"""
import contextlib
import json
import os
import re
import shlex
import signal
import subprocess

import pytest

import kube
from programs import node_program

DEPLOY = kube.TOP / "deploy" / "kubernetes"
CTR = shlex.split(os.environ.get("TORTIE_KUBE_CTR", "")) + ["-n", "k8s.io"]
API = shlex.split(os.environ.get("TORTIE_KUBE_API", ""))
NEXT = os.environ.get("TORTIE_KUBE_NEXT", "")
HOST_TORTIE = "/opt/tortie/bin/tortie"
FILES = ["/etc/cni", "/opt/cni", "/opt/tortie", "/run/tortie", "/var/lib/tortie", "/sys/fs/bpf",
         "/var/lib/kubelet/seccomp", "/usr/local/bin/tortie"]
RATE = 500
PORT = 7000

pytestmark = [
    pytest.mark.long,
    pytest.mark.skipif(not os.environ.get("TORTIE_KUBE_OWN"),
                       reason="takes the network off the nodes: needs a cluster of its own"),
]


# --- what an administrator types ---

def apply(name="tortie.yaml"):
    kube.kubectl("apply", "-f", DEPLOY / name)


def delete(name="tortie.yaml"):
    kube.kubectl("delete", "-f", DEPLOY / name, "--ignore-not-found", timeout=180)


def rollout(daemonset="tortie-node", seconds=180):
    kube.kubectl("-n", kube.SYSTEM, "rollout", "status", f"daemonset/{daemonset}",
                 f"--timeout={seconds}s", timeout=seconds + 10)


def wait_nodes_ready():
    kube.kubectl("wait", "node", "--all", "--for=condition=Ready", "--timeout=120s", timeout=130)


def install():
    apply()
    rollout()
    wait_nodes_ready()


def reset():
    delete()
    apply("reset.yaml")
    rollout("tortie-reset")
    text = kube.kubectl("-n", kube.SYSTEM, "logs", "-l", "k8s-app=tortie-reset", "-c", "reset")
    delete("reset.yaml")
    return text


def restart_pods_of_the_cluster():
    """Those that were there before the network came or went."""
    kube.kubectl("-n", "kube-system", "delete", "pod", "--all", "--wait=false")
    kube.kubectl("-n", "kube-system", "rollout", "status", "deployment/coredns", "--timeout=120s",
                 timeout=130)


# --- what a node holds ---

def lines(node, *command):
    return kube.on_node(node, *command, check=False).stdout.splitlines()


def snapshot(node):
    """Links, routes, rules, nftables, hooks, pins and files, each as sorted lines."""
    found = {
        "links": [re.sub(r"@.*|:$", "", line.split()[1])
                  for line in lines(node, "ip", "-o", "link")],
        "rules": lines(node, "ip", "rule") + lines(node, "ip", "-6", "rule"),
        "tables": [line for line in lines(node, "nft", "list", "tables")],
        "hooks": lines(node, "tc", "filter", "show", "dev", "eth0", "ingress")
        + [line for line in lines(node, "bpftool", "net") if "tortie" in line or "from_" in line],
        "files": lines(node, "find", *FILES, "-not", "-name", ".*"),
    }
    for family in ("-4", "-6"):
        found[f"routes {family}"] = lines(node, "ip", family, "route", "show", "table", "all")
        found[f"neighbours {family}"] = lines(node, "ip", family, "neigh", "show", "nud",
                                              "permanent")
    return {key: sorted(value) for key, value in found.items()}


def node_names():
    return [node.name for node in kube.worker_nodes()][:2]


@pytest.fixture(name="installed")
def tortie_is_installed():
    """And so it is afterwards, whatever the test did."""
    install()
    yield
    install()


# --- traffic ---

class Flow:
    """udp_flow between two pods of two nodes, both ways; each end runs in its pod."""

    def __init__(self, namespace, ends):
        addresses = list(ends.values())
        self.processes = [subprocess.Popen(
            [*kube.KUBECTL, "exec", "-i", "-n", namespace.name, name, "--", "sh", "-c",
             f"/tool/udp_flow {own} {other} {PORT} {RATE} 900 & read line; kill $!; wait"],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
            for name, own, other in zip(ends, addresses, reversed(addresses))]
        for process in self.processes:
            assert process.stdout.readline().strip() == "running"

    def stop(self):
        """The counts of both ends."""
        for process in self.processes:
            process.stdin.write("stop\n")
            process.stdin.flush()
        return [json.loads(process.communicate(timeout=60)[0].strip().splitlines()[-1])
                for process in self.processes]

    def assert_whole(self):
        counts = self.stop()
        assert all(count["peer_sent"] for count in counts), counts
        assert sum(count["lost"] for count in counts) == 0, counts
        assert sum(count["send_errors"] for count in counts) == 0, counts


@pytest.fixture(name="pods")
def two_pods(installed):
    """Namespace, and the pods' addresses by name: one on each of two nodes."""
    namespace = kube.Namespace("tortie-install")
    try:
        namespace.add_tool("udp_flow")
        names = {f"p{number}": node for number, node in enumerate(node_names(), 1)}
        namespace.create(*(kube.pod(name, node, ["sleep", "3600"], tool="udp-flow")
                           for name, node in names.items()))
        items = namespace.wait_ready(*names)
        yield namespace, {name: item["status"]["podIP"] for name, item in items.items()}
    finally:
        namespace.remove()


# --- the tests ---

def test_reset_leaves_what_was_there_before():
    """Install on a node without network, use it, remove it: equal; and it installs again."""
    reset()
    names = node_names_of_all()
    before = {name: snapshot(name) for name in names}
    for name in names:
        for key in ("net.ipv4.ip_forward", "net.ipv6.conf.all.forwarding"):
            kube.on_node(name, "sysctl", "-qw", f"{key}=0")
    try:
        install()
        restart_pods_of_the_cluster()
        for name in names:
            assert snapshot(name) != before[name]
            family = kube.families()[0]
            key = {4: "net.ipv4.ip_forward", 6: "net.ipv6.conf.all.forwarding"}[family]
            assert kube.on_node(name, "sysctl", "-n", key).stdout.strip() == "1"
        kube.kubectl("-n", "kube-system", "scale", "deployment/coredns", "--replicas=0")
        kube.wait_until(lambda: not kube.get("pods", "-n", "kube-system")["items"], "no pods")
        text = reset()
        for name in names:
            assert snapshot(name) == before[name], text
    finally:
        install()
        kube.kubectl("-n", "kube-system", "scale", "deployment/coredns", "--replicas=1")
        restart_pods_of_the_cluster()


def node_names_of_all():
    return [node.name for node in kube.nodes()]


def test_reset_takes_the_links_of_pods_that_run(pods):
    _, addresses = pods
    reset()
    for name in node_names_of_all():
        assert not [line for line in lines(name, "ip", "-o", "link") if " cali" in line]
        assert not lines(name, "ip", "route", "show", "proto", "116")
        assert not [line for line in lines(name, "nft", "list", "tables") if "tortie" in line]
    assert addresses


def test_delete_and_apply_again_loses_no_packet(pods):
    """kubectl delete cannot be told from an upgrade: forwarding goes on."""
    flow = Flow(*pods)
    delete()
    kube.wait_until(lambda: kube.run([*kube.KUBECTL, "get", "namespace", kube.SYSTEM],
                                     check=False).returncode != 0, "the namespace to be gone")
    install()
    flow.assert_whole()


def test_upgrade_to_the_next_image_loses_no_packet(pods):
    """Node by node, to programs with another layout of the maps, and back."""
    node = node_names()[0]
    before = kube.tortie(node, "version").stdout
    flow = Flow(*pods)
    kube.kubectl("-n", kube.SYSTEM, "set", "image", "daemonset/tortie-node", f"*={NEXT}")
    rollout()
    after = kube.tortie(node, "version").stdout
    assert "ABI 99" in after and before != after
    install()
    assert kube.tortie(node, "version").stdout == before
    flow.assert_whole()


def test_restart_by_rollout_loses_no_packet(pods):
    flow = Flow(*pods)
    kube.kubectl("-n", kube.SYSTEM, "rollout", "restart", "daemonset/tortie-node")
    rollout()
    flow.assert_whole()


@contextlib.contextmanager
def kubelet_at_rest(node):
    """It would start containers anew while others are still being killed: a pod whose link goes
    after its ADD gets no other. (The kubelet itself stays: one that starts without the API server
    knows no pods.)"""
    kubelet = node_program(node, "kubelet")
    os.kill(kubelet.pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(kubelet.pid, signal.SIGCONT)


def forget_as_a_reboot_does(node):
    """Containers, links, routes, pins and /run go; the disk stays."""
    for task in lines(node, *CTR, "tasks", "ls", "-q"):
        kube.on_node(node, *CTR, "tasks", "kill", "-s", "SIGKILL", task, check=False)
    for line in lines(node, "ip", "-o", "link"):
        name = line.split()[1].split("@")[0].rstrip(":")
        if name.startswith("cali"):
            kube.on_node(node, "ip", "link", "del", name, check=False)
    for family in ("-4", "-6"):
        kube.on_node(node, "ip", family, "route", "flush", "proto", "116", check=False)
    kube.on_node(node, "nft", "delete", "table", "inet", "tortie", check=False)
    kube.on_node(node, "find", "/sys/fs/bpf/tortie", "/run/tortie", "-mindepth", "1", "-delete",
                 check=False)


def pods_of_node(node, namespace):
    """Name and addresses of the pods that the node's own command knows, without the cluster."""
    done = kube.on_node(node, HOST_TORTIE, "get", "workloadendpoint", "--local", "-o", "json",
                        check=False)
    items = json.loads(done.stdout)["items"] if done.returncode == 0 else []
    return {item["workload"].split("/")[-1]: item["networks"] for item in items
            if item["workload"].startswith(f"{namespace.name}/")}


def test_after_a_reboot_pods_start_while_the_api_server_is_away(pods):
    namespace, addresses = pods
    node, other = node_names()
    kube.run([*API, "stop"])
    try:
        with kubelet_at_rest(node):
            forget_as_a_reboot_does(node)
        networks = kube.wait_until(lambda: pods_of_node(node, namespace).get("p1"),
                                   "p1 to have a network again", 180, 1)
        address = networks[0].split("/")[0]
        kube.wait_until(lambda: kube.on_node(other, "ping", "-c1", "-W1", address),
                        f"{address} to answer the other node", 60)
        text = kube.on_node(node, HOST_TORTIE, "status", check=False).stdout
        assert "kubed" in text or "API server" in text, text
    finally:
        kube.run([*API, "start"], timeout=310)
    rollout()
    wait_nodes_ready()
    assert addresses
