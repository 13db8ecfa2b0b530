# SPDX-License-Identifier: Apache-2.0
"""Pods, Services and the ways between them, whatever kube-proxy does: each case is one that a pod
network with a fast path beside kube-proxy can break, although conformance passes.

Two nodes. "one" is a server on the first, "two" on the second, both with probes; "c1" and "c2" are
clients there, "h1" and "h2" clients in the nodes' own network, "outside" a machine of its own. A
cluster with two families runs all of it for each. The order counts: direct connections come first,
before a Service was used.
"""
import re
import subprocess

import pytest

import kube

HOST_PORT = 18080
EXTERNAL = {4: "198.51.100.77", 6: "2001:db8:77::77"}
TIME_EXCEEDED = {4: (11, 0), 6: (3, 0)}
PORT_UNREACHABLE = {4: (3, 3), 6: (1, 4)}
KUBELET_PORT = 10250
CLOSED_PORT = 9
LARGE = 4000  # octets of a datagram that must be fragmented
BOTH_PROTOCOLS = ("tcp", "udp")


def service(name, family, selector, **spec):
    ports = spec.pop("ports", None) or [
        {"name": name, "port": 80, "protocol": name.upper(), "targetPort": kube.SERVE_PORT}
        for name in BOTH_PROTOCOLS]
    return {"apiVersion": "v1", "kind": "Service", "metadata": {"name": f"{name}-{family}"},
            "spec": {"selector": selector, "ports": ports, "ipFamilies": [f"IPv{family}"],
                     "ipFamilyPolicy": "SingleStack", "type": "NodePort", **spec}}


def services(family):
    closed = [{"name": "udp", "port": 80, "protocol": "UDP", "targetPort": CLOSED_PORT}]
    return [
        service("one", family, {"app": "one"}),
        service("two", family, {"app": "two"}),
        service("both", family, {"group": "both"}),
        service("affine", family, {"group": "both"}, sessionAffinity="ClientIP"),
        service("local", family, {"app": "one"}, externalTrafficPolicy="Local"),
        service("external", family, {"app": "two"}, externalIPs=[EXTERNAL[family]]),
        service("closed-one", family, {"app": "one"}, ports=closed, type="ClusterIP"),
        service("closed-two", family, {"app": "two"}, ports=closed, type="ClusterIP"),
        service("hostport", family, {"app": "hp"}),
        service("headless", family, {"group": "both"}, clusterIP="None", type="ClusterIP"),
    ]


def unhealthy(namespace):
    """How often a probe has failed so far."""
    events = kube.get("events", "-n", namespace.name, "--field-selector", "reason=Unhealthy")
    return sum(event.get("count") or 1 for event in events["items"])


class Objects:
    """The namespace's pods and clients, made once for both families."""

    def __init__(self, namespace):
        self.namespace = namespace
        self.nodes = kube.worker_nodes()[:2]
        both = [node.name for node in self.nodes]
        hold = ["sh", "-c", "while :; do sleep 3600; done"]
        ports = [{"containerPort": kube.SERVE_PORT, "hostPort": HOST_PORT, "protocol": protocol}
                 for protocol in ("TCP", "UDP")]
        namespace.create(
            kube.pod("one", both[0], labels={"app": "one", "group": "both"}, probe=True),
            kube.pod("two", both[1], labels={"app": "two", "group": "both"}, probe=True),
            kube.pod("c1", both[0]), kube.pod("c2", both[1]),
            kube.pod("h1", both[0], hold, host=True), kube.pod("h2", both[1], hold, host=True),
            kube.pod("hp", both[0], labels={"app": "hp"}, ports=ports),
            *[item for family in kube.families() for item in services(family)])
        self.pods = namespace.wait_ready("one", "two", "c1", "c2", "h1", "h2", "hp")
        self.unhealthy_at_start = unhealthy(namespace)
        self.peers = {name: namespace.peer(name)
                      for name in ("one", "two", "c1", "c2", "h1", "h2", "hp")}
        kube.route_outside_to_pods()
        if kube.OUTSIDE_EXEC:
            self.peers["outside"] = kube.Peer(
                "outside", [*kube.OUTSIDE_EXEC, kube.TOOLS / "net_peer", "control"])
            namespace.peers.append(self.peers["outside"])


class World:
    """The objects as one family sees them."""

    def __init__(self, objects, family):
        self.family = family
        self.objects = objects
        self.namespace = objects.namespace
        self.peers = objects.peers
        self.node = [node.address(family) for node in objects.nodes]
        self.pod = {name: kube.pod_address(item, family) for name, item in objects.pods.items()
                    if name not in ("h1", "h2")}
        items = kube.get("services", "-n", self.namespace.name)["items"]
        own = [item for item in items if item["metadata"]["name"].endswith(f"-{family}")]
        self.cluster_ip = {self.plain(item): item["spec"]["clusterIP"] for item in own}
        self.node_port = {(self.plain(item), port["protocol"].lower()): port["nodePort"]
                          for item in own for port in item["spec"]["ports"] if "nodePort" in port}
        self.settle()

    @staticmethod
    def plain(item):
        return item["metadata"]["name"].rsplit("-", 1)[0]

    def settle(self):
        """Wait for kube-proxy on both nodes. From the hosts, so that no pod has used a Service."""
        for host in ("h1", "h2"):
            for name in ("one", "two", "both", "affine", "local", "external", "hostport"):
                kube.wait_until(lambda h=host, n=name: self.peers[h].tcp(self.cluster_ip[n], 80,
                                                                         ms=500),
                                f"{host} to reach Service {name}")

    def client(self, name):
        if name == "outside":
            kube.need_outside_exec()
        return self.peers[name]

    def call(self, client, protocol, address, port):
        """One exchange: (server, client's address as the server sees it)."""
        return getattr(self.client(client), protocol)(address, port)[:2]

    def expect(self, client, address, port, server, seen=None, protocols=BOTH_PROTOCOLS):
        """Exchanges by each protocol; the server's name, and the client's address there."""
        for protocol in protocols:
            number = port[protocol] if isinstance(port, dict) else port
            got, source = self.call(client, protocol, address, number)
            assert got == server, f"{client} {protocol} {address} {number}: answered by {got}"
            if seen:
                assert source == seen, f"{server} sees {source} instead of {seen}"

    def ports_of(self, name):
        return {protocol: self.node_port[name, protocol] for protocol in BOTH_PROTOCOLS}

    def direct(self, client, server, protocols):
        """Straight to a pod: nobody may change the addresses."""
        seen = self.pod.get(client)
        self.expect(client, self.pod[server], kube.SERVE_PORT, server, seen, protocols)


@pytest.fixture(scope="module")
def objects(namespace):
    return Objects(namespace)


def pytest_generate_tests(metafunc):
    if "world" in metafunc.fixturenames:
        families = kube.families() if kube.HAVE_CLUSTER else [4]
        metafunc.parametrize("world", families, ids=[f"IPv{family}" for family in families],
                             indirect=True, scope="module")


@pytest.fixture(scope="module")
def world(request, objects):
    return World(objects, request.param)


def invalid_drops():
    """What KUBE-FORWARD's rule for the state INVALID dropped, by node; None: no such rule."""
    found = {}
    for node in kube.worker_nodes()[:2]:
        for program in ("iptables", "ip6tables"):
            done = kube.on_node(node.name, program, "-nvxL", "KUBE-FORWARD", check=False)
            for line in done.stdout.splitlines():
                if "INVALID" in line:
                    found[node.name, program] = int(line.split()[0])
    return found


@pytest.fixture(scope="module", autouse=True)
def drops_before():
    return invalid_drops() if kube.NODE_EXEC else None


# --- straight from pod to pod ---

def test_pod_reaches_pod_of_its_node_by_tcp(world):
    world.direct("c1", "one", ["tcp"])


def test_pod_reaches_pod_of_other_node_by_tcp(world):
    world.direct("c1", "two", ["tcp"])
    world.direct("c2", "one", ["tcp"])


def test_pod_reaches_pods_by_udp(world):
    world.direct("c1", "one", ["udp"])
    world.direct("c1", "two", ["udp"])


# --- ClusterIP ---

def test_cluster_ip_by_tcp_with_backend_on_own_node(world):
    world.expect("c1", world.cluster_ip["one"], 80, "one", world.pod["c1"], ["tcp"])


def test_cluster_ip_by_tcp_with_backend_on_other_node(world):
    world.expect("c1", world.cluster_ip["two"], 80, "two", world.pod["c1"], ["tcp"])


def test_cluster_ip_by_udp_with_backend_on_own_node(world):
    world.expect("c1", world.cluster_ip["one"], 80, "one", world.pod["c1"], ["udp"])


def test_cluster_ip_by_udp_with_backend_on_other_node(world):
    world.expect("c1", world.cluster_ip["two"], 80, "two", world.pod["c1"], ["udp"])


def test_direct_tcp_goes_on_after_the_service_was_used(world):
    world.direct("c1", "one", ["tcp"])
    world.direct("c1", "two", ["tcp"])


def test_session_affinity_keeps_one_backend(world):
    for client in ("c1", "c2"):
        seen = {world.call(client, "tcp", world.cluster_ip["affine"], 80)[0] for _ in range(20)}
        assert len(seen) == 1, f"{client} met {seen}"


def test_a_service_of_two_backends_uses_both(world):
    for client in ("c1", "c2"):
        seen = {world.call(client, "tcp", world.cluster_ip["both"], 80)[0] for _ in range(20)}
        assert seen == {"one", "two"}, f"{client} met {seen}"


def test_headless_service_resolves_to_the_pods(world):
    name = f"headless-{world.family}.{world.namespace.name}.svc.cluster.local"
    kind = "A" if world.family == 4 else "AAAA"
    wanted = {world.pod["one"], world.pod["two"]}

    def answered():
        text = world.namespace.exec("c1", "nslookup", f"-type={kind}", name).stdout
        return wanted <= set(re.findall(r"[0-9a-f:.]+", text))
    kube.wait_until(answered, f"{name} to resolve to {wanted}", 30)


# --- NodePort, externalIPs ---

def test_node_port_of_own_node_with_backend_on_other_node(world):
    world.expect("c1", world.node[0], world.ports_of("two"), "two", protocols=["tcp"])


def test_node_port_of_other_node_with_backend_on_own_node(world):
    world.expect("c1", world.node[1], world.ports_of("one"), "one", protocols=["tcp"])


def test_node_port_of_other_node_with_backend_there(world):
    world.expect("c1", world.node[1], world.ports_of("two"), "two", protocols=["tcp"])


def test_node_port_by_udp_in_all_these_ways(world):
    for node, name in ((0, "two"), (1, "one"), (1, "two"), (0, "one")):
        world.expect("c1", world.node[node], world.ports_of(name), name, protocols=["udp"])


def test_local_node_port_of_own_node_reaches_its_backend(world):
    world.expect("c1", world.node[0], world.ports_of("local"), "one")


def test_local_node_port_of_other_node_keeps_the_pods_address(world):
    world.expect("c2", world.node[0], world.ports_of("local"), "one", world.pod["c2"])


def test_local_node_port_of_own_node_without_backend_there(world):
    world.expect("c2", world.node[1], world.ports_of("local"), "one", protocols=["tcp"])


def test_external_ip_with_backend_on_other_node(world):
    world.expect("c1", EXTERNAL[world.family], 80, "two")


# --- from the nodes and from outside ---

def test_host_reaches_cluster_ip_with_backend_on_either_node(world):
    for name in ("one", "two"):
        world.expect("h1", world.cluster_ip[name], 80, name)


def test_host_reaches_pods_of_both_nodes(world):
    for host in ("h1", "h2"):
        for name in ("one", "two"):
            world.direct(host, name, BOTH_PROTOCOLS)


def test_outside_reaches_pods_of_both_nodes(world):
    for name in ("one", "two"):
        world.direct("outside", name, BOTH_PROTOCOLS)


def test_host_reaches_node_ports_of_both_nodes(world):
    for node in world.node:
        for name in ("one", "two"):
            world.expect("h1", node, world.ports_of(name), name, protocols=["tcp"])


def test_outside_reaches_node_ports_of_both_nodes_and_backends(world):
    for node in world.node:
        for name in ("one", "two"):
            world.expect("outside", node, world.ports_of(name), name)


def test_outside_reaches_local_node_port_with_its_own_address(world):
    own = world.client("outside").source(world.node[0])
    world.expect("outside", world.node[0], world.ports_of("local"), "one", own)


# --- hostPort ---

def test_host_port_of_own_node_by_tcp(world):
    world.expect("c1", world.node[0], HOST_PORT, "hp", protocols=["tcp"])


def test_host_port_of_other_node_by_tcp(world):
    world.expect("c2", world.node[0], HOST_PORT, "hp", protocols=["tcp"])


def test_host_port_of_other_node_by_udp(world):
    world.expect("c2", world.node[0], HOST_PORT, "hp", protocols=["udp"])


def test_host_port_from_outside(world):
    world.expect("outside", world.node[0], HOST_PORT, "hp")


# --- hairpin ---

def test_pod_reaches_itself_by_its_cluster_ip(world):
    world.expect("one", world.cluster_ip["one"], 80, "one")


def test_pod_reaches_itself_by_a_node_port(world):
    world.expect("one", world.node[0], world.ports_of("one"), "one", protocols=["tcp"])


def test_pod_reaches_itself_by_its_host_port(world):
    world.expect("hp", world.node[0], HOST_PORT, "hp", protocols=["tcp"])


# --- one socket, several ways ---

def udp_socket(world, client):
    number = world.peers[client].new_id()
    world.peers[client].must("udp", number, world.family, 0)
    return number


def test_one_udp_socket_talks_to_service_and_pods_in_turn(world):
    peer, number = world.peers["c1"], udp_socket(world, "c1")
    for _ in range(2):
        assert peer.udp(world.cluster_ip["both"], 80, number=number)[0] in ("one", "two")
        for name in ("one", "two"):
            assert peer.udp(world.pod[name], kube.SERVE_PORT, number=number)[0] == name


def test_one_udp_socket_talks_to_service_and_its_own_backend(world):
    peer = world.peers["c1"]
    for name in ("one", "two"):
        number = udp_socket(world, "c1")
        for _ in range(2):
            assert peer.udp(world.cluster_ip[name], 80, number=number)[0] == name
            assert peer.udp(world.pod[name], kube.SERVE_PORT, number=number)[0] == name


def same_port(world, service_name, pod_name, local_port):
    """A connection to the Service, then one to a pod from the same port."""
    peer = world.peers["c1"]
    assert peer.tcp(world.cluster_ip[service_name], 80, local_port=local_port)[0] == service_name
    assert peer.tcp(world.pod[pod_name], kube.SERVE_PORT, local_port=local_port)[0] == pod_name


def test_same_port_again_service_then_other_pod(world):
    same_port(world, "one", "two", 41001)
    same_port(world, "two", "one", 41002)


def test_same_port_again_service_then_its_backend(world):
    same_port(world, "one", "one", 41003)


def test_same_port_again_service_then_its_remote_backend(world):
    same_port(world, "two", "two", 41004)


def test_same_port_at_once_service_held_open_and_other_pod(world):
    peer = world.peers["c1"]
    held = peer.connect(world.cluster_ip["one"], 80, local_port=41005)
    assert peer.line(held)[0] == "one"
    direct = peer.connect(world.pod["two"], kube.SERVE_PORT, local_port=41005)
    for _ in range(3):
        assert peer.line(direct)[0] == "two"
        assert peer.line(held)[0] == "one"
    peer.ask("close", direct)
    peer.ask("close", held)


def test_idle_connection_through_a_service_gets_its_late_answer(world):
    peer = world.peers["c1"]
    numbers = {name: peer.connect(world.cluster_ip[name], 80) for name in ("one", "two")}
    for number in numbers.values():
        peer.must("send", number, "late 8000")
    for name, number in numbers.items():
        assert peer.must("recv", number, 15000, patience=30).words[4] == name
        peer.ask("close", number)


# --- ICMP errors, fragments, TTL ---

def icmp_wanted(world, client, address, port, wanted, **options):
    kind, code, who = world.peers[client].icmp_error(address, port, **options)
    assert (kind, code) == wanted, f"ICMP type {kind} code {code} from {who}"
    return who


def test_port_unreachable_comes_back_from_pods(world):
    for name in ("one", "two"):
        who = icmp_wanted(world, "c1", world.pod[name], CLOSED_PORT,
                          PORT_UNREACHABLE[world.family])
        assert who == world.pod[name]


def test_port_unreachable_comes_back_through_a_service_of_own_node(world):
    icmp_wanted(world, "c1", world.cluster_ip["closed-one"], 80, PORT_UNREACHABLE[world.family])


def test_port_unreachable_comes_back_through_a_service_of_other_node(world):
    icmp_wanted(world, "c1", world.cluster_ip["closed-two"], 80, PORT_UNREACHABLE[world.family])


def test_time_exceeded_reaches_the_socket_direct_and_through_a_service(world):
    wanted = TIME_EXCEEDED[world.family]
    for address, port in ((world.pod["two"], kube.SERVE_PORT), (world.cluster_ip["two"], 80)):
        icmp_wanted(world, "c1", address, port, wanted, ttl=1)
        who = icmp_wanted(world, "c1", address, port, wanted, ttl=2)
        assert port == 80 or who == world.node[1], who
    for address, port in ((world.pod["one"], kube.SERVE_PORT), (world.cluster_ip["one"], 80)):
        icmp_wanted(world, "c1", address, port, wanted, ttl=1)


def test_traceroute_to_a_pod_of_the_own_node_shows_node_and_pod(world):
    icmp_wanted(world, "c1", world.pod["one"], 33434, TIME_EXCEEDED[world.family], ttl=1)
    assert icmp_wanted(world, "c1", world.pod["one"], 33435, PORT_UNREACHABLE[world.family],
                       ttl=2) == world.pod["one"]


def test_traceroute_to_a_pod_of_the_other_node_shows_both_nodes_and_pod(world):
    wanted = TIME_EXCEEDED[world.family]
    icmp_wanted(world, "c1", world.pod["two"], 33434, wanted, ttl=1)
    assert icmp_wanted(world, "c1", world.pod["two"], 33435, wanted, ttl=2) == world.node[1]
    assert icmp_wanted(world, "c1", world.pod["two"], 33436, PORT_UNREACHABLE[world.family],
                       ttl=3) == world.pod["two"]


def test_ttl_that_arrives_is_the_kernels(world):
    peer = world.peers["c1"]
    for name, ttl in (("one", 63), ("two", 62)):
        assert peer.udp(world.pod[name], kube.SERVE_PORT)[3] == ttl
        assert peer.udp(world.cluster_ip[name], 80)[3] == ttl


def test_fragmented_datagrams_pass_both_ways(world):
    peer = world.peers["c1"]
    for name in ("one", "two"):
        assert peer.udp(world.pod[name], kube.SERVE_PORT, size=LARGE)[0] == name
        answer = peer.udp(world.pod[name], kube.SERVE_PORT, size=LARGE, text=f"big {LARGE}")
        assert answer[4] == LARGE


def test_fragmented_request_and_small_answer_pass_through_services(world):
    peer = world.peers["c1"]
    for name in ("one", "two"):
        number = udp_socket(world, "c1")
        for _ in range(3):
            assert peer.udp(world.cluster_ip[name], 80, size=LARGE, number=number)[0] == name


def test_pings_large_and_small_reach_pods_and_nodes(world):
    targets = [world.pod["one"], world.pod["two"], *world.node]
    for address in targets:
        for size in (56, LARGE):
            world.peers["c1"].ping(address, size)


def test_ping_reaches_the_outside(world):
    own = world.client("outside").source(world.node[0])
    for client in ("c1", "c2"):
        for size in (56, LARGE):
            world.peers[client].ping(own, size)


# --- things that are not pods ---

def http_line(peer, address, port):
    """A plain request to a port of TLS: Go's server says so in plain HTTP."""
    number = peer.connect(address, port)
    peer.must("send", number, "GET / HTTP/1.0\r")
    answer = peer.must("recv", number, 3000)
    peer.ask("close", number)
    return answer.line


def test_pod_reaches_the_api_server_by_its_cluster_ip(world):
    item = kube.get("service", "-n", "default", "kubernetes")
    for address in item["spec"]["clusterIPs"]:
        if kube.family_of(address) != world.family:
            pytest.skip(f"the API server has no IPv{world.family} Service")
        for client in ("c1", "c2"):
            assert "HTTP/1.0 400" in http_line(world.peers[client], address, 443)


def test_pod_reaches_the_kubelets_of_both_nodes(world):
    for address in world.node:
        assert "HTTP/1.0 400" in http_line(world.peers["c1"], address, KUBELET_PORT)


@pytest.fixture
def outside_server(world):
    """A server on the outside machine: its address."""
    address = world.client("outside").source(world.node[0])
    with subprocess.Popen([*map(str, kube.OUTSIDE_EXEC), str(kube.TOOLS / "net_peer"), "serve",
                           str(HOST_PORT), "outside"]) as process:
        try:
            kube.wait_until(lambda: world.peers["h1"].tcp(address, HOST_PORT), "the server")
            yield address
        finally:
            process.kill()


def test_pod_reaches_the_outside(world, outside_server):
    """With its own address, or its node's where the pool is translated for outside."""
    for client, node in (("c1", 0), ("c2", 1)):
        for protocol in BOTH_PROTOCOLS:
            server, seen = world.call(client, protocol, outside_server, HOST_PORT)
            assert server == "outside"
            assert seen in (world.pod[client], world.node[node])


def test_server_that_speaks_first_is_heard_after_a_silence(world, outside_server):
    """Through the Service from outside; nothing is sent while the server waits."""
    peer = world.client("outside")
    number = peer.connect(world.node[1], world.node_port["one", "tcp"])
    assert peer.line(number, "late 3000", ms=8000)[0] == "one"
    peer.ask("close", number)


# --- at the end ---

def test_probes_stayed_green(world):
    for name in ("one", "two"):
        item = kube.get("pod", "-n", world.namespace.name, name)
        status = item["status"]["containerStatuses"][0]
        assert status["ready"] and status["restartCount"] == 0, status
    assert unhealthy(world.namespace) == world.objects.unhealthy_at_start


def test_no_packet_was_invalid_to_kube_proxy(world, drops_before):
    kube.need_node_exec()
    if not drops_before:
        pytest.skip("kube-proxy has no rule for INVALID here (not in iptables mode)")
    now = invalid_drops()
    grown = {key: now[key] - count for key, count in drops_before.items() if now[key] != count}
    assert not grown, f"KUBE-FORWARD dropped INVALID packets: {grown}"
