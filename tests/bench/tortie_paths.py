# SPDX-License-Identifier: Apache-2.0
"""Our own paths for the benchmark: nodes of the test bed, one veth pair as the wire between two."""
import json
import re
import subprocess
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "net"))

import harness  # noqa: E402
import paths  # noqa: E402

PROGRAMS = ("from_pod", "to_pod", "from_network", "to_network")
FLOOD_S = 2


def flood(netbench, path):
    subprocess.run([netbench, "udp_pps", path.server, path.client, path.addresses[0], str(FLOOD_S)],
                   check=True, stdin=subprocess.DEVNULL, capture_output=True)


def program_counts(ident):
    program = json.loads(paths.sh(f"bpftool -j prog show id {ident}"))
    return program.get("run_time_ns", 0), program.get("run_cnt", 0)


def per_run(start, end):
    runs = end[1] - start[1]
    return {"ns": (end[0] - start[0]) / runs if runs else 0, "runs": runs}


class WireLab(harness.Lab):
    """Two nodes on one veth pair, as the other paths have, in place of the test bed's bridge."""

    def plug(self, host, device, addresses):
        if not self.lan:
            self.lan = harness.Host(self, "lan")
            self.lan.ip("link", "add", "wire", "type", "veth", "peer", "name", device,
                        "netns", host.netns)
            self.lan.ip("link", "set", "wire", "up")
        else:
            self.lan.ip("link", "set", "wire", "netns", host.netns, "name", device)
        for address in addresses:
            host.ip("addr", "add", address, "dev", device, "nodad")
        host.ip("link", "set", device, "up")


class TortieNode:
    """What cnibench needs: the node's namespace and what a runtime passes to the plugin."""

    def __init__(self, node):
        self.node = node
        self.namespace = node.netns
        self.netconf = str(node.dir / "netconf.json")
        with open(self.netconf, "w", encoding="utf-8") as file:
            json.dump(node.network_config(), file)


class TortiePaths:
    """Two nodes that know each other's blocks by `routes:`; made when first asked for. PREPARE gets
    each node before it starts."""

    def __init__(self, kube_proxy="beside", prepare=None):
        self.kube_proxy = kube_proxy
        self.prepare = prepare
        self.lab = None
        self.made = {}

    def nodes(self):
        if not self.lab:
            self.lab = WireLab("bench")
            for number in (1, 2):
                self.lab.add_node(number)
            for node in self.lab.nodes:
                node.config["routes"] = [
                    {"prefix": block, "via": via} for other in self.lab.nodes if other is not node
                    for block, via in ((other.block4, other.ip4), (other.block6, other.ip6))]
                node.config["log_level"] = "warning"
                node.config["kube_proxy"] = self.kube_proxy
                node.config["big_tcp"] = "always"  # the wire ends at the other node
                if self.prepare:
                    self.prepare(node)
            self.lab.start_all(bgp=False)
        return self.lab.nodes

    def node(self):
        return TortieNode(self.nodes()[0])

    def path(self, name, limit, server_node, client_node):
        """The path of this name between two pods, made once."""
        if name not in self.made:
            nodes = self.nodes()
            server = nodes[server_node].add_pod(f"{name}-server")
            client = nodes[client_node].add_pod(f"{name}-client")
            self.made[name] = paths.Path(name, limit, server.netns, client.netns,
                                         (server.ip4, server.ip6))
        return self.made[name]

    def same_node(self):
        return self.path("tortie", "raw_a", 0, 0)

    def cross_node(self):
        return self.path("cross", "node", 0, 1)

    def status(self):
        return self.nodes()[0].tortie_json("status")

    def program_ns(self, netbench, bare):
        """
        Nanoseconds a run of each program under UDP floods on one node and across two. bpf_stats
        adds its own clock reads, so a program that does nothing is measured beside, on the path
        @bare.
        """
        stats = "kernel.bpf_stats_enabled"
        before = paths.sh(f"sysctl -n {stats}").strip()
        paths.sh(f"sysctl -qw {stats}=1")
        try:
            result = self.empty_program_ns(netbench, bare)
            for path, programs in ((self.same_node(), {"from_pod": "from_pod"}),
                                   (self.cross_node(), {
                                       "from_pod": "from_pod, other node",
                                       "from_network": "from_network",
                                       "to_network": "to_network, what from_pod redirected"})):
                start = self.run_counts()
                flood(netbench, path)
                end = self.run_counts()
                for name, title in programs.items():
                    if end[name][1] > start[name][1]:  # to_network only with kube-proxy beside us
                        result[title] = per_run(start[name], end[name])
            return result
        finally:
            paths.sh(f"sysctl -qw {stats}={before}")

    def empty_program_ns(self, netbench, bare):
        obj = self.lab.dir / "empty.bpf.o"
        source = self.lab.dir / "empty.bpf.c"
        source.write_text("int empty(void *skb) { return -1; }\n")
        paths.sh(f"clang -O2 -target bpf -c {source} -o {obj}")
        tc = f"tc -n {bare.client.rsplit('/', maxsplit=1)[1]}"
        paths.sh(f"{tc} qdisc add dev eth0 clsact")
        try:
            paths.sh(f"{tc} filter add dev eth0 egress bpf da obj {obj} sec .text")
            ident = re.search(r" id (\d+)", paths.sh(f"{tc} filter show dev eth0 egress")).group(1)
            start = program_counts(ident)
            flood(netbench, bare)
            return {"a program that does nothing": per_run(start, program_counts(ident))}
        finally:
            paths.sh(f"{tc} qdisc del dev eth0 clsact")

    def run_counts(self):
        """(time, runs) by program name, of the programs that use our nodes' maps."""
        counts = {name: (0, 0) for name in PROGRAMS}
        ours = {json.loads(paths.sh(f"bpftool -j map show pinned {pin}"))["id"]
                for node in self.nodes() for pin in node.bpf_dir.glob("endpoint_v*")}
        for program in json.loads(paths.sh("bpftool -j prog show")):
            if program.get("name") in counts and ours & set(program.get("map_ids", [])):
                time_ns, runs = counts[program["name"]]
                counts[program["name"]] = (time_ns + program.get("run_time_ns", 0),
                                           runs + program.get("run_cnt", 0))
        return counts

    def close(self):
        if self.lab:
            self.lab.close()
