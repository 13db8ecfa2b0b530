#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Make benchmarks.md out of benchmarks.json: tables of medians with ratios, and the budgets."""
import json
import statistics
import sys

COLUMNS = (("tcp_rr", "p50_us", "TCP_RR p50 us"), ("tcp_rr", "p99_us", "TCP_RR p99 us"),
           ("udp_rr", "p50_us", "UDP_RR p50 us"), ("udp_rr", "p99_us", "UDP_RR p99 us"),
           ("crr", "p50_us", "CRR p50 us"), ("crr", "p99_us", "CRR p99 us"),
           ("udp_pps", "kpps", "64-octet UDP kpps"), ("udp_pps", "cpu_ns", "CPU ns per packet"),
           ("tcp_stream", "gbps", "TCP Gb/s, one CPU"))
TITLES = {"raw_a": "bare veth pair", "raw_b": "bare veth pair (again)",
          "raw_big": "bare veth pair, BIG TCP", "bridge": "Linux bridge",
          "route": "kernel routing", "tortie": "**tortie, same node**", "node": "node to node",
          "kroute": "kernel routing", "vxlan": "kernel VXLAN (as Flannel)",
          "cross": "**tortie, two nodes**"}


def median(rows, key):
    return statistics.median(row[key] for row in rows)


def paired_ratio(rows, base, key):
    """The median of each round's own ratio: what both met alike cancels out."""
    return statistics.median(row[key] / other[key] for row, other in zip(rows, base, strict=True))


def percentile(values, part):
    values = sorted(values)
    return values[min(len(values) - 1, int(len(values) * part))]


def table(head, rows):
    lines = ["| " + " | ".join(head) + " |", "|" + " --- |" * len(head)]
    lines += ["| " + " | ".join(row) + " |" for row in rows]
    return "\n".join(lines) + "\n"


def network_table(network, family, limit):
    samples, limits = network["samples"], network["limits"]
    rows = []
    for name in samples:
        if limits[name] != limit:
            continue
        row = [TITLES[name]]
        for mode, key, _ in COLUMNS:
            values = samples[name][family][mode]
            share = paired_ratio(values, samples[limit][family][mode], key)
            row.append(f"{median(values, key):.4g} ({share:.2f})")
        rows.append(row)
    return table(["path"] + [title for _, _, title in COLUMNS], rows)


def ratio(result, name, mode, key, family="IPv4"):
    network = result["network"]
    limit = network["limits"][name]
    return paired_ratio(network["samples"][name][family][mode],
                        network["samples"][limit][family][mode], key)


def network_budgets(result):
    rows = []
    for family in ("IPv4", "IPv6"):
        for what, name, mode, key, bound, most in (
                ("same node TCP_RR p50 / bare veth", "tortie", "tcp_rr", "p50_us", 1.10, True),
                ("same node UDP_RR p50 / bare veth", "tortie", "udp_rr", "p50_us", 1.10, True),
                ("same node 64-octet UDP pps / bare veth", "tortie", "udp_pps", "kpps", 0.88,
                 False),
                ("same node TCP per CPU / plain bare veth", "tortie", "tcp_stream", "gbps", 2.3,
                 False),
                ("two nodes TCP_RR p50 / node to node", "cross", "tcp_rr", "p50_us", 1.20, True),
                ("two nodes UDP_RR p50 / node to node", "cross", "udp_rr", "p50_us", 1.20, True)):
            value = ratio(result, name, mode, key, family)
            rows.append(budget(f"{what}, {family}", f"{value:.3f}", bound, value, most))
    for name, row in result["network"]["bpf_ns"].items():
        if name == "from_pod":
            rows.append(budget("from_pod, live bpf_stats, ns a packet", f"{row['ns']:.0f}", 105,
                               row["ns"], True))
    return rows


def budget(what, text, bound, value, most):
    held = value <= bound if most else value >= bound
    return [what, ("<= " if most else ">= ") + f"{bound:g}", text, "yes" if held else "**no**"]


def cni_budgets(result):
    ours = result["cni"]["tortie"]
    one, burst = ours["one"], ours["burst_100"]
    add = [us / 1000 for us in one["ADD"]]
    half, most = percentile(add, .5), percentile(add, .99)
    return [budget("CNI ADD p50, ms", f"{half:.2f}", 2.5, half, True),
            budget("CNI ADD p99, ms", f"{most:.2f}", 10, most, True),
            budget("100 ADDs at once, all done, ms", f"{burst['add_all_ms']:.0f}", 250,
                   burst["add_all_ms"], True)]


def memory_budgets(result):
    memory = result["memory"]
    agent, both = memory["tortied"]["rss_kib"] / 1024, memory["both_rss_kib"] / 1024
    maps = memory["map_octets"] / 1024
    bound = 2048 + 64 * memory["possible_cpus"] + 4096  # with kube-proxy beside us, the default
    return [budget("tortied RSS MiB, 100 pods, 10,000 remote blocks", f"{agent:.1f}", 10, agent,
                   True),
            budget("with tortie-bgpd", f"{both:.1f}", 14, both, True),
            budget(f"kernel memory of all maps, KiB, {memory['possible_cpus']} CPUs", f"{maps:.0f}",
                   bound, maps, True)]


def cni_table(cni):
    rows = []
    for name, row in cni.items():
        add, delete, burst = row["one"]["ADD"], row["one"]["DEL"], row["burst_100"]
        rows.append([name] + [f"{percentile(values, part) / 1000:.2f}" for values in (add, delete)
                              for part in (.5, .99)]
                    + [f"{burst['add_all_ms']:.0f}", f"{burst['del_all_ms']:.0f}",
                       f"{row['one']['add_cpu_us']:.0f}", f"{row['one']['rss_kib'] / 1024:.1f}",
                       str(row["one"]["failures"] + burst["failures"])])
    return table(["plugin", "ADD p50 ms", "ADD p99 ms", "DEL p50 ms", "DEL p99 ms",
                  "100 ADDs at once ms", "100 DELs at once ms", "CPU us per ADD (plugin)",
                  "plugin RSS MiB", "failures"], rows)


def memory_table(memory):
    rows = [[name] + [f"{memory[name][key] / 1024:.1f}" for key in ("rss_kib", "anon_kib")]
            for name in ("tortied", "tortie-bgpd")]
    return table(["program", "RSS MiB", "RssAnon MiB"], rows)


def head(result):
    machine = result["machine"]
    lines = ["# Benchmarks", "",
             "Generated by `make bench` from [benchmarks.json](benchmarks.json), which holds every "
             "raw sample. Only the ratios mean something elsewhere.", "",
             f"Commit {machine['commit']}, {machine['date']}, Linux {machine['kernel']}, "
             f"{machine['cpu']}, {machine['cpus']} CPUs, congestion control "
             f"{machine['congestion_control']}, load {machine['load']} before and "
             f"{machine.get('load_after', '?')} after; medians of "
             f"{result['rounds']} interleaved rounds of {result['seconds']} s, ratios those of "
             "each round."]
    if "a_a" in result:
        lines.append("The same bare veth pair twice differs in its round trips by "
                     f"{result['a_a']:.1%} (above {machine['resolution']:.0%} the run is refused).")
    return "\n".join(lines) + "\n"


def in_force(network):
    """What this kernel has of what differs between kernels, as `tortie status` told it."""
    status = network["status"]
    return (f"In force: `kube_proxy: {network['kube_proxy']}`; uplinks by "
            f"{status['uplink_hook']}; BIG TCP up to {status['gso_max_size']} octets for "
            f"IPv6 and {status['gso_ipv4_max_size']} for IPv4 (0: this kernel has none). The wire "
            "between the nodes is a veth pair without a bridge, so the nodes run with "
            "`big_tcp: always`.\n")


def write(result, path):
    parts = [head(result)]
    budgets = []
    if "network" in result:
        for family in ("IPv4", "IPv6"):
            parts += [f"## Same node, {family}\n\nIn brackets: ratio to the bare veth pair.\n",
                      network_table(result["network"], family, "raw_a"),
                      f"## Two nodes, {family}\n\nIn brackets: ratio to node to node.\n",
                      network_table(result["network"], family, "node")]
        parts += ["## BPF time per packet (bpf_stats, which adds its own clock reads)\n",
                  table(["program", "ns a packet", "packets"],
                        [[name, f"{row['ns']:.0f}", str(row["runs"])]
                         for name, row in result["network"]["bpf_ns"].items()]),
                  in_force(result["network"])]
        budgets += network_budgets(result)
    if "cni" in result:
        parts += ["## CNI\n\n200 pods one after another, then 100 at once.\n",
                  cni_table(result["cni"])]
        budgets += cni_budgets(result)
    if "memory" in result:
        parts += ["## Memory\n\n100 local pods and 10,000 remote blocks learnt by BGP.\n",
                  memory_table(result["memory"])]
        budgets += memory_budgets(result)
    parts[1:1] = ["## Budgets\n", table(["what", "budget", "measured", "held"], budgets)]
    with open(path, "w", encoding="utf-8") as file:
        file.write("\n".join(parts))


if __name__ == "__main__":
    with open(sys.argv[1], encoding="utf-8") as source:
        write(json.load(source), sys.argv[2])
