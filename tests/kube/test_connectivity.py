# SPDX-License-Identifier: Apache-2.0
"""`tortie connectivity test` on a cluster: the matrix, what it finds, and that nothing stays."""
import json
import signal
import subprocess
import time

import pytest

import kube

TORTIE = kube.TOP / "build/tortie"
LABEL = "app.kubernetes.io/name=tortie-connectivity"
PAIR_CHECKS = {"pod-tcp", "pod-udp", "large-tcp", "large-udp", "node", "service-tcp",
               "service-udp", "service-name"}
NODE_CHECKS = {"ready", "headless", "outside"}


def command(*words):
    """The command line where kubectl runs, with the same KUBECONFIG."""
    return [str(word) for word in (*kube.KUBECTL[:-1], TORTIE, "connectivity", "test", *words)]


def run_test(*words, check=True):
    done = kube.run(command("-o", "json", *words), timeout=240, check=check)
    return done.returncode, json.loads(done.stdout)


def leftovers():
    return kube.kubectl("get", "namespaces", "-l", LABEL, "-o", "name").split()


@pytest.fixture(autouse=True)
def tortie_is_there():
    """Its pods run tortie's image, which the nodes of another network lack."""
    kube.need_tortie()
    if not TORTIE.exists():
        pytest.skip("needs the command line: make")


def test_every_pair_of_nodes_and_every_check_is_in_the_matrix():
    status, document = run_test()
    results = document["results"]
    failed = [result for result in results if result["state"] != "ok"]
    assert (status, failed, document["failed"]) == (0, [], 0)
    names = {node.name for node in kube.nodes()}
    families = {kube.family_of(cidr) for node in kube.nodes() for cidr in node.pod_cidrs}
    for one in names:
        found = {result["check"] for result in results if result["from"] == one}
        assert found == PAIR_CHECKS | NODE_CHECKS
        for other in names:
            checks = [(result["check"], result["family"]) for result in results
                      if (result["from"], result["to"]) == (one, other)]
            for check in PAIR_CHECKS - {"service-name", "node"}:
                for family in families:
                    assert checks.count((check, f"IPv{family}")) == 1, (one, other, check)
    assert leftovers() == []


def test_a_packet_that_the_host_eats_is_found():
    kube.need_node_exec()
    kube.need_own_cluster()
    node = kube.nodes()[0].name
    # Of this node's own pods alone: the API server reads logs through the same port.
    rules = ("table inet eats { chain local { type filter hook input priority -10; "
             'iifname "cali*" tcp dport 10250 drop; }; }')
    kube.on_node(node, "nft", rules)
    try:
        status, document = run_test(check=False)
    finally:
        kube.on_node(node, "nft", "delete table inet eats")
    failed = {(result["check"], result["from"], result["to"]) for result in document["results"]
              if result["state"] == "failed"}
    assert (status, failed) == (1, {("node", node, node)}), document
    assert all(result["text"] for result in document["results"] if result["state"] == "failed")
    assert leftovers() == []


def wait_for_pods(process):
    def made():
        assert process.poll() is None, process.stderr.read()
        return kube.kubectl("get", "pods", "-A", "-l", LABEL, "-o", "name").split()
    return kube.wait_until(made, "the test's pods")


def test_an_interrupted_run_removes_what_it_made():
    process = subprocess.Popen(command(), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    wait_for_pods(process)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=90)
    assert process.returncode == 1 and "interrupted" in err
    assert leftovers() == []


def test_what_a_killed_run_left_goes_with_the_next():
    process = subprocess.Popen(command(), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    wait_for_pods(process)
    process.kill()
    process.communicate(timeout=30)
    assert len(leftovers()) == 1
    assert run_test()[1]["failed"] == 0
    kube.wait_until(lambda: leftovers() == [], "the killed run's namespace to go")


def test_a_namespace_that_is_named_stays(namespace):
    status, document = run_test("-n", namespace.name)
    assert (status, document["failed"]) == (0, 0)
    assert kube.kubectl("get", "pods,services", "-n", namespace.name, "-l", LABEL, "-o", "name",
                        "--ignore-not-found").split() == []
    assert kube.kubectl("get", "namespace", namespace.name, "-o", "name").strip()


def test_an_image_that_cannot_be_had_ends_in_time():
    started = time.monotonic()
    status, document = run_test("--image", "docker.io/tortie/nobody:none", "--timeout", "10",
                                check=False)
    assert status == 1 and time.monotonic() - started < 100
    assert all(result["check"] == "ready" and result["text"] for result in document["results"]
               if result["state"] == "failed"), document
    assert leftovers() == []
