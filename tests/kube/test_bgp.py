# SPDX-License-Identifier: Apache-2.0
"""BGP towards a router outside: what BGPPeer, BGPConfiguration, BGPFilter and Services ask for.

    n1, n2 (the cluster's nodes) ---- LAN ---- outside (BIRD 2, AS 65000, a client of net_peer)

The router has a session with each node, by one BGPPeer whose password is in a Secret. What it has
learnt from which node is read from BIRD; what it forwards is tried by the client beside it. The
tests build on each other: the session first, Services in the middle, a reflector last.
"""
import base64
import json
import re
import shutil

import pytest

import kube

ASN, NODE_ASN = 65000, 64512
EXTERNAL = {4: "203.0.113.0/24", 6: "2001:db8:113::/64"}
BALANCER = {4: "198.51.100.0/24", 6: "2001:db8:100::/64"}
BALANCER_IP = {4: "198.51.100.80", 6: "2001:db8:100::80"}
SINGLE_IP = {4: "192.0.2.80", 6: "2001:db8:2::80"}
FOREIGN = {4: "172.31.7.0/24", 6: "2001:db8:7::/64"}
COMMUNITY = "65000:113"
PASSWORD = "session-key-1"
BFD = {"tortie/bfd": '{"min_interval": 300, "multiplier": 3}'}
BIRD_BFD = ("protocol bfd { interface \"*\" { min rx interval 300 ms; min tx interval 300 ms; "
            "multiplier 3; }; }\n")
EXCLUDE = "node.kubernetes.io/exclude-from-external-load-balancers"
SECONDS = 60
SILENCE_SECONDS = 20


def host_prefix(address):
    return f"{address}/{128 if ':' in address else 32}"


def calico(kind, name, annotations=None, **spec):
    return {"apiVersion": "projectcalico.org/v3", "kind": kind,
            "metadata": {"name": name, "annotations": annotations or {}}, "spec": spec}


def apply(item):
    kube.kubectl("apply", "-f", "-", stdin=json.dumps(item))


def delete(kind, name, *words):
    kube.kubectl("delete", kind, name, "--ignore-not-found", *words)


class Bird:
    """The router: it holds what each node announces, and forwards by it."""

    def __init__(self, folder, nodes, family):
        self.folder, self.nodes, self.family = folder, nodes, family
        self.peer_asn = ASN
        separator = "." if family == 4 else ":"
        lan = nodes[0].address(family).rsplit(separator, 1)[0] + separator
        links = json.loads(kube.run([*kube.OUTSIDE_EXEC, "ip", "-j", "addr", "show"]).stdout)
        own = [one["local"] for link in links for one in link["addr_info"]
               if one["scope"] == "global"]
        self.address = next(one for one in own if one.startswith(lan))
        self.address6 = next((one for one in own if ":" in one), None)

    def write(self, asn=ASN, password=None, bfd=False):
        self.peer_asn = asn
        text = (f"log \"{self.folder}/bird.log\" all;\nrouter id 192.0.2.1;\n"
                "protocol device {}\n"
                "protocol direct { ipv4; ipv6; }\n" + (BIRD_BFD if bfd else ""))
        for family, prefix in FOREIGN.items():
            text += (f"protocol static s{family} {{ ipv{family}; route {prefix} blackhole; }}\n"
                     f"protocol kernel k{family} {{ merge paths on; ipv{family} "
                     "{ export where source = RTS_BGP; }; }\n")
        for node in self.nodes:
            hop6 = f"next hop address {self.address6};" if self.address6 else ""
            text += (f"protocol bgp {node.name} {{\n  local {self.address} as {asn};\n"
                     f"  neighbor {node.address(self.family)} as {NODE_ASN};\n"
                     "  connect delay time 1; connect retry time 1; error wait time 1, 2;\n"
                     "  graceful restart on;\n" +
                     (f'  password "{password}";\n' if password else "") +
                     ("  bfd on;\n" if bfd else "") +
                     "  ipv4 { import all; export where source = RTS_STATIC; };\n"
                     f"  ipv6 {{ import all; export where source = RTS_STATIC; {hop6} }};\n}}\n")
        (self.folder / "bird.conf").write_text(text)

    def start(self):
        kube.run([*kube.OUTSIDE_EXEC, "bird", "-c", self.folder / "bird.conf", "-s",
                  self.folder / "bird.ctl", "-P", self.folder / "bird.pid"])

    def birdc(self, *words):
        return kube.run([*kube.OUTSIDE_EXEC, "birdc", "-s", self.folder / "bird.ctl", *words],
                        check=False).stdout

    def configure(self, **options):
        self.write(**options)
        assert "Reconfig" in self.birdc("configure")

    def stop(self):
        self.birdc("down")

    def pause(self, is_paused):
        """Let it fall silent, or go on: its connections stay open all the while."""
        kube.run(["kill", "-STOP" if is_paused else "-CONT",
                  (self.folder / "bird.pid").read_text().strip()])

    def is_up(self, node):
        return "Established" in self.birdc("show", "protocols", node.name)

    def wait_up(self):
        for node in self.nodes:
            kube.wait_until(lambda n=node: self.is_up(n), f"the session with {node.name}", SECONDS)

    def route(self, node, prefix):
        """BIRD's words about the route to exactly prefix that it has from the node, or ""."""
        text = self.birdc("show", "route", prefix, "protocol", node.name, "all")
        return text if re.search(rf"^{re.escape(prefix)}\s", text, re.M) else ""

    def tellers(self, prefix):
        """The names of the nodes that announce the prefix."""
        return {node.name for node in self.nodes if self.route(node, prefix)}

    def wait_tellers(self, prefix, *nodes):
        wanted = {node.name for node in nodes}
        kube.wait_until(lambda: self.tellers(prefix) == wanted,
                        f"{prefix} from {sorted(wanted)} alone", SECONDS)


class Bed:
    def __init__(self, namespace, folder):
        self.namespace = namespace
        self.nodes = kube.worker_nodes()[:2]
        self.families = kube.families()
        self.bird = Bird(folder, self.nodes, kube.family_of(self.nodes[0].addresses[0]))
        self.bird.write(password=PASSWORD)
        self.bird.start()
        self.ranges = {kube.family_of(one): one for item in kube.get("servicecidrs")["items"]
                       for one in item["spec"]["cidrs"]}
        self.outside = kube.Peer("outside", [*kube.OUTSIDE_EXEC, kube.TOOLS / "net_peer",
                                             "control"])
        namespace.create(kube.pod("client", self.nodes[0].name))
        namespace.wait_ready("client")
        self.client = namespace.peer("client")

    def close(self):
        self.outside.end()
        self.bird.stop()
        for kind, names in (("bgppeers", ["tor", "reflectors"]), ("bgpfilters", ["outside"]),
                            ("bgpconfigurations", ["default"])):
            for name in names:
                delete(f"{kind}.projectcalico.org", name)
        delete("secret", "bgp-test", "-n", kube.SYSTEM)
        for node in self.nodes:
            kube.kubectl("label", "node", node.name, f"{EXCLUDE}-", "route-reflector-")
            kube.kubectl("annotate", "node", node.name,
                         "projectcalico.org/RouteReflectorClusterID-")

    def status(self, node):
        return kube.tortie(node.name, "status", check=False).stdout

    def neighbour(self, node, address):
        """What the node says of a BGP peer."""
        peers = json.loads(kube.tortie(node.name, "bgp", "peers", "-o", "json").stdout)["items"]
        return next((one for one in peers if one["peer_address"] == address), {})

    def bfd(self, node, address):
        """The state of BFD with a peer, None without BFD."""
        return (self.neighbour(node, address).get("bfd") or {}).get("state")

    def wait_bfd(self, pairs, state):
        for node, address in pairs:
            kube.wait_until(lambda n=node, a=address: self.bfd(n, a) == state,
                            f"BFD of {node.name} with {address} to be {state}", SECONDS)

    def peer(self, **more):
        apply(calico("BGPPeer", "tor", peerIP=self.bird.address, asNumber=self.bird.peer_asn,
                     password={"secretKeyRef": {"name": "bgp-test", "key": "tor"}}, **more))

    def configure(self, **more):
        cidrs = {"serviceClusterIPs": self.ranges, "serviceExternalIPs": EXTERNAL,
                 "serviceLoadBalancerIPs": BALANCER}
        spec = {key: [{"cidr": value[family]} for family in self.families]
                for key, value in cidrs.items()}
        for family in self.families:
            spec["serviceExternalIPs"].append({"cidr": host_prefix(SINGLE_IP[family])})
        spec.update(more)
        apply(calico("BGPConfiguration", "default", **spec))

    def service(self, name, family, policy, **spec):
        """A Service of type LoadBalancer, and what a controller would write into its status."""
        self.namespace.create({
            "apiVersion": "v1", "kind": "Service", "metadata": {"name": name},
            "spec": {"type": "LoadBalancer", "selector": {"app": name},
                     "externalTrafficPolicy": policy, "ipFamilies": [f"IPv{family}"],
                     "ports": [{"port": 80, "targetPort": kube.SERVE_PORT}], **spec}})

    def give_address(self, name, address):
        kube.kubectl("patch", "service", "-n", self.namespace.name, name, "--subresource=status",
                     "--type=merge", "-p", json.dumps(
                         {"status": {"loadBalancer": {"ingress": [{"ip": address}]}}}))

    def cluster_ip(self, name):
        return kube.get("service", "-n", self.namespace.name, name)["spec"]["clusterIP"]

    def server(self, name, node, app):
        self.namespace.create(kube.pod(name, node.name, labels={"app": app}))
        self.namespace.wait_ready(name)

    def remove_pod(self, name):
        kube.kubectl("delete", "pod", "-n", self.namespace.name, name, "--now")


@pytest.fixture(scope="module")
def bed(namespace, tmp_path_factory):
    kube.need_tortie()
    kube.need_own_cluster()
    kube.need_outside_exec()
    if not shutil.which("bird"):
        pytest.skip("bird is not installed")
    made = Bed(namespace, tmp_path_factory.mktemp("bird"))
    yield made
    made.close()


def pytest_generate_tests(metafunc):
    if "family" in metafunc.fixturenames:
        metafunc.parametrize("family", kube.families() if kube.HAVE_CLUSTER else [4])


def test_a_peer_waits_for_its_secret_and_comes_up_with_it(bed):
    bed.peer()
    for node in bed.nodes:
        kube.wait_until(lambda n=node: "secret bgp-test is not there" in bed.status(n),
                        "status to name the Secret", SECONDS)
    kube.create({"apiVersion": "v1", "kind": "Secret",
                 "metadata": {"name": "bgp-test", "namespace": kube.SYSTEM},
                 "data": {"tor": base64.b64encode(PASSWORD.encode()).decode()}})
    bed.bird.wait_up()
    for node in bed.nodes:
        for block in node.pod_cidrs:
            bed.bird.wait_tellers(block, node)
        kube.wait_until(lambda n=node: "bgp-test" not in bed.status(n), "status to be content",
                        SECONDS)


def test_another_key_in_the_secret_is_another_session(bed):
    changed = PASSWORD + "-changed"
    kube.kubectl("patch", "secret", "-n", kube.SYSTEM, "bgp-test", "--type=merge", "-p",
                 json.dumps({"stringData": {"tor": changed}}))
    bed.bird.configure(password=changed)
    bed.bird.wait_up()
    for node in bed.nodes:
        kube.wait_until(lambda n=node: bed.bird.tellers(n.pod_cidrs[0]) == {n.name},
                        "routes over the new session", SECONDS)


def test_ranges_of_services_come_from_every_node(bed, family):
    bed.configure(communities=[{"name": "services", "value": COMMUNITY}],
                  prefixAdvertisements=[{"cidr": EXTERNAL[one], "communities": ["services"]}
                                        for one in bed.families])
    for prefix in (bed.ranges[family], EXTERNAL[family], BALANCER[family]):
        bed.bird.wait_tellers(prefix, *bed.nodes)
    assert bed.bird.tellers(host_prefix(SINGLE_IP[family])) == set()
    for node in bed.nodes:
        assert "(65000,113)" in bed.bird.route(node, EXTERNAL[family])
        assert "(65000,113)" not in bed.bird.route(node, BALANCER[family])


def test_a_service_is_reached_from_outside_by_its_cluster_ip(bed, family):
    bed.service(f"web-{family}", family, "Cluster", externalIPs=[SINGLE_IP[family]])
    bed.server(f"web-{family}-pod", bed.nodes[0], f"web-{family}")
    bed.bird.wait_tellers(host_prefix(SINGLE_IP[family]), *bed.nodes)
    for address in (bed.cluster_ip(f"web-{family}"), SINGLE_IP[family]):
        kube.wait_until(lambda a=address: bed.outside.tcp(a, 80, strict=False)[0] ==
                        f"web-{family}-pod", f"an answer from {address}", SECONDS)


def test_a_local_service_comes_from_where_its_endpoints_are(bed, family):
    name, here = f"local-{family}", host_prefix(BALANCER_IP[family])
    first, second = bed.nodes
    bed.service(name, family, "Local")
    bed.give_address(name, BALANCER_IP[family])
    own = host_prefix(bed.cluster_ip(name))
    assert bed.bird.tellers(here) == set()
    bed.server(f"{name}-1", first, name)
    for prefix in (here, own):
        bed.bird.wait_tellers(prefix, first)
    answer = kube.wait_until(lambda: bed.outside.tcp(BALANCER_IP[family], 80, strict=False),
                             "an answer of the local endpoint", SECONDS)
    source = bed.outside.source(BALANCER_IP[family])
    assert answer[:2] == (f"{name}-1", source)
    bed.server(f"{name}-2", second, name)
    for prefix in (here, own):
        bed.bird.wait_tellers(prefix, first, second)
    bed.remove_pod(f"{name}-1")
    for prefix in (here, own):
        bed.bird.wait_tellers(prefix, second)
    answer = kube.wait_until(lambda: bed.outside.tcp(BALANCER_IP[family], 80, strict=False),
                             "an answer of the other endpoint", SECONDS)
    assert answer[:2] == (f"{name}-2", source)
    bed.remove_pod(f"{name}-2")
    for prefix in (here, own):
        bed.bird.wait_tellers(prefix)
    bed.bird.wait_tellers(BALANCER[family], first, second)
    delete("service", name, "-n", bed.namespace.name)


def test_an_address_of_no_service_is_refused(bed, family):
    """By a pod: a host of the LAN gets redirects for it, and Linux then withholds other errors."""
    address = BALANCER_IP[family][:-2] + "99"
    kind, code, _ = bed.client.icmp_error(address, 80)
    assert (kind, code) == ((3, 1) if family == 4 else (1, 3))


def test_without_aggregation_each_address_is_announced(bed, family):
    bed.configure(serviceLoadBalancerAggregation="Disabled")
    bed.give_address(f"web-{family}", BALANCER_IP[family])
    bed.bird.wait_tellers(BALANCER[family])
    bed.bird.wait_tellers(host_prefix(BALANCER_IP[family]), *bed.nodes)
    bed.remove_pod(f"web-{family}-pod")
    bed.bird.wait_tellers(host_prefix(BALANCER_IP[family]))
    bed.configure()
    bed.bird.wait_tellers(BALANCER[family], *bed.nodes)


def test_a_node_that_is_kept_out_announces_nothing_of_services(bed):
    first, second = bed.nodes
    kube.kubectl("label", "node", second.name, f"{EXCLUDE}=true")
    for family in bed.families:
        for prefix in (bed.ranges[family], EXTERNAL[family], BALANCER[family]):
            bed.bird.wait_tellers(prefix, first)
    for block in second.pod_cidrs:
        assert bed.bird.tellers(block) == {second.name}
    kube.kubectl("label", "node", second.name, f"{EXCLUDE}-")
    for family in bed.families:
        bed.bird.wait_tellers(bed.ranges[family], first, second)


def has_route(node, prefix):
    words = ["ip", "-6"] if ":" in prefix else ["ip"]
    return prefix in kube.on_node(node.name, *words, "route").stdout


def test_a_filter_lets_in_and_holds_back(bed):
    kube.need_node_exec()
    families = bed.families
    assert not any(has_route(node, FOREIGN[one]) for node in bed.nodes for one in families)
    apply(calico("BGPFilter", "outside", **{
        key: value for one in families for key, value in {
            f"importV{one}": [{"action": "Accept", "matchOperator": "Equal",
                               "cidr": FOREIGN[one]}],
            f"exportV{one}": [{"action": "Reject", "matchOperator": "In",
                               "cidr": EXTERNAL[one]}]}.items()}))
    bed.peer(filters=["outside"])
    for one in families:
        bed.bird.wait_tellers(EXTERNAL[one])
        assert bed.bird.tellers(BALANCER[one]) == {node.name for node in bed.nodes}
        for node in bed.nodes:
            kube.wait_until(lambda n=node, o=one: has_route(n, FOREIGN[o]),
                            f"{FOREIGN[one]} at {node.name}", SECONDS)
    bed.peer()
    for one in families:
        bed.bird.wait_tellers(EXTERNAL[one], *bed.nodes)
        for node in bed.nodes:
            kube.wait_until(lambda n=node, o=one: not has_route(n, FOREIGN[o]),
                            f"no {FOREIGN[one]} at {node.name}", SECONDS)


def test_bfd_by_annotation_notices_a_router_that_falls_silent(bed):
    """The hold time is longer than what is waited for: the session goes by BFD alone."""
    bed.bird.configure(password=PASSWORD + "-changed", bfd=True)
    bed.peer(annotations=BFD)
    bed.configure(annotations={"tortie/bfd": "true"})
    router = [(node, bed.bird.address) for node in bed.nodes]
    pairs = router + [(node, other.address(bed.bird.family)) for node in bed.nodes
                      for other in bed.nodes if node is not other]
    bed.wait_bfd(pairs, "Up")
    bed.bird.wait_up()
    bed.bird.pause(True)
    try:
        for node, address in router:
            kube.wait_until(lambda n=node, a=address:
                            bed.neighbour(n, a)["state"] != "Established",
                            f"{node.name} to miss the silent router", SILENCE_SECONDS)
    finally:
        bed.bird.pause(False)
    bed.bird.wait_up()
    bed.wait_bfd(pairs, "Up")
    bed.peer()
    bed.configure()
    bed.wait_bfd(pairs, None)
    bed.bird.wait_up()


def test_a_reflector_by_labels_passes_on_blocks_and_services(bed):
    """Without a mesh: n1 reflects, n2 peers with it alone, and so does the router, internally."""
    first, second = bed.nodes
    family = bed.families[0]
    kube.kubectl("label", "node", first.name, "route-reflector=true")
    kube.kubectl("annotate", "node", first.name,
                 "projectcalico.org/RouteReflectorClusterID=244.0.0.1")
    bed.configure(nodeToNodeMeshEnabled=False)
    apply(calico("BGPPeer", "reflectors", nodeSelector="all()",
                 peerSelector="has(route-reflector)"))
    bed.bird.configure(asn=NODE_ASN, password=PASSWORD + "-changed")
    bed.peer(nodeSelector="has(route-reflector)")
    kube.wait_until(lambda: bed.bird.is_up(first), f"the session with {first.name}", SECONDS)
    bed.service("reflected", family, "Local")
    own = host_prefix(bed.cluster_ip("reflected"))
    bed.server("reflected-pod", second, "reflected")
    for prefix in (second.pod_cidrs[0], own):
        text = kube.wait_until(lambda p=prefix: bed.bird.route(first, p),
                               f"{prefix} by way of the reflector", SECONDS)
        hop = second.address(kube.family_of(prefix))
        assert re.search(rf"BGP.next_hop: {hop}\b", text), text
    assert not has_route(first, own), "a node must not send packets to a Service elsewhere"
    kube.wait_until(lambda: bed.outside.tcp(own.split("/")[0], 80, strict=False)[0] ==
                    "reflected-pod", "an answer over the reflected route", SECONDS)
    bed.remove_pod("reflected-pod")
    bed.bird.wait_tellers(own)
