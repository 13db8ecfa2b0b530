# SPDX-License-Identifier: Apache-2.0
"""What a large cluster costs the agent of one node: its memory at its highest, of all that happens
between a document and the table of nat_outgoing.

    n1 -- lan        1,000 other nodes are only told of
"""
import ipaddress
import json
import re

import pytest

import cluster
from harness import Lab, wait_until

NODES = 1000
PEAK_KIB = 10240
BLOCKS = ipaddress.ip_network("172.16.0.0/12")
ADDRESSES = ipaddress.ip_network("198.18.0.0/15")


@pytest.fixture
def node():
    with Lab("size") as lab:
        lab.add_node(1)
        cluster.join(lab.nodes[0])
        yield lab.nodes[0]


def test_a_thousand_nodes_at_once_stay_within_the_agents_memory(node):
    told = cluster.Cluster(node.lab, [node], nat=True)
    node.start_agent(wait=False)
    cluster.wait_socket(node)
    told.watch(node)
    told.tell()
    node.wait_ready()
    # Every second one: the library joins neighbours, so that nothing would be large.
    blocks, hosts = list(BLOCKS.subnets(new_prefix=24))[::2], list(ADDRESSES.hosts())[::2]
    told.members += [cluster.Member(f"far-{number}", [str(hosts[number])], [str(blocks[number])])
                     for number in range(NODES)]
    told.tell()
    told.tell()

    def in_force():
        listing = json.loads(node.run("nft", "-j", "list", "table", "inet", "tortie"))
        sets = {item["set"]["name"]: item["set"] for item in listing["nftables"] if "set" in item}
        return len(sets["inside4"]["elem"]) > 2 * NODES
    wait_until(in_force, "the table to hold every node")
    peak = int(re.search(r"VmHWM:\s+(\d+)",
                         node.run("cat", f"/proc/{node.agent.pid}/status")).group(1))
    assert peak < PEAK_KIB
