# SPDX-License-Identifier: Apache-2.0
"""What others do to a pod's link: CHECK tells of what is changed in the pod, and the agent puts
back what is changed on the node.

    pod -- n1 (a real tortied)
"""
import os
import signal

import pytest

import tcx
from harness import Failed, Pod, run, wait_until
from runtime import add, call, delete


@pytest.fixture
def pod(node):
    pod = Pod(node, "tamper", add=False)
    add(pod, "1.1.0")
    yield pod
    delete(pod)
    pod.delete()


@pytest.fixture(scope="module")
def foreign(node):
    return tcx.load_foreign(node.lab)


def ip4(pod):
    return pod.result["ips"][0]["address"]


def ip6(pod):
    return pod.result["ips"][1]["address"]


def host_end(pod):
    return pod.result["interfaces"][0]["name"]


def check(pod):
    return call(pod, "CHECK", "1.1.0", prevResult=pod.result)


# (what, commands of ip in the pod, words of CHECK)
IN_THE_POD = [
    ("IPv4 address", ["addr del {ip4} dev eth0"], ["lacks address"]),
    ("IPv6 address", ["addr del {ip6} dev eth0"], ["lacks address"]),
    ("default route", ["route del default"], ["default route via 169.254.1.1"]),
    ("IPv6 default route", ["-6 route del default"], ["default route via fe80::ecee"]),
    ("link route", ["route del default", "route del 169.254.1.1"], ["route to 169.254.1.1"]),
    ("neighbour", ["neigh del 169.254.1.1 dev eth0"], ["neighbour entry of 169.254.1.1"]),
    ("neighbour's MAC",
     ["neigh replace 169.254.1.1 lladdr 02:00:00:00:00:01 nud permanent dev eth0"],
     ["neighbour entry of 169.254.1.1"]),
    ("MTU", ["link set eth0 mtu 1300"], ["MTU 1300 instead of"]),
    ("MAC", ["link set eth0 address 02:00:00:00:00:01"], ["another MAC"]),
    ("link state", ["link set eth0 down"], ["eth0 in the pod is down"]),
    ("name", ["link set eth0 down", "link set eth0 name other0"], ["eth0 in the pod"]),
    ("another eth0", ["link set eth0 down", "link set eth0 name other0",
                      "link add eth0 type bridge"], ["not the other end"]),
]


@pytest.mark.parametrize("row", IN_THE_POD, ids=lambda row: row[0])
def test_check_sees_a_change_in_the_pod(node, pod, row):
    _, commands, words = row
    assert check(pod).status == 0, check(pod).stdout
    for command in commands:
        pod.ip(*command.format(ip4=ip4(pod), ip6=ip6(pod)).split())
    answer = check(pod)
    assert answer.code == 102, answer.stdout
    for word in words:
        assert word in answer.words, answer.stdout


def test_check_allows_what_later_plugins_added(node, pod):
    pod.ip("addr", "add", "192.0.2.9/24", "dev", "eth0")
    pod.ip("route", "add", "198.51.100.0/24", "via", "169.254.1.1")
    pod.result["interfaces"].append({"name": "later0", "sandbox": pod.netns_path})
    pod.result["ips"].append({"address": "192.0.2.9/24", "interface": 1})
    assert check(pod).status == 0


def test_check_sees_a_result_of_other_addresses(node, pod):
    pod.result["ips"][0]["address"] = "10.244.1.99/32"
    answer = check(pod)
    assert answer.code == 102 and "prevResult lacks" in answer.words


def change_endpoint(node, pod, verb, **bits):
    """Delete or overwrite the map entry of the pod's IPv4 address."""
    pin = next(node.bpf_dir.glob("**/endpoint_v*"))
    entry = next(e for e in node.map_dump("endpoint")
                 if bytes(int(o, 16) for o in e["key"])[12:] ==
                 bytes(int(o) for o in ip4(pod).split("/", maxsplit=1)[0].split(".")))
    words = ["key", "hex", *[o[2:] for o in entry["key"]]]
    if verb == "update":
        value = [o[2:] for o in entry["value"]]
        words += ["value", "hex", *[bits.get(f"at{i}", o) for i, o in enumerate(value)]]
    run("bpftool", "map", verb, "pinned", pin, *words)


def test_check_sees_a_missing_map_entry(node, pod):
    change_endpoint(node, pod, "delete")
    answer = check(pod)
    assert answer.code == 102 and "map endpoint has no entry" in answer.words


def test_check_sees_a_map_entry_that_leads_elsewhere(node, pod):
    """struct endpoint_value begins with the link's index."""
    change_endpoint(node, pod, "update", at0="fe", at1="ff")
    answer = check(pod)
    assert answer.code == 102 and "at another link or MAC" in answer.words


def test_check_sees_a_program_that_is_taken_off(node, pod):
    """The agent puts it back within a second or so: a frozen one cannot, and is asked first."""
    os.kill(node.agent.pid, signal.SIGSTOP)
    try:
        node.run("tc", "filter", "del", "dev", host_end(pod), "ingress")
    finally:
        os.kill(node.agent.pid, signal.SIGCONT)
    answer = check(pod)
    assert answer.status == 0 or \
        (answer.code == 102 and "programs on" in answer.words), answer.stdout
    wait_until(lambda: check(pod).status == 0, "put back", 5)
    assert f"{host_end(pod)}: from_pod was removed by someone; put back" in node.log()


@pytest.mark.parametrize("how", ["filter", "tcx"])
def test_check_sees_a_program_of_a_stranger_in_front(node, pod, foreign, how):
    """That stays where it is, and can pass by ours."""
    device = host_end(pod)
    if how == "tcx":
        try:
            tcx.attach(node, device, foreign)
        except OSError as error:
            pytest.skip(f"no tcx on this kernel: {error}")
    else:
        node.run("tc", "filter", "add", "dev", device, "ingress", "pref", "1", "bpf",
                 "direct-action", "object-pinned", foreign)
    answer = check(pod)
    assert answer.code == 102 and "programs on" in answer.words, answer.stdout


def test_check_of_a_pod_whose_host_link_is_gone(node, pod):
    node.ip("link", "del", host_end(pod))
    answer = check(pod)
    assert answer.code in (3, 102), answer.stdout
    wait_until(lambda: check(pod).code == 3, "forgotten")
    assert "unknown container" in check(pod).words


# (what, commands of ip on the node, what the log says)
ON_THE_NODE = [
    ("link down", ["link set {link} down"], "was"),
    ("link down and up", ["link set {link} down", "link set {link} up"], "was"),
    ("IPv4 route", ["route del {ip4}"], "route"),
    ("IPv6 route", ["-6 route del {ip6}"], "route"),
    ("IPv4 neighbour", ["neigh del {addr4} dev {link}"], "neighbour"),
    ("IPv6 neighbour", ["neigh del {addr6} dev {link}"], "neighbour"),
    ("group", ["link set {link} group 7"], "group"),
    ("alias", ["link set {link} alias mine"], "alias"),
    ("MTU", ["link set {link} mtu 1300"], "MTU"),
    ("MAC", ["link set {link} address 02:00:00:00:00:09"], "MAC"),
    ("IPv4 neighbour's MAC",
     ["neigh replace {addr4} lladdr 02:00:00:00:00:09 nud permanent dev {link}"], "neighbour"),
]


@pytest.mark.parametrize("row", ON_THE_NODE, ids=lambda row: row[0])
def test_a_change_on_the_node_is_put_back_and_logged(node, pod, row):
    _, commands, word = row
    names = {"link": host_end(pod), "ip4": ip4(pod), "ip6": ip6(pod),
             "addr4": ip4(pod).split("/")[0], "addr6": ip6(pod).split("/")[0]}
    before = node.log_length()
    for command in commands:
        node.ip(*command.format(**names).split())
    wait_until(lambda: check(pod).status == 0 and
               "put back" in node.log()[before:], "put back", 2)
    line = next(ln for ln in node.log()[before:].splitlines() if "put back" in ln)
    assert word in line and host_end(pod) in line
    alias = node.json("link", "show", host_end(pod))[0]["ifalias"]
    assert pod.container_id in alias
    assert node.ping(names["addr4"]) and node.ping(names["addr6"])


def test_nothing_is_put_back_when_nothing_was_changed(node, pod):
    """The agent's own ADD and DEL are no tampering."""
    before = node.log_length()
    other = Pod(node, "quiet", add=False)
    for _ in range(5):
        add(other)
        delete(other)
    other.delete()
    with pytest.raises(Failed):
        wait_until(lambda: "put back" in node.log()[before:], "a repair", 0.5)
