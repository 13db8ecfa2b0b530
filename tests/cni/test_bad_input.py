# SPDX-License-Identifier: Apache-2.0
"""What the plugin does with bad input on stdin and in the environment: exit status, error code of
the CNI specification 1.1.0, words that must appear. Its stdout is one JSON document each time
(runtime.Answer checks that), and nothing is left half-made.
"""
import concurrent.futures
import json
import socket

import pytest

import inventory
from harness import Pod
from runtime import config, delete, environment, plugin

DEEP = "[" * 200 + "]" * 200

# (what, changes of the configuration or whole stdin, code, words)
STDIN = [
    ("empty", "", 6, ["stdin", "empty"]),
    ("white space", " \n", 6, ["stdin", "ends in the middle"]),
    ("text", "hello", 6, ["stdin", "not JSON"]),
    ("half", '{"cniVersion":"1.0.0"', 6, ["stdin", "ends in the middle"]),
    ("a list", "[]", 6, ["stdin", "no object"]),
    ("a number", "42 ", 6, ["stdin", "no object"]),
    ("two documents", "{}{}", 6, ["stdin", "not JSON"]),
    ("octets that are not UTF-8", b'{"name":"\xff\xfe"}', 6, ["stdin", "not JSON"]),
    ("too deep", '{"a":' + DEEP + "}", 6, ["stdin", "not JSON", "nesting"]),
    ("too long", '{"a":"' + "x" * (1 << 22) + '"}', 6, ["stdin", "longer than 4 MiB"]),
    ("a comment", '{"cniVersion":"1.0.0", /* hello */ "name":"a"}', 6, ["stdin", "not JSON"]),
    ("version of tomorrow", {"cniVersion": "9.0.0"}, 1, ["9.0.0", "supported are 0.1.0"]),
    ("version that never was", {"cniVersion": "0.5.0"}, 1, ["0.5.0"]),
    ("version as a number", {"cniVersion": 1.0}, 7, ["cniVersion", "string"]),
    ("no name", {"name": None}, 7, ["name", "missing"]),
    ("empty name", {"name": ""}, 7, ["name", "missing"]),
    ("name with a slash", {"name": "a/b"}, 7, ["name", "a/b"]),
    ("name with a NUL", {"name": "a\0b"}, 7, ["name"]),
    ("long name", {"name": "a" * 254}, 7, ["name", "253"]),
    ("relative runDir", {"runDir": "run/tortie"}, 7, ["runDir", "absolute"]),
    ("runDir as a list", {"runDir": ["/run"]}, 7, ["runDir", "string"]),
    ("long runDir", {"runDir": "/" + "r" * 100}, 7, ["runDir", "97"]),
    ("pools as text", {"pools": "default"}, 7, ["pools", "list"]),
    ("pools with a number", {"pools": [1]}, 7, ["pools[0]"]),
    ("pools with an empty name", {"pools": ["a", ""]}, 7, ["pools[1]"]),
    ("nine pools", {"pools": [f"p{i}" for i in range(9)]}, 7, ["pools", "8"]),
    ("unknown pool", {"pools": ["blue"]}, 7, ["blue", "no such pool", "default-ipv4"]),
    ("mtu as text", {"mtu": "1500"}, 7, ["mtu", "number"]),
    ("small mtu", {"mtu": 576}, 7, ["mtu", "1280"]),
    ("huge mtu", {"mtu": 1 << 70}, 7, ["mtu", "65535"]),
    ("negative mtu", {"mtu": -1}, 7, ["mtu"]),
    ("mtu with a fraction", {"mtu": 1500.5}, 7, ["mtu"]),
    ("absent ipam plugin", {"ipam": {"type": "no-such"}}, 4, ["ipam no-such", "CNI_PATH"]),
    ("ipam.type as a path", {"ipam": {"type": "../bin/sh"}}, 7, ["ipam.type", "../bin/sh"]),
    ("itself as ipam", {"ipam": {"type": "tortie-cni"}}, 7, ["ipam.type", "tortie-cni"]),
    ("ipam as text", {"ipam": "host-local"}, 7, ["ipam", "object"]),
    ("ipam.type as a number", {"ipam": {"type": 5}}, 7, ["ipam.type"]),
    ("dns as a list", {"dns": []}, 7, ["dns", "object"]),
    ("prevResult as text", {"prevResult": "x"}, 7, ["prevResult", "object"]),
    ("prevResult.ips as an object", {"prevResult": {"ips": {}}}, 7, ["prevResult.ips", "list"]),
    ("prevResult.routes of numbers", {"prevResult": {"routes": [1]}}, 7,
     ["prevResult.routes[0]"]),
]

# (what, command, changes of the environment (None: not set), code, words)
ENVIRONMENT = [
    ("no command", "ADD", {"CNI_COMMAND": None}, 4, ["missing", "CNI_COMMAND"]),
    ("empty command", "ADD", {"CNI_COMMAND": ""}, 4, ["missing", "CNI_COMMAND"]),
    ("unknown command", "FROB", {}, 4, ["CNI_COMMAND=FROB"]),
    ("command in small letters", "add", {}, 4, ["CNI_COMMAND=add"]),
    ("everything missing", "ADD",
     {"CNI_CONTAINERID": None, "CNI_NETNS": None, "CNI_IFNAME": ""}, 4,
     ["CNI_CONTAINERID", "CNI_NETNS", "CNI_IFNAME"]),
    ("DEL without an id", "DEL", {"CNI_CONTAINERID": ""}, 4, ["CNI_CONTAINERID"]),
    ("DEL without a name", "DEL", {"CNI_IFNAME": None}, 4, ["CNI_IFNAME"]),
    ("CHECK without a namespace", "CHECK", {"CNI_NETNS": ""}, 4, ["CNI_NETNS"]),
    ("id with a slash", "ADD", {"CNI_CONTAINERID": "../../x"}, 4, ["CNI_CONTAINERID=../../x"]),
    ("id that begins with a dash", "ADD", {"CNI_CONTAINERID": "-x"}, 4, ["CNI_CONTAINERID"]),
    ("long id", "ADD", {"CNI_CONTAINERID": "a" * 129}, 4, ["CNI_CONTAINERID", "128"]),
    ("id that is not ASCII", "DEL", {"CNI_CONTAINERID": "caf\u00e9"}, 4, ["CNI_CONTAINERID"]),
    ("long interface name", "ADD", {"CNI_IFNAME": "sixteen-octets.."}, 4, ["CNI_IFNAME", "15"]),
    ("interface name with a slash", "ADD", {"CNI_IFNAME": "a/b"}, 4, ["CNI_IFNAME=a/b"]),
    ("interface name with a colon", "ADD", {"CNI_IFNAME": "eth0:1"}, 4, ["CNI_IFNAME"]),
    ("interface name with white space", "ADD", {"CNI_IFNAME": "e th"}, 4, ["CNI_IFNAME"]),
    ("interface name ..", "DEL", {"CNI_IFNAME": ".."}, 4, ["CNI_IFNAME"]),
    ("namespace that is not there", "ADD", {"CNI_NETNS": "/run/netns/ttcni-none"}, 4,
     ["CNI_NETNS", "No such file"]),
    ("namespace that is a file", "ADD", {"CNI_NETNS": "/etc/hostname"}, 4,
     ["CNI_NETNS", "not a network namespace"]),
    ("namespace that is a folder", "ADD", {"CNI_NETNS": "/"}, 4, ["CNI_NETNS"]),
    ("namespace that is no network's", "ADD", {"CNI_NETNS": "/proc/self/ns/uts"}, 4,
     ["not a network namespace"]),
    ("the node's own namespace", "ADD", {"CNI_NETNS": "/proc/self/ns/net"}, 4,
     ["node's own"]),
    ("interface name with a per cent sign", "ADD", {"CNI_IFNAME": "eth%d"}, 4, ["CNI_IFNAME"]),
    ("namespace that is not ASCII", "ADD", {"CNI_NETNS": "/run/caf\u00e9"}, 4, ["CNI_NETNS"]),
    ("long namespace path", "ADD", {"CNI_NETNS": "/" + "n" * 1024}, 4, ["CNI_NETNS", "1023"]),
]

# Requests that a version does not have, or that lack what they need.
# (what, command, changes of the configuration, code, words)
COMMANDS = [
    ("CHECK in 0.3.1", "CHECK", {"cniVersion": "0.3.1"}, 1, ["CHECK", "0.4.0"]),
    ("CHECK without a version, which means 0.1.0", "CHECK", {"cniVersion": None}, 1,
     ["CHECK", "0.1.0"]),
    ("STATUS in 1.0.0", "STATUS", {"cniVersion": "1.0.0"}, 1, ["STATUS", "1.1.0"]),
    ("CHECK without a result", "CHECK", {}, 7, ["prevResult", "missing"]),
    ("CHECK with a foreign result", "CHECK",
     {"prevResult": {"interfaces": [{"name": "net7", "sandbox": "/x"}]}}, 7, ["eth0"]),
    ("CHECK of an unknown container", "CHECK",
     {"prevResult": {"interfaces": [{"name": "eth0", "sandbox": "/x"}]}}, 3,
     ["unknown container"]),
    ("DEL with input that ends early", "DEL", '{"cniVersion":', 6, ["stdin"]),
]


@pytest.fixture(scope="module")
def pod(node):
    pod = Pod(node, "bad", add=False)
    yield pod
    pod.delete()


@pytest.fixture(autouse=True)
def nothing_is_left(node, pod):
    yield
    assert node.cali_links() == []
    assert inventory.count(node) == inventory.expected(0)
    assert [link["ifname"] for link in pod.json("link", "show")] == ["lo"]
    assert list(node.run_dir.glob("deletes/*")) == []


def stdin_of(node, change):
    if isinstance(change, (str, bytes)):
        return change
    whole = {**config(node), **change}
    return json.dumps({k: v for k, v in whole.items() if v is not None})


def assert_refused(answer, code, words):
    assert answer.status == 1
    assert answer.code == code, answer.stdout
    for word in words:
        assert word in answer.words, answer.stdout


@pytest.mark.parametrize("row", STDIN, ids=lambda row: row[0])
def test_bad_stdin_is_refused(node, pod, row):
    _, change, code, words = row
    assert_refused(plugin(node, environment(pod, "ADD"), stdin_of(node, change)), code, words)


@pytest.mark.parametrize("row", ENVIRONMENT, ids=lambda row: row[0])
def test_bad_environment_is_refused(node, pod, row):
    _, command, changes, code, words = row
    answer = plugin(node, environment(pod, command, **changes), json.dumps(config(node)))
    assert_refused(answer, code, words)


@pytest.mark.parametrize("row", COMMANDS, ids=lambda row: row[0])
def test_bad_request_is_refused(node, pod, row):
    _, command, change, code, words = row
    assert_refused(plugin(node, environment(pod, command), stdin_of(node, change)), code, words)


def test_delete_takes_what_it_does_not_need_however_malformed(node, pod):
    bad = config(node, name="a/b", pools=7, mtu="x", ipam={"type": "host-local"}, dns=[],
                 prevResult=[1])
    answer = plugin(node, environment(pod, "DEL", CNI_ARGS="====;;;\n", CNI_NETNS="/etc/hostname"),
                    json.dumps(bad))
    assert answer.status == 0 and answer.stdout == ""


def test_an_error_object_is_json_whatever_the_environment_holds(node, pod):
    answer = plugin(node, environment(pod, "ADD", CNI_IFNAME='"\x01\udcff\\'),
                    json.dumps(config(node)))
    assert answer.code == 4
    delete(pod)


def test_an_agent_that_does_not_take_the_request_may_be_of_another_version(node, pod, tmp_path):
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as agent, \
            concurrent.futures.ThreadPoolExecutor(1) as pool:
        agent.bind(str(tmp_path / "cni.sock"))
        agent.listen()
        answer = pool.submit(plugin, node, environment(pod, "ADD"),
                             json.dumps({**config(node), "runDir": str(tmp_path)}))
        agent.accept()[0].close()
        assert_refused(answer.result(), 11, ["another version than tortie-cni"])


def test_the_interface_of_another_is_left_alone(node, pod):
    pod.ip("link", "add", "eth0", "type", "bridge")
    try:
        answer = plugin(node, environment(pod, "ADD"), json.dumps(config(node)))
        assert_refused(answer, 100, ["eth0", "left alone"])
        assert pod.json("link", "show", "eth0")[0]["operstate"] == "DOWN"
    finally:
        pod.ip("link", "del", "eth0")
