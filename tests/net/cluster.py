# SPDX-License-Identifier: Apache-2.0
"""Nodes of a Lab that are told by a cluster what they are: one document for each, made from one
description, as tortie-kubed makes it."""
import socket

from harness import LAN4, LAN6, wait_until
from watcher import Watcher


class Member:
    """A node of the cluster, with a real one behind it or none."""

    def __init__(self, name, addresses, blocks):
        self.name, self.addresses, self.blocks = name, list(addresses), list(blocks)

    def entry(self):
        return {"name": self.name, "addresses": self.addresses, "blocks": self.blocks}


def member_of(node):
    return Member(node.name, [node.ip4, node.ip6], [node.block4, node.block6])


def family(prefix):
    return 6 if ":" in prefix else 4


class Cluster:
    def __init__(self, lab, nodes, nat=False):
        self.lab = lab
        self.nat = nat
        self.members = [member_of(node) for node in nodes]
        self.reserved = []
        self.watchers = {}

    def member(self, name):
        return next(m for m in self.members if m.name == name)

    def document(self, name):
        """As tortie-kubed makes it: the pools are the blocks of all nodes."""
        own = self.member(name)
        pools = [{"name": f"default-ipv{family(block)}-ippool", "cidr": block,
                  "blocks": [block] if m is own else [], "nat_outgoing": self.nat}
                 for m in self.members for block in m.blocks]
        return {"node": {"name": name, "addresses": own.addresses},
                "nodes": [m.entry() for m in self.members],
                "pools": pools, "reserved": self.reserved,
                "bgp": {"mesh": [m.addresses[0] for m in self.members], "restart_time": 30}}

    def watch(self, node):
        self.watchers[node.name] = Watcher(node)
        return self.watchers[node.name]

    def tell(self, *nodes, **options):
        """Give the nodes (or all that are watched) their documents."""
        for node in nodes or [n for n in self.lab.nodes if n.name in self.watchers]:
            self.watchers[node.name].commit(self.document(node.name), **options)


def join(node):
    """The file that all nodes have; where the document is kept is the test's."""
    node.state = node.dir / "state" / "cluster.yaml"
    node.config = {
        "kubernetes": {"node": node.name, "state": str(node.state)},
        "node": {"uplinks": ["up0"]},
        "cni": {"dir": str(node.cni_dir), "bin_dir": str(node.dir / "bin")},
    }


def far_member(number):
    """A node that is not there: on the LAN, with blocks of its own."""
    return Member(f"n{number}", [f"{LAN4}.{99 + number}", f"{LAN6}{99 + number}"],
                  [f"10.244.{number}.0/24", f"fd00:244:0:{number}::/64"])


def wait_socket(node):
    """A socket has a name before it listens: connected once, it can be used."""
    def connects():
        with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as probe:
            probe.connect(str(node.run_dir / "agent.sock"))
        return True
    wait_until(connects, f"{node.name}: the agent's socket\n{node.log()[-1000:]}")


def status(node):
    return node.tortie("status", check=False)
