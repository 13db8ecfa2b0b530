# SPDX-License-Identifier: Apache-2.0
"""What pods of all kinds live through: host network, re-creation, Jobs by the hundred, drain, the
kubelet's and the runtime's restart, an API server that is away."""
import json
import os

import pytest

import kube
from kube import Failed
from programs import control_program, node_program, wait_cluster_ready

JOBS = int(os.environ.get("TORTIE_JOBS", "100"))


@pytest.fixture(scope="module")
def nodes():
    return kube.worker_nodes()[:2]


@pytest.fixture(scope="module")
def client(namespace, nodes):
    namespace.create(kube.pod("client", nodes[0].name))
    namespace.wait_ready("client")
    return namespace.peer("client")


def reach(client, item):
    """A pod that was just made; other networks than ours may lose its first packet."""
    name = item["metadata"]["name"]
    for family in kube.families():
        assert client.tcp(kube.pod_address(item, family), kube.SERVE_PORT,
                          strict=kube.has_tortie())[0] == name


def test_pods_of_the_host_network_are_left_alone(namespace, nodes, client):
    namespace.create(kube.pod("on-host", nodes[1].name,
                              ["/tool/net_peer", "serve", "18999", "host"], host=True))
    item = namespace.wait_ready("on-host")["on-host"]
    assert {entry["ip"] for entry in item["status"]["podIPs"]} <= set(nodes[1].addresses)
    for family in kube.families():
        assert client.tcp(nodes[1].address(family), 18999)[0] == "host"
    if kube.has_tortie():
        text = kube.tortie(nodes[1].name, "get", "workloadendpoint", "-A").stdout
        assert "on-host" not in text, text
    if kube.NODE_EXEC:
        links = kube.on_node(nodes[1].name, "ip", "-o", "link").stdout
        kube.kubectl("delete", "pod", "-n", namespace.name, "on-host")
        assert kube.on_node(nodes[1].name, "ip", "-o", "link").stdout.count("cali") == \
            links.count("cali")


def test_pods_of_a_stateful_set_come_back_at_once(namespace, nodes, client):
    """The same name again while the old pod's remains are still taken away."""
    template = kube.pod("db", nodes[1].name, ["sh", "-c",
                                              "exec /tool/net_peer serve 8080 $(hostname)"])
    template = {"metadata": {"labels": {"app": "db"}}, "spec": template["spec"]}
    namespace.create({
        "apiVersion": "apps/v1", "kind": "StatefulSet", "metadata": {"name": "db"},
        "spec": {"serviceName": "db", "replicas": 1, "selector": {"matchLabels": {"app": "db"}},
                 "template": template}})
    uid = None
    for _ in range(5):
        def is_new(uid=uid):
            item = kube.get("pod", "-n", namespace.name, "db-0")
            ready = any(c["type"] == "Ready" and c["status"] == "True"
                        for c in item["status"].get("conditions", []))
            return item if ready and item["metadata"]["uid"] != uid else None
        item = kube.wait_until(is_new, "db-0 to be Ready again", 60)
        reach(client, item)
        uid = item["metadata"]["uid"]
        kube.kubectl("delete", "pod", "-n", namespace.name, "db-0", "--wait=false")
    kube.kubectl("delete", "statefulset", "-n", namespace.name, "db")


def test_jobs_by_the_hundred_all_complete(namespace, client):
    """Each talks to a pod once and ends."""
    address = kube.pod_address(kube.get("pod", "-n", namespace.name, "client"),
                               kube.families()[0])
    script = (f"printf 'tcp 1 {address} {kube.SERVE_PORT} 0 3000\\n' | /tool/net_peer control"
              " | grep -q '^ok [0-9]'")
    template = kube.pod("job", None, ["sh", "-c", script])
    template["spec"]["restartPolicy"] = "Never"
    del template["spec"]["tolerations"]
    namespace.create({
        "apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": "many"},
        "spec": {"completions": JOBS, "parallelism": 20, "backoffLimit": 0,
                 "template": {"spec": template["spec"]}}})
    kube.kubectl("wait", "-n", namespace.name, "--for=condition=Complete", "--timeout=600s",
                 "job/many", timeout=620)
    kube.kubectl("delete", "job", "-n", namespace.name, "many", "--wait=false")


def deployment(name, replicas):
    template = kube.pod(name, None, ["sh", "-c", "exec /tool/net_peer serve 8080 $(hostname)"])
    del template["spec"]["tolerations"]
    return {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": name},
            "spec": {"replicas": replicas, "selector": {"matchLabels": {"app": name}},
                     "template": {"metadata": {"labels": {"app": name}},
                                  "spec": template["spec"]}}}


def test_a_drained_nodes_pods_move_and_it_comes_back(namespace, nodes, client):
    kube.need_own_cluster()
    namespace.create(deployment("mover", 4))
    kube.kubectl("rollout", "status", "-n", namespace.name, "deployment/mover", "--timeout=120s",
                 timeout=130)
    try:
        kube.kubectl("drain", nodes[1].name, "--ignore-daemonsets", "--force",
                     "--delete-emptydir-data", "--pod-selector=app=mover", "--timeout=120s",
                     timeout=130)
        kube.kubectl("rollout", "status", "-n", namespace.name, "deployment/mover",
                     "--timeout=120s", timeout=130)
        items = kube.get("pods", "-n", namespace.name, "-l", "app=mover")["items"]
        items = [item for item in items if not item["metadata"].get("deletionTimestamp")]
        assert all(item["spec"]["nodeName"] != nodes[1].name for item in items)
        for item in items:
            reach(client, item)
    finally:
        kube.kubectl("uncordon", nodes[1].name)
    namespace.create(kube.pod("after-drain", nodes[1].name))
    reach(client, namespace.wait_ready("after-drain")["after-drain"])
    kube.kubectl("delete", "deployment", "-n", namespace.name, "mover", "--wait=false")


@pytest.mark.parametrize("program", ["kubelet", "containerd"])
def test_pods_outlive_the_restart_of(namespace, nodes, client, program):
    kube.need_node_exec()
    name = f"through-{program}"
    namespace.create(kube.pod(name, nodes[1].name))
    item = namespace.wait_ready(name)[name]
    running = node_program(nodes[1].name, program)
    running.kill()
    reach(client, item)
    running.start()
    reach(client, item)
    wait_cluster_ready()
    namespace.create(kube.pod(f"after-{program}", nodes[1].name))
    reach(client, namespace.wait_ready(f"after-{program}")[f"after-{program}"])


def static_pod(name):
    """The kubelet runs it from a file, whether there is an API server or not. It needs no
    ConfigMap: a server of the image's own."""
    return json.dumps({
        "apiVersion": "v1", "kind": "Pod", "metadata": {"name": name},
        "spec": {"terminationGracePeriodSeconds": 0, "containers": [
            {"name": "c", "image": kube.IMAGE, "imagePullPolicy": "IfNotPresent",
             "args": ["netexec", "--http-port=8080"]}]}})


def sandbox_address(node, name):
    """The address of a pod on a node that no API server tells: asked of the agent."""
    kube.need_tortie()
    text = kube.on_node(node, "/opt/tortie/bin/tortie", "get", "workloadendpoint", "--local",
                        "-o", "json").stdout
    for item in json.loads(text)["items"]:
        if name in json.dumps(item):
            networks = [word.split("/")[0] for word in item.get("networks", [])]
            if networks:
                return networks[0]
    raise Failed(f"{name} is not among\n{text}")


def test_pods_start_and_stop_while_the_api_server_is_away(namespace, nodes):
    """What the kubelet runs by itself: a pod of a file."""
    kube.need_node_exec()
    kube.need_tortie()
    node, folder = nodes[1].name, "/run/tortie-static-pods"
    server, kubelet = control_program("apiserver"), node_program(nodes[1].name, "kubelet")
    kube.on_node(node, "mkdir", "-p", folder)
    kubelet.kill()
    kubelet.start(f"--pod-manifest-path={folder}")
    wait_cluster_ready()
    # A kubelet that the API server has told nothing yet stops no pods, whatever their source.
    namespace.create(kube.pod("before-away", node))
    namespace.wait_ready("before-away")
    server.kill()
    try:
        kube.on_node(node, "sh", "-c", f"cat > {folder}/alone.json", stdin=static_pod("alone"))
        address = kube.wait_until(lambda: sandbox_address(node, "alone"), "its network", 60, 1)
        host = f"[{address}]" if ":" in address else address
        kube.wait_until(lambda: kube.on_node(node, "curl", "-sf", "--max-time", "2",
                                             f"http://{host}:8080/hostname").stdout,
                        "the pod to answer", 60, 1)
        kube.on_node(node, "rm", f"{folder}/alone.json")
        kube.wait_until(lambda: not has_sandbox(node, "alone"), "the pod to be gone", 60, 1)
    finally:
        server.start()
        kubelet.kill()
        kubelet.start()
        wait_cluster_ready()


def has_sandbox(node, name):
    try:
        return sandbox_address(node, name)
    except Failed:
        return None
