#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Make benchmarks-cni.md out of benchmarks-cni.json: the budgets, and what was measured."""
import json
import statistics
import sys

from report import budget, percentile, table

AROUND = 20  # ADDs of a round that stand for one number
NUMBERS = (10, 250, 500, 1000)


def milliseconds(samples, part):
    return percentile(samples, part) / 1000


def near(rounds, number):
    """Median of the samples around this number (or up to it, at the end), of all rounds."""
    samples = []
    for row in rounds:
        last = min(max(number + AROUND // 2, AROUND), len(row))
        samples += row[last - AROUND:last]
    return statistics.median(samples)


def adds(thousand):
    return [row["ADD"] for row in thousand["rounds"]]


def kernel_steps(thousand):
    """By step, and in all: rounds of microseconds in the order of the pods."""
    rounds = thousand["kernel_alone"]
    steps = {name: [row[name] for row in rounds] for name in rounds[0]}
    steps["in all"] = [[sum(pod) for pod in zip(*row.values())] for row in rounds]
    return steps


def speed_budgets(result):
    ours, ptp, bridge = (result["cni"][name]["one"] for name in
                         ("tortie", "ptp+host-local", "bridge+host-local"))
    add, delete = (milliseconds(ours[verb], .5) for verb in ("ADD", "DEL"))
    most = milliseconds(ours["ADD"], .99)
    rows = [budget("ADD p50, one after another, ms", f"{add:.2f}", 2.5, add, True),
            budget("ADD p99, ms", f"{most:.2f}", 10, most, True)]
    for name, other in (("ptp+host-local", ptp), ("bridge+host-local", bridge)):
        value = add / milliseconds(other["ADD"], .5)
        rows.append(budget(f"ADD p50 / {name}", f"{value:.3f}", .25, value, True))
    rows.append(budget("DEL p50, ms", f"{delete:.2f}", 2, delete, True))
    for count, bound in ((100, 250), (300, 800)):
        value = result["cni"]["tortie"][f"burst_{count}"]["add_all_ms"]
        rows.append(budget(f"{count} ADDs at once, all answered, ms", f"{value:.0f}", bound, value,
                           True))
    return rows


def size_budgets(result):
    one, rounds = result["cni"]["tortie"]["one"], result["thousand"]["rounds"]
    filled = adds(result["thousand"])
    growth = near(filled, len(filled[0])) / near(filled, 10)
    octets, rss = result["plugin_octets"] / 1e6, one["rss_kib"] / 1024
    cpu = max(one["add_cpu_us"], one["del_cpu_us"]) / 1000
    agent = max(row["tortied_rss_kib"] for row in rounds) / 1024
    alone = kernel_steps(result["thousand"])["in all"]
    floor = near(alone, len(alone[0])) / near(alone, 10)
    return [budget("ADD number 1,000 / number 10", f"{growth:.2f} (the kernel alone {floor:.2f})",
                   1.3, growth, True),
            budget("plugin: program, MB", f"{octets:.2f}", 1, octets, True),
            budget("plugin: RSS, MiB", f"{rss:.1f}", 2, rss, True),
            budget("plugin: CPU of a call, ms", f"{cpu:.2f}", 1, cpu, True),
            budget("tortied RSS at 1,000 pods, MiB", f"{agent:.1f}", 10, agent, True)]


def to_bare(gbps, path, family):
    """Median of the rounds' own ratios to the bare veth pair: a slow half minute moves none."""
    return statistics.median(value / bare for value, bare in
                             zip(gbps[path][family], gbps["raw_a"][family]))


def big_tcp_budgets(result):
    gbps = result["big_tcp"]["gbps"]
    rows = []
    for family in gbps["raw_a"]:
        value, bare = (to_bare(gbps, path, family) for path in ("tortie", "raw_big"))
        rows.append(budget(f"BIG TCP: same node / plain bare veth, {family}",
                           f"{value:.2f} (bare veth with BIG TCP {bare:.2f})", 2.3, value, False))
    return rows


def plugin_table(cni):
    rows = []
    for name, row in cni.items():
        one, bursts = row["one"], [row["burst_100"], row["burst_300"]]
        failures = one["failures"] + sum(burst["failures"] for burst in bursts)
        rows.append([name] + [f"{milliseconds(one[verb], part):.2f}" for verb in ("ADD", "DEL")
                              for part in (.5, .9, .99)]
                    + [f"{burst[key]:.0f}" for key in ("add_all_ms", "del_all_ms")
                       for burst in bursts]
                    + [f"{one['add_cpu_us'] / 1000:.2f}", f"{one['del_cpu_us'] / 1000:.2f}",
                       f"{one['rss_kib'] / 1024:.1f}", str(failures)])
    return table(["plugin", "ADD p50", "p90", "p99", "DEL p50", "p90", "p99", "100 ADDs at once",
                  "300 ADDs", "100 DELs at once", "300 DELs", "CPU of an ADD", "of a DEL",
                  "RSS MiB", "failures"], rows)


def thousand_table(thousand):
    rows = []
    for number, row in enumerate(thousand["rounds"], 1):
        rows.append([str(number)] + [f"{near([row['ADD']], at) / 1000:.2f}" for at in NUMBERS]
                    + [f"{milliseconds(row['DEL'], .5):.2f}", f"{row['tortied_cpu_us'] / 1000:.2f}",
                       f"{row['tortied_rss_kib'] / 1024:.1f}", str(row["failures"])])
    return table(["round", "ADD number 10", "250", "500", "1,000", "DEL p50",
                  "CPU of tortied for an ADD", "RSS of tortied MiB", "failures"], rows)


KERNEL_STEPS = {"create": "the veth pair", "pod": "the pod's side", "in all": "in all",
                "attach": "clsact and two filters", "host": "the host's side, both ends active"}


def kernel_table(thousand):
    rows = []
    for name, samples in kernel_steps(thousand).items():
        first, last = (near(samples, at) / 1000 for at in (NUMBERS[0], NUMBERS[-1]))
        rows.append([KERNEL_STEPS[name]] + [f"{near(samples, at) / 1000:.2f}" for at in NUMBERS]
                    + [f"{last - first:+.2f}"])
    rows.append(["**a whole ADD, as above**"]
                + [f"{near(adds(thousand), at) / 1000:.2f}" for at in NUMBERS]
                + [f"{(near(adds(thousand), 1000) - near(adds(thousand), 10)) / 1000:+.2f}"])
    return table(["the kernel alone", "number 10", "250", "500", "1,000", "more at 1,000"], rows)


def big_tcp_table(big_tcp):
    titles = {"raw_a": "bare veth pair", "raw_big": "bare veth pair, BIG TCP",
              "tortie": "**tortie, same node**"}
    rows = []
    gbps = big_tcp["gbps"]
    for path, families in gbps.items():
        rows.append([titles[path]])
        for family, values in families.items():
            rows[-1].append(f"{statistics.median(values):.1f} ({to_bare(gbps, path, family):.2f})")
    return table(["path"] + [f"{family} Gb/s, one CPU" for family in gbps["raw_a"]], rows)


def head(result):
    machine = result["machine"]
    return "\n".join([
        "# CNI benchmarks", "",
        "Generated by `make bench-cni` from [benchmarks-cni.json](benchmarks-cni.json), which "
        "holds every raw sample. Only the ratios mean something elsewhere.", "",
        f"Commit {machine['commit']}, {machine['date']}, Linux {machine['kernel']}, "
        f"{machine['cpu']}, {machine['cpus']} CPUs, load {machine['load']} before and "
        f"{machine['load_after']} after. Times are milliseconds, as the caller of the plugin sees "
        "them: from its start to its end. Network namespaces are made outside the clock."]) + "\n"


def write(result, path):
    sizes = result["big_tcp"]["gso_max_size"]
    parts = [
        head(result),
        "## Budgets\n",
        table(["what", "budget", "measured", "held"],
              speed_budgets(result) + size_budgets(result) + big_tcp_budgets(result)),
        "## Beside the reference plugins\n\n"
        f"{result['rounds']} interleaved rounds of {result['one_count']} pods one after another; "
        f"of {result['burst_rounds']} rounds of many at once the best, all answered.\n",
        plugin_table(result["cni"]),
        "## 1,000 pods on one node\n\nOne after another; medians of "
        f"{AROUND} ADDs around the number.\n",
        thousand_table(result["thousand"]),
        "The same requests to the kernel by themselves, without plugin, agent and maps, in a "
        "namespace of their own, by turns with the rounds above. What grows here an ADD cannot "
        "avoid.\n",
        kernel_table(result["thousand"]),
        "## BIG TCP\n\nIn brackets: ratio to the bare veth pair. Segments of up to "
        f"{sizes['IPv4']} octets for IPv4 and {sizes['IPv6']} for IPv6 (0: this kernel has "
        "none).\n",
        big_tcp_table(result["big_tcp"])]
    with open(path, "w", encoding="utf-8") as file:
        file.write("\n".join(parts))


if __name__ == "__main__":
    with open(sys.argv[1], encoding="utf-8") as source:
        write(json.load(source), sys.argv[2])
