# SPDX-License-Identifier: Apache-2.0
"""`tortie bgp`: what tortie-bgpd says of itself, and what it does when told, with BIRD 2 beside.

    t1 (tortie-bgpd --standalone) ---- LAN ---- b2 (tells), b3 (gets)
"""
import json
import re
import socket
import struct
import subprocess

import pytest

from bgp_lab import BGP_SOCKET, BgpLab, FakeAgent, query_client
from harness import build_dir, wait_until

OWN4, OWN6 = "10.244.1.0/24", "fd00:244:0:1::/64"
POD4, POD6 = "10.244.2.0/24", "fd00:244:0:2::/64"


@pytest.fixture
def lab():
    with BgpLab("query") as made:
        yield made


class Bed:
    def __init__(self, lab, *lines, start=True):
        self.node = lab.speaker(1, 64512, [OWN4], [OWN6], peers=[
            {"address": "10.99.0.2", "as": 64999, "import": "all"},
            {"address": "10.99.0.3", "as": 64512, "export": "all"}])
        self.two = lab.bird(2, 64999).announce(POD4, POD6, "10.244.2.128/25")
        self.two.peer("node", self.node.ip4, 64512, "debug { states, events }", *lines,
                      channel=("export filter { bgp_community.add((65000,7)); "
                               "bgp_large_community.add((65000,1,2)); bgp_med = 5; accept; };",))
        self.three = lab.bird(3, 64512).peer("node", self.node.ip4, 64512,
                                             "debug { states, events }")
        self.run_dir = self.node.dir / "run"
        self.run_dir.mkdir()
        if start:
            self.start()

    def start(self):
        for bird in (self.two, self.three):
            bird.start()
        self.node.start("--standalone", "--run-dir", self.run_dir)
        self.two.wait_established("node")
        self.three.wait_established("node")
        self.three.wait_routes("node", [OWN4, POD4, "10.244.2.128/25"], 4)
        self.three.wait_routes("node", [OWN6, POD6], 6)

    def tortie(self, *words, status=0):
        done = subprocess.run([build_dir() / "tortie", "--run-dir", self.run_dir, "bgp", *words],
                              capture_output=True, text=True, timeout=30, check=False)
        assert done.returncode == status, (done.stdout, done.stderr)
        return done.stdout if status == 0 else done.stderr

    def items(self, *words):
        return json.loads(self.tortie(*words, "-o", "json"))["items"]

    def peer(self, address):
        found, = [peer for peer in self.items("peers") if peer["peer_address"] == address]
        return found


def prefixes(items):
    return sorted(item["prefix"] for item in items)


def test_routes_are_shown_as_known_told_and_used(lab):
    bed = Bed(lab)
    everything = sorted([OWN4, OWN6, POD4, POD6, "10.244.2.128/25"])
    assert prefixes(bed.items("routes")) == everything
    assert prefixes(bed.items("routes", "--best")) == everything
    assert prefixes(bed.items("routes", "--in")) == sorted([POD4, POD6, "10.244.2.128/25"])
    assert prefixes(bed.items("routes", "--out", "--peer", "10.99.0.3")) == everything
    assert prefixes(bed.items("routes", "--out", "--peer", "10.99.0.2")) == sorted([OWN4, OWN6])
    assert prefixes(bed.items("routes", "--in", "--peer", "10.99.0.3")) == []
    assert prefixes(bed.items("routes", "10.244.2.0/24")) == sorted([POD4, "10.244.2.128/25"])
    assert prefixes(bed.items("routes", "10.244.2.129")) == sorted([POD4, "10.244.2.128/25"])
    assert prefixes(bed.items("routes", "10.244.2.1")) == [POD4]
    assert prefixes(bed.items("routes", "192.0.2.0/24")) == []
    told, = bed.items("routes", "--in", "10.244.2.1")
    assert (told["peer"], told["next_hop"], told["as_path"], told["med"], told["best"]) == \
        ("10.99.0.2", "10.99.0.2", "64999", 5, True)
    assert told["communities"] == ["65000:7", "65000:1:2"] and told["origin"] == "IGP"
    out, = bed.items("routes", "--out", "--peer", "10.99.0.2", OWN4)
    assert (out["next_hop"], out["as_path"], out["peer"]) == ("10.99.0.1", "64512", "10.99.0.2")
    table = bed.tortie("routes")
    assert re.search(rf"^{POD4} +10.99.0.2 +10.99.0.2 +yes +- +5 +64999 +65000:7 65000:1:2", table,
                     re.M)
    assert re.search(rf"^{OWN4} +- +\(own\) +yes", table, re.M)
    rows = [line.split()[0] for line in table.splitlines()[1:]]
    assert rows == ["10.244.1.0/24", "10.244.2.0/24", "10.244.2.128/25", OWN6, POD6]


def test_peers_are_shown_with_what_they_last_said(lab):
    bed = Bed(lab)
    two, three = bed.peer("10.99.0.2"), bed.peer("10.99.0.3")
    assert (two["type"], three["type"], two["session"]) == ("external", "internal", "Established")
    assert (two["routes_in_ipv4"], two["routes_in_ipv6"], two["times_up"]) == (2, 1, 1)
    assert two["graceful_restart"] and two["ipv4"] and two["ipv6"] and not two["down"]
    assert two["updates_in"] >= 3 and three["updates_out"] >= 3
    bed.two.birdc("disable", "node", '"moving to another rack"')
    wait_until(lambda: bed.peer("10.99.0.2")["session"] != "Established", "the session ends")
    two = bed.peer("10.99.0.2")
    assert two["last_received"] == "Cease/Administrative Shutdown: moving to another rack"
    assert two["last_sent"] == ""
    # INFO is of the last attempt, which may be over by now
    assert re.search("moving to another rack|Connection refused",
                     bed.tortie("peers", "-o", "wide"))


def test_a_peer_that_is_taken_down_hears_why_and_stays_down(lab):
    bed = Bed(lab)
    bed.tortie("peer", "10.99.0.2", "down", "Wartung: Regal 7, bis 12 Uhr – Müller")
    bed.three.wait_routes("node", [OWN4], 4)
    wait_until(lambda: "Wartung: Regal 7, bis 12 Uhr – Müller" in bed.two.log(),
               "BIRD heard the text")
    # it comes again and again, and is refused each time
    tries = bed.two.log().count("Connection") + bed.two.log().count("Connect")
    wait_until(lambda: bed.two.log().count("Connection") + bed.two.log().count("Connect")
               > tries + 2, "BIRD tries", 20)
    two = bed.peer("10.99.0.2")
    assert two["down"] and two["session"] == "Idle"
    assert two["last_sent"].startswith("Cease/Administrative Shutdown: Wartung")
    bed.tortie("peer", "10.99.0.2", "up")
    bed.two.wait_established("node", deadline=30)
    bed.three.wait_routes("node", [OWN4, POD4, "10.244.2.128/25"], 4)


def test_a_reset_begins_a_new_session(lab):
    bed = Bed(lab)
    bed.tortie("peer", "10.99.0.2", "reset", "new cables")
    wait_until(lambda: "new cables" in bed.two.log(), "BIRD heard the text")
    wait_until(lambda: bed.peer("10.99.0.2")["times_up"] == 2, "it is up again", 30)
    bed.two.wait_established("node")


def test_a_refresh_has_both_sides_tell_again_within_the_session(lab):
    bed = Bed(lab, "debug { states, packets }")
    before = bed.peer("10.99.0.2")
    bed.tortie("peer", "10.99.0.2", "refresh")
    wait_until(lambda: "Got ROUTE-REFRESH" in bed.two.log(), "BIRD was asked")
    def is_told():
        now = bed.peer("10.99.0.2")
        return (now["updates_in"] > before["updates_in"] and
                now["updates_out"] > before["updates_out"])
    wait_until(is_told, "both told again")
    assert bed.peer("10.99.0.2")["times_up"] == 1


def test_what_makes_no_sense_is_refused_with_its_reason(lab):
    bed = Bed(lab)
    for words, status, part in [
            (["peer", "10.99.0.9", "reset"], 1, "peer 10.99.0.9: no such peer"),
            (["peer", "10.99.0.2", "restart"], 2, "neither reset, refresh, down nor up"),
            (["peer", "router", "up"], 2, "not an IPv4 or IPv6 address"),
            (["peer", "10.99.0.2", "up", "text"], 2, "with reset and down alone"),
            (["peer", "10.99.0.2", "down", "x" * 129], 2, "at most 128"),
            (["routes", "--in", "--out"], 2, "one of --in, --out"),
            (["routes", "10.0.0.0/8/8"], 2, "neither PREFIX/LENGTH nor an address"),
            (["routes", "--peer", "x"], 2, "--peer x: not an IPv4"),
            (["routes", "--peer", "10.99.0.77"], 1, "--peer 10.99.0.77: no such peer")]:
        assert part in bed.tortie(*words, status=status)


def test_without_a_speaker_the_mend_is_said(lab, tmp_path):
    done = subprocess.run([build_dir() / "tortie", "--run-dir", tmp_path, "bgp", "peers"],
                          capture_output=True, text=True, timeout=10, check=False)
    assert done.returncode == 1 and "bgp.sock: no tortie-bgpd listens" in done.stderr


def test_one_caller_too_many_is_told_so(lab):
    bed = Bed(lab, start=False)
    bed.node.start("--standalone", "--run-dir", bed.run_dir)
    wait_until((bed.run_dir / "bgp.sock").exists, "bgp.sock")
    callers = [query_client(bed.run_dir / "bgp.sock") for _ in range(16)]
    assert "answers 16 callers already" in bed.tortie("peers", status=1)
    callers.pop().close()
    assert "10.99.0.2" in bed.tortie("peers")
    for caller in callers:
        caller.close()


def ask_all(path):
    """A client that asks for all routes and reads nothing yet."""
    one = query_client(path)
    one.send(struct.pack("=IIII", 114, 16 + 48, 2, 0) + bytes(48))
    return one


def test_a_long_answer_waits_for_its_reader_and_nothing_grows(lab):
    bed = Bed(lab, start=False)
    many = [f"172.{16 + i // 256}.{i % 256}.{k * 16}/28" for i in range(1000) for k in range(16)]
    bed.two.announce(*many)
    for bird in (bed.two, bed.three):
        bird.start()
    bed.node.start("--standalone", "--run-dir", bed.run_dir)
    bed.two.wait_established("node")
    wait_until(lambda: bed.peer("10.99.0.2")["routes_in_ipv4"] == len(many) + 2, "all are in", 60)
    wait_until(lambda: bed.peer("10.99.0.3")["routes_out_ipv4"] == len(many) + 3, "all are out", 60)
    with open(f"/proc/{bed.node.process.pid}/status", encoding="ascii") as status:
        before = int(re.search(r"VmRSS:\s+(\d+)", status.read()).group(1))
    silent = [ask_all(bed.run_dir / "bgp.sock") for _ in range(10)]
    told = bed.items("routes", "--in")
    assert sorted({item["prefix"] for item in told}) == \
        sorted([*many, POD4, POD6, "10.244.2.128/25"])
    assert len(told) == len(many) + 3
    with open(f"/proc/{bed.node.process.pid}/status", encoding="ascii") as status:
        after = int(re.search(r"VmRSS:\s+(\d+)", status.read()).group(1))
    assert after - before < 2048, "KiB"
    # a reader that comes back gets the rest
    count = 0
    while struct.unpack_from("=I", silent[0].recv(131072))[0] == 115:
        count += 1
    assert count == len(many) + 5
    for one in silent:
        one.close()


def test_the_agent_gives_the_socket_and_may_come_again(lab):
    bed = Bed(lab, start=False)
    agent = FakeAgent(bed.node, str(bed.run_dir))
    for bird in (bed.two, bed.three):
        bird.start()
    bed.node.start("--run-dir", bed.run_dir)
    bed.two.wait_established("node")
    assert bed.peer("10.99.0.2")["session"] == "Established"
    agent.stop()
    assert bed.peer("10.99.0.2")["session"] == "Established"
    agent.start()
    wait_until(lambda: agent.peers, "tortie-bgpd is back")
    assert bed.peer("10.99.0.2")["session"] == "Established"
    assert agent.counts[BGP_SOCKET] == 1
