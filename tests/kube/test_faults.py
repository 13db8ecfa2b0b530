# SPDX-License-Identifier: Apache-2.0
"""kill -9 of any program of the nodes and of the control plane, in turn and at random, under
traffic with sequence numbers between pods: not one packet is lost, all is Ready at the end.

TORTIE_FAULT_MINUTES (3) is how long it is done at random, TORTIE_SEED repeats a run. What was
killed and counted is kept in build/test-logs/kube-faults.json.
"""
import json
import os
import random
import select
import subprocess
import time

import pytest

import kube
from kube import Failed
from programs import control_program, node_program, wait_cluster_ready

MINUTES = float(os.environ.get("TORTIE_FAULT_MINUTES", "3"))
SEED = int(os.environ.get("TORTIE_SEED", str(random.randrange(1 << 32))))
RATE = 500
SECONDS_MAX = 3600
OURS = ("tortied", "tortie-bgpd", "tortie-kubed")
NODE_PROGRAMS = ("containerd", "kubelet")
CONTROL_PROGRAMS = ("apiserver", "etcd")
BETWEEN_SECONDS = (3, 12)


class Flow:
    """Two ends of tests/tools/udp_flow in two pods. They run in the pods' network from the node,
    not by kubectl exec: this must outlive the kubelet, the runtime and the API server."""

    def __init__(self, ends, port):
        """ENDS: two of (node, process in the pod's network, own address)."""
        self.ends = []
        for number, (node, pid, own) in enumerate(ends):
            remote = ends[1 - number][2]
            self.ends.append(subprocess.Popen(
                [*kube.NODE_EXEC, node, "nsenter", "-t", str(pid), "-n", "--",
                 str(kube.TOOLS / "udp_flow"), own, remote, str(port), str(RATE),
                 str(SECONDS_MAX)], stdout=subprocess.PIPE, text=True))
        for end in self.ends:
            self.read(end, "running")

    @staticmethod
    def read(end, wanted=None):
        if not select.select([end.stdout], [], [], 40)[0]:
            raise Failed("udp_flow says nothing")
        line = end.stdout.readline().strip()
        if wanted and line != wanted:
            raise Failed(f"udp_flow: {line!r} instead of {wanted!r}")
        return line

    def counts(self):
        for end in self.ends:
            end.send_signal(10)  # SIGUSR1
        return [json.loads(self.read(end)) for end in self.ends]

    def stop(self):
        for end in self.ends:
            end.terminate()
        counts = [json.loads(self.read(end)) for end in self.ends]
        for end in self.ends:
            end.wait(timeout=10)
        return counts

    def kill(self):
        for end in self.ends:
            if end.poll() is None:
                end.kill()
            end.communicate()


FIND_POD_PROCESS = r"""
for p in /proc/[0-9]*; do
	tr '\0' ' ' < "$p/cmdline" | grep -q "^/tool/net_peer serve 8080 NAME $" || continue
	echo "${p#/proc/}"
done 2>/dev/null
true
"""


def pod_process(node, name):
    text = kube.on_node(node, "sh", "-c", FIND_POD_PROCESS.replace("NAME", name)).stdout
    if not text.split():
        raise Failed(f"no process of pod {name} on {node}")
    return int(text.split()[0])


class Bed:
    """Flows between pods of one node and of two, in each family."""

    def __init__(self, namespace):
        self.namespace = namespace
        self.nodes = kube.worker_nodes()[:2]
        placed = {f"{name}-{os.getpid()}": node for name, node in
                  (("flow-a", 0), ("flow-b", 0), ("flow-c", 1))}
        namespace.create(*[kube.pod(name, self.nodes[node].name)
                           for name, node in placed.items()])
        pods = namespace.wait_ready(*placed)
        ends = {name: (self.nodes[node].name, pod_process(self.nodes[node].name, name))
                for name, node in placed.items()}
        first, same, other = placed
        self.flows = {}
        try:
            for number, (name, family) in enumerate(
                    (name, family) for name in (same, other) for family in kube.families()):
                pair = [(*ends[end], kube.pod_address(pods[end], family)) for end in (first, name)]
                self.flows[f"{name} IPv{family}"] = Flow(pair, 7000 + number)
        except BaseException:
            self.end()
            raise

    def received(self):
        return [end["received"] for flow in self.flows.values() for end in flow.counts()]

    def wait_more(self, packets=RATE // 5):
        """Every direction of every flow has gone on."""
        before = self.received()
        kube.wait_until(lambda: all(now >= old + packets
                                    for now, old in zip(self.received(), before)),
                        "all flows to go on", 20)

    def nothing_lost(self):
        for name, flow in self.flows.items():
            for end in flow.counts():
                assert end["lost"] == 0, f"{name}: {end}"

    def end(self):
        for flow in self.flows.values():
            flow.kill()


@pytest.fixture(scope="module")
def bed(namespace):
    kube.need_node_exec()
    kube.need_own_cluster()
    made = Bed(namespace)
    yield made
    made.end()


def kill_ours(bed, node, program):
    """The kubelet starts the container anew."""
    found = kube.processes(node.name, program)
    if not found:
        raise Failed(f"no {program} on {node.name}")
    for process in found:
        kube.on_node(node.name, "kill", "-9", str(process.pid))
    old = {process.pid for process in found}
    bed.wait_more()
    kube.wait_until(lambda: any(process.pid not in old
                                for process in kube.processes(node.name, program)),
                    f"{program} to be started anew on {node.name}", 400, 1)


def kill_node_program(bed, node, program):
    running = node_program(node.name, program)
    running.kill()
    bed.wait_more()
    running.start()


def kill_control_program(bed, program):
    running = control_program(program)
    running.kill()
    bed.wait_more()
    running.start()


def everything_ready():
    wait_cluster_ready()
    if kube.has_tortie():
        kube.kubectl("rollout", "status", "-n", kube.SYSTEM, "daemonset/tortie-node",
                     "--timeout=400s", timeout=420)


@pytest.mark.parametrize("program", OURS)
def test_no_packet_is_lost_when_one_of_ours_is_killed(bed, program):
    kube.need_tortie()
    for node in bed.nodes:
        kill_ours(bed, node, program)
    bed.wait_more()
    bed.nothing_lost()
    everything_ready()


@pytest.mark.parametrize("program", NODE_PROGRAMS)
def test_no_packet_is_lost_when_a_nodes_program_is_killed(bed, program):
    for node in bed.nodes:
        kill_node_program(bed, node, program)
    everything_ready()
    bed.wait_more()
    bed.nothing_lost()


@pytest.mark.parametrize("program", CONTROL_PROGRAMS)
def test_no_packet_is_lost_when_the_control_plane_loses(bed, program):
    kill_control_program(bed, program)
    everything_ready()
    bed.wait_more()
    bed.nothing_lost()


def one_fault(bed, chance):
    """A random program of a random node; what was killed."""
    ours = OURS if kube.has_tortie() else ()
    program = chance.choice([*ours, *ours, *NODE_PROGRAMS, *CONTROL_PROGRAMS])
    node = chance.choice(bed.nodes)
    if program in ours:
        found = kube.processes(node.name, program)
        for process in found:  # none: it was killed a moment ago and is not back yet
            kube.on_node(node.name, "kill", "-9", str(process.pid), check=False)
    elif program in NODE_PROGRAMS:
        kill_node_program(bed, node, program)
    else:
        kill_control_program(bed, program)
    return f"{program} of {node.name}"


def test_no_packet_is_lost_when_anything_is_killed_at_random(bed, record_property):
    chance = random.Random(SEED)
    record_property("seed", SEED)
    end = time.monotonic() + MINUTES * 60
    done = []
    while time.monotonic() < end:
        done.append(one_fault(bed, chance))
        pause = time.monotonic() + chance.uniform(*BETWEEN_SECONDS)
        kube.wait_until(lambda p=pause: time.monotonic() >= p, "the next fault", 60, 0.5)
        bed.nothing_lost()
    everything_ready()
    bed.wait_more()
    counts = {name: flow.stop() for name, flow in bed.flows.items()}
    kube.keep_figures("faults", {"seed": SEED, "minutes": MINUTES, "killed": done,
                                 "flows": counts})
    for name, ends in counts.items():
        for one in ends:
            assert one["lost"] == 0 and one["send_errors"] == 0, f"{name}: {one}"
    assert client_still_works(bed)


def client_still_works(bed):
    """A pod made after all that talks to those from before."""
    bed.namespace.create(kube.pod("after-all", bed.nodes[0].name))
    bed.namespace.wait_ready("after-all")
    peer = bed.namespace.peer("after-all")
    item = kube.get("pods", "-n", bed.namespace.name)["items"][-1]
    return peer.tcp(kube.pod_address(item, kube.families()[0]), kube.SERVE_PORT)
