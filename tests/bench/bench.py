#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""`make bench`: tortie beside the kernel's own ways and the reference CNI plugins, in one run.

A round measures, mode by mode, every path once, one right after the other; rounds follow each
other, so what the machine does besides meets all paths alike. A figure is the median of its
rounds, a ratio the median of the rounds' own ratios: a machine that is slow for half a minute
moves the figures, not the ratios. Two bare veth pairs that are the same thing must agree within 3
%, or the run says so and ends with 1: its ratios would mean nothing. All raw samples go to
OUT/benchmarks.json; report.py makes OUT/benchmarks.md of it.

    bench.py [--rounds N] [--seconds S] [--out DIR] [--only network|cni|memory]
"""
import argparse
import os
import sys

import cni_bench
import memory_bench
import outcome
import paths
import report
import tortie_paths

MODES = ("tcp_rr", "udp_rr", "crr", "udp_pps", "tcp_stream")
RESOLUTION = 0.03
# Attempts of the whole network part when the two equal paths disagree.
ATTEMPTS = 2


def measure_round(all_paths, seconds, samples, number):
    """One round; every second one goes backwards, so that no path always follows the same other."""
    for family in paths.FAMILIES:
        for mode in MODES:
            for path in all_paths if number % 2 == 0 else all_paths[::-1]:
                row = samples.setdefault(path.name, {}).setdefault(family, {}).setdefault(mode, [])
                row.append(path.measure(family, mode, seconds))


def measure_network(rounds, seconds, kube_proxy):
    spaces = paths.Namespaces()
    ours = tortie_paths.TortiePaths(kube_proxy)
    samples = {}
    try:
        all_paths = paths.kernel_paths(spaces)
        all_paths[3:3] = [ours.same_node()]
        all_paths.append(ours.cross_node())
        limits = {path.name: path.limit for path in all_paths}
        for number in range(rounds):
            measure_round(all_paths, seconds, samples, number)
            print(f"round {number + 1} of {rounds}", flush=True)
        return {"limits": limits, "samples": samples, "status": ours.status(),
                "kube_proxy": kube_proxy,
                "bpf_ns": ours.program_ns(paths.NETBENCH, all_paths[0])}
    finally:
        ours.close()
        spaces.close()


def disagreement(samples):
    """How far the two bare pairs are apart, over the latency modes, whose medians repeat."""
    return max(abs(report.paired_ratio(samples["raw_b"][family][mode],
                                       samples["raw_a"][family][mode], "p50_us") - 1)
               for family in paths.FAMILIES for mode in ("tcp_rr", "udp_rr"))


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--seconds", type=float, default=0.2)
    parser.add_argument("--out", default="build/bench")
    parser.add_argument("--only", choices=("network", "cni", "memory"))
    parser.add_argument("--kube-proxy", choices=("beside", "none"), default="beside")
    args = parser.parse_args()
    if os.geteuid():
        sys.exit("bench: needs root: it makes network namespaces")
    result = {"machine": outcome.machine(), "rounds": args.rounds, "seconds": args.seconds}
    result["machine"]["resolution"] = RESOLUTION
    if args.only in (None, "network"):
        for attempt in range(ATTEMPTS):
            result["network"] = measure_network(args.rounds, args.seconds, args.kube_proxy)
            result["a_a"] = disagreement(result["network"]["samples"])
            if result["a_a"] <= RESOLUTION:
                break
            print(f"two equal veth pairs differ by {result['a_a']:.1%}: the machine is not quiet "
                  f"(attempt {attempt + 1} of {ATTEMPTS})", flush=True)
        else:
            sys.exit(f"bench: refused, and nothing written: the two bare veth pairs differ by more "
                     f"than {RESOLUTION:.0%}; run again on a quiet machine")
    if args.only in (None, "cni"):
        result["cni"] = cni_bench.measure()
    if args.only in (None, "memory"):
        result["memory"] = memory_bench.measure()
    outcome.keep(result, args.out, "benchmarks", report.write)


if __name__ == "__main__":
    main()
