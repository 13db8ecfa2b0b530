# SPDX-License-Identifier: Apache-2.0
"""nat_outgoing: what leaves the pools carries the node's address, what stays inside does not.

    a -- n1 --+
              +-- lan -- tor -- outside        pools of n1 with nat_outgoing, pools of n2 without
    b -- n2 --+
"""
import re
import socket

import pytest

from harness import OUT4, OUT6, Lab, inside, run, wait_until

PORT = 9099


class Net:
    def __init__(self, lab):
        self.lab = lab
        self.n1, self.n2 = lab.add_node(1, pods_nat=True), lab.add_node(2)
        lab.add_tor()
        lab.return_routes()
        lab.configure_routes()
        lab.start_all(bgp=False)
        self.a, self.b = self.n1.add_pod("a"), self.n2.add_pod("b")


@pytest.fixture(scope="module")
def net():
    with Lab("masq") as lab:
        yield Net(lab)


def outside(family):
    return f"{OUT4}.2" if family == 4 else f"{OUT6}2"


def udp_socket(host, family, address):
    with inside(host.netns):
        made = socket.socket(socket.AF_INET if family == 4 else socket.AF_INET6, socket.SOCK_DGRAM)
    made.settimeout(0.5)
    made.bind((address, 0 if address in ("", "::") else PORT))
    return made


def source_seen(sender, receiver, family, address):
    """The address that a datagram from the pod has when it arrives, answered and heard again."""
    with udp_socket(receiver, family, address) as there, \
            udp_socket(sender, family, "" if family == 4 else "::") as here:
        def exchange():
            here.sendto(b"who am I", (address, PORT))
            seen = there.recvfrom(64)[1]
            there.sendto(b"you", seen)
            return here.recvfrom(64)[0] == b"you" and seen[0]
        return wait_until(exchange, f"a datagram from {sender.name} at {receiver.name}", 5)


def table(node):
    return node.run("nft", "list", "table", "inet", "tortie", check=False)


def test_to_the_outside_a_pod_has_the_nodes_address(net, family):
    assert source_seen(net.a, net.lab.outside, family, outside(family)) == net.n1.address(family)


def test_between_pods_of_two_nodes_the_address_stays(net, family):
    assert source_seen(net.a, net.b, family, net.b.address(family)) == net.a.address(family)


def test_without_nat_outgoing_the_address_stays(net, family):
    assert source_seen(net.b, net.lab.outside, family, outside(family)) == net.b.address(family)
    assert "tortie" not in net.n2.run("nft", "list", "tables")


def test_from_the_node_to_its_pod_the_address_stays(net, family):
    with udp_socket(net.a, family, net.a.address(family)) as pod, \
            udp_socket(net.n1, family, "" if family == 4 else "::") as node:
        node.sendto(b"hello", (net.a.address(family), PORT))
        assert pod.recvfrom(64)[1][0] == net.n1.address(family)


@pytest.mark.parametrize("command", [
    "nft flush ruleset",
    "nft delete table inet tortie",
    "nft flush chain inet tortie postrouting",
    "nft insert rule inet tortie postrouting accept",
    "nft add element inet tortie inside4 { 198.51.100.0/24 }",
], ids=lambda command: command.split(" { ")[0].replace(" ", "-"))
def test_what_others_do_to_the_table_is_undone_within_a_second(net, command):
    before, told = table(net.n1), net.n1.log_length()
    assert "masquerade" in before
    net.n1.run(*command.split())
    # Looking whether it is changed now would be a race with the agent; its log tells that it was.
    wait_until(lambda: re.search("table inet tortie was changed", net.n1.log()[told:]),
               "the log says so", 1.5)
    wait_until(lambda: table(net.n1) == before, "the table is whole again", 1.5)
    assert source_seen(net.a, net.lab.outside, 4, outside(4)) == net.n1.ip4


def test_tables_of_others_are_left_alone(net):
    net.n1.run("nft", "add", "table", "inet", "theirs")
    net.n1.run("nft", "flush", "chain", "inet", "tortie", "postrouting")
    wait_until(lambda: "masquerade" in table(net.n1), "our table is whole again", 1.5)
    assert "inet theirs" in net.n1.run("nft", "list", "tables")
    net.n1.run("nft", "delete", "table", "inet", "theirs")


@pytest.mark.parametrize("commands", [
    ["iptables -P FORWARD DROP"],
    ["ip6tables -P FORWARD DROP"],
    ["nft add table inet wall",
     "nft add chain inet wall entry { type filter hook forward priority 0; policy drop; }"],
], ids=["iptables", "ip6tables", "nft"])
def test_a_firewall_that_drops_what_is_forwarded_is_told(net, commands):
    words = "has the policy drop"
    assert words not in net.n2.tortie("status", check=False)
    for command in commands:
        net.n2.run(*command.split(maxsplit=5 if "{" in command else -1))
    assert words in net.n2.tortie("status", check=False)
    net.n2.run("nft", "flush", "ruleset")
    assert words not in net.n2.tortie("status", check=False)


def test_the_table_goes_with_the_last_pool_that_wants_it(net):
    net.n1.stop_agent()
    assert "masquerade" in table(net.n1)
    for pool in net.n1.config["pools"]:
        pool["nat_outgoing"] = False
    net.n1.start_agent()
    assert "tortie" not in net.n1.run("nft", "list", "tables")
    assert source_seen(net.a, net.lab.outside, 4, outside(4)) == net.a.ip4
