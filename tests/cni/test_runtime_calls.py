# SPDX-License-Identifier: Apache-2.0
"""What containerd and libcni were recorded to send (fixtures/), sent to the plugin again; and the
form of results in every version.

    recorded call -> tortie-cni -> a real tortied -> a pod's namespace
"""
import json
import re

import pytest

import inventory
from harness import Pod
from runtime import (add, call, config, delete, environment, plugin, pod_end, recorded, status)

VERSIONS = ["0.3.0", "0.3.1", "0.4.0", "1.0.0", "1.1.0"]
OLD_VERSIONS = ["0.1.0", "0.2.0"]


@pytest.fixture
def pod(node):
    pod = Pod(node, "calls", add=False)
    yield pod
    delete(pod)
    pod.delete()


def replay(pod, name, result=None):
    """The recorded call, as it would look with our plugin in the place of the recorded one: its
    type, no ipam, the folder of this node's agent, a namespace that exists."""
    env, stdin = recorded(name)
    stdin.update(type="tortie-cni", runDir=str(pod.node.run_dir))
    del stdin["ipam"]
    if "prevResult" in stdin:
        stdin["prevResult"] = result
    env["CNI_CONTAINERID"] = pod.container_id
    if env["CNI_NETNS"]:
        env["CNI_NETNS"] = pod.netns_path
    return plugin(pod.node, env, json.dumps(stdin))


@pytest.mark.parametrize("runtime, first", [("containerd-2.2.9", "add-first-plain"),
                                            ("containerd-2.2.9", "add-first-all-capabilities"),
                                            ("containerd-1.6.20", "add-first"),
                                            ("libcni-1.3.0", "add")])
def test_a_pods_life_as_runtimes_drive_it(node, pod, runtime, first):
    """ADD, CHECK where the runtime calls it, and the DELs: with the namespace and the result, then
    twice without either."""
    answer = replay(pod, f"{runtime}/{first}")
    assert answer.status == 0, answer.stdout
    pod.result = answer.json
    assert pod.json("addr", "show", "eth0")[0]["operstate"] == "UP"
    if runtime == "libcni-1.3.0":
        assert replay(pod, "libcni-1.3.0/check-ok", pod.result).status == 0
        assert replay(pod, "libcni-1.3.0/del", pod.result).status == 0
    else:
        assert replay(pod, f"{runtime}/del-1-with-netns", pod.result).status == 0
        for _ in range(2):
            assert replay(pod, f"{runtime}/del-2-no-netns").status == 0
    inventory.assert_exactly(node, 0)


def test_the_delete_after_a_failed_add_succeeds(node, pod):
    assert replay(pod, "containerd-2.2.9/del-after-failed-add").status == 0


def test_containerds_status_call_is_answered(node):
    env, stdin = recorded("containerd-2.2.9/status")
    stdin.update(type="tortie-cni", runDir=str(node.run_dir))
    del stdin["ipam"]
    answer = plugin(node, env, json.dumps(stdin))
    assert answer.status == 0 and answer.stdout == ""


@pytest.mark.parametrize("version", VERSIONS)
def test_the_result_has_the_form_of_the_version(node, pod, version):
    """CNI specification, section 5 of each version."""
    result = add(pod, version)
    assert result["cniVersion"] == version
    assert set(result) == {"cniVersion", "interfaces", "ips", "routes", "dns"}
    host, inside = result["interfaces"]
    fields = {"name", "mac", "mtu"} if version == "1.1.0" else {"name", "mac"}
    assert set(host) == fields and set(inside) == fields | {"sandbox"}
    assert re.fullmatch("cali[0-9a-f]{11}", host["name"])
    assert host["mac"] == "ee:ee:ee:ee:ee:ee"
    assert inside["name"] == "eth0" and inside["sandbox"] == pod.netns_path
    link = pod.json("link", "show", "eth0")[0]
    assert inside["mac"] == link["address"]
    if version == "1.1.0":
        assert inside["mtu"] == host["mtu"] == link["mtu"]
    assert [ip["interface"] for ip in result["ips"]] == [1, 1]
    assert [ip["address"].split("/")[1] for ip in result["ips"]] == ["32", "128"]
    assert [ip["gateway"] for ip in result["ips"]] == ["169.254.1.1", "fe80::ecee:eeff:feee:eeee"]
    versions = [ip.get("version") for ip in result["ips"]]
    assert versions == (["4", "6"] if version < "1.0.0" else [None, None])
    assert [r["dst"] for r in result["routes"]] == ["0.0.0.0/0", "::/0"]


@pytest.mark.parametrize("version", OLD_VERSIONS + [None])
def test_the_result_of_the_first_versions_has_an_object_for_each_family(node, pod, version):
    """CNI specification 0.2.0, "Result". A configuration without a version means 0.1.0."""
    keys = {} if version else {"cniVersion": None}
    stdin = {k: v for k, v in {**config(node, version or ""), **keys}.items() if v is not None}
    answer = plugin(node, environment(pod, "ADD"), json.dumps(stdin))
    assert answer.status == 0, answer.stdout
    result = answer.json
    assert set(result) == {"cniVersion", "ip4", "ip6", "dns"}
    assert result["cniVersion"] == (version or "0.1.0")
    for key, gateway, dst in (("ip4", "169.254.1.1", "0.0.0.0/0"),
                              ("ip6", "fe80::ecee:eeff:feee:eeee", "::/0")):
        assert set(result[key]) == {"ip", "gateway", "routes"}
        assert result[key]["gateway"] == gateway
        assert result[key]["routes"] == [{"dst": dst, "gw": gateway}]
    inside = {a["local"] for a in pod.json("addr", "show", "eth0")[0]["addr_info"]}
    assert {result["ip4"]["ip"].split("/")[0], result["ip6"]["ip"].split("/")[0]} == inside
    stdin["prevResult"] = "of no meaning here"
    assert plugin(node, environment(pod, "DEL"), json.dumps(stdin)).status == 0


def test_version_names_all_versions_and_needs_no_input(node):
    for stdin in ("", "{", json.dumps({"cniVersion": "0.4.0"})):
        answer = plugin(node, {"CNI_COMMAND": "VERSION"}, stdin)
        assert answer.status == 0
        assert answer.json["supportedVersions"] == OLD_VERSIONS + VERSIONS
    assert answer.json["cniVersion"] == "0.4.0"


def test_started_by_hand_it_introduces_itself(node):
    answer = plugin(node, {}, "")
    assert answer.status == 0 and "CNI plugin" in answer.stderr
    assert answer.json["supportedVersions"] == OLD_VERSIONS + VERSIONS


@pytest.mark.parametrize("version", VERSIONS)
def test_the_result_of_an_earlier_plugin_is_kept_and_ours_follows(node, pod, version):
    """In the form of the version: what was there first keeps its place, so that indexes hold."""
    earlier = {"cniVersion": version,
               "interfaces": [{"name": "dummy0", "mac": "02:00:00:00:00:01", "sandbox": "/x"}],
               "ips": [{"address": "192.0.2.7/24", "interface": 0}],
               "routes": [{"dst": "198.51.100.0/24", "gw": "192.0.2.1"}],
               "dns": {"nameservers": ["192.0.2.53"]}}
    if version < "1.0.0":
        earlier["ips"][0]["version"] = "4"
    result = add(pod, version, prevResult=earlier)
    assert result["cniVersion"] == version
    assert result["interfaces"][0] == earlier["interfaces"][0]
    assert [i["name"] for i in result["interfaces"][1:]] == [pod.result["interfaces"][1]["name"],
                                                             "eth0"]
    assert result["ips"][0] == earlier["ips"][0]
    assert [ip["interface"] for ip in result["ips"]] == [0, 2, 2]
    assert [ip.get("version") for ip in result["ips"]] == \
        (["4", "4", "6"] if version < "1.0.0" else [None] * 3)
    assert result["routes"][0] == earlier["routes"][0]
    assert result["dns"] == earlier["dns"]
    if version >= "0.4.0":
        assert call(pod, "CHECK", version, prevResult=result).status == 0


def test_a_pods_only_interface_may_have_any_name(node, pod):
    """As under Multus: eth0 is another network's."""
    pod.ip("link", "add", "eth0", "type", "bridge")
    pod.ifname = "net1-abcdef.100"
    result = add(pod, "1.1.0")
    assert pod_end(result)[1]["name"] == "net1-abcdef.100"
    assert pod.reaches(node.ip4) and pod.reaches(node.ip6)
    assert call(pod, "CHECK", "1.1.0", prevResult=result).status == 0
    delete(pod)
    assert {link["ifname"] for link in pod.json("link", "show")} >= {"lo", "eth0"}
    pod.ip("link", "del", "eth0")


def test_dns_of_the_configuration_is_passed_on(node, pod):
    dns = {"nameservers": ["192.0.2.53"], "search": ["example.org"]}
    assert add(pod, dns=dns)["dns"] == dns


def test_names_of_the_pod_come_from_the_arguments(node, pod):
    args = {"cni": {"K8S_POD_NAME": "from-args"}}
    answer = call(pod, "ADD", args=args, env={
        "CNI_ARGS": "IgnoreUnknown=1;K8S_POD_NAME=outranked;;=;K8S_POD_NAMESPACE=web;X"})
    assert answer.status == 0
    row = next(r for r in node.tortie_json("get", "workloadendpoint")
               if pod.container_id in json.dumps(r))
    assert "from-args" in json.dumps(row) and "web" in json.dumps(row)


def test_one_pod_may_have_two_interfaces(node, pod):
    second = Pod.__new__(Pod)
    second.__dict__.update(pod.__dict__, ifname="net1")
    add(pod)
    result = add(second)
    assert pod_end(result)[1]["name"] == "net1"
    assert "dev eth0" in pod.ip("route", "show", "default").splitlines()[0]
    assert pod.ip("route", "get", "192.0.2.1").split("dev ")[1].startswith("eth0")
    for each in (pod, second):
        assert call(each, "CHECK", prevResult=each.result).status == 0
    delete(second)
    assert pod.json("addr", "show", "eth0")
    assert call(pod, "CHECK", prevResult=pod.result).status == 0


def test_mtu_and_pool_of_the_configuration_are_used(node, pod):
    result = add(pod, "1.1.0", mtu=1400, pools=["default-ipv4"])
    assert [ip["address"].split("/")[1] for ip in result["ips"]] == ["32"]
    assert pod_end(result)[1]["mtu"] == 1400
    assert pod.json("link", "show", "eth0")[0]["mtu"] == 1400
    assert not [a for a in pod.json("addr", "show", "eth0")[0]["addr_info"]
                if a["family"] == "inet6"]


def test_the_node_is_ready_by_status(node):
    answer = status(node)
    assert answer.status == 0 and answer.stdout == ""


def test_the_environment_of_recorded_calls_is_complete():
    """The recordings hold what the tests above lean on."""
    env, stdin = recorded("containerd-2.2.9/del-2-no-netns")
    assert env["CNI_NETNS"] == "" and "prevResult" not in stdin
    env, _ = recorded("containerd-1.6.20/add-first")
    assert "K8S_POD_NAME=a" in env["CNI_ARGS"]
    assert environment and config
