#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""`make bench-cni`: CNI ADD and DEL, tortie beside ptp+host-local and bridge+host-local,
interleaved in one run, in fresh namespaces that are made outside the clock; a node of 1,000 pods,
beside what the kernel alone takes for as many links; BIG TCP.

    cni_bench.py [--rounds N] [--out DIR]

All raw samples go to OUT/benchmarks-cni.json; cni_report.py makes OUT/benchmarks-cni.md of it.
`make bench` measures the first two parts in fewer rounds.
"""
import argparse
import json
import os
import subprocess
import sys
import tempfile

import cni_report
import memory_bench
import outcome
import paths
import tortie_paths

CNIBENCH = os.path.abspath("build/tests/tools/cnibench")
LINKBENCH = os.path.abspath("build/tests/tools/linkbench")
OUR_PLUGIN = os.path.abspath("build/tortie-cni")
REFERENCE = "/usr/lib/cni"
FIRST = ["nice", "-n", "-15"]  # the caller and the plugins; tortied has a service's priority
ONE_ROUNDS, ONE_COUNT = 4, 50
BURST_ROUNDS = 3
BURSTS = (100, 300)
THOUSAND, THOUSAND_ROUNDS = 1000, 3
STREAM_ROUNDS, STREAM_SECONDS = 7, 0.4
CLOCK_TICKS = os.sysconf("SC_CLK_TCK")


def host_local(folder, plugin, subnet):
    config = {"cniVersion": "1.0.0", "name": plugin, "type": plugin, "ipam": {
        "type": "host-local", "dataDir": f"{folder}/{plugin}", "ranges": [[{"subnet": subnet}]]}}
    if plugin == "bridge":
        config.update(bridge="br0", isGateway=True)
    path = f"{folder}/{plugin}.json"
    with open(path, "w", encoding="utf-8") as file:
        json.dump(config, file)
    return path


def command(namespace, plugin, plugin_dir, config, *words):
    return [*FIRST, "nsenter", f"--net=/run/netns/{namespace}", CNIBENCH, f"{plugin_dir}/{plugin}",
            plugin_dir, config, *[str(word) for word in words]]


def call(where, count, at_once, tag):
    done = subprocess.run(command(*where, count, at_once, tag), stdin=subprocess.DEVNULL,
                          capture_output=True, text=True)
    if not done.stdout.strip().endswith("}"):
        raise RuntimeError(f"{where[1]}: {done.stderr.strip()}")
    return json.loads(done.stdout)


def join(rows):
    """Rounds of one plugin as one row: samples together, the best burst (other load only adds)."""
    one, bursts = rows[1], {count: row for count, row in rows.items() if count != 1}
    joined = {
        "one": {"ADD": sum((row["ADD"]["us"] for row in one), []),
                "DEL": sum((row["DEL"]["us"] for row in one), []),
                "add_cpu_us": min(row["ADD"]["cpu_us"] for row in one),
                "del_cpu_us": min(row["DEL"]["cpu_us"] for row in one),
                "rss_kib": max(row["rss_kib"] for row in one),
                "failures": sum(row["failures"] for row in one)}}
    for count, rounds in bursts.items():
        joined[f"burst_{count}"] = {
            "add_all_ms": min(row["ADD"]["all_ms"] for row in rounds),
            "del_all_ms": min(row["DEL"]["all_ms"] for row in rounds),
            "add_all_ms_rounds": [row["ADD"]["all_ms"] for row in rounds],
            "del_all_ms_rounds": [row["DEL"]["all_ms"] for row in rounds],
            "failures": sum(row["failures"] for row in rounds)}
    return joined


def config_for_many(node):
    """Room for all pods of the largest part, and of what waits to be deleted."""
    node.config["pools"][0]["blocks"] = ["10.244.16.0/20"]
    node.config["maps"] = {"endpoints": 8192}


def measure(one_rounds=ONE_ROUNDS, bursts=BURSTS[:1]):
    """By plugin: ADD and DEL one after another, and bursts of so many at once."""
    spaces = paths.Namespaces()
    ours = tortie_paths.TortiePaths(prepare=config_for_many)
    try:
        with tempfile.TemporaryDirectory() as folder:
            node = ours.node()
            plugins = {"tortie": (node.namespace, "tortie-cni", os.path.dirname(OUR_PLUGIN),
                                  node.netconf)}
            for number, plugin in enumerate(("ptp", "bridge"), 1):
                plugins[f"{plugin}+host-local"] = (
                    spaces.add(plugin), plugin, REFERENCE,
                    host_local(folder, plugin, f"10.7{number}.0.0/16"))
            rows = {name: {count: [] for count in (1, *bursts)} for name in plugins}
            for at_once in (1, *bursts):
                for number in range(one_rounds if at_once == 1 else BURST_ROUNDS):
                    for name, where in plugins.items():
                        rows[name][at_once].append(
                            call(where, ONE_COUNT if at_once == 1 else at_once, at_once,
                                 f"{at_once}-{number}"))
            return {name: join(row) for name, row in rows.items()}
    finally:
        ours.close()
        spaces.close()


def cpu_seconds(pid):
    with open(f"/proc/{pid}/stat", encoding="utf-8") as file:
        fields = file.read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / CLOCK_TICKS


def fill(where, pid, tag):
    """ADDs up to a thousand pods, a look at tortied, the DELs."""
    before = cpu_seconds(pid)
    with subprocess.Popen(command(*where, THOUSAND, 1, tag, "hold"), stdin=subprocess.PIPE,
                          stdout=subprocess.PIPE, text=True) as bench:
        text = bench.stdout.readline()
        used = cpu_seconds(pid) - before
        rss_kib = memory_bench.status_kib(pid, "VmRSS")
        bench.stdin.write("\n")
        bench.stdin.flush()
        text += bench.stdout.read()
    row = json.loads(text)
    return {"ADD": row["ADD"]["us"], "DEL": row["DEL"]["us"], "failures": row["failures"],
            "tortied_rss_kib": rss_kib, "tortied_cpu_us": used / THOUSAND * 1e6}


def kernel_alone():
    """The kernel's requests of a thousand ADDs by themselves, in a node's namespace of its own."""
    spaces = paths.Namespaces()
    try:
        name = spaces.add("floor")
        paths.sh(f"ip -n {name} link add up0 type veth peer name wire")
        for word in ("addr add 192.168.7.1/24 dev up0", "addr add fd00:7::1/64 dev up0 nodad",
                     "link set wire up", "link set up0 up"):
            paths.sh(f"ip -n {name} {word}")
        paths.sh(f"ip netns exec {name} sysctl -qw net.ipv4.ip_forward=1 "
                 "net.ipv6.conf.all.forwarding=1")
        return json.loads(paths.sh(" ".join(
            [*FIRST, "nsenter", f"--net=/run/netns/{name}", LINKBENCH, str(THOUSAND)])))
    finally:
        spaces.close()


def measure_thousand():
    """Rounds of ADDs on a node that fills, and of the kernel alone, by turns."""
    ours = tortie_paths.TortiePaths(prepare=config_for_many)
    rounds, alone = [], []
    try:
        node = ours.node()
        pid = memory_bench.program_pid(node.node.agent, "tortied")
        where = (node.namespace, "tortie-cni", os.path.dirname(OUR_PLUGIN), node.netconf)
        idle_kib = memory_bench.status_kib(pid, "VmRSS")
        for number in range(THOUSAND_ROUNDS):
            rounds.append(fill(where, pid, f"fill-{number}"))
            alone.append(kernel_alone())
        return {"rounds": rounds, "kernel_alone": alone, "tortied_idle_rss_kib": idle_kib}
    finally:
        ours.close()


def measure_big_tcp():
    """Bulk TCP, both ends on one CPU: a bare pair, the same with BIG TCP, two pods of a node."""
    spaces = paths.Namespaces()
    ours = tortie_paths.TortiePaths()
    samples = {}
    try:
        all_paths = [paths.raw(spaces, "raw_a"), paths.raw_big(spaces), ours.same_node()]
        status = ours.status()
        for number in range(STREAM_ROUNDS):
            for family in paths.FAMILIES:
                for path in all_paths if number % 2 == 0 else all_paths[::-1]:
                    samples.setdefault(path.name, {}).setdefault(family, []).append(
                        path.measure(family, "tcp_stream", STREAM_SECONDS)["gbps"])
        return {"gbps": samples, "gso_max_size": {"IPv4": status["gso_ipv4_max_size"],
                                                  "IPv6": status["gso_max_size"]}}
    finally:
        ours.close()
        spaces.close()


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=8)
    parser.add_argument("--out", default="build/bench")
    args = parser.parse_args()
    if os.geteuid():
        sys.exit("bench-cni: needs root: it makes network namespaces")
    result = {"machine": outcome.machine(), "rounds": args.rounds, "one_count": ONE_COUNT,
              "burst_rounds": BURST_ROUNDS, "plugin_octets": os.path.getsize(OUR_PLUGIN)}
    result["cni"] = measure(args.rounds, BURSTS)
    result["thousand"] = measure_thousand()
    result["big_tcp"] = measure_big_tcp()
    outcome.keep(result, args.out, "benchmarks-cni", cni_report.write)


if __name__ == "__main__":
    main()
