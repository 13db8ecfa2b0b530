# SPDX-License-Identifier: Apache-2.0
"""A node's life as a random walk: pods come and go, programs are killed, the machine is restarted;
and after it everything that holds an address holds the same ones.

The test is the runtime: what it believes is `Life.pods`. Each step is one that a real node knows.
compare() reads every place by itself: the links with their records, the agent's list, ipam's
counts, map endpoint, the routes and neighbours, the addresses in the pods' own namespaces, another
IPAM plugin's store, and what `tortie ipam check` says of it all.
"""
import ipaddress
import json
import os
import random
import shutil
import signal
import subprocess
import time
from pathlib import Path

from harness import Failed, Pod, inside, wait_until
from inventory import words
from runtime import call, config

REFERENCE = Path("/usr/lib/cni")  # Debian's containernetworking-plugins
QUARANTINE_S = 15
BLOCK_SIZE = 128
UNKNOWN_MAX = 30
PODS_MAX = 10
LONGEST_ADD_S = 0.006


class Life:
    def __init__(self, node, seed, restarts=1.0):
        self.node = node
        node.config["quarantine"] = QUARANTINE_S
        node.config["pools"][0]["blocks"] = ["10.244.1.0/25"]
        node.start_agent()
        self.rng = random.Random(seed)
        self.serial = 0
        self.pods = []      # what the runtime believes in
        self.ended = []     # pods of which a late DEL may come
        self.freed = {}     # address -> when the runtime let go of it, at the earliest
        self.done = {}      # step -> how often
        self.results = node.dir / "results"
        self.results.mkdir()
        self.store = node.dir / "store"
        self.other = {"type": "host-local", "dataDir": str(self.store),
                      "ranges": [[{"subnet": "10.99.0.0/16"}]]}
        self.steps = [
            (30, self.add), (22, self.delete), (5, self.late_delete), (4, self.second_add),
            (5, self.namespace_ends), (3, self.link_removed), (6, self.plugin_killed),
            (2 * restarts, self.agent_killed_in_add), (3 * restarts, self.agent_killed),
            (2 * restarts, self.agent_stopped), (2 * restarts, self.delete_while_away),
            (1 * restarts, self.reboot),
        ]
        if (REFERENCE / "host-local").exists():
            self.steps.append((5, self.add_from_another))

    # --- the runtime ---

    def new_pod(self):
        self.serial += 1
        pod = Pod(self.node, f"l{self.serial}", add=False)
        pod.keys = {}
        return pod

    def result_file(self, pod):
        return self.results / f"testnet-{pod.container_id}-{pod.ifname}"

    def cni(self, pod, command, **env):
        return call(pod, command, env={"CNI_PATH": str(REFERENCE), **env}, **pod.keys)

    def believe(self, pod, result):
        pod.result = result
        self.pods.append(pod)
        for address in pod.addresses():
            rested = time.monotonic() - self.freed.get(str(address), -1e9)
            assert pod.keys or rested >= QUARANTINE_S or self.block_is_short(address), \
                f"{address} was handed out again after {rested:.1f} s"
        taken = [str(a) for p in self.pods for a in p.addresses()]
        assert len(set(taken)) == len(taken), "an address was given twice"
        self.result_file(pod).write_text(json.dumps({
            "kind": "cniCacheV1", "containerId": pod.container_id, "config": "e30=",
            "ifName": pod.ifname, "networkName": "testnet", "result": result}))

    def block_is_short(self, address):
        """May there be no address that has rested? Killed ADDs took some that nobody knows of."""
        since = time.monotonic() - QUARANTINE_S
        resting = sum(when > since and "." in a for a, when in self.freed.items())
        return address.version == 4 and resting + len(self.pods) + UNKNOWN_MAX >= BLOCK_SIZE

    def forget(self, pod):
        self.result_file(pod).unlink(missing_ok=True)
        if pod in self.pods:
            self.pods.remove(pod)
            now = time.monotonic()
            self.freed.update((str(a), now) for a in pod.addresses())

    def end(self, pod, with_netns=True):
        """DEL, and the namespace goes."""
        answer = self.cni(pod, "DEL", **({} if with_netns else {"CNI_NETNS": ""}))
        assert answer.status == 0, answer.stdout
        self.forget(pod)
        pod.delete()
        self.ended = [*self.ended[-5:], pod]

    def choose(self):
        return self.rng.choice(self.pods) if self.pods else None

    # --- steps ---

    def add(self):
        if len(self.pods) >= PODS_MAX:
            return self.delete()
        pod = self.new_pod()
        answer = self.cni(pod, "ADD")
        assert answer.status == 0, answer.stdout
        return self.believe(pod, answer.json)

    def add_from_another(self):
        if len(self.pods) >= PODS_MAX:
            return self.delete()
        pod = self.new_pod()
        pod.keys = {"ipam": self.other}
        answer = self.cni(pod, "ADD")
        assert answer.status == 0, answer.stdout
        return self.believe(pod, answer.json)

    def delete(self):
        pod = self.choose()
        if pod:
            self.end(pod, self.rng.random() < 0.7)

    def late_delete(self):
        """The second or third of a pod, without a namespace."""
        if self.ended:
            pod = self.rng.choice(self.ended)
            answer = self.cni(pod, "DEL", CNI_NETNS="")
            assert answer.status == 0 and answer.stdout == "", answer.stdout

    def second_add(self):
        pod = self.choose()
        if pod:
            answer = self.cni(pod, "ADD")
            assert answer.status == 1, answer.stdout

    def namespace_ends(self):
        """The sandbox dies; its DEL comes, with or without delay, or after the next steps."""
        pod = self.choose()
        if pod:
            pod.delete()
            self.end(pod, with_netns=False)

    def link_removed(self):
        """By hand, on the node; the runtime deletes the broken pod."""
        pod = self.choose()
        if pod:
            self.node.ip("link", "del", pod.host_ifname)
            self.end(pod)

    def start_add(self, pod):
        environment = {k: v for k, v in os.environ.items() if not k.startswith("CNI_")}
        environment.update(CNI_COMMAND="ADD", CNI_CONTAINERID=pod.container_id,
                           CNI_NETNS=pod.netns_path, CNI_IFNAME=pod.ifname, CNI_PATH="/nonexistent")
        with inside(self.node.netns):
            process = subprocess.Popen([self.node.build / "tortie-cni"], stdin=subprocess.PIPE,
                                       stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
                                       env=environment, text=True)
        process.stdin.write(json.dumps(config(self.node)))
        process.stdin.close()
        process.stdin = None
        time.sleep(self.rng.uniform(0, LONGEST_ADD_S))  # the random instant
        return process

    def settle_add(self, pod, process):
        """What a runtime does with an answer, or with none: DEL and, here, no retry."""
        out, _ = process.communicate(timeout=30)
        if process.returncode == 0:
            self.believe(pod, json.loads(out))
        else:
            self.end_unborn(pod)

    def end_unborn(self, pod):
        answer = self.cni(pod, "DEL")
        assert answer.status == 0, answer.stdout
        pod.delete()

    def plugin_killed(self):
        pod = self.new_pod()
        process = self.start_add(pod)
        process.kill()
        self.settle_add(pod, process)

    def agent_killed_in_add(self):
        pod = self.new_pod()
        process = self.start_add(pod)
        self.node.stop_agent(signal.SIGKILL)
        self.start_agent()
        self.settle_add(pod, process)

    def start_agent(self):
        self.node.ready_file.unlink(missing_ok=True)
        self.node.start_agent()

    def agent_killed(self):
        self.node.stop_agent(signal.SIGKILL)
        self.start_agent()

    def agent_stopped(self):
        self.node.stop_agent()
        self.start_agent()

    def delete_while_away(self):
        """DELs become notes, namespaces end unseen."""
        self.node.stop_agent(self.rng.choice([signal.SIGKILL, signal.SIGTERM]))
        for _ in range(self.rng.randint(0, 2)):
            self.delete()
        pod = self.choose()
        if pod:
            self.namespace_ends()
        self.start_agent()

    def reboot(self):
        """Power off: processes, namespaces, links, pins, /run; the runtime sends DELs then."""
        node = self.node
        node.stop_agent(signal.SIGKILL)
        lost, self.pods = self.pods, []
        for pod in lost:
            pod.delete()
        wait_until(lambda: not node.cali_links(), "links end with the namespaces")
        for folder in (node.run_dir, node.bpf_dir):
            for path in folder.iterdir():
                shutil.rmtree(path) if path.is_dir() else path.unlink()
        for family in ("-4", "-6"):
            node.ip(family, "route", "flush", "proto", "116")
        self.freed.clear()
        self.start_agent()
        for pod in lost:
            answer = self.cni(pod, "DEL", CNI_NETNS="")
            assert answer.status == 0, answer.stdout
            self.result_file(pod).unlink(missing_ok=True)

    def step(self):
        weights, steps = zip(*self.steps)
        step = self.rng.choices(steps, weights)[0]
        step()
        self.done[step.__name__] = self.done.get(step.__name__, 0) + 1
        return step.__name__

    # --- what holds addresses ---

    def compare(self, history):
        """All views equal what the runtime believes in; links are deleted in batches, so wait."""
        try:
            wait_until(lambda: not self.differences(), "equal sets", 10, 0.1)
        except Failed as error:
            raise AssertionError(f"after {history[-12:]}:\n" + "\n".join(self.differences()) +
                                 f"\n{self.node.log()[-2000:]}") from error
        command = ["--bpf-dir", self.node.bpf_dir, "--results", self.results]
        assert "All agree." in self.node.tortie("ipam", "check", *command)

    def differences(self):
        want = {p.host_ifname: sorted(str(a) for a in p.addresses()) for p in self.pods}
        found = []
        for name, view in (("links", self.links()), ("agent", self.agent()),
                           ("map", self.map()), ("routes", self.by_device("route")),
                           ("neighbours", self.by_device("neigh")), ("pods", self.inside_pods())):
            if view != want:
                found.append(f"{name}: {view}\nruntime: {want}")
        own = [a for p in self.pods if not p.keys for a in p.addresses()]
        used = sum(int(row["used"]) for row in self.node.tortie_json("ipam", "show"))
        if used != len(own):
            found.append(f"ipam counts {used} addresses, pods have {len(own)}")
        counters = len(self.node.map_dump("ep_slot"))
        if counters != len(want):
            found.append(f"{counters} counters, {len(want)} pods")
        others = sorted(str(a) for p in self.pods if p.keys for a in p.addresses())
        kept = sorted(p.name for p in (self.store / "testnet").glob("10.*"))
        if kept != others:
            found.append(f"host-local keeps {kept}, pods have {others}")
        return found

    def links(self):
        return {link["ifname"]: sorted(link["ifalias"].split()[4:])
                for link in self.node.cali_links()}

    def agent(self):
        return {row["interface"]: sorted(n.split("/")[0] for n in row["networks"])
                for row in self.node.tortie_json("get", "workloadendpoint")}

    def map(self):
        names = {link["ifindex"]: link["ifname"] for link in self.node.cali_links()}
        view = {}
        for entry in self.node.map_dump("endpoint"):
            index = int.from_bytes(words(entry["value"])[0:4], "little")
            if index:
                address = text_of(words(entry["key"]))
                view.setdefault(names.get(index, index), []).append(address)
        return {name: sorted(addresses) for name, addresses in view.items()}

    def by_device(self, kind):
        """Host routes, or permanent neighbours, on pods' links."""
        view = {}
        for family in ("-4", "-6"):
            query = ["show", "proto", "116"] if kind == "route" else ["show", "nud", "permanent"]
            for row in self.node.json(family, kind, *query):
                if row.get("dev", "").startswith("cali"):
                    view.setdefault(row["dev"], []).append(row["dst"])
        return {name: sorted(addresses) for name, addresses in view.items()}

    def inside_pods(self):
        view = {}
        for pod in self.pods:
            rows = pod.json("addr", "show", "dev", pod.ifname)
            view[pod.host_ifname] = sorted(a["local"] for row in rows for a in row["addr_info"])
        return view


def text_of(key):
    """A map's 16 octets as text."""
    address = ipaddress.IPv6Address(key)
    return str(address.ipv4_mapped or address)
