# SPDX-License-Identifier: Apache-2.0
"""Objects that somebody got wrong: each is named in `tortie status`, in the watcher's log and in a
metric, everything else goes on, and when the object is gone so is the complaint."""
import re

import pytest

import kube

GROUP = "projectcalico.org/v3"
METRICS = "http://127.0.0.1:9099/metrics"
NOTICES = "tortie_notices"
POLICIES = "tortie_policies_not_enforced"
SEEN_SECONDS = 30
HUGE = 240 * 1024  # octets; all annotations of an object may have 256 KiB


def calico(kind, name, spec, **metadata):
    return {"apiVersion": GROUP, "kind": kind, "metadata": {"name": name, **metadata},
            "spec": spec}


def node_object(name, block, address, **metadata):
    return {"apiVersion": "v1", "kind": "Node", "metadata": {"name": name, **metadata},
            "spec": {"podCIDR": block, "podCIDRs": [block], "unschedulable": True},
            "status": {"addresses": [{"type": "InternalIP", "address": address}]}}


def overlapping_block(nodes):
    """A part of another node's block."""
    address, _ = nodes[1].pod_cidrs[0].split("/")
    return f"{address}/{120 if ':' in address else 28}"


def bad_objects(nodes):
    """What is wrong, as a name of the test, and the object."""
    own = nodes[0].pod_cidrs[0]
    address, length = own.split("/")
    host_bits = f"{address}{'5' if ':' in address else ''}/{length}".replace(".0/", ".5/")
    return {
        "pod_cidr_that_overlaps": node_object("bad-overlap", overlapping_block(nodes),
                                              "198.18.0.1"),
        "pool_with_host_bits": calico("IPPool", "bad-host-bits", {"cidr": host_bits}),
        "peer_with_an_impossible_address": calico(
            "BGPPeer", "bad-peer-address", {"peerIP": "224.0.0.300", "asNumber": 64513}),
        "peer_whose_node_selector_does_not_parse": calico(
            "BGPPeer", "bad-node-selector",
            {"peerIP": "192.0.2.1", "asNumber": 64513, "nodeSelector": "has((("}),
        "peer_whose_peer_selector_does_not_parse": calico(
            "BGPPeer", "bad-peer-selector", {"peerSelector": "a == "}),
        "reservation_that_is_no_address": calico(
            "IPReservation", "bad-reservation", {"reservedCIDRs": ["10.244.0.0.0/33"]}),
    }


class Bed:
    def __init__(self, namespace):
        self.namespace = namespace
        self.nodes = kube.worker_nodes()[:2]
        self.names = ["one", "two", "h1"]
        namespace.create(kube.pod("one", self.nodes[0].name), kube.pod("two", self.nodes[1].name),
                         kube.pod("h1", self.nodes[0].name,
                                  ["sh", "-c", "while :; do sleep 3600; done"], host=True))
        self.pods = namespace.wait_ready(*self.names)
        self.peer = namespace.peer("one")
        self.family = kube.families()[0]  # now: objects of the tests may have another
        self.fresh = 0

    def status(self):
        return kube.tortie(self.nodes[0].name, "status", check=False).stdout

    def log(self):
        return kube.kubectl("logs", "-n", kube.SYSTEM, kube.agent_pod(self.nodes[0].name), "-c",
                            "kube", "--since=120s")

    def metric(self, name):
        """The sum of a metric's values, None where it is not told."""
        text = self.namespace.exec("h1", "curl", "-s", "--max-time", "5", METRICS).stdout
        values = re.findall(rf"^{name}(?:\{{[^}}]*\}})? (\S+)$", text, flags=re.M)
        return sum(map(float, values)) if values else None

    def pids(self):
        items = kube.get("pods", "-n", kube.SYSTEM, "-l", "k8s-app=tortie-node")["items"]
        return {item["metadata"]["name"]: [c["restartCount"]
                                           for c in item["status"]["containerStatuses"]]
                for item in items}

    def works(self):
        """Old pods talk, and a new one gets network and talks."""
        assert self.peer.tcp(kube.pod_address(self.pods["two"], self.family), kube.SERVE_PORT)
        self.fresh += 1
        name = f"fresh-{self.fresh}"
        self.namespace.create(kube.pod(name, self.nodes[self.fresh % 2].name))
        item = self.namespace.wait_ready(name, deadline=60)[name]
        assert self.peer.tcp(kube.pod_address(item, self.family), kube.SERVE_PORT)[0] == name
        kube.kubectl("delete", "pod", "-n", self.namespace.name, name, "--wait=false")


@pytest.fixture(scope="module")
def bed(namespace):
    kube.need_tortie()
    return Bed(namespace)


def delete(item):
    kube.kubectl("delete", item["kind"].lower() if item["kind"] == "Node" else
                 f"{item['kind'].lower()}s.projectcalico.org", item["metadata"]["name"],
                 "--ignore-not-found")


def goes_on_until_removed(bed, item):
    """The object is there and named; everything else works; without it nobody complains."""
    name = item["metadata"]["name"]
    before, notices = bed.pids(), bed.metric(NOTICES)
    try:
        kube.create(item)
        kube.wait_until(lambda: name in bed.status(), f"status to name {name}", SEEN_SECONDS)
        kube.wait_until(lambda: name in bed.log(), f"the log to name {name}", SEEN_SECONDS)
        kube.wait_until(lambda: bed.metric(NOTICES) > notices, f"{NOTICES} to grow", SEEN_SECONDS)
        bed.works()
    finally:
        delete(item)
    kube.wait_until(lambda: name not in bed.status(), f"status to forget {name}", SEEN_SECONDS)
    kube.wait_until(lambda: bed.metric(NOTICES) == notices, f"{NOTICES} as before", SEEN_SECONDS)
    assert bed.pids() == before, "a container was started anew"


@pytest.mark.parametrize("what", [
    "pod_cidr_that_overlaps", "pool_with_host_bits", "peer_with_an_impossible_address",
    "peer_whose_node_selector_does_not_parse", "peer_whose_peer_selector_does_not_parse",
    "reservation_that_is_no_address"])
def test_a_bad_object_is_named_and_the_rest_goes_on(bed, what):
    if what.startswith("pod_cidr"):
        kube.need_own_cluster()
    item = bad_objects(bed.nodes)[what]
    name = item["metadata"]["name"]
    try:
        kube.create(item)
    except kube.Failed as error:  # the API server knows better already, and says what is wrong
        assert name in str(error) and "nvalid" in str(error), error
        return
    delete(item)
    goes_on_until_removed(bed, item)


def test_huge_annotations_disturb_nobody(bed):
    kube.need_own_cluster()
    huge = {f"example.org/{number}": "x" * (HUGE // 4) for number in range(4)}
    items = [node_object("huge-node", "172.31.255.0/24", "198.18.0.2", annotations=huge),
             calico("IPPool", "huge-pool", {"cidr": "172.31.255.0/24"}, annotations=huge)]
    before = bed.pids()
    try:
        kube.create(*items)
        kube.wait_until(
            lambda: "huge-node" in kube.tortie(bed.nodes[0].name, "get", "nodes").stdout,
            "the node to be known", SEEN_SECONDS)
        bed.works()
    finally:
        for item in items:
            delete(item)
    kube.wait_until(
        lambda: "huge-node" not in kube.tortie(bed.nodes[0].name, "get", "nodes").stdout,
        "the node to be forgotten", SEEN_SECONDS)
    assert bed.pids() == before, "a container was started anew"


def test_policies_are_counted_and_said_not_to_be_enforced(bed):
    namespace = bed.namespace.name
    there = len(kube.get("networkpolicies", "-A")["items"])
    bed.namespace.create(*[
        {"apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy",
         "metadata": {"name": f"deny-{number}"},
         "spec": {"podSelector": {"matchLabels": {"no": "body"}}}} for number in range(3)])
    kube.wait_until(lambda: re.search(rf"\b{there + 3} .*NOT enforced", bed.status()),
                    "status to count the policies", SEEN_SECONDS)
    kube.wait_until(lambda: bed.metric(POLICIES) == there + 3, f"{POLICIES}", SEEN_SECONDS)
    kube.kubectl("delete", "networkpolicy", "-n", namespace, "--all")
    kube.wait_until(lambda: f"{there + 3} " not in " ".join(
        line for line in bed.status().splitlines() if "NOT enforced" in line),
        "status to forget them", SEEN_SECONDS)
