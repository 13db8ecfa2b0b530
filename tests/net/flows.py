# SPDX-License-Identifier: Apache-2.0
"""Traffic that knows what was lost: pairs of tests/tools/udp_flow and tests/tools/tcp_verify."""
import json
import signal
import subprocess

from harness import Failed, build_dir, wait_until

TOOLS = "tests/tools"


class Running:
    """Two ends of a tool, started in two hosts; both print "running" when the traffic flows."""

    def __init__(self, lab, name, ends):
        self.name = name
        self.processes = []
        for number, (host, argv) in enumerate(ends):
            log = lab.dir / f"{name}-{number}.log"
            process = host.start(argv, log, stdout=subprocess.PIPE)
            self.processes.append(process)
            if number == 0 and argv[1] == "listen":
                self.expect(process, "listening")
        for process in self.processes:
            self.expect(process, "running")

    def expect(self, process, word):
        line = process.stdout.readline().strip()
        if line != word:
            raise Failed(f"{self.name}: expected {word!r}, got {line!r}, exit {process.poll()}")

    def look(self):
        """The counts of both ends now; the traffic goes on."""
        for process in self.processes:
            process.send_signal(signal.SIGUSR1)
        return [json.loads(process.stdout.readline()) for process in self.processes]

    def stop(self):
        """End the traffic and return the final counts of both ends."""
        for process in self.processes:
            if process.poll() is None:
                process.send_signal(signal.SIGTERM)
        counts = []
        for process in self.processes:
            out, _ = process.communicate(timeout=60)
            counts.append(json.loads(out.strip().splitlines()[-1]))
        return counts

    def wait_more(self, packets=200, deadline=10.0):
        """Wait until both ends have received that many packets (octets for TCP) more than now."""
        before = [count["received"] for count in self.look()]
        wait_until(lambda: all(now["received"] >= old + packets
                               for now, old in zip(self.look(), before)),
                   f"{self.name}: {packets} more received each way", deadline, interval=0.05)


def udp_flow(lab, one, address_one, other, address_other, port=7000, rate=1000, octets=64):
    tool = build_dir() / TOOLS / "udp_flow"
    return Running(lab, f"udp-{port}", [
        (one, [tool, address_one, address_other, port, rate, 900, octets]),
        (other, [tool, address_other, address_one, port, rate, 900, octets])])


def tcp_stream(lab, server, address, client, port=7100, rate=1000000, seconds=900):
    tool = build_dir() / TOOLS / "tcp_verify"
    return Running(lab, f"tcp-{port}", [
        (server, [tool, "listen", address, port, rate, seconds]),
        (client, [tool, "connect", address, port, rate, seconds])])


def udp_pods(lab, one, other, family=4, port=7000, rate=1000):
    return udp_flow(lab, one, one.address(family), other, other.address(family), port, rate)


def lost(counts):
    """Packets lost both ways. An end that never learnt its peer's count is an error."""
    if any(count["peer_sent"] is None for count in counts):
        raise Failed(f"an end never heard the other's count: {counts}")
    return sum(count["lost"] for count in counts)


def assert_nothing_lost(counts, name=""):
    assert lost(counts) == 0, f"{name}: packets lost: {counts}"
    assert sum(count["send_errors"] for count in counts) == 0, f"{name}: {counts}"


def assert_stream_whole(counts, name=""):
    for count in counts:
        assert count["alive"] and not count["mismatches"], f"{name}: {counts}"
    assert counts[0]["sent"] == counts[1]["received"], f"{name}: {counts}"
    assert counts[1]["sent"] == counts[0]["received"], f"{name}: {counts}"
