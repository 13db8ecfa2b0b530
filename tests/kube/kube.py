# SPDX-License-Identifier: Apache-2.0
"""A cluster as its user has it: KUBECONFIG and kubectl, nothing else.

Environment:
  KUBECONFIG            which cluster; without it the tests are skipped
  KUBECTL               the client program, words allowed (default: kubectl)
  TORTIE_TEST_IMAGE     an image that the nodes have or can pull, with sh (default: agnhost)
  TORTIE_NODE_EXEC      words that, before a node's name and a command, run it on that node as root
  TORTIE_OUTSIDE_EXEC   words that run a command on a machine outside the cluster with a route to
                        its nodes (and, for some cases, to its pods)
  TORTIE_KUBE_OWN       1: nobody else works on this cluster; tests may break it and mend it
What needs one of the last three is skipped with that reason when it is not there.

The tests' own program (tests/tools/net_peer.c) is static and reaches the pods in a ConfigMap.
"""
import base64
import functools
import json
import os
import select
import shlex
import subprocess
import time
from pathlib import Path

import pytest

TOP = Path(__file__).resolve().parents[2]
LOGS = TOP / "build/test-logs"
TOOLS = Path(os.environ.get("TORTIE_BUILD", TOP / "build")) / "tests/static"
KUBECTL = shlex.split(os.environ.get("KUBECTL", "kubectl"))
IMAGE = os.environ.get("TORTIE_TEST_IMAGE", "registry.k8s.io/e2e-test-images/agnhost:2.56")
NODE_EXEC = shlex.split(os.environ.get("TORTIE_NODE_EXEC", ""))
OUTSIDE_EXEC = shlex.split(os.environ.get("TORTIE_OUTSIDE_EXEC", ""))
OWN_CLUSTER = os.environ.get("TORTIE_KUBE_OWN") == "1"
HAVE_CLUSTER = bool(os.environ.get("KUBECONFIG"))
SERVE_PORT = 8080
SYSTEM = "tortie-system"


class Failed(AssertionError):
    """A command failed, or a condition did not come true."""


def run(argv, stdin=None, timeout=60, check=True):
    """The finished process, its output as text."""
    argv = [str(word) for word in argv]
    try:
        done = subprocess.run(argv, input=stdin, capture_output=True, text=True, timeout=timeout,
                              errors="replace", check=False)
    except subprocess.TimeoutExpired as error:
        raise Failed(f"{shlex.join(argv)}: no end within {timeout} s: {error.stdout}") from error
    if check and done.returncode:
        raise Failed(f"{shlex.join(argv)}: exit {done.returncode}: {done.stderr.strip()}"
                     f"{done.stdout.strip()[-2000:]}")
    return done


def kubectl(*words, **options):
    return run([*KUBECTL, *words], **options).stdout


def get(*words):
    """Objects as kubectl's JSON tells them."""
    return json.loads(kubectl("get", *words, "-o", "json"))


def create(*objects, timeout=60):
    """One call for all of them; a list is read as one document."""
    document = {"apiVersion": "v1", "kind": "List", "items": list(objects)}
    kubectl("create", "-f", "-", stdin=json.dumps(document), timeout=timeout)


def wait_until(condition, what, deadline=60.0, interval=0.2):
    """The condition's first true value. An exception of Failed counts as not yet."""
    end = time.monotonic() + deadline
    while True:
        try:
            value, words = condition(), ""
        except Failed as error:
            value, words = None, str(error)
        if value:
            return value
        if time.monotonic() >= end:
            raise Failed(f"not within {deadline:g} s: {what} {words}")
        time.sleep(interval)


def need_node_exec():
    if not NODE_EXEC:
        pytest.skip("needs access to the nodes: TORTIE_NODE_EXEC is not set")


def need_outside_exec():
    if not OUTSIDE_EXEC:
        pytest.skip("needs a machine outside the cluster: TORTIE_OUTSIDE_EXEC is not set")


def need_own_cluster():
    if not OWN_CLUSTER:
        pytest.skip("breaks the cluster for a while: TORTIE_KUBE_OWN=1 allows it")


def route_outside_to_pods():
    """A machine outside has no routes to pods of itself; where we may, we give it some."""
    if not OUTSIDE_EXEC or not OWN_CLUSTER:
        return
    for node in nodes():
        for cidr in node.pod_cidrs:
            run([*OUTSIDE_EXEC, "ip", "route", "replace", cidr, "via",
                 node.address(family_of(cidr))])


def keep_figures(name, figures):
    """What was measured, for people: build/test-logs/kube-NAME.json."""
    LOGS.mkdir(parents=True, exist_ok=True)
    (LOGS / f"kube-{name}.json").write_text(json.dumps(figures, indent=1) + "\n")


def on_node(node, *words, **options):
    """Run a command on a node as root."""
    return run([*NODE_EXEC, node, *words], **options)


class Process:
    """One of a node's processes, its memory in KiB."""

    def __init__(self, line):
        pid, self.name, peak, rss, anon = line.split()
        self.pid, self.peak, self.rss, self.anon = int(pid), int(peak), int(rss), int(anon)

    def __repr__(self):
        return (f"{self.name} (process {self.pid}): RSS {self.rss} KiB, at most {self.peak} KiB, "
                f"RssAnon {self.anon} KiB")


# A node may share its process numbers with others (nodes in namespaces of one machine): its own
# processes are those in its own network or mount namespace.
LIST_PROCESSES = r"""
net=$(readlink /proc/self/ns/net)
for p in /proc/[0-9]*; do
	[ "$(readlink "$p/ns/net")" = "$net" ] || continue
	awk -v pid="${p#/proc/}" '/^Name:/ {name = $2} /^VmHWM:/ {peak = $2} /^VmRSS:/ {rss = $2}
		/^RssAnon:/ {print pid, name, peak, rss, $2}' "$p/status"
done 2>/dev/null
"""


def processes(node, *names):
    """The node's processes of these names (at most 15 characters) in its own network."""
    text = on_node(node, "sh", "-c", LIST_PROCESSES).stdout
    found = [Process(line) for line in text.splitlines()]
    return [process for process in found if process.name in names]


def family_of(address):
    return 6 if ":" in address else 4


class Node:
    """A node's name and its addresses by family."""

    def __init__(self, item):
        self.name = item["metadata"]["name"]
        self.pod_cidrs = item["spec"].get("podCIDRs", [])
        self.addresses = [a["address"] for a in item["status"].get("addresses", [])
                          if a["type"] == "InternalIP"]
        self.ready = any(c["type"] == "Ready" and c["status"] == "True"
                         for c in item["status"].get("conditions", []))
        self.schedulable = not item["spec"].get("unschedulable") and not any(
            t["effect"] != "PreferNoSchedule" for t in item["spec"].get("taints", []))

    def address(self, family):
        for address in self.addresses:
            if family_of(address) == family:
                return address
        raise Failed(f"node {self.name} has no IPv{family} address")


def nodes():
    return [Node(item) for item in get("nodes")["items"]]


def worker_nodes():
    """The nodes that tests put pods on, at least two. The taint of a node that was not Ready goes a
    moment after it is."""
    def found():
        usable = [node for node in nodes() if node.ready and node.schedulable]
        return usable if len(usable) >= 2 else None
    try:
        return wait_until(found, "two nodes that take pods", 30, 0.5)
    except Failed:
        pytest.skip("needs two nodes that are Ready and take pods")


def families():
    """The IP families of the cluster's pods."""
    return sorted({family_of(cidr) for node in nodes() for cidr in node.pod_cidrs})


@functools.lru_cache
def has_tortie():
    """Whether this cluster's network is the one under test."""
    done = run([*KUBECTL, "get", "daemonset", "-n", SYSTEM, "tortie-node"], check=False)
    return done.returncode == 0


def need_tortie():
    if not has_tortie():
        pytest.skip("the cluster's pod network is not tortie")


def agent_pod(node):
    """The name of the agent's pod on a node."""
    items = get("pods", "-n", SYSTEM, "-l", "k8s-app=tortie-node",
                "--field-selector", f"spec.nodeName={node}")["items"]
    items = [item for item in items if not item["metadata"].get("deletionTimestamp")]
    if not items:
        raise Failed(f"no pod of the agent on {node}")
    return items[0]["metadata"]["name"]


def tortie(node, *words, **options):
    """Run the command line on a node, as its user does: in the agent's container."""
    return run([*KUBECTL, "exec", "-n", SYSTEM, agent_pod(node), "-c", "agent", "--",
                "tortie", *words], **options)


class Namespace:
    """A namespace of the tests' own, gone at the end with all that is in it."""

    def __init__(self, prefix="tortie-test"):
        self.name = f"{prefix}-{os.getpid()}"
        self.peers = []
        kubectl("create", "namespace", self.name)
        wait_until(lambda: get("serviceaccount", "-n", self.name, "default"),
                   "the namespace's service account")

    def add_tool(self, name):
        """A static program of tests/tools as ConfigMap; pods have it as /tool/NAME."""
        path = TOOLS / name
        if not path.exists():
            raise Failed(f"{path} is missing: make test-tools")
        self.create({
            "apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name.replace("_", "-")},
            "binaryData": {name: base64.b64encode(path.read_bytes()).decode()}})

    def create(self, *objects, **options):
        for item in objects:
            item.setdefault("metadata", {})["namespace"] = self.name
        create(*objects, **options)

    def wait_ready(self, *names, deadline=120):
        kubectl("wait", "-n", self.name, "--for=condition=Ready", f"--timeout={deadline}s",
                *[f"pod/{name}" for name in names], timeout=deadline + 10)
        return {name: get("pod", "-n", self.name, name) for name in names}

    def exec(self, pod, *words, **options):
        return run([*KUBECTL, "exec", "-n", self.name, pod, "--", *words], **options)

    def peer(self, pod):
        peer = Peer(pod, [*KUBECTL, "exec", "-i", "-n", self.name, pod, "--",
                          "/tool/net_peer", "control"])
        self.peers.append(peer)
        return peer

    def remove(self):
        for peer in self.peers:
            peer.end()
        kubectl("delete", "namespace", self.name, "--wait=false", check=False)
        wait_until(lambda: run([*KUBECTL, "get", "namespace", self.name],
                               check=False).returncode != 0, f"{self.name} to be gone", 120, 0.5)


def pod(name, node=None, command=None, labels=None, **extra):
    """A pod of one container that has the tests' program; it runs a server where no command is
    given. EXTRA: probe=True, host=True (host network), ports=[...]."""
    container = {
        "name": "c", "image": IMAGE, "imagePullPolicy": "IfNotPresent",
        "command": command or ["/tool/net_peer", "serve", str(SERVE_PORT), name],
        "volumeMounts": [{"name": "tool", "mountPath": "/tool"}],
        "ports": extra.get("ports", []),
    }
    if extra.get("probe"):
        for kind in ("readinessProbe", "livenessProbe"):
            container[kind] = {"httpGet": {"path": "/", "port": SERVE_PORT}, "periodSeconds": 1,
                               "timeoutSeconds": 3, "failureThreshold": 5}
    spec = {
        "terminationGracePeriodSeconds": 0, "containers": [container],
        "enableServiceLinks": False, "tolerations": [{"operator": "Exists"}],
        "volumes": [{"name": "tool", "configMap": {"name": extra.get("tool", "net-peer"),
                                                   "defaultMode": 0o755}}],
    }
    if node:
        spec["nodeName"] = node
    if extra.get("host"):
        spec["hostNetwork"] = True
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name, "labels": labels or {}},
            "spec": spec}


def pod_address(item, family):
    for entry in item["status"].get("podIPs", []):
        if family_of(entry["ip"]) == family:
            return entry["ip"]
    raise Failed(f"{item['metadata']['name']} has no IPv{family} address")


class Answer:
    """What net_peer said: its words after "ok", or why not."""

    def __init__(self, line, command, who):
        self.line = line
        self.ok = line.startswith("ok")
        self.words = line.split(" ")[1:]
        self.what = f"{who}: {command} -> {line}"


class Peer:
    """Sockets inside a pod, on a node or outside, by tests/tools/net_peer.c."""

    PATIENCE = 20

    def __init__(self, name, argv):
        self.name = name
        self.next_id = 0
        self.process = subprocess.Popen([str(w) for w in argv], stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                                        bufsize=0)
        self.rest = b""
        line = self.read_line(self.PATIENCE)
        if line != "ok ready":
            raise Failed(f"{name}: net_peer did not start: {line}")

    def read_line(self, patience):
        end = time.monotonic() + patience
        while b"\n" not in self.rest:
            left = end - time.monotonic()
            if left <= 0 or not select.select([self.process.stdout], [], [], left)[0]:
                raise Failed(f"{self.name}: no answer of net_peer within {patience} s")
            data = os.read(self.process.stdout.fileno(), 65536)
            if not data:
                raise Failed(f"{self.name}: net_peer ended: {self.rest.decode()}")
            self.rest += data
        line, self.rest = self.rest.split(b"\n", 1)
        return line.decode().rstrip("\r")

    def ask(self, *words, patience=PATIENCE):
        command = " ".join(str(word) for word in words)
        self.process.stdin.write(f"{command}\n".encode())
        return Answer(self.read_line(patience), command, self.name)

    def must(self, *words, **options):
        answer = self.ask(*words, **options)
        if not answer.ok:
            raise Failed(answer.what)
        return answer

    def new_id(self):
        self.next_id = (self.next_id + 1) % 60
        return self.next_id

    def end(self):
        self.process.kill()
        self.process.communicate()

    def connect(self, address, port, local_port=0, ms=3000, strict=True):
        """A TCP connection: its number. A SYN that had to be sent again is a failure: it was
        lost, and the next one may have met other state."""
        number = self.new_id()
        answer = self.must("tcp", number, address, port, local_port, ms)
        if strict and answer.words[1] != "0":
            raise Failed(f"{answer.what}: {answer.words[1]} segments sent again")
        return number

    def line(self, number, text="id", ms=3000):
        """One question on a connection: (server, client's address as seen, its port)."""
        self.must("send", number, text)
        answer = self.must("recv", number, ms, patience=ms / 1000 + self.PATIENCE)
        words = answer.words[4:]
        if len(words) != 3:
            raise Failed(answer.what)
        return words[0], words[1], int(words[2])

    def tcp(self, address, port, **options):
        """One whole connection: (server, client's address, its port)."""
        number = self.connect(address, port, **options)
        try:
            return self.line(number)
        finally:
            self.ask("close", number)

    def udp(self, address, port, size=0, text="id", number=None, ms=3000):
        """One datagram and its answer, which must come from where the question went: (server,
        client's address, its port, TTL at the server, octets of the answer)."""
        own = number is None
        if own:
            number = self.new_id()
            self.must("udp", number, family_of(address), 0)
        self.must("sendto", number, address, port, size, text)
        answer = self.must("recv", number, ms)
        if own:
            self.ask("close", number)
        source, source_port = answer.words[0], int(answer.words[1])
        if (source, source_port) != (address, port):
            raise Failed(f"{self.name}: asked {address} port {port}, answered by {source} port "
                         f"{source_port}")
        words = answer.words[4:]
        if text != "id":
            return words[0], "", 0, 0, int(answer.words[3])
        return words[0], words[1], int(words[2]), int(words[3]), int(answer.words[3])

    def icmp_error(self, address, port, ttl=64, ms=3000):
        """Send one datagram: (type, code, who said it) of the ICMP error that it brings back."""
        number = self.new_id()
        self.must("udp", number, family_of(address), 0)
        self.must("ttl", number, ttl)
        self.must("sendto", number, address, port, 0, "id")
        answer = self.must("icmp", number, ms)
        self.ask("close", number)
        return int(answer.words[0]), int(answer.words[1]), answer.words[2]

    def ping(self, address, size=56, ms=3000):
        self.must("ping", address, size, ms)

    def source(self, address):
        """The own address for packets to that one."""
        return self.must("source", address).words[0]
