# SPDX-License-Identifier: Apache-2.0
"""The rows of the user's guide: what it promises or tells its reader to do, tried on a cluster.

A row is a function of the walk's bed; its words are the guide's. One that raises has failed; one
that calls pytest.skip() needs something that this cluster or the caller has not given. What later
versions bring is listed with its words and no function.
"""
import ipaddress
import itertools
import json
import re

import pytest

import kube
from kube import Failed

ROWS = []
WEBSOCKET_KEY = "dGhlIHNhbXBsZSBub25jZQ=="  # RFC 6455, section 1.3
MULTI_PROTOCOL_PORT = 50051
TIME_EXCEEDED = {4: (11, 0), 6: (3, 0)}
PORT_UNREACHABLE = {4: (3, 3), 6: (1, 4)}
NO_SUCH_PROTOCOL = {4: "icmp 3 2", 6: "icmp 4 1"}


class Row:
    def __init__(self, words, check, later):
        self.words = words
        self.check = check
        self.later = later
        self.name = check.__name__ if check else re.sub(r"\W+", "_", words)[:60]


def row(words):
    def add(check):
        ROWS.append(Row(words, check, False))
        return check
    return add


def later(words):
    ROWS.append(Row(words, None, True))


class Bed:
    """Namespace, two pods on each of two nodes, their clients."""

    def __init__(self):
        self.nodes = kube.worker_nodes()[:2]
        self.families = kube.families()
        self.namespace = kube.Namespace("tortie-guide")
        try:
            self.fill()
        except BaseException:
            self.namespace.remove()
            raise

    def fill(self):
        self.namespace.add_tool("net_peer")
        names = {"pod-a": 0, "pod-c": 0, "pod-b": 1, "pod-d": 1}
        pods = [kube.pod(name, self.nodes[node].name, labels={"app": name, "group": "guide"})
                for name, node in names.items()]
        service = {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "backend-service"},
                   "spec": {"selector": {"group": "guide"}, "clusterIP": "None"}}
        self.namespace.create(*pods, service)
        items = self.namespace.wait_ready(*names)
        self.address = {(name, family): kube.pod_address(item, family)
                        for name, item in items.items() for family in self.families}
        self.peer = {name: self.namespace.peer(name) for name in names}
        self.node_of = {name: self.nodes[node] for name, node in names.items()}

    def other(self, node):
        return self.nodes[1] if node.name == self.nodes[0].name else self.nodes[0]

    def tortie(self, *words, node=None):
        kube.need_tortie()
        return kube.tortie((node or self.nodes[0]).name, *words).stdout

    def remove(self):
        self.namespace.remove()


def expect(text, *wanted):
    """Each of these is in the text."""
    missing = [word for word in wanted if word not in text]
    if missing:
        raise Failed(f"{missing} not in:\n{text}")


def expect_match(text, *patterns):
    missing = [pattern for pattern in patterns if not re.search(pattern, text, flags=re.M)]
    if missing:
        raise Failed(f"no match of {missing} in:\n{text}")


# --- week 1: what the network must be ---

@row("flat: any pod reaches any pod by IP, on any node")
def flat_network(bed):
    for one, other in itertools.permutations(bed.peer, 2):
        for family in bed.families:
            address = bed.address[other, family]
            assert bed.peer[one].tcp(address, kube.SERVE_PORT)[0] == other
            bed.peer[one].ping(address)


@row("one IP per pod, unique in the cluster, out of the node's block")
def unique_addresses(bed):
    seen = {}
    for item in kube.get("pods", "-A")["items"]:
        if item["spec"].get("hostNetwork") or item["status"].get("phase") != "Running":
            continue
        name = f"{item['metadata']['namespace']}/{item['metadata']['name']}"
        for entry in item["status"].get("podIPs", []):
            if entry["ip"] in seen:
                raise Failed(f"{entry['ip']}: {name} and {seen[entry['ip']]}")
            seen[entry["ip"]] = name
    for (name, _), address in bed.address.items():
        blocks = [ipaddress.ip_network(cidr) for cidr in bed.node_of[name].pod_cidrs]
        assert any(ipaddress.ip_address(address) in block for block in blocks), (address, blocks)


@row("no NAT between pods: the receiver sees the sender's pod IP and port")
def no_nat(bed):
    local_port = 42000
    for one, other in itertools.permutations(bed.peer, 2):
        for family in bed.families:
            local_port += 1
            _, address, port = bed.peer[one].tcp(bed.address[other, family], kube.SERVE_PORT,
                                                 local_port=local_port)
            assert (address, port) == (bed.address[one, family], local_port)


@row("each node owns a block: tortie get ippool -o wide, tortie ipam show")
def blocks_are_shown(bed):
    for node in bed.nodes:
        expect(bed.tortie("get", "ippool", "-o", "wide", node=node), "default-ipv")
        expect(bed.tortie("ipam", "show", "--blocks", node=node), *node.pod_cidrs)


@row("routes spread by themselves: ip route show on the host")
def host_routes(bed):
    kube.need_node_exec()
    kube.need_tortie()
    for node in bed.nodes:
        other = bed.other(node)
        for cidr in other.pod_cidrs:
            family = kube.family_of(cidr)
            text = kube.on_node(node.name, "ip", f"-{family}", "route", "show", cidr).stdout
            expect(text, f"{cidr} via {other.address(family)}")
    for name, node in bed.node_of.items():
        for family in bed.families:
            address = bed.address[name, family]
            text = kube.on_node(node.name, "ip", f"-{family}", "route", "show", address).stdout
            expect_match(text, rf"^{re.escape(address)} dev cali\w+ ")


@row("the BPF maps hold the same, readable with bpftool map dump")
def map_holds_the_routes(bed):
    kube.need_node_exec()
    kube.need_tortie()
    for node in bed.nodes:
        done = kube.on_node(node.name, "sh", "-c",
                            "for f in /sys/fs/bpf/tortie/route*; do "
                            "bpftool -j map dump pinned $f; done")
        for cidr in bed.other(node).pod_cidrs:
            network = ipaddress.ip_network(cidr)
            octets = network.network_address.packed
            if network.version == 4:
                octets = bytes(10) + b"\xff\xff" + octets
            expect(flat_octets(done.stdout), octets.hex())


def flat_octets(text):
    """All octets of bpftool's JSON, one after the other, in hexadecimal."""
    found = []

    def walk(value):
        if isinstance(value, dict):
            for part in value.values():
                walk(part)
        elif isinstance(value, list):
            for part in value:
                walk(part)
        elif isinstance(value, str) and value.startswith("0x"):
            found.append(f"{int(value, 16):02x}")
        elif isinstance(value, int):
            found.append(f"{value & 255:02x}")
    for line in text.splitlines():
        walk(json.loads(line))
    return "".join(found)


@row("BGP sessions between all nodes: tortie node status")
def node_mesh(bed):
    for node in bed.nodes:
        other = bed.other(node).addresses[0]
        kube.wait_until(lambda n=node, o=other: re.search(
            rf"{re.escape(o)}\b.*Established", bed.tortie("node", "status", node=n), flags=re.I),
            f"{node.name} to have a session with {other}")


@row("packet path: TTL, traceroute and ICMP errors look right from inside a pod")
def packet_path(bed):
    peer = bed.peer["pod-a"]
    for family in bed.families:
        near, far = bed.address["pod-c", family], bed.address["pod-b", family]
        assert peer.udp(near, kube.SERVE_PORT)[3] == 63
        assert peer.udp(far, kube.SERVE_PORT)[3] == 62
        hops = [peer.icmp_error(far, 33433 + ttl, ttl=ttl) for ttl in (1, 2, 3)]
        assert [hop[:2] for hop in hops] == [TIME_EXCEEDED[family], TIME_EXCEEDED[family],
                                             PORT_UNREACHABLE[family]], hops
        assert hops[1][2] == bed.node_of["pod-b"].address(family), hops
        assert hops[2][2] == far, hops


@row("protocols end to end: TCP, UDP, ICMP, SCTP")
def transport_protocols(bed):
    for family in bed.families:
        for other in ("pod-c", "pod-b"):
            address = bed.address[other, family]
            assert bed.peer["pod-a"].tcp(address, kube.SERVE_PORT)[0] == other
            assert bed.peer["pod-a"].udp(address, kube.SERVE_PORT)[0] == other
            bed.peer["pod-a"].ping(address)
            answer = bed.peer["pod-a"].must("sctp", address, 3000).line
            expect_match(answer, rf"^ok (answer 6|{NO_SUCH_PROTOCOL[family]} {address})$")


@row("protocols end to end: gRPC")
def grpc(bed):
    bed.namespace.create(kube.pod("grpc", bed.nodes[1].name, [
        "/agnhost", "grpc-health-checking", "--port", str(MULTI_PROTOCOL_PORT)]))
    item = bed.namespace.wait_ready("grpc")["grpc"]
    for family in bed.families:
        address = kube.pod_address(item, family)
        host = f"[{address}]" if family == 6 else address
        kube.wait_until(lambda h=host: "grpc-status: 0" in grpc_check(bed, h).lower(),
                        f"gRPC's health check at {host}", 20)


def grpc_check(bed, host):
    """grpc.health.v1.Health/Check with an empty message, as any HTTP/2 client can send it."""
    return bed.namespace.exec(
        "pod-a", "sh", "-c",
        r"printf '\0\0\0\0\0' | curl -sv --max-time 5 --http2-prior-knowledge -X POST "
        "-H 'content-type: application/grpc' -H 'te: trailers' --data-binary @- "
        f"http://{host}:{MULTI_PROTOCOL_PORT}/grpc.health.v1.Health/Check 2>&1 | tr -d '\\0'",
        check=False).stdout


@row("protocols end to end: WebSocket (a watch of the API server, through its Service)")
def websocket(bed):
    name = bed.namespace.name
    kubectl = ("-n", name, "--serviceaccount", f"{name}:default", "--clusterrole", "view")
    kube.kubectl("create", "rolebinding", "view", *kubectl)
    token = kube.kubectl("create", "token", "default", "-n", name).strip()
    address = kube.get("service", "-n", "default", "kubernetes")["spec"]["clusterIP"]
    host = f"[{address}]" if ":" in address else address
    text = bed.namespace.exec(
        "pod-a", "curl", "-sik", "-N", "--http1.1", "--max-time", "3",
        "-H", "Connection: Upgrade", "-H", "Upgrade: websocket", "-H", "Sec-WebSocket-Version: 13",
        "-H", f"Origin: https://{host}",
        "-H", f"Sec-WebSocket-Key: {WEBSOCKET_KEY}", "-H", f"Authorization: Bearer {token}",
        f"https://{host}/api/v1/namespaces/{name}/pods?watch=1&limit=1", check=False).stdout
    expect(text, "101 Switching Protocols", "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=", "pod-a")


later("FTP and SIP, which NAT breaks")
later("multicast and broadcast, the special protocols")


@row("headless Services resolve to pod IPs")
def headless(bed):
    name = f"backend-service.{bed.namespace.name}.svc.cluster.local"
    family = kube.family_of(bed.nodes[0].pod_cidrs[0])
    wanted = {bed.address[pod, family] for pod in bed.peer}

    def resolves():
        text = bed.namespace.exec("pod-a", "nslookup", "-type=A" if family == 4 else "-type=AAAA",
                                  name).stdout
        return wanted <= set(re.findall(r"[0-9a-f:.]+", text))
    kube.wait_until(resolves, f"{name} to resolve to {wanted}", 30)


@row("Services sit on top: discovery and load balancing beside kube-proxy")
def services_beside_kube_proxy(bed):
    bed.namespace.create({
        "apiVersion": "v1", "kind": "Service", "metadata": {"name": "web"},
        "spec": {"selector": {"group": "guide"}, "type": "NodePort",
                 "ports": [{"port": 80, "targetPort": kube.SERVE_PORT}]}})
    spec = kube.get("service", "-n", bed.namespace.name, "web")["spec"]
    peer = bed.peer["pod-a"]
    kube.wait_until(lambda: peer.tcp(spec["clusterIP"], 80, ms=500), "the Service")
    seen = {peer.tcp(spec["clusterIP"], 80)[0] for _ in range(40)}
    assert seen == set(bed.peer), seen
    family = kube.family_of(spec["clusterIP"])
    for node in bed.nodes:  # each has a kube-proxy of its own
        server, *_ = kube.wait_until(
            lambda n=node: peer.tcp(n.address(family), spec["ports"][0]["nodePort"], ms=500),
            f"the Service's port of {node.name}")
        assert server in bed.peer, server


later("Services by our own data plane")


@row("the audit log sees the real client IP, into Services where Kubernetes allows it")
def client_address_is_kept(bed):
    bed.namespace.create({
        "apiVersion": "v1", "kind": "Service", "metadata": {"name": "audit"},
        "spec": {"selector": {"app": "pod-b"}, "type": "NodePort",
                 "externalTrafficPolicy": "Local",
                 "ports": [{"port": 80, "targetPort": kube.SERVE_PORT}]}})
    spec = kube.get("service", "-n", bed.namespace.name, "audit")["spec"]
    family = kube.family_of(spec["clusterIP"])
    for name in ("pod-a", "pod-d"):
        peer = bed.peer[name]
        kube.wait_until(lambda p=peer: p.tcp(spec["clusterIP"], 80, ms=500), "the Service")
        assert peer.tcp(spec["clusterIP"], 80)[1] == bed.address[name, family]
    port, node = spec["ports"][0]["nodePort"], bed.nodes[1].address(family)
    assert bed.peer["pod-a"].tcp(node, port)[1] == bed.address["pod-a", family]
    if kube.OUTSIDE_EXEC:
        outside = kube.Peer("outside", [*kube.OUTSIDE_EXEC, kube.TOOLS / "net_peer", "control"])
        bed.namespace.peers.append(outside)
        assert outside.tcp(node, port)[1] == outside.source(node)


later("near-native speed: the comparison table with the others")


# --- the parts ---

@row("the agent runs on every node, programs the kernel and reports the node's health")
def agent_on_every_node(bed):
    kube.need_tortie()
    def all_ready():  # a readiness probe that came too early is asked again after its period
        status = kube.get("daemonset", "-n", kube.SYSTEM, "tortie-node")["status"]
        return status["numberReady"] == status["desiredNumberScheduled"] == len(kube.nodes())
    kube.wait_until(all_ready, "every pod of tortie-node is ready", 60)
    for item in kube.get("nodes")["items"]:
        conditions = {c["type"]: c["status"] for c in item["status"]["conditions"]}
        assert conditions.get("NetworkUnavailable") == "False", conditions
    for node in bed.nodes:
        bed.tortie("status", node=node)


@row("our own BGP speaker runs on every node and keeps its sessions")
def speaker_on_every_node(bed):
    kube.need_tortie()
    for item in kube.get("pods", "-n", kube.SYSTEM, "-l", "k8s-app=tortie-node")["items"]:
        ready = {c["name"]: c["ready"] for c in item["status"]["containerStatuses"]}
        assert ready.get("bgp"), ready


@row("the CNI plugin and its conflist in /etc/cni/net.d, written by the agent")
def conflist(bed):
    kube.need_node_exec()
    kube.need_tortie()
    for node in bed.nodes:
        first = kube.on_node(node.name, "sh", "-c",
                             "cd /etc/cni/net.d && ls *.conf *.conflist 2>/dev/null | sort"
                             ).stdout.split()[0]
        assert first == "10-tortie.conflist", first
        text = kube.on_node(node.name, "cat", f"/etc/cni/net.d/{first}").stdout
        assert json.loads(text)["plugins"][0]["type"] == "tortie-cni", text


later("NetworkPolicy, Kubernetes' own and Calico's kinds")


# --- week 2: what the user does ---

@row("prerequisites: tortie preflight says what is missing on this node")
def preflight(bed):
    for node in bed.nodes:
        expect_match(bed.tortie("preflight", node=node), r"\bok\b")


@row("install by one manifest; every node Ready: kubectl get pods, kubectl get nodes -o wide")
def every_node_ready(bed):
    assert all(node.ready for node in kube.nodes())
    expect_match(kube.kubectl("get", "nodes", "-o", "wide"), r"\bReady\b")
    if kube.has_tortie():
        text = kube.kubectl("get", "pods", "-n", kube.SYSTEM)
        expect_match(text, r"^tortie-node-\w+ +3/3 +Running")


@row("read the logs of a component: plain, levelled lines")
def logs(bed):
    kube.need_tortie()
    for container, program in (("agent", "tortied"), ("bgp", "tortie-bgpd"),
                               ("kube", "tortie-kubed")):
        text = kube.kubectl("logs", "-n", kube.SYSTEM, kube.agent_pod(bed.nodes[0].name),
                            "-c", container)
        assert text.strip(), f"{container} has logged nothing"
        for line in text.splitlines():
            expect_match(line, rf"^{program}: (error|warning|info|debug): \S")


@row("calicoctl version -> tortie version: client, agent, data plane, kernel")
def version(bed):
    expect_match(bed.tortie("version").lower(), r"tortie", r"agent", r"kernel")


@row("calicoctl node status -> tortie node status")
def node_status(bed):
    expect_match(bed.tortie("node", "status").upper(), r"PEER", r"STATE", r"ESTABLISHED")


@row("calicoctl get ippool -o wide -> tortie get ippool -o wide")
def get_ippool(bed):
    text = bed.tortie("get", "ippool", "-o", "wide")
    expect(text, *[f"default-ipv{family}-ippool" for family in bed.families])
    pools = [ipaddress.ip_network(word) for word in re.findall(r"[0-9a-f.:]+/\d+", text)]
    for node in bed.nodes:
        for cidr in map(ipaddress.ip_network, node.pod_cidrs):
            assert any(pool.version == cidr.version and cidr.subnet_of(pool) for pool in pools), (
                f"{cidr} is in no pool of\n{text}")


@row("calicoctl get workloadendpoint -> tortie get workloadendpoint")
def get_workloadendpoint(bed):
    text = "".join(bed.tortie("get", "workloadendpoint", "-A", node=node) for node in bed.nodes)
    for name in bed.peer:
        expect_match(text, rf"\b{bed.namespace.name}\b.*\b{name}\b")
    expect(text, *bed.address.values())


@row("calicoctl get bgpconfig default -o yaml -> tortie get bgpconfig default -o yaml")
def get_bgpconfig(bed):
    expect_match(bed.tortie("get", "bgpconfig", "default", "-o", "yaml"),
                 r"kind: BGPConfiguration", r"asNumber: 64512", r"nodeToNodeMeshEnabled: true")


@row("namespace with pods a and b: their IPs, ping -c 3 between them")
def ping(bed):
    for family in bed.families:
        text = bed.namespace.exec("pod-a", "ping", "-c", "3", bed.address["pod-b", family]).stdout
        expect_match(text, r"\b3 (packets )?received", r"\b0% packet loss")


@row("cross-node traceroute from pod a to pod b")
def traceroute(bed):
    packet_path(bed)


@row("ip route show and ip addr show in the pod")
def inside_the_pod(bed):
    for family in bed.families:
        text = bed.namespace.exec("pod-a", "ip", f"-{family}", "addr", "show", "eth0").stdout
        expect_match(text, rf"inet6? {re.escape(bed.address['pod-a', family])}/")
        text = bed.namespace.exec("pod-a", "ip", f"-{family}", "route", "show").stdout
        expect_match(text, r"^default via ")


@row("ip route show on the host shows the pod")
def pod_on_the_host(bed):
    kube.need_node_exec()
    for name in ("pod-a", "pod-b"):
        for family in bed.families:
            text = kube.on_node(bed.node_of[name].name, "ip", f"-{family}", "route", "show").stdout
            expect_match(text, rf"^{re.escape(bed.address[name, family])} dev ")


def skip_reason(error):
    """Why a row was skipped, None where it was not."""
    return str(error) if isinstance(error, pytest.skip.Exception) else None
