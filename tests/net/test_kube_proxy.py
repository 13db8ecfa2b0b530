# SPDX-License-Identifier: Apache-2.0
"""kube-proxy beside us: what it and portmap translate works with the fast path on, in both modes.

    a, b -- n1 -- lan -- n2 -- c, d        rules of kube_proxy.py on n1 and n2
                   |
                  tor -- outside           hostPorts by the portmap plugin

Each case runs for TCP and UDP and both families. Conntrack must never have called a forwarded
packet INVALID, and flows that nobody translates must not be seen by the host stack at all.
"""
import errno
import itertools
import json
import os
import re
import select
import socket
from pathlib import Path

import pytest

import kube_proxy
import packets
from harness import Lab, wait_until
from kube_proxy import Service, bracket
from talk import KINDS, TARGET, ask, family_of, open_socket, say, serve

PORTMAP = Path("/usr/lib/cni/portmap")
DEAD = 9
IP_RECVERR, IPV6_RECVERR, IPV6_UNICAST_HOPS = 11, 25, 16
PORTS = itertools.count(20000)


class Cluster:
    def __init__(self, lab, mode):
        self.lab = lab
        self.mode = mode
        self.n1, self.n2 = lab.start_pair()
        self.a, self.b = self.n1.add_pod("a"), self.n1.add_pod("b")
        self.c, self.d = self.n2.add_pod("c"), self.n2.add_pod("d")
        self.nodes = [self.n1, self.n2]
        self.invalid = {node.name: 0 for node in self.nodes}
        self.services = {s.name: s for s in [
            Service("near", 1, [self.b], node_port=30001),
            Service("far", 2, [self.c], node_port=30002, external=True),
            Service("both", 3, [self.b, self.c], node_port=30003),
            Service("same", 4, [self.b, self.c], has_affinity=True),
            Service("self", 5, [self.a], node_port=30005),
            Service("api", 6, [self.n2]),
            Service("nearlocal", 7, [self.b], node_port=30007, is_local=True),
            Service("farlocal", 8, [self.c], node_port=30008, is_local=True),
            Service("neardead", 9, [self.b], target=DEAD, protocols=("udp",)),
            Service("fardead", 10, [self.c], target=DEAD, protocols=("udp",)),
        ]}
        for node in self.nodes:
            kube_proxy.write(node, self.services.values(), mode)
        for host in (self.a, self.b, self.c, self.d, self.n2):
            serve(lab, host)
        self.map_host_port(self.b, 31001)
        self.map_host_port(self.c, 31002)
        self.map_host_port(self.a, 31005)
        # What a readiness probe does: the node talks to each pod.
        for pod in (self.a, self.b, self.c, self.d):
            for family in (4, 6):
                assert ask(pod.node, "tcp", (pod.address(family), TARGET))[0] == pod.name

    def map_host_port(self, pod, port):
        config = {
            "cniVersion": "1.0.0", "name": "tortie", "type": "portmap", "snat": True,
            "prevResult": pod.result,
            "runtimeConfig": {"portMappings": [
                {"hostPort": port, "containerPort": TARGET, "protocol": protocol}
                for protocol in KINDS]},
        }
        env = dict(os.environ, CNI_COMMAND="ADD", CNI_CONTAINERID=pod.container_id,
                   CNI_NETNS=pod.netns_path, CNI_IFNAME="eth0", CNI_PATH=str(PORTMAP.parent))
        pod.node.run(PORTMAP, stdin=json.dumps(config), env=env)

    def __getitem__(self, name):
        return self.services[name]


@pytest.fixture(scope="module", params=["iptables", "nftables"])
def net(request):
    if not PORTMAP.exists():
        pytest.skip("containernetworking-plugins is not installed")
    with Lab("kpx") as lab:
        yield Cluster(lab, request.param)


@pytest.fixture(params=["tcp", "udp"])
def kind(request):
    return request.param


@pytest.fixture(autouse=True)
def nothing_is_invalid(net):
    yield
    for node in net.nodes:
        assert kube_proxy.invalid_packets(node) == net.invalid[node.name], node.name


def direct(pod, family):
    return (pod.address(family), TARGET)


def vip(service, family):
    return (service.address(family), service.port)


def test_the_counter_sees_what_is_invalid(net):
    """The control: TCP flags that no connection has, from a pod to the outside."""
    with packets.Tap(net.a) as tap:
        from scapy.layers.inet import IP, TCP
        from scapy.layers.l2 import Ether
        tap.send(Ether(dst=packets.GATEWAY_MAC, src=net.a.mac) /
                 IP(src=net.a.ip4, dst="198.51.100.2") / TCP(dport=7, flags="FSRPA"))
    wait_until(lambda: kube_proxy.invalid_packets(net.n1) == 1, "an INVALID packet is counted")
    net.invalid[net.n1.name] = 1


# --- nobody translates ---

def flows_of(node, *parts):
    """conntrack's entries of the node that hold all these words."""
    out = node.run("conntrack", "-L", check=False) + node.run("conntrack", "-L", "-f", "ipv6",
                                                              check=False)
    return [line for line in out.splitlines() if all(part in line for part in parts)]


def test_direct_flows_pass_by_the_host_stack(net, family, kind):
    for target in (net.b, net.c):
        port = next(PORTS)
        assert ask(net.a, kind, direct(target, family), port)[0] == target.name
        for node in net.nodes:
            assert flows_of(node, f"src={net.a.address(family)} ", f"sport={port} ") == []


def test_a_pod_is_reached_directly_after_it_was_probed_and_after_its_service_was_used(net, family,
                                                                                     kind):
    for target, service in ((net.b, net["near"]), (net.c, net["far"])):
        for _ in range(3):
            name, source, _ = ask(net.a, kind, direct(target, family))
            assert (name, source) == (target.name, net.a.address(family))
            assert ask(net.a, kind, vip(service, family))[0] == target.name


def test_ping_and_large_pings_of_pods_and_nodes(net, family):
    for target in (net.b, net.c, net.n1, net.n2):
        assert "2 received" in net.a.ping(target.address(family), 2)
        assert "2 received" in net.a.ping(target.address(family), 2, "-s", 6000)


# --- ClusterIP ---

def test_cluster_ip_of_the_same_and_of_another_node(net, family, kind):
    for service, target in (("near", net.b), ("far", net.c)):
        name, source, _ = ask(net.a, kind, vip(net[service], family))
        assert (name, source) == (target.name, net.a.address(family))


def test_two_backends_are_both_seen(net, family, kind):
    seen = {ask(net.a, kind, vip(net["both"], family))[0] for _ in range(20)}
    assert seen == {net.b.name, net.c.name}


def test_session_affinity_stays_with_one_backend(net, family, kind):
    seen = {ask(net.a, kind, vip(net["same"], family))[0] for _ in range(20)}
    assert len(seen) == 1


def test_a_pod_reaches_itself_through_its_service(net, family, kind):
    """Hairpin: masqueraded, as the pod would drop its own address."""
    for target in (vip(net["self"], family), (net.n1.address(family), 30005),
                   (net.n1.address(family), 31005)):
        assert ask(net.a, kind, target)[0] == net.a.name


def test_a_service_whose_endpoint_is_a_node(net, family, kind):
    """The API server: the answer comes with a node's address."""
    for _ in range(2):
        assert ask(net.a, kind, vip(net["api"], family))[0] == net.n2.name


def test_large_transfer_through_services(net, family):
    for service in ("near", "far"):
        with open_socket(net.a, "tcp", family) as sock:
            sock.connect(vip(net[service], family))
            sock.sendall(b"big 3000000\n")
            got = 0
            while got < 3000000:
                got += len(sock.recv(1 << 20))
        assert got == 3000000


# --- NodePort, external addresses, hostPort ---

def test_node_port_from_a_pod(net, family, kind):
    n1, n2 = net.n1.address(family), net.n2.address(family)
    for address, port, target in (
            (n1, 30002, net.c),  # own node, backend on the other
            (n2, 30001, net.b),  # other node, backend on the own
            (n2, 30002, net.c),  # other node, backend there
            (n1, 30001, net.b)):
        for _ in range(2):
            assert ask(net.a, kind, (address, port))[0] == target.name, (address, port)


def test_node_port_with_local_policy_from_a_pod(net, family, kind):
    n1, n2 = net.n1.address(family), net.n2.address(family)
    for address, port, target in (
            (n1, 30007, net.b),  # own node and its backend
            (n2, 30008, net.c),  # the other node and its backend: it translates, unmasqueraded
            (n1, 30008, net.c)):  # own node, the backend is elsewhere
        for _ in range(2):
            name, source, _ = ask(net.a, kind, (address, port))
            assert (name, source) == (target.name, net.a.address(family)), (address, port)


def test_external_address_from_a_pod(net, family, kind):
    assert ask(net.a, kind, (net["far"].external_address(family), 80))[0] == net.c.name


def test_from_hosts_and_from_outside(net, family, kind):
    for target in (net.b, net.c):
        assert ask(net.n1, kind, direct(target, family))[0] == target.name
        assert ask(net.lab.outside, kind, direct(target, family))[0] == target.name
    for service, target in (("near", net.b), ("far", net.c)):
        assert ask(net.n1, kind, vip(net[service], family))[0] == target.name
    for node in net.nodes:
        for port, target in ((30001, net.b), (30002, net.c)):
            for host in (net.n1, net.lab.outside):
                assert ask(host, kind, (node.address(family), port))[0] == target.name


def test_local_policy_keeps_the_clients_address(net, family, kind):
    for node, port, target in ((net.n1, 30007, net.b), (net.n2, 30008, net.c)):
        name, source, _ = ask(net.lab.outside, kind, (node.address(family), port))
        client = "198.51.100.2" if family == 4 else "2001:db8:51::2"
        assert (name, source) == (target.name, client)


def test_host_port_from_pods_and_from_outside(net, family, kind):
    for node, port, target in ((net.n1, 31001, net.b), (net.n2, 31002, net.c)):
        for host in (net.a, net.d, net.lab.outside):
            for _ in range(2):
                assert ask(host, kind, (node.address(family), port))[0] == target.name, host.name


# --- one socket, one port: the flow counts, not the socket ---

def test_one_udp_socket_speaks_with_services_and_pods(net, family):
    with open_socket(net.a, "udp", family) as sock:
        for _ in range(3):
            for target, who in ((vip(net["near"], family), net.b), (direct(net.d, family), net.d),
                                (vip(net["far"], family), net.c), (direct(net.b, family), net.b),
                                (direct(net.c, family), net.c)):
                assert say(sock, "udp", target)[0] == who.name, target


@pytest.mark.parametrize("service,backend,other", [("near", "b", "d"), ("far", "c", "b")])
def test_the_same_port_again_for_a_pod_after_a_service(net, family, kind, service, backend, other):
    """The request takes the stack too, so that the kernel picks another port, as without us."""
    port = next(PORTS)
    for target, who in ((vip(net[service], family), backend),
                        (direct(getattr(net, other), family), other),
                        (vip(net[service], family), backend),
                        (direct(getattr(net, backend), family), backend)):
        assert ask(net.a, kind, target, port)[0] == getattr(net, who).name, target


def test_the_same_port_at_once_for_a_service_and_a_pod(net, family):
    port = next(PORTS)
    with open_socket(net.a, "tcp", family, port) as held, \
            open_socket(net.a, "tcp", family, port) as other:
        held.connect(vip(net["near"], family))
        other.connect(direct(net.c, family))
        for _ in range(2):
            assert say(held, "tcp", None)[0] == net.b.name
            assert say(other, "tcp", None)[0] == net.c.name


# --- errors, fragments, silence ---

@pytest.mark.parametrize("service,backend", [("neardead", "b"), ("fardead", "c")])
def test_port_unreachable_reaches_the_client(net, family, service, backend):
    for target in (vip(net[service], family), (getattr(net, backend).address(family), DEAD)):
        with open_socket(net.a, "udp", family) as sock:
            sock.connect(target)
            sock.send(b"anybody?")
            with pytest.raises(ConnectionRefusedError):
                sock.recv(100)


def hears_of_expiry(sock):
    """One more datagram: the kernel sends such errors at a limited rate to each host."""
    try:
        sock.send(b"how far?")
    except OSError as error:
        return error.errno == errno.EHOSTUNREACH
    return select.select([], [], [sock], 0.5)[2] or sock.getsockopt(
        socket.SOL_SOCKET, socket.SO_ERROR) == errno.EHOSTUNREACH


@pytest.mark.parametrize("hops", [1, 2])
def test_time_exceeded_reaches_the_socket(net, family, hops):
    """Direct and through the service: hop 1 is the pod's own node, hop 2 the other."""
    for target in (direct(net.c, family), vip(net["far"], family)):
        with open_socket(net.a, "udp", family) as sock:
            level = socket.IPPROTO_IP if family == 4 else socket.IPPROTO_IPV6
            sock.setsockopt(level, IP_RECVERR if family == 4 else IPV6_RECVERR, 1)
            sock.setsockopt(level, socket.IP_TTL if family == 4 else IPV6_UNICAST_HOPS, hops)
            sock.connect(target)
            wait_until(lambda: hears_of_expiry(sock), f"an error about {target}")


def test_large_datagrams_with_small_answers(net, family):
    for target, who in ((vip(net["near"], family), net.b), (vip(net["far"], family), net.c),
                        (direct(net.b, family), net.b), (direct(net.c, family), net.c)):
        with open_socket(net.a, "udp", family) as sock:
            for _ in range(2):
                words = say(sock, "udp", target, "x" * 6000)
                assert (words[0], words[3]) == (who.name, "6000"), target


def hold(host, target):
    sock = open_socket(host, "tcp", family_of(target[0]))
    sock.connect(target)
    assert say(sock, "tcp", None)
    sock.sendall(b"hold\n")
    return sock


def speak(pod, family, count):
    """Let the server of pod speak first, asked by its own node; it must have count listeners."""
    def has_all():
        with open_socket(pod.node, "tcp", family) as sock:
            sock.connect(direct(pod, family))
            return int(say(sock, "tcp", None, "speak")[0]) >= count
    wait_until(has_all, f"{pod.name} holds {count} connections")


def test_an_idle_connection_through_a_service_hears_a_late_answer(net, family):
    for service, target in (("near", net.b), ("far", net.c)):
        with hold(net.a, vip(net[service], family)) as sock:
            for number in range(500):  # many other flows meanwhile
                with open_socket(net.a, "udp", family) as other:
                    assert say(other, "udp", vip(net[service], family))[0] == target.name, number
            speak(target, family, 1)
            assert sock.recv(100) == b"spoken\n"


def test_an_idle_connection_outlives_maps_that_start_anew(net, family):
    """Another size of the maps: they are filled from conntrack, before a program asks them."""
    with hold(net.a, vip(net["near"], family)) as near, hold(net.a, vip(net["far"], family)) as far:
        size = net.n1.config.get("maps", {}).get("stack_tcp", 16384)
        net.n1.config["maps"] = {"stack_tcp": 32768 if size == 16384 else 16384}
        net.n1.kill_agent()
        net.n1.start_agent()
        assert re.search(r"flows of the host stack: [1-9]\d* taken over from conntrack",
                         net.n1.log()[-4000:])
        for target, sock in ((net.b, near), (net.c, far)):
            speak(target, family, 1)
            assert sock.recv(100) == b"spoken\n"


# --- what the agent says ---

def test_status_counts_flows_and_explain_tells_the_step(net, family):
    """40000 is explain's own when none is given; no earlier test has had the others."""
    assert ask(net.a, "udp", vip(net["near"], family), 40000)[0] == net.b.name
    assert re.search(r"kube_proxy: beside: the host stack keeps \d+ TCP flows \(of \d+\) and "
                     r"[1-9]\d* others", net.n1.tortie("status", check=False))
    to = bracket(net.b.address(family), family)
    answer = net.n1.tortie("explain", net.a.address(family), f"{to}:8080/udp", check=False)
    assert "flow is the host stack's" in answer
    assert "flow is recorded" in answer  # and so is what comes back: to_pod says so
    answer = net.n1.tortie("explain", net.a.address(family), f"{to}:8081/udp")
    assert "redirect_peer" in answer
    # The same pods and port, another socket: only the asker's port tells the two flows apart.
    assert ask(net.a, "udp", vip(net["near"], family), 10123)[0] == net.b.name
    own = bracket(net.a.address(family), family)
    answer = net.n1.tortie("explain", f"{own}:10123", f"{to}:8080/udp", check=False)
    assert "flow is the host stack's" in answer and "from port 10123" in answer
    answer = net.n1.tortie("explain", f"{own}:10124", f"{to}:8080/udp")
    assert "redirect_peer" in answer


def test_removed_programs_come_back(net):
    """to_network is watched like the others."""
    pins = list(net.n1.bpf_dir.glob("to_network_*"))
    if not pins:
        pytest.skip("this kernel has no tcx")
    pins[0].unlink()
    wait_until(pins[0].exists, "the pin is back", 3)


def test_without_kube_proxy_nothing_is_asked_and_no_map_is_made(net, family):
    net.n2.config["kube_proxy"] = "none"
    net.n2.stop_agent()
    net.n2.start_agent()
    try:
        assert not [pin for pin in net.n2.pins() if pin.startswith(("stack_", "to_network"))]
        assert "kube_proxy: none" in net.n2.tortie("status", check=False)
        assert "to_network" not in net.n2.run("bpftool", "net", "show", "dev", "up0")
        assert ask(net.a, "tcp", direct(net.c, family))[0] == net.c.name
    finally:
        del net.n2.config["kube_proxy"]
        net.n2.stop_agent()
        net.n2.start_agent()
    assert ask(net.a, "tcp", vip(net["far"], family))[0] == net.c.name
