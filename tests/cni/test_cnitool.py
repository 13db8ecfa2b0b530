# SPDX-License-Identifier: Apache-2.0
"""libcni, as cnitool drives it: the conflist that the agent wrote, the cache of results, every verb
of version 1.1.0.

    cnitool (in a room of n1) -- tortie-cni -- tortied of n1
"""
import json

import pytest

import inventory
from harness import Failed, Lab, Pod
from room import Room, go_programs

pytestmark = pytest.mark.long


class Tool:
    def __init__(self, node, program):
        self.node = node
        self.program = program
        self.room = Room(node)

    def __call__(self, verb, netns, ifname="eth0", check=True):
        return self.room.run("env", "NETCONFPATH=/etc/cni/net.d", "CNI_PATH=/opt/cni/bin",
                             f"CNI_IFNAME={ifname}", self.program, verb, "tortie", netns,
                             check=check)


@pytest.fixture(scope="module")
def tool():
    folder, reason = go_programs()
    if folder is None:
        pytest.skip(f"cnitool: {reason}")
    with Lab("cnitool") as lab:
        node = lab.add_node(1)
        node.start_agent()
        tool = Tool(node, folder / "cnitool")
        with tool.room:
            yield tool


@pytest.fixture
def pods(tool):
    """Paths of namespaces in the room, two of them."""
    names = ["t0", "t1"]
    for name in names:
        tool.room.run("ip", "netns", "add", name)
    yield [f"/run/netns/{name}" for name in names]
    for name in names:
        tool("del", f"/run/netns/{name}")
        tool.room.run("ip", "netns", "del", name)
    inventory.assert_exactly(tool.node, 0)


def test_add_check_and_del(tool, pods):
    result = json.loads(tool("add", pods[0]))
    assert result["cniVersion"] == "1.1.0"
    assert "state UP" in tool.room.run("ip", "-n", "t0", "link", "show", "eth0")
    inventory.assert_exactly(tool.node, 1)
    tool("check", pods[0])
    tool.room.run("ip", "-n", "t0", "link", "set", "eth0", "mtu", 1300)
    with pytest.raises(Failed, match="(?i)mtu"):
        tool("check", pods[0])
    for _ in range(2):
        tool("del", pods[0])
    inventory.assert_exactly(tool.node, 0)


def test_several_interfaces_of_one_pod(tool, pods):
    for ifname in ("eth0", "net1"):
        tool("add", pods[0], ifname)
    inventory.assert_exactly(tool.node, 2)
    for ifname in ("eth0", "net1"):
        tool("check", pods[0], ifname)
    tool("del", pods[0], "net1")
    tool("check", pods[0], "eth0")


def test_gc_of_a_caller_that_knows_no_attachment(tool, pods):
    """libcni itself sends DEL for what it has cached, then GC with no list of what is valid: that
    is refused, for a list that is missing says nothing."""
    for pod in pods:
        tool("add", pod)
    with pytest.raises(Failed, match="cni.dev/valid-attachments"):
        tool("gc", pods[0])
    inventory.assert_exactly(tool.node, 0)


def test_status(tool, pods):
    assert tool("status", pods[0]) == ""
    tool.node.ip("link", "set", "up0", "down")
    with pytest.raises(Failed, match="the data plane does not serve"):
        tool("status", pods[0])
    tool.node.ip("link", "set", "up0", "up")
