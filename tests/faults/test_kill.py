# SPDX-License-Identifier: Apache-2.0
"""kill -9 and replacement of the programs under traffic: sent = received, streams alive.

    a, b -- n1 --+-- tor (BIRD) -- outside
    c    -- n2 --+

1,000 UDP packets/s with sequence numbers run each way between a and b (same node) and between a and
c (across, IPv4 and IPv6), and one TCP stream whose octets are verified from a to c. That the same
tool sees a break of 50 ms is shown by tests/net/test_tools.py and by the first test here.
"""
import os
import random
import re
import signal
import subprocess
import time
from pathlib import Path

import pytest

import flows
import inventory
from harness import ROOT, Lab, build_dir, run, wait_until

TIMES = int(os.environ.get("TORTIE_TIMES") or 10)


def record(counts, stream):
    """The figures of a test, kept beside the logs of failed tests: a passed test has them too."""
    ends = [end for pair in counts.values() for end in pair]
    udp = {key: sum(end[key] for end in ends) for key in ("sent", "received")}
    tcp = {key: sum(end[key] for end in stream)
           for key in ("received", "mismatches", "retransmissions", "spurious")}
    line = f"{os.environ.get('PYTEST_CURRENT_TEST', '')}: UDP {udp}, TCP {tcp}"
    print(line)
    logs = ROOT / "build/test-logs"
    logs.mkdir(parents=True, exist_ok=True)
    with open(logs / "faults.txt", "a", encoding="utf-8") as file:
        file.write(line + "\n")


class Loaded:
    def __init__(self, lab):
        self.lab = lab
        self.n1, self.n2 = lab.add_node(1), lab.add_node(2)
        lab.add_tor()
        lab.start_all()
        self.a = self.n1.add_pod("a")
        self.b = self.n1.add_pod("b")
        self.c = self.n2.add_pod("c")
        lab.wait_routes()
        self.wait_sessions()
        self.port = 7600

    def wait_sessions(self):
        for node in self.lab.nodes:
            wait_until(lambda n=node: n.established() == 2, f"{node.name}: sessions", 60)

    def start_traffic(self):
        self.port += 10
        lab, port = self.lab, self.port
        self.running = {
            "same node": flows.udp_pods(lab, self.a, self.b, 4, port),
            "across IPv4": flows.udp_pods(lab, self.a, self.c, 4, port + 1),
            "across IPv6": flows.udp_pods(lab, self.a, self.c, 6, port + 2)}
        self.stream = flows.tcp_stream(lab, self.c, self.c.ip4, self.a, port + 3)
        self.go_on()

    def go_on(self, packets=100):
        for flow in self.running.values():
            flow.wait_more(packets)
        self.stream.wait_more(packets * 500)

    def finish(self):
        self.go_on()
        stream = self.stream.stop()
        counts = {name: flow.stop() for name, flow in self.running.items()}
        record(counts, stream)
        return counts, stream

    def assert_nothing_lost(self):
        counts, stream = self.finish()
        for name, pair in counts.items():
            flows.assert_nothing_lost(pair, name)
        flows.assert_stream_whole(stream, "stream")

    def known(self):
        return sorted(str((e["pod"], e["networks"], e["interface"], e["container_id"]))
                      for e in self.n1.tortie_json("get", "workloadendpoint"))


@pytest.fixture(scope="module")
def net():
    with Lab("kill") as lab:
        yield Loaded(lab)


@pytest.fixture(scope="module")
def other_build():
    """The same programs with the next ABI version and one field more in a map's value."""
    given = os.environ.get("TORTIE_BUILD_NEXT")
    if given:
        return Path(given)
    programs = [f"build/abi2/{p}" for p in ("tortied", "tortie-bgpd")]
    run("make", "-C", ROOT, "--no-print-directory", "ABI_VERSION=2", *programs, timeout=600)
    return ROOT / "build/abi2"


def test_the_flows_see_forwarding_that_is_really_broken_for_50_ms(net):
    """a's link is down and the agent held, which would put it back at once: the traffic notices."""
    net.start_traffic()
    device = net.a.host_ifname
    net.n1.agent.send_signal(signal.SIGSTOP)
    net.n1.ip("link", "set", device, "down")
    time.sleep(0.05)  # the break itself
    net.n1.ip("link", "set", device, "up")
    net.n1.agent.send_signal(signal.SIGCONT)
    counts, stream = net.finish()
    for name, pair in counts.items():
        assert flows.lost(pair) >= 40, (name, pair)
    flows.assert_stream_whole(stream)


@pytest.mark.parametrize("program", ["tortied", "tortie-bgpd"])
def test_kill_9_ten_times_loses_nothing(net, program):
    before = net.known()
    net.start_traffic()
    for _ in range(TIMES):
        if program == "tortied":
            net.n1.kill_agent()
            net.go_on()
            net.n1.start_agent()
        else:
            net.n1.stop_bgpd(signal.SIGKILL)
            net.go_on()
            net.n1.start_bgpd()
            net.wait_sessions()
        net.go_on()
    net.assert_nothing_lost()
    assert net.known() == before


def test_kill_9_of_both_ten_times_loses_nothing(net):
    before = net.known()
    net.start_traffic()
    for _ in range(TIMES):
        net.n1.kill_agent()
        net.n1.stop_bgpd(signal.SIGKILL)
        net.go_on()
        net.n1.start_agent()
        net.n1.start_bgpd()
        net.go_on()
    net.assert_nothing_lost()
    net.wait_sessions()
    assert net.known() == before


def versions(node):
    return {int(re.search(r"_v(\d+)$", p).group(1)) for p in node.pins() if re.search(r"_v\d+$", p)}


def test_replacement_by_another_map_layout_ten_times_loses_nothing(net, other_build):
    before = net.known()
    builds = [(other_build, 2), (build_dir(), 1)]
    net.start_traffic()
    for number in range(TIMES):
        build, version = builds[number % 2]
        net.n1.stop_agent(signal.SIGTERM)
        net.n1.stop_bgpd(signal.SIGTERM)
        net.n1.start_agent(build=build)
        net.n1.start_bgpd(build=build)
        net.go_on()
        wait_until(lambda v=version: versions(net.n1) == {v}, f"only pins of version {version}", 5)
    net.assert_nothing_lost()
    net.wait_sessions()
    assert net.known() == before


def test_a_replacement_killed_at_any_instant_loses_nothing(net, other_build):
    """The next version starts and is killed -9 somewhere on its way; the last one finishes."""
    rng = random.Random(7)
    builds = [other_build, build_dir()]
    net.start_traffic()
    net.n1.stop_agent(signal.SIGTERM)
    for number in range(TIMES):
        process = net.n1.start_agent(wait=False, build=builds[number % 2])
        try:
            process.wait(timeout=rng.uniform(0.001, 0.08))
            pytest.fail(f"tortied ended by itself: {net.n1.log()[-2000:]}")
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        net.go_on(50)
    net.n1.ready_file.unlink(missing_ok=True)
    net.n1.start_agent()
    net.assert_nothing_lost()
    assert versions(net.n1) == {1}


def test_pods_of_before_are_known_and_del_works_on_them(net):
    inventory.assert_exactly(net.n1, 2)
    net.b.remove()
    inventory.assert_exactly(net.n1, 1)
    net.b = net.n1.add_pod("b2")
    inventory.assert_exactly(net.n1, 2)
    assert "1 received" in net.a.ping(net.b.ip4)
