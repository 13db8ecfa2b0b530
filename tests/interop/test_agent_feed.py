# SPDX-License-Identifier: Apache-2.0
"""tortie-bgpd beside an agent: sockets from it, routes to it, and its restarts.

    t1 (tortie-bgpd, and the test as its agent) ---- LAN ---- b2 (BIRD 2)
"""
import signal
import time

import pytest

from bgp_lab import (BGP_LISTEN, BGP_PING, PEER_SET, ROUTE_DELETE, ROUTE_SET, ROUTES_BEGIN, BgpLab,
                     FakeAgent, holds_for)
from harness import wait_until

FAR4, FAR6 = "10.244.2.0/24", "fd00:244:0:2::/64"


@pytest.fixture
def lab():
    with BgpLab("feed") as made:
        yield made


class Bed:
    def __init__(self, lab, start_agent=True):
        self.lab = lab
        self.node = lab.speaker(1, 64512, ["10.244.1.0/24"], ["fd00:244:0:1::/64"],
                                peers=[{"address": "10.99.0.2", "as": 64512}])
        self.bird = lab.bird(2, 64512).announce(FAR4, FAR6).peer("node", "10.99.0.1", 64512)
        self.bird.start()
        self.run_dir = str(self.node.dir / "run")
        self.agent = FakeAgent(self.node, self.run_dir) if start_agent else None
        self.node.start("--run-dir", self.run_dir)

    def wait_routes(self, *prefixes, deadline=10.0):
        wait_until(lambda: set(self.agent.routes) == set(prefixes), f"agent has {prefixes}",
                   deadline)

    def wait_sync(self):
        wait_until(lambda: self.agent.in_sync, "in sync")

    def since(self):
        """BIRD's time of the session's last change: the same as long as the session lives. Without
        its milliseconds, which BIRD works out anew each time."""
        up, since = self.bird.birdc("show", "protocols", "node").splitlines()[-1].split()[3:5]
        return up, since.split(".")[0]


def test_routes_peers_and_sync_reach_the_agent(lab):
    bed = Bed(lab)
    bed.wait_routes(FAR4, FAR6)
    bed.wait_sync()
    assert bed.agent.routes == {FAR4: "10.99.0.2", FAR6: "fd99::2"}
    wait_until(lambda: bed.agent.peers.get("10.99.0.2") == ("Established", (1, 1), ""),
               "peer with its counts")
    assert bed.agent.counts[BGP_LISTEN] == 2
    assert bed.agent.counts[ROUTE_SET] == 2 and bed.agent.counts[ROUTE_DELETE] == 0


def test_the_agent_may_come_later(lab):
    bed = Bed(lab, start_agent=False)
    bed.node.wait_log("agent .*/agent.sock: No such file or directory; sessions go on, "
                      "trying again")
    bed.bird.wait_established("node")
    bed.agent = FakeAgent(bed.node, bed.run_dir)
    bed.wait_routes(FAR4, FAR6)
    bed.wait_sync()
    assert bed.node.log().count("trying again") == 1


def test_sessions_outlive_the_agents_restart_and_everything_is_told_again(lab):
    bed = Bed(lab)
    bed.wait_sync()
    since = bed.since()
    for round_number in (1, 2, 3):
        bed.agent.stop()
        bed.bird.statics.append(f"10.244.1{round_number}.0/24")
        bed.bird.write_config()
        bed.bird.birdc("configure")
        bed.agent.start()
        wanted = [FAR4, FAR6] + [f"10.244.1{n}.0/24" for n in range(1, round_number + 1)]
        bed.wait_routes(*wanted)
        bed.wait_sync()
        assert bed.agent.counts[ROUTES_BEGIN] == round_number + 1
        wait_until(lambda: bed.agent.peers["10.99.0.2"][0] == "Established", "peer told again")
    assert bed.since() == since
    assert bed.agent.counts[BGP_LISTEN] == 2  # the sockets are kept


def test_a_route_that_went_while_the_agent_was_away_is_swept(lab):
    bed = Bed(lab)
    bed.wait_sync()
    bed.agent.stop()
    bed.bird.statics.remove(FAR4)
    bed.bird.write_config()
    bed.bird.birdc("configure")
    bed.node.wait_log("it closed the connection")
    bed.agent.start()
    bed.wait_sync()
    bed.wait_routes(FAR6)


def test_an_agent_that_does_not_read_harms_nobody(lab):
    bed = Bed(lab)
    bed.wait_sync()
    bed.agent.reading.clear()
    for number in range(3, 250):
        bed.bird.statics += [f"10.244.{number}.{low}/30" for low in range(0, 64, 4)]
    bed.bird.write_config()
    bed.bird.birdc("configure")
    since = bed.since()
    assert holds_for(lambda: bed.bird.is_established("node"), "session", 2) is None
    bed.agent.reading.set()
    wait_until(lambda: len(bed.agent.routes) == 2 + 247 * 16, "all routes at the agent", 20)
    assert bed.since() == since and bed.agent.in_sync


def test_the_agents_question_is_answered_also_when_the_socket_was_full(lab):
    bed = Bed(lab)
    bed.wait_sync()
    bed.agent.send(BGP_PING, 71)
    wait_until(lambda: bed.agent.pongs == [71], "the answer")
    told, sent, bad, up = bed.agent.bgp_counts
    assert told >= 2 and sent >= 2 and (bad, up) == (0, 1), "at least End-of-RIB, RFC 4724"
    bed.agent.reading.clear()
    for number in range(3, 250):
        bed.bird.statics += [f"10.244.{number}.{low}/30" for low in range(0, 64, 4)]
    bed.bird.write_config()
    bed.bird.birdc("configure")
    assert holds_for(lambda: bed.bird.is_established("node"), "session", 1) is None
    bed.agent.send(BGP_PING, 72)
    bed.agent.reading.set()
    wait_until(lambda: bed.agent.pongs == [71, 72], "the answer", 20)
    wait_until(lambda: len(bed.agent.routes) == 2 + 247 * 16, "all routes at the agent", 20)


def test_a_restarted_speaker_tells_the_agent_when_to_sweep(lab):
    bed = Bed(lab)
    bed.wait_sync()
    bed.agent.in_sync = False
    bed.agent.routes["10.244.77.0/24"] = "10.99.0.9"  # of a peer that is gone
    bed.node.kill(signal.SIGKILL)
    bed.node.start("--run-dir", bed.run_dir)
    bed.wait_sync()
    bed.wait_routes(FAR4, FAR6)
    assert bed.agent.counts[ROUTE_DELETE] == 0


def test_a_lost_session_takes_its_routes_from_the_agent(lab):
    bed = Bed(lab)
    bed.wait_sync()
    bed.bird.birdc("disable", "node")
    bed.wait_routes()
    wait_until(lambda: bed.agent.peers["10.99.0.2"][0] != "Established", "peer is down")
    assert "Administrative Shutdown" in bed.agent.peers["10.99.0.2"][2]


def test_counts_are_told_at_most_once_a_second(lab):
    bed = Bed(lab)
    bed.wait_sync()
    before, begin = bed.agent.counts[PEER_SET], time.monotonic()
    for number in range(3, 23):
        bed.bird.statics.append(f"10.244.{number}.0/24")
        bed.bird.write_config()
        bed.bird.birdc("configure")
    wait_until(lambda: bed.agent.peers["10.99.0.2"][1] == (21, 1), "counts")
    # BIRD takes its time for 20 configurations on a busy machine.
    assert bed.agent.counts[PEER_SET] - before <= time.monotonic() - begin + 3


def test_the_program_runs_in_its_sandbox(lab):
    """What that refuses: tests/unit/bgp/test_sandbox.c. Started as root, with everything."""
    bed = Bed(lab)
    bed.wait_routes(FAR4, FAR6)
    lines = bed.node.run("cat", f"/proc/{bed.node.process.pid}/status").splitlines()
    status = dict(line.split(":\t", 1) for line in lines if ":\t" in line)
    for key in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"):
        assert int(status[key], 16) == 0, key
    assert (status["NoNewPrivs"], status["Seccomp"]) == ("1", "2")
    assert "sandbox" not in bed.node.log()  # no layer is missing here


def test_rss_of_an_idle_speaker_is_small(lab):
    bed = Bed(lab)
    bed.wait_sync()
    status = (f"/proc/{bed.node.process.pid}/status")
    with open(status, encoding="ascii") as lines:
        rss = next(int(line.split()[1]) for line in lines if line.startswith("VmRSS"))
    assert rss < 3072 or "AddressSanitizer" in open(f"/proc/{bed.node.process.pid}/maps").read() \
        or "libasan" in open(f"/proc/{bed.node.process.pid}/maps").read(), f"{rss} KiB"
