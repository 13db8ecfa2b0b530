# SPDX-License-Identifier: Apache-2.0
"""The paths that `make bench` compares, each in network namespaces of its own.

    same node                              two nodes (one veth pair is the wire)
    raw_a, raw_b  [A]====[B]               node    [n1]====[n2]
    raw_big       the same with BIG TCP
    bridge        [A]==(br)==[B]           kroute  [A]==(n1)====(n2)==[B]   kernel routing
    route         [A]==(fw)==[B]           vxlan   [A]==(br n1)~~~~(br n2)==[B]   as Flannel does it
    tortie        [A]==(tortied)==[B]      cross   [A]==(tortied n1)====(tortied n2)==[B]

raw_a and raw_b are the same thing built twice: what they differ by is what the run cannot tell.
"""
import json
import os
import socket
import struct
import subprocess
import sys
from pathlib import Path as FilePath

sys.path.insert(0, str(FilePath(__file__).resolve().parents[1] / "net"))

import harness  # noqa: E402

FAMILIES = ("IPv4", "IPv6")
NETBENCH = os.path.abspath("build/tests/tools/netbench")


def sh(command, check=True):
    """Run a command line, give its output; the error text is the command's own."""
    done = subprocess.run(command.split(), stdin=subprocess.DEVNULL, capture_output=True, text=True)
    if check and done.returncode:
        raise RuntimeError(f"{command}: {done.stderr.strip() or done.stdout.strip()}")
    return done.stdout


class Path:
    """One path: the namespaces of its two ends, and the server's addresses by family."""

    def __init__(self, name, limit, server, client, addresses):
        self.name, self.limit = name, limit
        self.server, self.client = f"/run/netns/{server}", f"/run/netns/{client}"
        self.addresses = addresses

    def measure(self, family, mode, seconds):
        """What netbench says of it, once."""
        address = self.addresses[FAMILIES.index(family)]
        return json.loads(sh(f"nice -n -15 {NETBENCH} {mode} {self.server} {self.client} {address} "
                             f"{seconds}"))


class Namespaces:
    """Namespaces named ttbench-PID-*, removed by close() and, their owner dead, by the next run."""

    def __init__(self):
        self.prefix = f"ttbench-{os.getpid()}-"
        self.names = []
        self.remove_dead()

    @staticmethod
    def remove_dead():
        if not os.path.isdir("/run/netns"):
            return
        for name in os.listdir("/run/netns"):
            pid = name.split("-")[1] if name.startswith("ttbench-") else ""
            if pid.isdigit() and not os.path.exists(f"/proc/{pid}"):
                sh(f"ip netns del {name}", check=False)

    def add(self, name):
        full = self.prefix + name
        sh(f"ip netns add {full}")
        self.names.append(full)
        sh(f"ip -n {full} link set lo up")
        sh(f"ip netns exec {full} sysctl -qw net.ipv6.conf.default.accept_dad=0 "
           "net.ipv6.conf.all.accept_dad=0")
        return full

    def close(self):
        for name in self.names:
            sh(f"ip netns del {name}", check=False)
        self.names = []

    @staticmethod
    def veth(left, left_name, right, right_name):
        sh(f"ip link add {left_name} netns {left} type veth peer name {right_name} netns {right}")
        sh(f"ip -n {left} link set {left_name} up")
        sh(f"ip -n {right} link set {right_name} up")

    @staticmethod
    def address(namespace, device, *addresses):
        for address in addresses:
            sh(f"ip -n {namespace} addr add {address} dev {device}"
               + (" nodad" if ":" in address else ""))

    @staticmethod
    def forward(namespace):
        sh(f"ip netns exec {namespace} sysctl -qw net.ipv4.ip_forward=1 "
           "net.ipv6.conf.all.forwarding=1")


def raw(spaces, name, limit=None, ends=("a", "b")):
    a, b = (spaces.add(name + end) for end in ends)
    spaces.veth(a, "eth0", b, "eth0")
    spaces.address(a, "eth0", "10.1.0.1/24", "fd01::1/64")
    spaces.address(b, "eth0", "10.1.0.2/24", "fd01::2/64")
    return Path(name, limit or name, a, b, ("10.1.0.1", "fd01::1"))


GSO_ATTRIBUTES = (41, 58, 63, 64)  # IFLA_GSO_MAX_SIZE, _GRO_MAX_SIZE and their IPv4 twins
BIG_TCP_SIZE = 196608
RTM_SETLINK, NLM_REQUEST_ACK = 19, 5


def raise_gso(namespace, device):
    """BIG TCP on a link by hand: this iproute2 knows no IPv4 sizes."""
    with harness.inside(namespace):
        index = socket.if_nametoindex(device)
        body = struct.pack("=BxHiII", 0, 0, index, 0, 0)
        for attribute in GSO_ATTRIBUTES:
            body += struct.pack("=HHI", 8, attribute, BIG_TCP_SIZE)
        with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 0) as netlink:
            netlink.send(struct.pack("=IHHII", 16 + len(body), RTM_SETLINK, NLM_REQUEST_ACK, 1, 0)
                         + body)
            error = struct.unpack_from("=i", netlink.recv(4096), 16)[0]
    if error:
        raise OSError(-error, f"{namespace} {device}: GSO size")


def raw_big(spaces):
    """The bare pair with the packets that tortie gives its pods: the limit for bulk TCP."""
    path = raw(spaces, "raw_big", "raw_a")
    for end in ("a", "b"):
        raise_gso(f"{spaces.prefix}raw_big{end}", "eth0")
    return path


def bridge(spaces):
    node, a, b = spaces.add("br"), spaces.add("bra"), spaces.add("brb")
    sh(f"ip -n {node} link add br0 type bridge")
    sh(f"ip -n {node} link set br0 up")
    for number, pod in enumerate((a, b), 1):
        spaces.veth(node, f"p{number}", pod, "eth0")
        sh(f"ip -n {node} link set p{number} master br0")
        spaces.address(pod, "eth0", f"10.2.0.{number}/24", f"fd02::{number}/64")
    return Path("bridge", "raw_a", a, b, ("10.2.0.1", "fd02::1"))


def routed_pods(spaces, node, subnet, pods):
    """Pods of @node, each on a subnet of its own behind the node's kernel routing."""
    spaces.forward(node)
    for number, pod in enumerate(pods, 1):
        spaces.veth(node, f"p{number}", pod, "eth0")
        spaces.address(node, f"p{number}", f"10.{subnet}.{number}.1/24",
                       f"fd{subnet}:{number}::1/64")
        spaces.address(pod, "eth0", f"10.{subnet}.{number}.2/24", f"fd{subnet}:{number}::2/64")
        sh(f"ip -n {pod} route add default via 10.{subnet}.{number}.1")
        sh(f"ip -n {pod} -6 route add default via fd{subnet}:{number}::1")


def route(spaces):
    node, a, b = spaces.add("rt"), spaces.add("rta"), spaces.add("rtb")
    routed_pods(spaces, node, 30, (a, b))
    return Path("route", "raw_a", a, b, ("10.30.1.2", "fd30:1::2"))


def two_nodes(spaces, name):
    left, right = spaces.add(name + "n1"), spaces.add(name + "n2")
    spaces.veth(left, "up0", right, "up0")
    for number, node in enumerate((left, right), 1):
        spaces.address(node, "up0", f"192.168.100.{number}/24", f"fd00:100::{number}/64")
    return left, right


def node_to_node(spaces):
    left, right = two_nodes(spaces, "nn")
    return Path("node", "node", left, right, ("192.168.100.1", "fd00:100::1"))


def kernel_route(spaces):
    left, right = two_nodes(spaces, "kr")
    a, b = spaces.add("kra"), spaces.add("krb")
    routed_pods(spaces, left, 41, (a,))
    routed_pods(spaces, right, 42, (b,))
    for node, peer, subnet in ((left, 2, 42), (right, 1, 41)):
        sh(f"ip -n {node} route add 10.{subnet}.0.0/16 via 192.168.100.{peer}")
        sh(f"ip -n {node} -6 route add fd{subnet}:1::/64 via fd00:100::{peer}")
    return Path("kroute", "node", a, b, ("10.41.1.2", "fd41:1::2"))


def kernel_vxlan(spaces):
    """Flannel's shape: a bridge for the pods, a VXLAN device with static entries for the other."""
    nodes = two_nodes(spaces, "vx")
    pods = (spaces.add("vxa"), spaces.add("vxb"))
    for number, (node, pod) in enumerate(zip(nodes, pods), 1):
        other = 3 - number
        spaces.forward(node)
        sh(f"ip -n {node} link add vxlan1 address 02:00:00:00:00:0{number} type vxlan id 1 "
           f"dstport 8472 local 192.168.100.{number} nolearning")
        sh(f"ip -n {node} link add cni0 type bridge")
        sh(f"ip -n {node} link set cni0 up")
        sh(f"ip -n {node} link set vxlan1 up")
        spaces.address(node, "vxlan1", f"10.5{number}.0.0/32", f"fd5{number}::/128")
        spaces.address(node, "cni0", f"10.5{number}.0.1/24", f"fd5{number}::1/64")
        spaces.veth(node, "p1", pod, "eth0")
        sh(f"ip -n {node} link set p1 master cni0")
        sh(f"ip -n {pod} link set eth0 mtu 1450")
        spaces.address(pod, "eth0", f"10.5{number}.0.2/24", f"fd5{number}::2/64")
        sh(f"ip -n {pod} route add default via 10.5{number}.0.1")
        sh(f"ip -n {pod} -6 route add default via fd5{number}::1")
        sh(f"ip -n {node} neigh add 10.5{other}.0.0 lladdr 02:00:00:00:00:0{other} dev vxlan1")
        sh(f"ip -n {node} -6 neigh add fd5{other}:: lladdr 02:00:00:00:00:0{other} dev vxlan1")
        sh(f"ip netns exec {node} bridge fdb add 02:00:00:00:00:0{other} dev vxlan1 "
           f"dst 192.168.100.{other}")
        sh(f"ip -n {node} route add 10.5{other}.0.0/24 via 10.5{other}.0.0 dev vxlan1 onlink")
        sh(f"ip -n {node} -6 route add fd5{other}::/64 via fd5{other}:: dev vxlan1 onlink")
    return Path("vxlan", "node", pods[0], pods[1], ("10.51.0.2", "fd51::2"))


def kernel_paths(spaces):
    """Every path but ours, in the order in which a round runs them."""
    return [raw(spaces, "raw_a"), bridge(spaces), route(spaces), raw(spaces, "raw_b", "raw_a"),
            raw_big(spaces),
            node_to_node(spaces), kernel_route(spaces), kernel_vxlan(spaces)]
