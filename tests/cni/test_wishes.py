# SPDX-License-Identifier: Apache-2.0
"""What may be asked for a single pod: MAC, name servers, pools; and bandwidth, which is not served
and said.

    pods -- n1 (a real tortied with two IPv4 pools and one IPv6 pool)
"""
import json

import pytest

import inventory
from harness import Lab, Pod
from runtime import add, call, delete, pod_end

ANNOTATIONS = "io.kubernetes.cri.pod-annotations"
CALICO = "cni.projectcalico.org"
BLUE = "10.66.0.0/26"


@pytest.fixture(scope="module")
def node():
    with Lab("wish") as lab:
        node = lab.add_node(1)
        node.config["pools"].append({"name": "blue", "cidr": "10.66.0.0/16", "blocks": [BLUE]})
        node.start_agent()
        yield node


@pytest.fixture
def pod(node):
    pod = Pod(node, "wish", add=False)
    yield pod
    delete(pod)
    pod.delete()
    inventory.assert_exactly(node, 0)


def annotated(**notes):
    return {ANNOTATIONS: {f"{CALICO}/{key}": value for key, value in notes.items()}}


MACS = [
    ("CNI_ARGS", {"env": {"CNI_ARGS": "IgnoreUnknown=1;MAC=02:00:00:0a:0b:01"}}, 1),
    ("args.cni", {"args": {"cni": {"mac": "02:00:00:0a:0b:02"}}}, 2),
    ("runtimeConfig", {"runtimeConfig": {"mac": "02:00:00:0A:0B:03"}}, 3),
    ("annotation", {"runtimeConfig": annotated(hwAddr="02:00:00:0a:0b:04")}, 4),
]


@pytest.mark.parametrize("row", MACS, ids=lambda row: row[0])
def test_a_requested_mac_is_the_pods(node, pod, row):
    _, keys, last = row
    result = add(pod, **keys)
    mac = f"02:00:00:0a:0b:0{last}"
    assert pod_end(result)[1]["mac"] == mac
    assert pod.json("link", "show", "eth0")[0]["address"] == mac
    assert pod.reaches(node.ip4) and pod.reaches(node.ip6)
    assert call(pod, "CHECK", prevResult=result).status == 0


def test_the_runtimes_name_servers_are_in_the_result(node, pod):
    result = add(pod, runtimeConfig={"dns": {"Servers": ["192.0.2.53"], "Searches": ["a.example"],
                                             "Options": ["ndots:2"]}})
    assert result["dns"] == {"nameservers": ["192.0.2.53"], "search": ["a.example"],
                             "options": ["ndots:2"]}


@pytest.mark.parametrize("notes, pools, expected", [
    ({"ipv4pools": '["blue"]'}, None, ["10.66", "v6"]),
    ({"ipv4pools": '["10.66.0.0/16"]'}, None, ["10.66", "v6"]),
    ({"ipv4pools": '["blue"]', "ipv6pools": '["default-ipv6"]'}, None, ["10.66", "v6"]),
    ({"ipv4pools": '["blue"]'}, ["default-ipv4"], ["10.66"]),
    ({"ipv6pools": '["default-ipv6"]'}, ["blue"], ["10.66", "v6"]),
    ({}, ["blue"], ["10.66"]),
], ids=["name", "cidr", "both families", "over the configuration's", "beside the configuration's",
        "configuration alone"])
def test_pools_of_annotations_count_for_their_family(node, pod, notes, pools, expected):
    keys = {"pools": pools} if pools else {}
    result = add(pod, runtimeConfig=annotated(**notes), **keys)
    got = [".".join(ip["address"].split(".")[:2]) if "." in ip["address"] else "v6"
           for ip in result["ips"]]
    assert got == expected


@pytest.mark.parametrize("notes, words", [
    ({"ipv4pools": '["green"]'}, ["green", "no such pool"]),
    ({"ipv6pools": '["blue"]'}, ["blue", "IPv4", "annotation"]),
    ({"ipv4pools": "blue"}, ["cni.projectcalico.org/ipv4pools", "list"]),
    ({"hwAddr": "02:00"}, ["cni.projectcalico.org/hwAddr"]),
    ({"hwAddr": "ee:ee:ee:ee:ee:ee"}, ["gateway", "another"]),
], ids=["unknown", "of the other family", "no list", "no MAC", "the gateway's MAC"])
def test_what_an_annotation_cannot_have_is_refused(node, pod, notes, words):
    answer = call(pod, "ADD", runtimeConfig=annotated(**notes))
    assert answer.code == 7, answer.stdout
    for word in words:
        assert word in answer.words


@pytest.mark.parametrize("runtime", [
    {"bandwidth": {"IngressRate": 10000000, "IngressBurst": 4294967295}},
    {ANNOTATIONS: {"kubernetes.io/ingress-bandwidth": "10M"}},
    {ANNOTATIONS: {"kubernetes.io/egress-bandwidth": "10M"}},
], ids=["runtimeConfig", "ingress annotation", "egress annotation"])
def test_bandwidth_is_said_not_to_be_served(node, pod, runtime):
    before = node.log_length()
    assert "bandwidth" not in node.tortie("status", check=False)
    answer = call(pod, "ADD", runtimeConfig=runtime,
                  env={"CNI_ARGS": "K8S_POD_NAME=fast;K8S_POD_NAMESPACE=web"})
    assert answer.status == 0
    assert "web/fast" in node.log()[before:] and "not served" in node.log()[before:]
    line = next(ln for ln in node.tortie("status", check=False).splitlines() if "bandwidth" in ln)
    assert "1 ask" in line and "web/fast" in line and "not served" in line


def test_what_was_asked_in_vain_is_known_after_a_restart(node, pod):
    answer = call(pod, "ADD", runtimeConfig={"bandwidth": {"egressRate": 1}})
    assert answer.status == 0
    node.stop_agent()
    node.start_agent()
    assert "bandwidth" in node.tortie("status", check=False)
    delete(pod)
    assert "bandwidth" not in node.tortie("status", check=False)


def test_a_delete_minds_nothing_of_it(node, pod):
    add(pod)
    delete(pod, runtimeConfig={"mac": 7, "ips": "x", "dns": 1, ANNOTATIONS: [1]},
           env={"CNI_ARGS": "MAC=;IP=x"})
    inventory.assert_exactly(node, 0)


def test_a_pods_large_annotations_are_no_hindrance(node, pod):
    """The API server takes 256 KiB of them; escaped in JSON they can be six times as long."""
    notes = {ANNOTATIONS: {"example.org/big": "\x01" * (256 << 10)}}
    assert len(json.dumps(notes)) > 1 << 20
    assert call(pod, "ADD", runtimeConfig=notes).status == 0
    delete(pod, runtimeConfig=notes)


# What is asked for, in each of the forms: (what, keys for an IPv4 and an IPv6 address)
ASKED = [
    ("CNI_ARGS", lambda ip4, ip6: {"env": {"CNI_ARGS": f"IP={ip4}"}}),
    ("args.cni", lambda ip4, ip6: {"args": {"cni": {"ips": [f"{ip4}/24", ip6]}}}),
    ("runtimeConfig", lambda ip4, ip6: {"runtimeConfig": {"ips": [ip4, f"{ip6}/64"]}}),
    ("annotation", lambda ip4, ip6: {"runtimeConfig": annotated(
        ipAddrs=json.dumps([ip4, ip6]))}),
]


@pytest.mark.parametrize("row", ASKED, ids=lambda row: row[0])
def test_a_requested_address_is_the_pods(node, pod, row):
    result = add(pod, **row[1]("10.244.1.77", "fd00:244:0:1::77"))
    addresses = [ip["address"] for ip in result["ips"]]
    assert "10.244.1.77/32" in addresses and len(addresses) == 2
    assert "fd00:244:0:1::77/128" in addresses or row[0] == "CNI_ARGS"
    assert pod.reaches(node.ip4) and pod.reaches(node.ip6)


def test_a_requested_address_that_cannot_be_had_is_refused_with_its_holder(node, pod):
    add(pod, runtimeConfig={"ips": ["10.244.1.77"]})
    other = Pod(node, "other", add=False)
    answer = call(other, "ADD", runtimeConfig={"ips": ["10.244.1.77"]})
    assert answer.code == 11 and "10.244.1.77" in answer.words
    assert pod.container_id[:12] in answer.words, answer.words
    answer = call(other, "ADD", runtimeConfig={"ips": ["192.0.2.1"]})
    assert answer.code == 7 and "192.0.2.1" in answer.words
    assert call(pod, "CHECK", prevResult=pod.result).status == 0
    delete(other)
    other.delete()
