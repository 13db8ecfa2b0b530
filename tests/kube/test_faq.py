# SPDX-License-Identifier: Apache-2.0
"""The questions of the user's guide: the broken state is made, the tool names the cause, the mend
that it names works.

Q1: a pod gets no address. Q2: pods cannot talk. Q3: how to start anew.
"""
import json
import os
import re

import pytest

import kube
from kube import SYSTEM

DEPLOY = kube.TOP / "deploy/kubernetes"
MANIFEST = os.environ.get("TORTIE_MANIFEST", str(DEPLOY / "tortie.yaml"))
RESET = os.environ.get("TORTIE_RESET_MANIFEST", str(DEPLOY / "reset.yaml"))
LABEL = "tortie-faq"
ROLLOUT_SECONDS = 240

# What tortie makes on a node: all of it goes with a reset.
OURS = r"""
ip -o link show | grep -o 'cali[0-9a-f]*' | sort -u | sed 's/^/link /'
for f in -4 -6; do ip $f route show table all proto 116 | sed 's/^/route /'; done
nft list tables 2>/dev/null | grep tortie
# An empty folder may be where a node of namespaces mounts one of its own.
find /sys/fs/bpf/tortie /run/tortie /var/lib/tortie /opt/tortie /opt/cni/bin/tortie-cni \
	/etc/cni/net.d/10-tortie.conflist ! -type d 2>/dev/null
find /sys/fs/bpf/tortie /run/tortie -maxdepth 0 2>/dev/null
true
"""


@pytest.fixture(scope="module")
def nodes():
    kube.need_tortie()
    kube.need_own_cluster()
    return kube.worker_nodes()[:2]


def rolled_out():
    kube.kubectl("rollout", "status", "-n", SYSTEM, "daemonset/tortie-node",
                 f"--timeout={ROLLOUT_SECONDS}s", timeout=ROLLOUT_SECONDS + 20)


def patch(document):
    kube.kubectl("patch", "daemonset", "-n", SYSTEM, "tortie-node", "--type=merge", "-p",
                 json.dumps({"spec": {"template": {"spec": {"nodeSelector": document}}}}))


@pytest.fixture
def node_without_agent(nodes):
    """The agent may run only where the label is, which the first node has not."""
    for node in kube.nodes():
        if node.name != nodes[0].name:
            kube.kubectl("label", "node", node.name, f"{LABEL}=yes", "--overwrite")
    patch({LABEL: "yes"})
    kube.wait_until(lambda: not kube.get("pods", "-n", SYSTEM, "-l", "k8s-app=tortie-node",
                                         "--field-selector", f"spec.nodeName={nodes[0].name}"
                                         )["items"], "the agent to leave the node", 60)
    try:
        yield nodes[0]
    finally:
        patch({LABEL: None})
        for node in kube.nodes():
            kube.kubectl("label", "node", node.name, f"{LABEL}-")
        rolled_out()


def test_q1_a_pod_gets_no_address_because_the_agent_is_away(namespace, node_without_agent):
    """The words are those of ADD, or of STATUS where the runtime has asked for it meanwhile."""
    namespace.create(kube.pod("waits", node_without_agent.name))

    def described():
        text = kube.kubectl("describe", "pod", "-n", namespace.name, "waits")
        return text if re.search("FailedCreatePodSandBox|NetworkNotReady", text) else None
    text = kube.wait_until(described, "an event of the pod", 60)
    assert re.search(r"tortied is not running on this node", text), text
    assert "kubectl -n tortie-system get pods" in text, text  # what to do: it shows the hole
    shown = kube.kubectl("-n", SYSTEM, "get", "pods", "-o", "wide")
    assert node_without_agent.name not in re.findall(r"\S+", shown), shown
    patch({LABEL: None})
    rolled_out()
    namespace.wait_ready("waits", deadline=120)


@pytest.fixture
def talking(namespace, nodes):
    """Two pods of different nodes, which can talk."""
    names = ["speaks", "listens"]
    kube.kubectl("delete", "pod", "-n", namespace.name, "--ignore-not-found", *names)
    namespace.create(*[kube.pod(name, node.name, labels={"app": name})
                       for name, node in zip(names, nodes)])
    items = namespace.wait_ready(*names)
    peer = namespace.peer("speaks")
    address = kube.pod_address(items["listens"], kube.families()[0])
    kube.wait_until(lambda: peer.tcp(address, kube.SERVE_PORT, ms=1000), "the pods to talk", 60)
    return peer, address


def explain(node, namespace, target):
    return kube.tortie(node.name, "explain", f"{namespace.name}/speaks", target, check=False)


def brackets(address):
    return f"[{address}]" if ":" in address else address


def test_q2_pods_cannot_talk_because_the_mesh_was_switched_off(namespace, nodes, talking):
    """Somebody has followed a guide for route reflectors half-way."""
    peer, address = talking
    kube.create({"apiVersion": "projectcalico.org/v3", "kind": "BGPConfiguration",
                 "metadata": {"name": "default"}, "spec": {"nodeToNodeMeshEnabled": False}})
    try:
        def says():
            done = explain(nodes[0], namespace, f"{brackets(address)}:{kube.SERVE_PORT}")
            return done if done.returncode == 1 and "no node announces" in done.stdout else None
        done = kube.wait_until(says, "explain to name the cause", 60)
        assert "tortie node status" in done.stdout, done.stdout  # where to look next
        assert not peer.ask("tcp", 1, address, kube.SERVE_PORT, 0, 1000).ok
        text = kube.tortie(nodes[0].name, "node", "status", check=False).stdout
        assert nodes[1].addresses[0] not in text, text
        text = kube.tortie(nodes[0].name, "get", "bgpconfig", "default", "-o", "yaml").stdout
        assert "nodeToNodeMeshEnabled: false" in text, text
    finally:
        kube.kubectl("delete", "bgpconfigurations.projectcalico.org", "default")
    kube.wait_until(lambda: peer.tcp(address, kube.SERVE_PORT, ms=1000), "the pods to talk", 90)
    assert explain(nodes[0], namespace,
                   f"{brackets(address)}:{kube.SERVE_PORT}").returncode == 0


def test_q2_services_do_not_answer_because_the_host_drops_what_it_forwards(namespace, nodes,
                                                                         talking):
    """As Docker, ufw and firewalld do. Pods go on talking straight to each other."""
    kube.need_node_exec()
    peer, address = talking
    namespace.create({"apiVersion": "v1", "kind": "Service", "metadata": {"name": "listens"},
                      "spec": {"selector": {"app": "listens"},
                               "ports": [{"port": 80, "targetPort": kube.SERVE_PORT}]}})
    service = kube.get("service", "-n", namespace.name, "listens")["spec"]["clusterIP"]
    kube.wait_until(lambda: peer.tcp(service, 80, ms=1000), "the Service", 30)
    node = nodes[0].name
    kube.on_node(node, "nft", "add table inet faq; add chain inet faq forward "
                 "{ type filter hook forward priority 0; policy drop; }")
    try:
        assert not peer.ask("tcp", 2, service, 80, 0, 1000).ok
        assert peer.tcp(address, kube.SERVE_PORT)
        done = explain(nodes[0], namespace, f"{brackets(service)}:80")
        assert re.search(r"faq.*forward|forward.*faq", done.stdout, flags=re.S | re.I), done.stdout
        text = kube.tortie(node, "preflight", check=False).stdout
        assert re.search(r"faq.*accept", text, flags=re.S), text
        assert "forwarding" in text, text
    finally:
        kube.on_node(node, "nft", "delete", "table", "inet", "faq")
    kube.wait_until(lambda: peer.tcp(service, 80, ms=1000), "the Service", 30)


def left_on(node):
    return kube.on_node(node.name, "sh", "-c", OURS).stdout.split("\n")


def test_q3_reset_leaves_nothing_and_installing_again_works(namespace, nodes, talking):
    kube.need_node_exec()
    for peer in namespace.peers:
        peer.end()
    kube.kubectl("delete", "pods", "-n", namespace.name, "--all", timeout=120)
    kube.kubectl("delete", "-f", MANIFEST, "--timeout=120s", timeout=150)
    kube.kubectl("apply", "-f", RESET)
    try:
        kube.kubectl("rollout", "status", "-n", SYSTEM, "daemonset/tortie-reset",
                     "--timeout=120s", timeout=140)
        left = {node.name: [line for line in left_on(node) if line] for node in nodes}
    finally:
        kube.kubectl("delete", "-f", RESET, "--timeout=120s", timeout=150)
        kube.kubectl("apply", "-f", MANIFEST, timeout=120)
    assert not any(left.values()), left
    rolled_out()
    kube.wait_until(lambda: all(node.ready for node in kube.nodes()), "every node to be Ready", 120)
    kube.kubectl("delete", "pods", "-A", "--field-selector", "status.phase=Running", "-l",
                 "k8s-app=kube-dns", "--wait=false")
    namespace.create(kube.pod("again", nodes[0].name), kube.pod("again-there", nodes[1].name))
    items = namespace.wait_ready("again", "again-there")
    peer = namespace.peer("again")
    address = kube.pod_address(items["again-there"], kube.families()[0])
    assert kube.wait_until(lambda: peer.tcp(address, kube.SERVE_PORT), "the pods to talk", 60)
