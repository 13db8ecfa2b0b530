# SPDX-License-Identifier: Apache-2.0
"""CNI ADD and DEL: tortie beside ptp+host-local and bridge+host-local, interleaved, in fresh
namespaces."""
import json
import os
import subprocess
import tempfile

import paths
import tortie_paths

CNIBENCH = os.path.abspath("build/tests/tools/cnibench")
REFERENCE = "/usr/lib/cni"
ONE_ROUNDS, ONE_COUNT = 4, 50
BURST_ROUNDS, BURST_COUNT = 3, 100


def host_local(folder, plugin, subnet):
    config = {"cniVersion": "1.0.0", "name": plugin, "type": plugin, "ipam": {
        "type": "host-local", "dataDir": f"{folder}/{plugin}", "ranges": [[{"subnet": subnet}]]}}
    if plugin == "bridge":
        config.update(bridge="br0", isGateway=True)
    path = f"{folder}/{plugin}.json"
    with open(path, "w", encoding="utf-8") as file:
        json.dump(config, file)
    return path


def call(namespace, plugin, plugin_dir, config, count, at_once, tag):
    done = subprocess.run(
        ["nsenter", f"--net=/run/netns/{namespace}", CNIBENCH, f"{plugin_dir}/{plugin}", plugin_dir,
         config, str(count), str(at_once), tag],
        stdin=subprocess.DEVNULL, capture_output=True, text=True)
    if not done.stdout.strip().endswith("}"):
        raise RuntimeError(f"{plugin}: {done.stderr.strip()}")
    return json.loads(done.stdout)


def join(rows):
    """Rounds of one plugin as one row: samples together, the best burst (other load only adds)."""
    one, burst = rows
    return {
        "one": {"ADD": sum((row["ADD"]["us"] for row in one), []),
                "DEL": sum((row["DEL"]["us"] for row in one), []),
                "add_cpu_us": min(row["ADD"]["cpu_us"] for row in one),
                "rss_kib": max(row["rss_kib"] for row in one),
                "failures": sum(row["failures"] for row in one)},
        "burst": {"add_all_ms": min(row["ADD"]["all_ms"] for row in burst),
                  "del_all_ms": min(row["DEL"]["all_ms"] for row in burst),
                  "add_all_ms_rounds": [row["ADD"]["all_ms"] for row in burst],
                  "failures": sum(row["failures"] for row in burst)}}


def measure():
    spaces = paths.Namespaces()
    ours = tortie_paths.TortiePaths()
    try:
        with tempfile.TemporaryDirectory() as folder:
            node = ours.node()
            plugins = {"tortie": (node.namespace, "tortie-cni", os.path.abspath("build"),
                                  node.netconf)}
            for number, plugin in enumerate(("ptp", "bridge"), 1):
                plugins[f"{plugin}+host-local"] = (
                    spaces.add(plugin), plugin, REFERENCE,
                    host_local(folder, plugin, f"10.7{number}.0.0/16"))
            rows = {name: ([], []) for name in plugins}
            for kind, rounds, count, at_once in ((0, ONE_ROUNDS, ONE_COUNT, 1),
                                                 (1, BURST_ROUNDS, BURST_COUNT, BURST_COUNT)):
                for number in range(rounds):
                    for name, (namespace, plugin, plugin_dir, config) in plugins.items():
                        rows[name][kind].append(call(namespace, plugin, plugin_dir, config, count,
                                                     at_once, f"{kind}-{number}"))
            return {name: join(row) for name, row in rows.items()}
    finally:
        ours.close()
        spaces.close()
