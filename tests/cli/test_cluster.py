# SPDX-License-Identifier: Apache-2.0
"""`tortie get`, `version` and `preflight` with a kubeconfig: the server's answers are recordings.

What a table shows is compared with calicoctl's templates (projectcalico/calico,
calicoctl/calicoctl/resourcemgr): its headings and what it puts below them for such objects.
"""
import json
import os
import subprocess
from pathlib import Path

import pytest
import yaml

from api_server import CALICO, NOT_FOUND, ApiServer

ROOT = Path(__file__).resolve().parents[2]
TORTIE = Path(os.environ.get("TORTIE_BUILD", ROOT / "build")) / "tortie"


class Cluster:
    def __init__(self, server, folder):
        self.server = server
        self.folder = folder
        self.kubeconfig = server.kubeconfig(folder / "config")

    def tortie(self, *argv, kubeconfig=True, env=None):
        """Exit status, stdout, stderr; nothing of this machine's own configuration is seen."""
        environment = {"PATH": "/usr/bin", "HOME": str(self.folder), **(env or {})}
        if kubeconfig:
            environment["KUBECONFIG"] = str(self.kubeconfig)
        done = subprocess.run([TORTIE, "--run-dir", self.folder, *argv], capture_output=True,
                              env=environment, text=True, timeout=30, check=False)
        return done.returncode, done.stdout, done.stderr

    def table(self, *argv):
        """First line, headings, rows (cells that are separated by two spaces)."""
        status, out, err = self.tortie("get", *argv)
        assert (status, err) == (0, "")
        lines = out.splitlines()
        return lines[0], lines[1].split(), [line.split() for line in lines[2:]]


@pytest.fixture
def cluster(tmp_path):
    with ApiServer() as server:
        yield Cluster(server, tmp_path)


CALICOCTL_HEADINGS = [
    (["ippool"], ["NAME", "CIDR", "SELECTOR"]),
    (["ippool", "-o", "wide"], ["NAME", "CIDR", "NAT", "IPIPMODE", "VXLANMODE", "DISABLED",
                                "DISABLEBGPEXPORT", "SELECTOR", "ASSIGNMENTMODE"]),
    (["bgpconfig"], ["NAME", "LOGSEVERITY", "MESHENABLED", "ASNUMBER"]),
    (["bgppeer"], ["NAME", "PEERIP", "NODE", "ASN"]),
    (["bgpfilter"], ["NAME", "NUMEXPORTV4", "NUMIMPORTV4", "NUMEXPORTV6", "NUMIMPORTV6"]),
    (["ipreservation"], ["NAME"]),
    (["ipreservation", "-o", "wide"], ["NAME", "CIDRS"]),
    (["node"], ["NAME"]),
    (["node", "-o", "wide"], ["NAME", "ASN", "IPV4", "IPV6"]),
    (["wep", "-A"], ["NAMESPACE", "WORKLOAD", "NODE", "NETWORKS", "INTERFACE"]),
]


@pytest.mark.parametrize("row", CALICOCTL_HEADINGS, ids=lambda row: " ".join(row[0]))
def test_calicoctls_columns_are_there_in_its_order(cluster, row):
    arguments, headings = row
    header, found, _ = cluster.table(*arguments)
    assert [heading for heading in found if heading in headings] == headings
    assert header.startswith("from the cluster, context lab")


def test_pools_are_the_objects_and_what_the_podcidrs_make(cluster):
    _, headings, rows = cluster.table("ippool", "-o", "wide")
    pools = {(row[0], row[1]): dict(zip(headings, row)) for row in rows}
    pool = pools["my.ippool-1", "10.1.0.0/16"]
    assert (pool["NAT"], pool["IPIPMODE"], pool["VXLANMODE"], pool["DISABLED"],
            pool["SELECTOR"]) == ("true", "CrossSubnet", "Never", "false", "all()")
    default = pools["default-ipv4-ippool", "10.244.0.0/23"]
    assert (default["NAT"], default["IPIPMODE"], default["VXLANMODE"]) == ("true", "Never", "Never")
    assert sorted(default["BLOCKS"].split(",")) == ["10.244.0.0/24", "10.244.1.0/24"]
    assert ("default-ipv6-ippool", "fd10:244::/63") in pools


def test_a_pool_that_covers_the_podcidrs_takes_over(cluster):
    pools = cluster.server.answers[CALICO + "ippools"][1]
    pools["items"][0]["spec"]["cidr"] = "10.244.0.0/16"
    names = [row[0] for row in cluster.table("ippool")[2]]
    assert names == ["my.ippool-1", "default-ipv6-ippool"]


def test_the_bgp_configuration_is_the_users_own_yaml(cluster):
    status, out, err = cluster.tortie("get", "bgpconfig", "default", "-o", "yaml")
    assert (status, err) == (0, "")
    assert out.startswith("# from the cluster, context lab\n")
    shown = yaml.safe_load(out)
    assert shown["apiVersion"] == "projectcalico.org/v3" and shown["kind"] == "BGPConfiguration"
    assert shown["metadata"]["name"] == "default" and "managedFields" not in shown["metadata"]
    recorded = cluster.server.answers[CALICO + "bgpconfigurations/default"][1]
    assert shown["spec"] == recorded["spec"]
    assert shown["spec"]["asNumber"] == 63400 and shown["spec"]["listenPort"] == 178


def test_without_a_bgp_configuration_the_defaults_are_shown_and_said_to_be(cluster):
    cluster.server.answers[CALICO + "bgpconfigurations"][1]["items"] = []
    status, out, _ = cluster.tortie("get", "bgpconfig", "default", "-o", "yaml")
    assert status == 0 and out.startswith("# ") and "defaults" in out.splitlines()[0]
    # No log severity: without the object it is log_level of each node's own file.
    assert yaml.safe_load(out)["spec"] == {
        "asNumber": 64512, "listenPort": 179, "nodeToNodeMeshEnabled": True}


def test_peers_are_global_by_node_or_by_selector(cluster):
    spec = {"peerIP": "192.0.2.9", "asNumber": 64567}
    peers = cluster.server.answers[CALICO + "bgppeers"][1]["items"]
    peers.append({"metadata": {"name": "all"}, "spec": spec})
    rows = {row[0]: row[1:] for row in cluster.table("bgppeer")[2]}
    assert rows == {"some.name": ["192.168.1.1", "rack1-host1", "63400"],
                    "dotted": ["[2001:db8::1]:1790", "has(rack)", "1.10"],
                    "all": ["192.0.2.9", "(global)", "64567"]}


def test_reservations_and_nodes(cluster):
    assert cluster.table("ipreservation", "-o", "wide")[2] == [
        ["my-ipreservation-1", "192.168.2.3,10.0.2.3/32,cafe:f00d::/123"]]
    rows = {row[0]: row[1:] for row in cluster.table("nodes")[2]}
    # The AS number in brackets: the one of all nodes, not the node's own.
    assert rows["n1"][:3] == ["(63400)", "10.81.0.11", "fd81::11"]


def test_endpoints_are_the_pods_that_have_an_address_of_their_own(cluster):
    header, _, rows = cluster.table("wep")
    assert "namespace mine" in header
    assert [row[1] for row in rows] == ["my-web"], "not the node's own, not one that has ended"
    assert "coredns" in " ".join(row[1] for row in cluster.table("wep", "-A")[2])
    assert cluster.table("wep", "-n", "mine")[2] == rows
    status, out, _ = cluster.tortie("get", "wep", "mine/my-web", "-o", "json")
    endpoint = json.loads(out)
    pod = next(item for item in cluster.server.answers["/api/v1/namespaces/mine/pods"][1]["items"]
               if item["metadata"]["name"] == "my-web")
    node = pod["spec"]["nodeName"]
    # Dashes in a part are doubled: the form of Calico's WorkloadEndpoint names.
    assert endpoint["metadata"]["name"] == f"{node}-k8s-my--web-eth0"
    assert (endpoint["kind"], endpoint["spec"]["orchestrator"], endpoint["spec"]["endpoint"]) == \
        ("WorkloadEndpoint", "k8s", "eth0")
    assert endpoint["spec"]["ipNetworks"] == [
        f"{ip['ip']}/{128 if ':' in ip['ip'] else 32}" for ip in pod["status"]["podIPs"]]


def test_bgpfilters_count_their_rules(cluster):
    assert cluster.table("bgpfilter")[2] == [["my-filter", "1", "2", "0", "3"]]


@pytest.mark.parametrize("kind", ["ippool", "bgpconfig", "bgppeer", "bgpfilter", "ipreservation",
                                  "node", "wep"])
def test_json_and_yaml_are_the_same_list(cluster, kind):
    status, out, err = cluster.tortie("get", kind, "-o", "json")
    assert (status, err) == (0, "")
    listed = json.loads(out)
    assert listed["kind"].endswith("List") and listed["apiVersion"] == "projectcalico.org/v3"
    assert all(item["kind"] + "List" == listed["kind"] for item in listed["items"])
    assert yaml.safe_load(cluster.tortie("get", kind, "-o", "yaml")[1]) == listed


@pytest.mark.parametrize("words", [
    ("ippool", "IPPools", "ipp", "ipps", "pool", "pools"), ("node", "nodes", "no", "nos"),
    ("bgpconfiguration", "BGPConfigurations", "bgpconfig", "bgpconfigs"),
    ("bgppeer", "bgppeers", "bgpp", "bgpps", "bp", "bps"),
    ("bgpfilter", "bgpfilters", "bgpf", "bgpfs", "bf", "bfs"),
    ("ipreservation", "ipreservations", "reservation", "reservations"),
    ("workloadendpoint", "workloadendpoints", "wep", "weps")])
def test_kinds_have_calicoctls_names(cluster, words):
    assert len({cluster.tortie("get", word)[1] for word in words}) == 1


def test_a_list_in_pages_is_whole(cluster):
    whole = cluster.tortie("get", "node", "-o", "json")[1]
    cluster.server.page = 1
    assert cluster.tortie("get", "node", "-o", "json")[1] == whole
    assert sum("continue=1" in path for path in cluster.server.asked) == 1
    assert all("limit=500" in path for path in cluster.server.asked if "nodes" in path)


def test_a_cluster_without_the_kinds_says_so(cluster):
    for kind in ("ippools", "bgppeers"):
        cluster.server.answers[CALICO + kind] = (404, NOT_FOUND)
    header, _, rows = cluster.table("ippool")
    assert "no kind IPPool" in header and "crds.yaml" in header
    assert [row[0] for row in rows] == ["default-ipv4-ippool", "default-ipv6-ippool"]
    assert "no kind BGPPeer" in cluster.tortie("get", "bgppeer")[1]


def test_what_is_not_there_is_named(cluster):
    status, out, err = cluster.tortie("get", "bgppeer", "nobody")
    assert (status, out) == (1, "") and "bgppeer nobody: no such item" in err


def test_texts_of_others_do_not_steer_the_terminal(cluster):
    pool = cluster.server.answers[CALICO + "ippools"][1]["items"][0]
    pool["metadata"]["annotations"] = {"k\x1b[2J": "a\x9b31m\u202e\nsecond line\ttab"}
    pool["spec"]["nodeSelector"] = "a == '\x1b]0;title\x07'"
    for form in ("wide", "json", "yaml"):
        out = cluster.tortie("get", "ippool", "-o", form)[1]
        assert not any(ord(c) < 32 and c != "\n" or 127 <= ord(c) <= 159 or c == "\u202e"
                       for c in out), repr(out)
    out = cluster.tortie("get", "ippool", "my.ippool-1", "-o", "yaml")[1]
    texts = list(yaml.safe_load(out)["metadata"]["annotations"].values())
    assert texts[0].endswith("\nsecond line\ttab")


def forbidden(name):
    return (403, {**NOT_FOUND, "code": 403, "reason": "Forbidden",
                  "message": f'{name} is forbidden: User "u" cannot list resource'})


def test_a_server_that_refuses_is_told_and_the_node_is_asked(cluster):
    cluster.server.answers[CALICO + "bgppeers"] = forbidden("bgppeers")
    status, out, err = cluster.tortie("get", "bgppeer")
    assert (status, out) == (1, "")
    lines = err.splitlines()
    assert "403" in lines[0] and "forbidden" in lines[0] and "may not" in lines[0]
    assert "no agent listens" in lines[1]
    status, _, err = cluster.tortie("get", "bgppeer", "--kubeconfig", cluster.kubeconfig,
                                    kubeconfig=False)
    assert status == 1 and "403" in err and "no agent" not in err, "one that was named must work"


@pytest.mark.parametrize("row", [
    (["--kubeconfig", "/nonexistent"], ["/nonexistent", "No such file"]),
    (["--context", "other"], ["other", "no entry"]),
], ids=lambda row: row[0][0])
def test_a_kubeconfig_that_was_named_must_be_right(cluster, row):
    options, words = row
    for command in (["get", "ippool"], ["version"], ["connectivity", "test"]):
        status, _, err = cluster.tortie(*command, *options)
        assert status == 1 and all(word in err for word in words), (command, err)
        assert "no agent" not in err


def test_local_asks_this_node_alone(cluster):
    status, _, err = cluster.tortie("get", "ippool", "--local")
    assert status == 1 and "no agent listens" in err and cluster.server.asked == []
    status, _, err = cluster.tortie("get", "ippool", "--local", "--context", "lab")
    assert status == 2 and "--local" in err and "one of them" in err


def test_routes_are_a_nodes_own(cluster):
    status, _, err = cluster.tortie("get", "route")
    assert status == 1 and "no agent listens" in err and cluster.server.asked == []


def test_the_home_folders_kubeconfig_is_found(cluster):
    (cluster.folder / ".kube").mkdir()
    cluster.server.kubeconfig(cluster.folder / ".kube" / "config", context="home")
    status, out, _ = cluster.tortie("get", "node", kubeconfig=False)
    assert status == 0 and out.startswith("from the cluster, context home\n")


def test_version_tells_the_clusters(cluster):
    recorded = cluster.server.answers["/version"][1]["gitVersion"]
    status, out, err = cluster.tortie("version")
    assert f"Kubernetes {recorded}" in out and status == 1 and "no agent listens" in err
    status, out, err = cluster.tortie("version", "--context", "lab", "-o", "json")
    assert (status, err) == (0, "") and json.loads(out)["cluster"] == recorded
    cluster.server.asked.clear()
    assert "cluster" not in json.loads(cluster.tortie("version", "--local", "-o", "json")[1])
    assert cluster.server.asked == []


def test_versions_are_asked_in_a_pod_without_load_for_the_server(cluster):
    """A container's probe runs it for ever; the service account is for tortie-kubed."""
    cluster.tortie("version", kubeconfig=False, env={"KUBERNETES_SERVICE_HOST": "127.0.0.1",
                                                     "KUBERNETES_SERVICE_PORT": "1"})
    assert cluster.server.asked == []


def test_a_container_without_a_service_account_asks_its_node(cluster):
    status, out, err = cluster.tortie("get", "ippool", kubeconfig=False,
                                      env={"KUBERNETES_SERVICE_HOST": "127.0.0.1",
                                           "KUBERNETES_SERVICE_PORT": "1"})
    assert (status, out) == (1, "") and len(err.splitlines()) == 1 and "no agent listens" in err


# --- preflight ---

def preflight(cluster, *options):
    status, out, err = cluster.tortie("preflight", "--kubernetes", "-o", "json", *options)
    assert err == ""
    return status, [line for line in json.loads(out)["items"] if line["check"] == "kubernetes"]


def find(lines, level, *words):
    return [line for line in lines
            if line["level"] == level and all(word in line["text"] for word in words)]


def test_preflight_asks_to_accept_that_policies_are_not_enforced(cluster):
    text = "1 policies exist and will NOT be enforced by this version"
    status, lines = preflight(cluster)
    assert status == 1 and find(lines, "problem", text)
    assert "--accept-no-policy" in find(lines, "problem", text)[0]["mend"]
    _, lines = preflight(cluster, "--accept-no-policy")
    assert find(lines, "warning", text) and not find(lines, "problem", "policies")
    cluster.server.answers["/apis/networking.k8s.io/v1/networkpolicies"][1]["items"] = []
    _, lines = preflight(cluster)
    assert find(lines, "ok", "no network policies")


def test_preflight_counts_calicos_policies_once(cluster):
    policy = {"metadata": {"name": "p"}}
    for path in (CALICO + "globalnetworkpolicies",
                 "/apis/crd.projectcalico.org/v1/globalnetworkpolicies"):
        cluster.server.answers[path] = (200, {"items": [policy], "metadata": {}})
    assert find(preflight(cluster)[1], "problem", "2 policies exist")
    # A Calico without its API server shows them in the other group alone.
    del cluster.server.answers[CALICO + "globalnetworkpolicies"]
    assert find(preflight(cluster)[1], "problem", "2 policies exist")


@pytest.mark.parametrize("row", [("1", "19+", "problem"), ("1", "20", "ok"), ("1", "34+", "ok"),
                                 ("2", "0", "ok")], ids=lambda row: ".".join(row[:2]))
def test_preflight_wants_kubernetes_1_20(cluster, row):
    major, minor, level = row
    cluster.server.answers["/version"][1].update(major=major, minor=minor, gitVersion="vX")
    assert find(preflight(cluster)[1], level, "is Kubernetes vX")


def test_preflight_names_nodes_without_podcidr_or_address(cluster):
    node = cluster.server.answers["/api/v1/nodes"][1]["items"][0]
    assert find(preflight(cluster)[1], "ok", "2 nodes, each with a podCIDR")
    del node["spec"]["podCIDR"]
    node["status"]["addresses"] = []
    _, lines = preflight(cluster)
    name = node["metadata"]["name"]
    hit = find(lines, "problem", f"1 of 2 nodes have no podCIDR: {name}")
    assert hit and "--allocate-node-cidrs" in hit[0]["mend"]
    assert find(lines, "problem", f"1 of 2 nodes have no InternalIP: {name}")


def test_preflight_tells_kube_proxys_mode_where_it_can_be_read(cluster):
    path = "/api/v1/namespaces/kube-system/configmaps/kube-proxy"
    assert find(preflight(cluster)[1], "ok", "kube-proxy", "not to be seen")
    for mode, level in (("ipvs", "warning"), ("nftables", "ok"), ('""', "ok")):
        text = f"apiVersion: kubeproxy.config.k8s.io/v1\niptables:\n  mode: no\nmode: {mode}\n"
        cluster.server.answers[path] = (200, {"data": {"config.conf": text}})
        assert find(preflight(cluster)[1], level, "kube-proxy works in")


def test_preflight_with_a_server_that_does_not_answer(cluster):
    cluster.server.answers["/version"] = forbidden("version")
    status, lines = preflight(cluster)
    assert status == 1 and find(lines, "problem", "403")
    status, out, _ = cluster.tortie("preflight", "-k", "-o", "json", kubeconfig=False)
    lines = json.loads(out)["items"]
    assert status == 1 and any("kubeconfig" in line["mend"] for line in lines)
