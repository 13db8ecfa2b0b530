# SPDX-License-Identifier: Apache-2.0
"""hostPort, by the reference plugin portmap chained behind ours, with the fast path on.

    client, web, two -- n1 -- lan -- n2 -- far        tor -- outside

web has host ports on n1; its clients are a pod beside it, its node, a pod of the other node, that
node, and a host outside. TCP and UDP by programs; SCTP, which this kernel need not have, by packets
on raw sockets at both ends: conntrack and portmap translate them all the same.
"""
import itertools
import json
import os
import socket
from pathlib import Path

import pytest

import inventory
from harness import Lab, Pod, inside
from talk import FAMILIES, KINDS, TARGET, ask, open_socket, say, serve

PLUGINS = Path("/usr/lib/cni")
PORTS = itertools.count(31000)
SCTP_PORT = 38412
INIT, INIT_ACK = 1, 2  # chunk types, RFC 9260 section 3.2
CLIENTS = ("client", "n1", "far", "n2", "outside")


def chain(pod, command, plugins, ports=()):
    """What libcni does with a list of plugins: in order, each with the result of the one before;
    for DEL backwards, each with the last result."""
    programs = {"tortie-cni": pod.node.build / "tortie-cni"}
    version = {"cniVersion": "1.0.0", "name": pod.network}
    env = dict(os.environ, CNI_COMMAND=command, CNI_CONTAINERID=pod.container_id,
               CNI_NETNS=pod.netns_path, CNI_IFNAME=pod.ifname, CNI_PATH=str(PLUGINS))
    result = pod.result if command != "ADD" else None
    for plugin in plugins if command != "DEL" else plugins[::-1]:
        config = {**version, **plugin}
        if plugin["type"] == "portmap":
            config["runtimeConfig"] = {"portMappings": [
                {"hostPort": host, "containerPort": inner, "protocol": protocol}
                for host, inner, protocol in ports]}
        if result:
            config["prevResult"] = result
        program = programs.get(plugin["type"], PLUGINS / plugin["type"])
        out = pod.node.run(program, stdin=json.dumps(config), env=env)
        if command == "ADD":
            result = json.loads(out)
    pod.result = result


def check(pod):
    """All but portmap: that of 2023 looks for the rules of one family in the table of the other,
    and so finds fault with every pod that has both."""
    chain(pod, "CHECK", [plugin for plugin in pod.plugins if plugin["type"] != "portmap"])


def our_plugins(node, *others):
    return [{"type": "tortie-cni", "runDir": str(node.run_dir)}, *others]


PORTMAP = {"type": "portmap", "snat": True}
TUNING = {"type": "tuning", "sysctl": {"net.ipv4.conf.eth0.log_martians": "1"}, "promisc": True}


class MappedPod(Pod):
    """A pod with host ports: a port of the node for each protocol. By network and container portmap
    knows which are whose."""
    network = "tortie"

    def __init__(self, node, name, port, plugins, ifname="eth0"):
        super().__init__(node, name, ifname=ifname, add=False)
        self.plugins = plugins
        self.ports = [(port, TARGET, "tcp"), (port, TARGET, "udp"), (port, SCTP_PORT, "sctp")]
        self.port = port
        self.ip("link", "set", "lo", "up")

    def attach(self):
        chain(self, "ADD", self.plugins, self.ports)
        return self

    def detach(self):
        chain(self, "DEL", self.plugins, self.ports)
        self.delete()


class Cluster:
    def __init__(self, lab):
        self.lab = lab
        self.n1, self.n2 = lab.start_pair()
        for node in (self.n1, self.n2):  # what kube-proxy sets, and a host that publishes ports
            node.sysctl("net.ipv4.ip_forward", 1)
            node.sysctl("net.ipv6.conf.all.forwarding", 1)
        self.client, self.far = self.n1.add_pod("client"), self.n2.add_pod("far")
        self.outside = lab.outside
        self.web = MappedPod(self.n1, "web", next(PORTS), our_plugins(self.n1, PORTMAP)).attach()
        serve(lab, self.web)


@pytest.fixture(scope="module")
def net():
    if not (PLUGINS / "portmap").exists():
        pytest.skip("containernetworking-plugins is not installed")
    with Lab("hport") as lab:
        yield Cluster(lab)


@pytest.fixture(params=CLIENTS)
def client(request, net):
    return getattr(net, request.param)


@pytest.mark.parametrize("kind", KINDS)
def test_from_everywhere_by_tcp_and_udp(net, client, family, kind):
    for _ in range(3):
        assert ask(client, kind, (net.n1.address(family), net.web.port))[0] == net.web.name


def raw_sctp(host, family):
    with inside(host.netns):
        sock = socket.socket(FAMILIES[family], socket.SOCK_RAW, socket.IPPROTO_SCTP)
    sock.settimeout(3.0)
    return sock


def sctp_packet(source_port, port, tag, chunk):
    from scapy.layers.sctp import SCTP
    return bytes(SCTP(sport=source_port, dport=port, tag=tag) / chunk)


def receive(sock, family, chunk_type):
    """(peer, ports, verification tag, own tag) of the next packet with this chunk."""
    while True:
        data, peer = sock.recvfrom(2000)
        if family == 4:  # a raw IPv4 socket gives the header, too
            data = data[(data[0] & 15) * 4:]
        if data[12] == chunk_type:
            ports = [int.from_bytes(data[at:at + 2], "big") for at in (0, 2)]
            return peer[0], ports, int.from_bytes(data[4:8], "big"), \
                int.from_bytes(data[16:20], "big")


def test_from_everywhere_by_sctp(net, client, family):
    from scapy.layers.sctp import SCTPChunkInit, SCTPChunkInitAck
    source_port, node = next(PORTS), net.n1.address(family)
    with raw_sctp(client, family) as asking, raw_sctp(net.web, family) as answering:
        init = SCTPChunkInit(init_tag=0x11223344, a_rwnd=65536, n_out_streams=1, n_in_streams=1)
        asking.sendto(sctp_packet(source_port, net.web.port, 0, init), (node, 0))
        peer, ports, tag, own_tag = receive(answering, family, INIT)
        assert (ports[1], tag, own_tag) == (SCTP_PORT, 0, 0x11223344)
        answer = SCTPChunkInitAck(init_tag=0x55667788, a_rwnd=65536, n_out_streams=1,
                                  n_in_streams=1)
        answering.sendto(sctp_packet(SCTP_PORT, ports[0], own_tag, answer), (peer, 0))
        peer, ports, tag, own_tag = receive(asking, family, INIT_ACK)
        assert (peer, ports) == (node, [net.web.port, source_port])
        assert (tag, own_tag) == (0x11223344, 0x55667788)


@pytest.mark.parametrize("kind", KINDS)
def test_a_pod_reaches_its_own_host_port(net, family, kind):
    assert ask(net.web, kind, (net.n1.address(family), net.web.port))[0] == net.web.name


def test_the_next_pod_on_the_port_is_the_one_that_answers(net, family):
    """A client's UDP socket that lasts: conntrack must not keep the pod that is gone."""
    port, node = next(PORTS), net.n1
    with open_socket(net.outside, "udp", family) as sock:
        for name in ("first", "second"):
            pod = MappedPod(node, name, port, our_plugins(node, PORTMAP)).attach()
            serve(net.lab, pod)
            assert say(sock, "udp", (node.address(family), port))[0] == pod.name
            pod.detach()
    rules = node.run("iptables-save") + node.run("ip6tables-save")
    assert f"--dport {port}" not in rules and f"dports {port}" not in rules


def test_first_before_tuning_and_portmap(net, family):
    node = net.n1
    pod = MappedPod(node, "tuned", next(PORTS), our_plugins(node, TUNING, PORTMAP)).attach()
    serve(net.lab, pod)
    assert pod.sysctl("net.ipv4.conf.eth0.log_martians") == "1"
    assert "PROMISC" in pod.ip("link", "show", "eth0")
    check(pod)
    for client in (net.client, net.far, net.outside):
        for kind in KINDS:
            assert ask(client, kind, (node.address(family), pod.port))[0] == pod.name
    pod.detach()
    inventory.assert_exactly(node, 2)


def test_a_pod_with_several_interfaces(net, family):
    """As Multus calls: eth0 and net1 with lists of their own, a host port on either. By TCP: a
    UDP program that listens on all addresses answers from the first one, whatever the network."""
    node = net.n1
    pod = MappedPod(node, f"multi{family}", next(PORTS), our_plugins(node, PORTMAP)).attach()
    second = MappedPod.__new__(MappedPod)
    second.__dict__.update(pod.__dict__, ifname="net1", port=next(PORTS), network="second")
    second.ports = [(second.port, TARGET, kind) for kind in KINDS]
    second.attach()
    serve(net.lab, pod)
    assert second.address(family) != pod.address(family)
    for each in (pod, second):
        check(each)
    for client in (net.client, net.far, net.outside):
        for target in ((node.address(family), pod.port), (node.address(family), second.port),
                       (second.address(family), TARGET), (pod.address(family), TARGET)):
            assert ask(client, "tcp", target)[0] == pod.name, target
    chain(second, "DEL", second.plugins, second.ports)
    assert ask(net.outside, "tcp", (node.address(family), pod.port))[0] == pod.name
    pod.detach()
    inventory.assert_exactly(node, 2)
