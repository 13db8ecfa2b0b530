# SPDX-License-Identifier: Apache-2.0
"""tortie-kubed itself: from an API server's answers to the agent's socket, and its HTTP server."""
import errno
import http.client
import json
import os
import queue
import socket
import subprocess
import time
from pathlib import Path

import pytest

from agent_socket import DEADLINE, AgentSocket
from api_server import ApiServer

ROOT = Path(__file__).resolve().parents[2]
BUILD = Path(os.environ.get("TORTIE_BUILD", ROOT / "build"))
NODES = "/api/v1/nodes"
STATUS = "/api/v1/nodes/n1/status"
POLICIES = "/apis/networking.k8s.io/v1/networkpolicies"
CALICO = "/apis/projectcalico.org/v3/"


def node(name, address, block, **conditions):
    return {"metadata": {"name": name, "uid": name}, "spec": {"podCIDRs": [block]},
            "status": {"addresses": [{"type": "InternalIP", "address": address}],
                       "conditions": [{"type": key, "status": value}
                                      for key, value in conditions.items()]}}


N1 = node("n1", "10.77.0.11", "10.244.0.0/24", NetworkUnavailable="False")
N2 = node("n2", "10.77.0.12", "10.244.1.0/24")


def all_of(*objects, later=None):
    """Initial events, then what the test puts into the queue `later`, until the test ends."""
    def step(handler, _):
        handler.begin()
        for one in objects:
            handler.chunk(json.dumps({"type": "ADDED", "object": one}).encode() + b"\n")
        handler.event("BOOKMARK", None, "10",
                      annotations={"k8s.io/initial-events-end": "true"})
        if later is not None:
            while not handler.server.owner.is_over.is_set():
                try:
                    event = later.get(timeout=0.05)
                except queue.Empty:
                    continue
                handler.chunk(json.dumps(event).encode() + b"\n")
        handler.hang()
    return step


@pytest.fixture
def server():
    it = ApiServer()
    it.script(NODES, all_of(N1, N2))
    it.script(POLICIES, all_of())
    for kind in ("ippools", "bgpconfigurations", "bgppeers", "bgpfilters", "ipreservations"):
        it.script(CALICO + kind, all_of())
    it.script("/apis", lambda handler, _: handler.status(200, b'{"groups":[]}'))
    yield it
    it.close()


@pytest.fixture
def agent(tmp_path):
    it = AgentSocket(tmp_path / "agent.sock")
    yield it
    it.close()


def free_port():
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


class Kubed:
    def __init__(self, folder, config):
        self.port = free_port()
        path = folder / "tortie.yaml"
        path.write_text(f"{config}metrics: {{listen: ['127.0.0.1:{self.port}']}}\n"
                        "log_level: debug\n", encoding="utf-8")
        self.log = folder / "log"
        with open(self.log, "w", encoding="utf-8") as log:
            self.process = subprocess.Popen(
                [BUILD / "tortie-kubed", "-c", path, "--run-dir", folder],
                stdout=log, stderr=subprocess.STDOUT)

    def get(self, path, method="GET"):
        deadline = time.monotonic() + DEADLINE
        while True:
            try:
                connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=DEADLINE)
                connection.request(method, path)
                answer = connection.getresponse()
                return answer.status, answer.read().decode()
            except ConnectionRefusedError:
                assert time.monotonic() < deadline, self.log.read_text()
                time.sleep(0.02)

    def wait(self, path, what):
        deadline = time.monotonic() + DEADLINE
        while not what(*self.get(path)):
            assert time.monotonic() < deadline, f"{self.get(path)}\n{self.log.read_text()}"
            time.sleep(0.05)
        return self.get(path)

    def metric(self, name):
        for line in self.get("/metrics")[1].split("\n"):
            if line.startswith(f"{name} "):
                return float(line.split()[-1])
        return None

    def close(self):
        self.process.terminate()
        assert self.process.wait(DEADLINE) == 0, self.log.read_text()


@pytest.fixture
def start(server, tmp_path):
    """Start it, when the server's script is written."""
    started = []

    def run():
        started.append(Kubed(tmp_path, "kubernetes: {kubeconfig: %s, node: n1}\n"
                             % server.kubeconfig(tmp_path)))
        return started[-1]
    yield run
    for kubed in started:
        kubed.close()


def test_the_document_and_its_notices_are_told(server, agent, start):
    pool = {"metadata": {"name": "p", "managedFields": [{"a": 1}]},
            "spec": {"cidr": "10.244.0.0/16", "blockSize": 26}}
    server.script(CALICO + "ippools", all_of(pool))
    kubed = start()
    transaction = agent.next()
    assert '{name: "n2", addresses: ["10.77.0.12"], blocks: ["10.244.1.0/24"]}' in \
        transaction.document
    assert 'name: "p", cidr: "10.244.0.0/16", nat_outgoing: false' in transaction.document
    assert transaction.notices == ["ippool p: spec.blockSize: not served: addresses come from "
                                   "the nodes' podCIDRs"]
    assert json.loads(transaction.objects["IPPool", "p"])["spec"] == pool["spec"]
    assert "managedFields" not in transaction.objects["IPPool", "p"]
    assert kubed.wait("/readyz", lambda status, _: status == 200)[0] == 200


def test_a_thousand_changes_are_a_few_documents(server, agent, start, tmp_path):
    later = queue.Queue()
    server.script(NODES, all_of(N1, later=later))
    kubed = start()
    agent.next()
    for i in range(1000):
        later.put({"type": "ADDED", "object": node(f"m{i}", f"10.78.{i // 250}.{i % 250 + 1}",
                                                   f"10.{100 + i // 256}.{i % 256}.0/24")})
    agent.next(lambda transaction: '"m999"' in transaction.document)
    assert kubed.metric("tortie_document_commits_total") < 100
    before = kubed.metric("tortie_document_commits_total")
    later.put({"type": "MODIFIED", "object": dict(N1, status=dict(N1["status"], images=[1]))})
    later.put({"type": "DELETED", "object": node("m999", "10.78.3.250", "10.103.231.0/24")})
    agent.next(lambda transaction: '"m999"' not in transaction.document)
    kubed.wait("/metrics", lambda _, text: f"commits_total {int(before) + 1}\n" in text)


def test_an_agent_that_comes_back_is_told_all_again(server, agent, start):
    start()
    first = agent.next()
    agent.hang_up()
    assert agent.next().document == first.document
    assert agent.connections == 2


def test_a_refused_document_is_not_ready_and_says_why(server, agent, start):
    agent.refusal = "pools[0].cidr: not to my taste"
    kubed = start()
    agent.next()
    status, text = kubed.wait("/readyz", lambda _, text: "not to my taste" in text)
    assert status == 503
    assert kubed.metric("tortie_document_refusals_total") == 1
    assert kubed.metric("tortie_document_accepted") == 0


def test_an_agent_that_hears_another_watcher_is_told_when_that_one_has_gone(server, agent, start):
    agent.refusal = "tortie-kubed: another one is connected; stop it first"
    agent.refusal_errno = errno.EBUSY
    kubed = start()
    agent.next()
    agent.next()
    agent.refusal = None
    agent.next()
    assert kubed.wait("/readyz", lambda status, _: status == 200)[0] == 200
    assert kubed.metric("tortie_document_refusals_total") == 0


def test_the_condition_is_written_when_the_agent_serves(server, agent, start):
    later = queue.Queue()
    agent.is_ready = False
    server.script(STATUS, lambda handler, _: handler.status(200, b"{}"))
    server.script(NODES, all_of(dict(N1, status={"addresses": N1["status"]["addresses"]}),
                                later=later))
    kubed = start()
    agent.next()
    kubed.wait("/readyz", lambda _, text: "agent: not ready" in text)
    assert not [request for request in server.requests if request.path == STATUS]
    agent.is_ready = True
    request = server.next(lambda request: request.path == STATUS)
    assert request.method == "PATCH"
    assert request.headers["Content-Type"] == "application/strategic-merge-patch+json"
    condition, = json.loads(request.body)["status"]["conditions"]
    assert condition["type"] == "NetworkUnavailable" and condition["status"] == "False"
    assert condition["reason"] == "TortieIsUp" and condition["lastTransitionTime"]
    later.put({"type": "MODIFIED", "object": N1})
    later.put({"type": "DELETED", "object": N1})
    later.put({"type": "ADDED", "object": node("n1", "10.77.0.11", "10.244.0.0/24",
                                               NetworkUnavailable="True")})
    server.next(lambda request: request.path == STATUS)


def test_a_condition_that_says_so_already_is_left_alone(server, agent, start):
    kubed = start()
    agent.next()
    kubed.wait("/readyz", lambda status, _: status == 200)
    assert all(request.method == "GET" for request in server.requests)


def test_policies_are_counted_where_they_are_found(server, agent, start):
    server.script(POLICIES, all_of(*({"metadata": {"namespace": f"s{i}", "name": "p"}}
                                     for i in range(3))))
    server.script("/apis", lambda handler, _: handler.status(200, json.dumps({"groups": [
        {"name": "projectcalico.org", "preferredVersion": {"version": "v3"}},
        {"name": "crd.projectcalico.org", "preferredVersion": {"version": "v1"}},
        {"name": "apps", "preferredVersion": {"version": "v1"}}]}).encode()))
    server.script("/apis/projectcalico.org/v3", lambda handler, _: handler.status(
        200, b'{"resources":[{"name":"ippools"},{"name":"globalnetworkpolicies"}]}'))
    server.script("/apis/crd.projectcalico.org/v1", lambda handler, _: handler.status(
        200, b'{"resources":[{"name":"networkpolicies"},{"name":"globalnetworkpolicies"}]}'))
    server.script(CALICO + "globalnetworkpolicies", all_of({"metadata": {"name": "g"}}))
    server.script("/apis/crd.projectcalico.org/v1/networkpolicies",
                  all_of({"metadata": {"namespace": "s", "name": "c"}}))
    kubed = start()
    agent.next(lambda transaction: transaction.policies == 5)
    assert kubed.metric("tortie_policies_not_enforced") == 5
    assert "5 network policies exist and are NOT enforced" in kubed.log.read_text()
    paths = {request.path for request in server.requests}
    assert "/apis/crd.projectcalico.org/v1/globalnetworkpolicies" not in paths
    assert "/apis/apps/v1" not in paths
    watches = [request for request in server.requests if "networkpolicies" in request.path]
    assert all("PartialObjectMetadata" in request.headers["Accept"] for request in watches)


SECRETS = "/api/v1/namespaces/default/secrets"


def peer_with_password():
    reference = {"secretKeyRef": {"name": "bgp", "key": "tor"}}
    return {"kind": "BGPPeer", "apiVersion": "projectcalico.org/v3",
            "metadata": {"name": "tor", "resourceVersion": "7"},
            "spec": {"peerIP": "192.0.2.1", "asNumber": 65000, "password": reference}}


def test_secrets_are_watched_when_one_is_named_and_told_in_the_document_alone(server, agent,
                                                                              start):
    secret = {"kind": "Secret", "apiVersion": "v1", "type": "Opaque",
              "metadata": {"name": "bgp", "namespace": "default", "resourceVersion": "8"},
              "data": {"tor": "c2Vzc2lvbi1rZXk="}}  # session-key
    peers = queue.Queue()
    server.script(CALICO + "bgppeers", all_of(later=peers))
    server.script(SECRETS, all_of(secret))
    kubed = start()
    assert "password" not in agent.next().document
    assert not [one for one in server.requests if SECRETS in one.path]
    peers.put({"type": "ADDED", "object": peer_with_password()})
    transaction = agent.next(lambda one: "password" in one.document)
    assert 'password: "session-key"' in transaction.document
    told = str(transaction.notices) + str(transaction.objects) + kubed.log.read_text() + \
        kubed.get("/metrics")[1] + kubed.get("/readyz")[1]
    assert "session-key" not in told and "c2Vzc2lvbi1rZXk" not in told
    assert ("Secret", "bgp") not in transaction.objects


SERVICES = "/api/v1/services"
SLICES = "/apis/discovery.k8s.io/v1/endpointslices"


def bgp_config(**spec):
    return {"kind": "BGPConfiguration", "apiVersion": "projectcalico.org/v3",
            "metadata": {"name": "default"}, "spec": spec}


def service(name, policy="Local", number=7):
    return {"metadata": {"namespace": "web", "name": name},
            "spec": {"type": "LoadBalancer", "clusterIP": f"10.96.0.{number}",
                     "clusterIPs": [f"10.96.0.{number}"], "externalTrafficPolicy": policy},
            "status": {"loadBalancer": {"ingress": [{"ip": f"192.0.2.{number}"}]}}}


def slice_of(name, **ready):
    """Of the service: nodes and whether their endpoint is ready."""
    return {"metadata": {"namespace": "web", "name": f"{name}-x",
                         "labels": {"kubernetes.io/service-name": name}},
            "addressType": "IPv4",
            "endpoints": [{"addresses": ["10.244.0.9"], "nodeName": key,
                           "conditions": {"ready": value}} for key, value in ready.items()]}


def event(kind, one):
    return {"type": kind, "object": one}


def announced(transaction):
    found = [line for line in transaction.document.splitlines()
             if line.startswith("  announce: ")]
    return json.loads(found[0].split(": ", 1)[1]) if found else []


RANGES = {"serviceClusterIPs": [{"cidr": "10.96.0.0/16"}],
          "serviceLoadBalancerIPs": [{"cidr": "192.0.2.0/24"}]}
WHOLE = ["10.96.0.0/16", "192.0.2.0/24"]


def test_services_are_watched_while_ranges_are_asked_for(server, agent, start):
    configs, services, slices = queue.Queue(), queue.Queue(), queue.Queue()
    server.script(CALICO + "bgpconfigurations", all_of(later=configs))
    server.script(SERVICES, all_of(service("front", "Cluster", 6), later=services))
    server.script(SLICES, all_of(slice_of("front", n1=True), slice_of("shop", n2=True),
                                 later=slices))
    kubed = start()

    def asked(path):
        return [one for one in server.requests if one.path == path]

    assert announced(agent.next()) == [] and not asked(SERVICES) and not asked(SLICES)
    configs.put(event("ADDED", bgp_config(**RANGES)))
    assert announced(agent.next(announced)) == WHOLE
    assert not asked(SLICES)  # no Service whose endpoints would matter
    assert kubed.metric('tortie_kube_objects{kind="services"}') == 1
    services.put(event("ADDED", service("shop")))
    slices.put(event("MODIFIED", slice_of("shop", n2=True, n1=False)))
    slices.put(event("MODIFIED", slice_of("shop", n2=True, n1=True)))
    local = ["10.96.0.0/16", "10.96.0.7/32", "192.0.2.0/24", "192.0.2.7/32"]
    agent.next(lambda one: announced(one) == local)
    query = asked(SLICES)[0].query
    assert query["labelSelector"] == "kubernetes.io/service-name,!service.kubernetes.io/headless"
    slices.put(event("MODIFIED", slice_of("shop", n2=True)))
    agent.next(lambda one: announced(one) == WHOLE)
    assert len(asked(SERVICES)) == len(asked(SLICES)) == 1
    # nothing of it is told as an object, and a pod that comes elsewhere is no news
    before = kubed.metric("tortie_document_commits_total")
    slices.put(event("MODIFIED", slice_of("shop", n2=True, n3=True)))
    services.put(event("DELETED", service("shop")))
    configs.put(event("MODIFIED", bgp_config(asNumber=64999, **RANGES)))
    transaction = agent.next(lambda one: "as: 64999" in one.document)
    assert announced(transaction) == WHOLE
    assert not [key for key in transaction.objects if key[0] in ("Service", "EndpointSlice")]
    assert kubed.metric("tortie_document_commits_total") <= before + 2
    # the last Service that needs endpoints has gone, then the ranges
    kubed.wait("/metrics", lambda _, text: 'objects{kind="endpointslices"}' not in text)
    configs.put(event("DELETED", bgp_config()))
    agent.next(lambda one: announced(one) == [])
    kubed.wait("/metrics", lambda _, text: 'objects{kind="services"}' not in text)
    assert "services: no object asks for them any more" in kubed.log.read_text()
    configs.put(event("ADDED", bgp_config(**RANGES)))
    agent.next(lambda one: announced(one) == WHOLE)
    assert len(asked(SERVICES)) == 2


def test_services_that_may_not_be_read_leave_the_ranges(server, agent, start):
    server.script(CALICO + "bgpconfigurations", all_of(bgp_config(**RANGES)))
    server.script(SERVICES, lambda handler, _: handler.status(403, b'{"message":"no services"}'))
    kubed = start()
    transaction = agent.next()
    assert announced(transaction) == WHOLE
    notice, = transaction.notices
    assert notice.startswith("services: may not be read, and are taken as none: ")
    assert "no services" in notice
    assert kubed.wait("/readyz", lambda status, _: status == 200)


def test_ten_thousand_services_are_one_document(server, agent, start):
    server.script(CALICO + "bgpconfigurations", all_of(bgp_config(
        serviceClusterIPs=[{"cidr": "10.96.0.0/12"}])))
    many = [service(f"s{i}") for i in range(10000)]
    for i, one in enumerate(many):
        one["spec"]["clusterIPs"] = [f"10.{96 + (i >> 14)}.{i >> 8 & 63}.{i & 255}"]
    server.script(SERVICES, all_of(*many))
    server.script(SLICES, all_of(*(slice_of(f"s{i}", **{"n1" if i % 2 else "n2": True})
                                   for i in range(10000))))
    kubed = start()
    transaction = agent.next()
    assert len(announced(transaction)) == 5001
    assert kubed.metric("tortie_document_commits_total") == 1
    with open(f"/proc/{kubed.process.pid}/status", encoding="utf-8") as status:
        resident, = [int(line.split()[1]) for line in status if line.startswith("VmRSS:")]
    assert resident < 32 * 1024, f"{resident} KiB"


def test_kinds_that_may_not_be_read_are_named_and_the_rest_goes_on(server, agent, start):
    server.script(CALICO + "bgppeers", lambda handler, _: handler.status(
        403, b'{"message":"bgppeers is forbidden"}'))
    server.script(CALICO + "ipreservations", lambda handler, _: handler.status(404, b"{}"))
    kubed = start()
    transaction = agent.next()
    assert len(transaction.notices) == 1
    assert transaction.notices[0].startswith("bgppeers: may not be read")
    assert kubed.wait("/readyz", lambda status, _: status == 200)


def test_nodes_that_may_not_be_read_are_said_to_be_the_cause(server, agent, start):
    server.script(NODES, lambda handler, _: handler.status(403, b'{"message":"no nodes for you"}'))
    kubed = start()
    status, text = kubed.wait("/readyz", lambda _, text: "no nodes for you" in text)
    assert status == 503 and text.startswith("nodes: ")
    assert agent.transactions.empty()


def test_without_its_node_object_the_agent_is_told_why_there_is_no_document(server, agent, start):
    later = queue.Queue()
    server.script(NODES, all_of(N2, later=later))
    kubed = start()
    words = "Node n1 does not exist in the cluster"
    status, text = kubed.wait("/readyz", lambda _, text: words in text)
    assert status == 503
    told = agent.next()
    assert told.document is None and words in told.why_none and "kubectl get nodes" in told.why_none
    later.put({"type": "ADDED", "object": N1})
    assert agent.next(lambda it: it.document).why_none == ""
    assert kubed.wait("/readyz", lambda status, _: status == 200)[0] == 200
    later.put({"type": "DELETED", "object": N1})
    assert words in agent.next(lambda it: it.document is None).why_none
    assert kubed.wait("/readyz", lambda status, _: status == 503)[0] == 503


def test_http_has_three_paths_and_two_methods(server, agent, start):
    kubed = start()
    assert kubed.get("/livez") == (200, "ok\n")
    assert kubed.get("/livez", "HEAD") == (200, "")
    assert kubed.get("/")[0] == 404
    assert kubed.get("/../etc/passwd")[0] == 404
    assert kubed.get("/metrics", "POST")[0] == 405
    assert kubed.get("/livez", "DELETE")[0] == 405
    agent.next()
    text = kubed.wait("/metrics", lambda _, text: "\ntortie_agent_ready 1\n" in text)[1]
    names = set()
    for line in text.rstrip("\n").split("\n"):
        if line.startswith("# TYPE "):
            assert line.split()[2] not in names, line
            names.add(line.split()[2])
        elif not line.startswith("#"):
            name, value = line.rsplit(" ", 1)
            assert name.split("{")[0] in names and float(value) >= 0, line
    assert "\ntortie_repairs_total 6\n" in text and "\ntortie_map_differences_total 7\n" in text
    assert "tortie_bgp_peers" in names and "tortie_kube_lists_total" in names
    assert '\ntortie_bgp_bfd_sessions{state="up"} 1\n' in text
    assert '\ntortie_bgp_bfd_sessions{state="down"} 0\n' in text
    assert "\ntortie_bgp_bfd_downs_total 9\n" in text
    for name, value in (("updates_received", 11), ("updates_sent", 12), ("bad_updates", 13),
                        ("sessions_established", 14)):
        assert f"# TYPE tortie_bgp_{name}_total counter\ntortie_bgp_{name}_total {value}\n" in text


def test_what_a_speaker_that_is_away_counted_is_no_0(agent, tmp_path):
    agent.has_bgp_counts = False
    it = Kubed(tmp_path, "node: {addresses: [10.0.0.1]}\n")
    try:
        text = it.wait("/metrics", lambda _, text: "\ntortie_agent_ready 1\n" in text)[1]
        assert "tortie_bgp_peers" in text and "tortie_bgp_updates" not in text
    finally:
        it.close()


def test_http_bears_many_and_silent_connections(server, agent, start):
    kubed = start()
    assert kubed.get("/livez")[0] == 200
    held = [socket.create_connection(("127.0.0.1", kubed.port)) for _ in range(40)]
    try:
        agent.next()  # more than it takes, and none says a word: they are given up after 10 s
        assert kubed.get("/livez")[0] == 200
    finally:
        for one in held:
            one.close()
    assert kubed.get("/livez")[0] == 200


def test_metrics_do_not_wait_for_an_agent_that_is_not_there(server, tmp_path, start):
    kubed = start()
    begin = time.monotonic()
    assert kubed.metric("tortie_agent_connected") == 0
    assert time.monotonic() - begin < 5
    assert "agent: not connected" in kubed.get("/readyz")[1]


def test_without_kubernetes_there_are_metrics_alone(agent, tmp_path):
    it = Kubed(tmp_path, "node: {addresses: [10.0.0.1]}\n")
    try:
        it.wait("/readyz", lambda status, _: status == 200)
        text = it.get("/metrics")[1]
        assert "tortie_agent_ready 1" in text and "tortie_kube" not in text
    finally:
        it.close()


@pytest.mark.parametrize("config,words", [
    ("node: {addresses: [10.0.0.1]}\n", "nothing to do"),
    ("kubernetes: {kubeconfig: /nonexistent/config}\n", "/nonexistent/config: No such file"),
    ("kubernetes: {kubeconfig: %s/exec}\n", "exec: programs that fetch credentials"),
    ("kubernetes: {what: 1}\n", "unknown key what"),
])
def test_refused_starts_say_why(tmp_path, config, words):
    (tmp_path / "exec").write_text(
        "clusters: [{name: c, cluster: {server: 'https://a'}}]\n"
        "users: [{name: u, user: {exec: {command: aws}}}]\n"
        "contexts: [{name: x, context: {cluster: c, user: u}}]\ncurrent-context: x\n",
        encoding="utf-8")
    path = tmp_path / "tortie.yaml"
    path.write_text(config.replace("%s", str(tmp_path)), encoding="utf-8")
    done = subprocess.run([BUILD / "tortie-kubed", "--check", "-c", path], capture_output=True,
                          text=True, timeout=DEADLINE)
    assert done.returncode == 1 and words in done.stderr
