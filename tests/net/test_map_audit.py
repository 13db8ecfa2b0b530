# SPDX-License-Identifier: Apache-2.0
"""Somebody else writes into the maps: found at the next comparison, put right and counted.

    a, b -- n1 -- lan (next hop 192.168.100.101)

Everything is compared once a minute, and at once when the kernel had to drop notifications: that is
brought about here by changes of a link while the agent stands still.
"""
import json
import os
import signal

import pytest

from harness import LAN4, Lab, run, wait_until
from inventory import words
from speaker import Speaker, packed_address

FLOOD = "".join(f"link set lo alias a{number}\n" for number in range(30000))


@pytest.fixture(scope="module")
def node():
    with Lab("audit") as lab:
        made = lab.add_node(1)
        made.start_agent()
        yield made


def compare(node):
    """Make the agent compare everything."""
    pid = node.agent.pid
    os.kill(pid, signal.SIGSTOP)
    try:
        node.run("ip", "-batch", "-", stdin=FLOOD)
    finally:
        os.kill(pid, signal.SIGCONT)


def pin(node, name):
    return next(iter(node.bpf_dir.glob(f"{name}_v*")))


def hexadecimal(data):
    return [f"{octet:02x}" for octet in data]


def delete_entry(node, name, key):
    run("bpftool", "map", "delete", "pinned", pin(node, name), "key", "hex", *hexadecimal(key))


def endpoint_keys(node):
    return {words(entry["key"]) for entry in node.map_dump("endpoint")}


def route_keys(node):
    return {words(entry["key"]) for entry in node.map_dump("route")}


def differences(node):
    return json.loads(node.tortie("status", "-o", "json", check=False))["map_differences"]


def test_entries_that_somebody_removed_or_added_are_put_right_and_counted(node):
    pod, other = node.add_pod("a"), node.add_pod("b")
    with Speaker(node) as speaker:
        speaker.replay([("10.244.7.0/24", f"{LAN4}.101")])
        wait_until(lambda: route_keys(node), "the route is in the map")
        routes, endpoints = route_keys(node), endpoint_keys(node)
        assert differences(node) == 0
        other.remove()
        assert packed_address(other.ip4) not in endpoint_keys(node)
        # The agent's own work is no difference. One of ours tells when it has compared.
        delete_entry(node, "endpoint", packed_address(pod.ip6))
        compare(node)
        wait_until(lambda: differences(node) > 0, "a difference", 20)
        assert differences(node) == 1
        delete_entry(node, "endpoint", packed_address(pod.ip4))
        delete_entry(node, "endpoint", packed_address(node.ip4))
        delete_entry(node, "route", next(iter(routes)))
        stranger = packed_address("10.244.1.250")
        value = next(entry["value"] for entry in node.map_dump("endpoint")
                     if words(entry["key"]) == packed_address(pod.ip6))
        run("bpftool", "map", "update", "pinned", pin(node, "endpoint"), "key", "hex",
            *hexadecimal(stranger), "value", "hex", *hexadecimal(words(value)))
        compare(node)
        wait_until(lambda: differences(node) == 5, "four differences more", 20)
        assert route_keys(node) == routes
        assert endpoint_keys(node) == endpoints - {packed_address(other.ip4),
                                                   packed_address(other.ip6)}
        assert "maps           5 entries" in node.tortie("status", check=False)
        assert "map route: 1 entries" in node.log()
