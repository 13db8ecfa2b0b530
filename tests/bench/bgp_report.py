#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Make benchmarks-bgp.md out of benchmarks-bgp.json: budgets, all daemons side by side, growth."""
import json
import statistics
import sys

from report import percentile, table

TITLES = {"tortie": "**tortie-bgpd**", "bird": "BIRD 2", "frr": "FRR", "gobgp": "GoBGP",
          "openbgpd": "OpenBGPD", "relay": "plain relay, no BGP"}
ONE_CPU = " on one CPU"
NONE = "-"


def values(samples, label, name, key):
    """The key of each run that has it; latencies by 'KEY p50'."""
    key, _, part = key.partition(" p")
    found = [row[key] for row in samples.get(label, {}).get(name, []) if row.get(key)]
    return [percentile(one, int(part) / 100) for one in found] if part else found


def best(samples, label, name, key):
    """Other load only adds to times; memory does not depend on it."""
    found = values(samples, label, name, key)
    if not found:
        return None
    return statistics.median(found) / 1024 if key.endswith("_kib") else min(found)


def text(value):
    if value is None:
        return NONE
    return f"{value:.0f}" if value >= 1000 else f"{value:.3g}"


class Budgets:
    def __init__(self, samples):
        self.samples = samples
        self.rows = []

    def value(self, label, key, name="tortie"):
        return best(self.samples, label, name, key)

    def add(self, what, label, key, bound, words):
        value = self.value(label, key)
        if value is not None and bound is not None:
            self.rows.append([what, words, text(value), "yes" if value <= bound else "**no**"])

    def absolute(self, what, label, key, bound):
        self.add(what, label, key, bound, f"<= {text(bound)}")

    def relative(self, what, label, key, factor, other=None):
        bird = self.value(*(other or (label, key)), name="bird")
        if bird is not None:
            relay = self.value(label, key, name="relay")
            floor = "" if relay is None else f" (plain relay: {text(relay)})"
            self.add(what, label, key, bird * factor,
                     f"<= {factor:g} x BIRD's {text(bird)} = {text(bird * factor)}{floor}")

    def microseconds(self, suffix):
        """What is measured both ways, ours and BIRD's the same way."""
        for part in (50, 90):
            self.relative(f"one change through{suffix}, p{part}, us", "change" + suffix,
                          f"announce_us p{part}", 0.85)
        into_kernel = ("kernel" + suffix, "announce_us p50")
        self.relative(f"one route into the BPF map{suffix}, p50, us", "map" + suffix,
                      "announce_us p50", 1, into_kernel)
        self.relative(f"one route into the kernel's table{suffix}, p50, us", *into_kernel, 1)


def budgets(samples):
    rows = Budgets(samples)
    rows.absolute("idle RSS, 2 neighbours, MiB", "through 100000", "idle_rss_kib", 3)
    for count, name in ((100000, "100k"), (1000000, "1M")):
        rows.relative(f"{name} through, ms", f"through {count}", "all_ms", 0.6)
        rows.relative(f"{name} through, CPU ms", f"through {count}", "cpu_ms", 0.6)
    rows.absolute("RSS with 1M, MiB", "through 1000000", "rss_kib", 110)
    for suffix in (ONE_CPU, ""):
        rows.microseconds(suffix)
    rows.relative("neighbour lost, 100k withdrawn, ms", "through 100000", "lost_ms", 1)
    rows.absolute("500 neighbours: RSS, MiB", "crowd 500", "rss_kib", 10)
    rows.absolute("500 neighbours: CPU ms a second, keepalives of 3 s", "crowd 500",
                  "idle_ms_per_s", 4)
    rows.absolute("500 neighbours: all up after a joint restart, ms", "crowd 500", "again_ms",
                  1000)
    rows.absolute("reflector for 500 clients: all told, ms", "crowd 500", "reflect_ms", 300)
    rows.absolute("reflector for 500 clients: CPU ms", "crowd 500", "reflect_cpu_ms", 250)
    return table(["what", "budget", "measured", "held"], rows.rows)


def matrix(samples, columns):
    """A line a daemon; columns: (title, label, key)."""
    rows = []
    for name, title in TITLES.items():
        cells = [best(samples, label, name, key) for _, label, key in columns]
        if any(cell is not None for cell in cells):
            rows.append([title] + [text(cell) for cell in cells])
    return table(["daemon"] + [title for title, _, _ in columns], rows)


def through(samples):
    columns = [("idle RSS MiB", "through 100000", "idle_rss_kib")]
    for count, name in ((10000, "10k"), (100000, "100k"), (1000000, "1M")):
        label = f"through {count}"
        columns += [(f"{name} ms", label, "all_ms"), (f"{name} CPU ms", label, "cpu_ms"),
                    (f"{name} RSS MiB", label, "rss_kib"), (f"{name} lost ms", label, "lost_ms")]
    return matrix(samples, columns)


def changes(samples, suffix):
    columns = [("CPU us a change", "change" + suffix, "cpu_us")]
    for label, key, name in (("change" + suffix, "announce_us", "announced"),
                             ("change" + suffix, "withdraw_us", "withdrawn"),
                             ("kernel" + suffix, "announce_us", "in kernel's table"),
                             ("map" + suffix, "announce_us", "in BPF map")):
        columns += [(f"{name} p{part} us", label, f"{key} p{part}") for part in (50, 90, 99)]
    return matrix(samples, columns)


def kernel(samples):
    return matrix(samples, [("10k in the kernel's table ms", "fill", "fill_ms"),
                            ("CPU ms", "fill", "fill_cpu_ms"),
                            ("neighbour lost: none left ms", "fill", "empty_ms")])


def crowd(samples):
    columns = []
    for size in (10, 100, 500):
        columns += [(f"{size}: {name}", f"crowd {size}", key) for name, key in (
            ("up ms", "up_ms"), ("again ms", "again_ms"), ("RSS MiB", "rss_kib"),
            ("idle CPU ms/s", "idle_ms_per_s"), ("reflect ms", "reflect_ms"),
            ("reflect CPU ms", "reflect_cpu_ms"))]
    return matrix(samples, columns)


def growth(samples):
    """What one costs, by how many there are: constant or falling is linear growth or better."""
    rows = []
    for what, key, sizes in (
            ("us of CPU a prefix", "cpu_ms", (10000, 100000, 1000000)),
            ("us of time a prefix", "all_ms", (10000, 100000, 1000000)),
            ("us a withdrawn prefix", "lost_ms", (10000, 100000, 1000000))):
        cells = [best(samples, f"through {size}", "tortie", key) for size in sizes]
        rows.append([what] + [f"{size}: {cell * 1000 / size:.2f}" for size, cell in
                              zip(sizes, cells) if cell is not None])
    sizes = (10, 100, 500)
    for what, key, pairs in (("idle CPU us a second and neighbour", "idle_ms_per_s", False),
                             ("us a neighbour until all are up again", "again_ms", False),
                             ("reflector, us an advertisement", "reflect_ms", True),
                             ("reflector, CPU us an advertisement", "reflect_cpu_ms", True)):
        cells = [best(samples, f"crowd {size}", "tortie", key) for size in sizes]
        rows.append([what] + [
            f"{size}: {cell * 1000 / (size * (size - 1) if pairs else size):.2f}"
            for size, cell in zip(sizes, cells) if cell is not None])
    return table(["cost of one", "few", "more", "many"],
                 [row + [NONE] * (4 - len(row)) for row in rows])


def head(result):
    machine = result["machine"]
    versions = ", ".join(f"{TITLES[name]} {version}"
                         for name, version in result["versions"].items())
    return "\n".join([
        "# BGP benchmarks", "",
        "Generated by `make bench-bgp` from [benchmarks-bgp.json](benchmarks-bgp.json), which "
        "holds every raw sample. Only the ratios mean something elsewhere.", "",
        f"Commit {machine['commit']}, {machine['date']}, Linux {machine['kernel']}, "
        f"{machine['cpu']}, {machine['cpus']} CPUs, congestion control "
        f"{machine['congestion_control']}, load {machine['load']} before and "
        f"{machine['load_after']} after. Beside {versions} (Debian packages). Best of "
        f"{result['rounds']} interleaved rounds for tortie and BIRD, the others once; memory: "
        "median.", "",
        "One veth pair between the daemon and its neighbours, which are one program: /24 prefixes, "
        "5 to an attribute set, AS path of 3 to 5, MED, community, 17.8 octets of UPDATE a prefix. "
        "CPU is the daemon's own (schedstat); what the kernel does in its name, such as the "
        "neighbour's half of the veth pair, is in it.", ""])


def write(result, path):
    samples = result["samples"]
    parts = [head(result), "## Budgets\n", budgets(samples),
             "## In one side, out the other\n\nExternal neighbours, no kernel routes; lost: from "
             "the first one's end to the last withdrawal at the second.\n", through(samples),
             "## One change\n\n1,000 held (100 where kernel or map are waited for). Daemon and "
             "neighbours on one CPU, as waking another one costs more than either daemon and "
             "varies with the machine. The plain relay passes octets on without a look at them, "
             "with the system calls and processes of our design and no others "
             "(tests/tools/bgp_relay.c): what is left is the kernel's and the machine's.\n",
             changes(samples, ONE_CPU),
             "The same on all CPUs, where the kernel places them.\n", changes(samples, ""),
             "## Into the kernel's table\n\ntortie-bgpd with tortied, which writes the map too; "
             "counted by RTM_NEWROUTE, RTM_DELROUTE.\n", kernel(samples),
             "## Many neighbours\n\nInternal ones that tell one /24 each and are reflected to all. "
             "They give up a connection that is not taken within 0.3 to 0.7 s, and come again; "
             "again: all connections closed and opened at once.\n", crowd(samples),
             "## Growth of tortie-bgpd\n", growth(samples)]
    with open(path, "w", encoding="utf-8") as file:
        file.write("\n".join(parts))


if __name__ == "__main__":
    with open(sys.argv[1], encoding="utf-8") as source:
        write(json.load(source), sys.argv[2])
