#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""`make bench-bgp`: tortie-bgpd beside BIRD 2 and, where installed, FRR, GoBGP and OpenBGPD.

Every figure comes from the same injector (tests/tools/bgp_injector.c, bgp_crowd.c) against a
daemon that was just started. Rounds follow each other and every round takes the daemons in turn, so
what the machine does besides meets all alike; times and CPU are the best of the rounds (other load
only adds), memory their median. Speaker and injector run at nice -10. Raw samples go to
OUT/benchmarks-bgp.json; bgp_report.py makes OUT/benchmarks-bgp.md of it.

    bgp_bench.py [--rounds N] [--out DIR] [--only through,change,route,crowd] [--with NAME,...]
"""
import argparse
import json
import operator
import os
import subprocess
import sys
from pathlib import Path

import bgp_daemons as daemons
import bgp_report
import harness
import outcome

THROUGH = (10000, 100000, 1000000)
CROWDS = (10, 100, 500)
HELD, CHANGES = 1000, 1000
ROUTES, FILL = 500, 10000
IDLE_S = 9  # three keepalives of each side, one look of each hold timer
PARTS = ("through", "change", "route", "crowd")
# The slower ones run once, and leave out what they need minutes for.
ONCE = {"through": (100000,), "crowd": (500,)}
CHANGES_ONCE = 100
CONGESTION_CONTROL = "/proc/sys/net/ipv4/tcp_congestion_control"  # a namespace begins with it
# What takes microseconds is measured both ways: a CPU that is woken may cost more than the daemon.
PIN = operator.methodcaller("pin")
WAYS = (("", []), (bgp_report.ONE_CPU, ["taskset", "-c", "0"]))


def tool(bed, name, *arguments):
    done = subprocess.run(
        ["ip", "netns", "exec", bed.peers.netns, *daemons.NICE, *bed.on_cpu,
         str(daemons.TOOLS / name), *[str(a) for a in arguments]],
        stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=400)
    if done.returncode:
        raise RuntimeError(f"{name} {' '.join(str(a) for a in arguments)}: {done.stderr.strip()}")
    return json.loads(done.stdout)


class Bench:
    def __init__(self, bed, parts):
        self.bed = bed
        self.parts = parts
        self.samples = {}

    def run(self, label, daemon, program, *arguments):
        """Start the daemon, run the tool against it, keep what it says."""
        try:
            daemon.start()
            row = tool(self.bed, program, daemons.SPEAKER,
                       ",".join(str(pid) for pid in daemon.pids()),
                       *[a(daemon) if callable(a) else a for a in arguments])
        except (RuntimeError, subprocess.TimeoutExpired, harness.Failed) as error:
            row = {"failed": str(error)}
            print(f"{daemon.name} {label}: {error}", file=sys.stderr, flush=True)
        finally:
            daemon.stop()
        self.samples.setdefault(label, {}).setdefault(daemon.name, []).append(row)

    def through(self, make, counts):
        for count in counts:
            self.run(f"through {count}", make(self.bed, "external"), "bgp_injector", "through",
                     count)

    def both_ways(self, label, make, kind, *arguments):
        for suffix, on_cpu in WAYS:
            self.bed.on_cpu = on_cpu
            self.run(label + suffix, make(self.bed, kind), "bgp_injector", label, *arguments)
        self.bed.on_cpu = []

    def change(self, make, count):
        self.both_ways("change", make, "external", count, HELD)

    def route(self):
        netns = f"/run/netns/{self.bed.speaker.netns}"
        for make in (daemons.TortieNode, daemons.Bird, daemons.Relay):
            self.both_ways("kernel", make, "kernel", ROUTES, netns)
        for make in (daemons.TortieNode, daemons.Bird):
            self.run("fill", make(self.bed, "kernel"), "bgp_injector", "fill", FILL, netns)
        self.both_ways("map", daemons.TortieNode, "kernel", ROUTES, PIN)
        self.both_ways("map", daemons.Relay, "map", ROUTES, PIN)

    def crowd(self, make, sizes):
        for size in sizes:
            self.run(f"crowd {size}", make(self.bed, size), "bgp_crowd", size, IDLE_S)

    def round(self, makes):
        if "route" in self.parts:
            self.route()
        if "change" in self.parts:
            self.change(daemons.Relay, CHANGES)
        for make in makes:
            if "through" in self.parts:
                self.through(make, THROUGH)
            if "change" in self.parts:
                self.change(make, CHANGES)
            if "crowd" in self.parts:
                self.crowd(make, CROWDS)

    def once(self, make):
        if "through" in self.parts:
            self.through(make, ONCE["through"])
        if "change" in self.parts:
            self.change(make, CHANGES_ONCE)
        if "crowd" in self.parts:
            self.crowd(make, ONCE["crowd"])


def measure(rounds, parts, others):
    lab = harness.Lab("benchbgp")
    try:
        run = Bench(daemons.Bed(lab, max(CROWDS)), parts)
        makes = [daemons.Tortie, daemons.Bird]
        for number in range(rounds):
            run.round(makes if number % 2 == 0 else makes[::-1])
            print(f"round {number + 1} of {rounds}", flush=True)
        for make in others:
            run.once(make)
            print(f"{make.name} once", flush=True)
        return run.samples
    finally:
        lab.close()


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--out", default="build/bench")
    parser.add_argument("--only", default=",".join(PARTS))
    parser.add_argument("--with", dest="others", default="frr,gobgp,openbgpd")
    args = parser.parse_args()
    if os.geteuid():
        sys.exit("bench-bgp: needs root: it makes network namespaces")
    os.chdir(harness.ROOT)
    others = [make for make in daemons.OTHERS
              if make.name in args.others.split(",") and make.is_installed()]
    result = {"machine": outcome.machine(), "rounds": args.rounds}
    result["machine"]["congestion_control"] = Path(CONGESTION_CONTROL).read_text().strip()
    result["versions"] = daemons.versions([daemons.Bird, *others])
    result["samples"] = measure(args.rounds, args.only.split(","), others)
    outcome.keep(result, args.out, "benchmarks-bgp", bgp_report.write)
    return 0


if __name__ == "__main__":
    sys.exit(main())
