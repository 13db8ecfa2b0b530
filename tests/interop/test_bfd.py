# SPDX-License-Identifier: Apache-2.0
"""BFD beside BGP: the neighbour's loss is noticed long before the hold time, and nothing else is
taken for it.

    t1 (tortie-bgpd) ---- LAN ---- b2 (BIRD 2), or f4 (FRR), or the test
                           |
                        r254, between 10.97.0.N and fd97::N of the same

Hold times are 180 s, so whatever is gone within the deadlines of wait_until() went by BFD.
"""
import re
import signal

import pytest

from bfd_lab import BfdBird, FrrBfd, Watch, add_router, cut, mend, mute
from bgp_lab import BgpLab, FakeAgent
from harness import wait_until
from other_speakers import Peering

OWN4 = "10.244.1.0/24"
FAST = {"min_interval": 100, "multiplier": 8}  # a loaded machine must not look dead
#        peer, the speaker's address, the route that it tells, multihop
WAYS = {"IPv4": ("10.99.0.2", "10.99.0.1", "10.244.2.0/24", False),
        "IPv6": ("fd99::2", "fd99::1", "10.244.3.0/24", False),
        "IPv4 multihop": ("10.97.0.2", "10.97.0.1", "10.244.4.0/24", True),
        "IPv6 multihop": ("fd97::2", "fd97::1", "10.244.5.0/24", True)}


@pytest.fixture
def lab():
    with BgpLab("bfd") as made:
        yield made


def peer(address, multihop=False, **more):
    return {"address": address, "as": 64999, "hold_time": 180,
            "bfd": {**FAST, "multihop": multihop}, **more}


class Bed:
    """t1 with an agent played by the test."""

    def __init__(self, lab, peers):
        self.lab = lab
        self.node = lab.speaker(1, 64512, [OWN4], peers=peers)
        self.run_dir = self.node.dir / "run"
        self.agent = FakeAgent(self.node, str(self.run_dir))
        self.watch = Watch(self.node, self.run_dir)

    def start(self):
        self.node.start("--run-dir", self.run_dir)
        return self

    def wait_routes(self, *prefixes, deadline=15.0):
        wait_until(lambda: set(self.agent.routes) == set(prefixes), f"agent has {prefixes}",
                   deadline)

    def wait_gone(self, prefix):
        wait_until(lambda: prefix not in self.agent.routes, f"agent has {prefix} no more", 15)


def add_bird(bed, ways, *lines):
    bird = BfdBird(bed.lab, 2, 64999)
    for index, way in enumerate(ways):
        address, other, prefix, multihop = WAYS[way]
        bird.announce(prefix)
        bird.peer(f"p{index}", other, 64512, "hold time 180", "bfd on", *lines,
                  *(["multihop 5"] if multihop else []), local=address, families=(4,),
                  channel=(f"next hop address 10.99.0.2; export where net = {prefix};",))
    return bird


def test_a_peer_that_is_cut_off_is_withdrawn_at_once(lab):
    bed = Bed(lab, [peer(way[0], way[3]) for way in WAYS.values()])
    bird = add_bird(bed, WAYS)
    router = add_router(lab, bed.node, bird)
    bird.start()
    bed.start()
    bed.wait_routes(*[way[2] for way in WAYS.values()])
    for address, other, _, multihop in WAYS.values():
        said = bed.watch.wait_bfd(address)
        assert said["multihop"] == multihop and said["diagnostic"] == "no diagnostic"
        wait_until(lambda: bird.sessions().get(other) == "Up", f"BIRD's session with {other}")
    for address, other, prefix, multihop in WAYS.values():
        cut(*((router, "forward") if multihop else (bird, "own")), other)
        bed.wait_gone(prefix)
        log = bed.node.log()
        fell = log.index(f"peer {address}: BFD is down: control detection time expired")
        assert log.index(f"peer {address}: session lost: sent Cease/BFD Down") > fell


def test_a_peer_that_is_stopped_is_withdrawn_though_graceful_restart_is_on(lab):
    bed = Bed(lab, [peer("10.99.0.2")])
    bird = add_bird(bed, ["IPv4"]).start()
    bed.start().wait_routes("10.244.2.0/24")
    bed.watch.wait_bfd("10.99.0.2")
    assert "graceful restart" in bed.node.log()
    bird.process.send_signal(signal.SIGSTOP)
    try:
        bed.wait_routes()
        assert "sent Cease/BFD Down" in bed.node.log()
        assert "kept for" not in bed.node.log()
    finally:
        bird.process.send_signal(signal.SIGCONT)


def test_a_peer_without_bfd_is_a_peer_like_others(lab):
    bed = Bed(lab, [peer("10.99.0.2")])
    bird = lab.bird(2, 64999).announce("10.244.2.0/24")
    bird.peer("p0", "10.99.0.1", 64512, families=(4,)).start()
    bed.start().wait_routes("10.244.2.0/24")
    wait_until(lambda: bed.watch.bfd("10.99.0.2").get("sent", 0) >= 2, "packets were sent")
    said = bed.watch.bfd("10.99.0.2")
    assert (said["state"], said["received"], said["interval_ms"]) == ("Down", 0, 1000)
    assert bird.is_established("p0") and "BFD is" not in bed.node.log()


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGINT], ids=["killed", "stopped"])
def test_a_speaker_that_ends_and_comes_back_loses_no_route(lab, number):
    """At the neighbour BFD falls while BGP waits for the restart: that must not end it. BIRD has to
    be told so."""
    bed = Bed(lab, [peer("10.99.0.2"), peer("10.99.0.3")])
    other = lab.speaker(3, 64999, ["10.244.3.0/24"], peers=[
        {**peer("10.99.0.1"), "as": 64512}])
    bird = add_bird(bed, ["IPv4"], "bfd graceful").start()
    other.start()
    bed.start().wait_routes("10.244.2.0/24", "10.244.3.0/24")
    for address in ("10.99.0.2", "10.99.0.3"):
        bed.watch.wait_bfd(address)
    wait_until(lambda: OWN4 in bird.routes("p0"), "BIRD has it")
    mark, missing = len(other.log()), []

    def is_back():
        missing.extend([1] if OWN4 not in bird.routes("p0") else [])
        peers = [bed.watch.peers().get(f"10.99.0.{n}", {}) for n in (2, 3)]
        return all(one.get("session") == "Established" and one["bfd"]["state"] == "Up"
                   for one in peers)
    bed.node.kill(number)
    bed.start()
    wait_until(is_back, "all is up again", 20)
    assert not missing
    log = other.log()[mark:]
    assert "its 1 routes are kept" in log and "BFD Down" not in log
    assert "BFD Down" not in bed.node.log()


def test_a_speaker_that_hands_its_sessions_over_ends_none(lab):
    """BFD goes on with them, also that of a peer of a range. The multiplier leaves 3 s for the time
    that nobody speaks."""
    slow = {"min_interval": 300, "multiplier": 10}
    bed = Bed(lab, [{**peer("10.99.0.2"), "as": 64512, "passive": True,
                     "bfd": {**slow, "multihop": False}},
                    {"range": "10.99.0.0/24", "as": 64999, "bfd": dict(slow)}])
    run_dirs = {}
    for number, asn in ((2, 64512), (3, 64999)):
        other = lab.speaker(number, asn, [f"10.244.{number}.0/24"], peers=[
            {**peer("10.99.0.1"), "as": 64512}])
        run_dirs[other] = other.dir / "run"
        run_dirs[other].mkdir()
        other.start("--standalone", "--run-dir", run_dirs[other])
    bed.start().wait_routes("10.244.2.0/24", "10.244.3.0/24")
    for address in ("10.99.0.2", "10.99.0.3"):
        bed.watch.wait_bfd(address)
    assert bed.node.kill(signal.SIGTERM) == 0
    mark = len(bed.node.log())
    bed.start()
    bed.node.wait_log("go on from", after=mark)
    for address in ("10.99.0.2", "10.99.0.3"):
        bed.watch.wait_bfd(address)
    for other, run_dir in run_dirs.items():
        said = Watch(other, run_dir).peers()["10.99.0.1"]
        assert (said["session"], said["times_up"], said["bfd"]["state"]) == ("Established", 1, "Up")
        assert "BFD is down" not in other.log()


def test_a_speaker_that_cannot_hand_over_says_that_it_ends(lab):
    """With the agent gone: AdminDown, and no silence that looks like a failure."""
    bed = Bed(lab, [peer("10.99.0.2")])
    other = lab.speaker(2, 64999, ["10.244.2.0/24"], peers=[
        {**peer("10.99.0.1"), "as": 64512}])
    other.start()
    bed.start().wait_routes("10.244.2.0/24")
    bed.watch.wait_bfd("10.99.0.2")
    bed.agent.stop()
    bed.node.wait_log("sessions go on, trying again")
    mark = len(other.log())
    assert bed.node.kill(signal.SIGTERM) == 0
    assert "cannot be left to the next" in bed.node.log()
    other.wait_log("BFD is down", after=mark)
    assert "the peer has taken it down" in other.log()[mark:]
    assert "detection time expired" not in other.log()[mark:]


def test_what_bfd_has_left_from_before_a_restart_ends_no_session(lab):
    """The other's BFD is heard only when its BGP session is there: its first packet says Down to a
    session that is Up for seconds yet, by its old multiplier."""
    bed = Bed(lab, [peer("10.99.0.3")])
    other = lab.speaker(3, 64999, ["10.244.3.0/24"], peers=[
        {"range": "10.99.0.0/24", "as": 64512, "bfd": {"min_interval": 300, "multiplier": 30}}])
    other.start()
    bed.start().wait_routes("10.244.3.0/24")
    bed.watch.wait_bfd("10.99.0.3")
    mark = len(bed.node.log())
    other.kill(signal.SIGKILL)
    mute(other)
    other.start()
    bed.node.wait_log("peer 10.99.0.3: established", after=mark)
    mend(other)
    bed.node.wait_log("peer 10.99.0.3: BFD is up", after=mark)
    log = bed.node.log()[mark:]
    assert log.index("established: AS 64999") < log.index("BFD is down: neighbor signaled")
    assert "BFD Down" not in log and bed.watch.peers()["10.99.0.3"]["times_up"] == 2
    assert set(bed.agent.routes) == {"10.244.3.0/24"}


def take_down_and_up(bed, frr):
    """By will, at FRR's end (RFC 5882 section 3.2)."""
    frr.ask("configure terminal", "bfd", "peer 10.99.0.1 interface lan0", "shutdown")
    said = bed.watch.wait_bfd("10.99.0.4", "Down")
    assert said["diagnostic"] == "neighbor signaled session down"
    assert "the peer has taken it down; the BGP session stays" in bed.node.log()
    frr.ask("configure terminal", "bfd", "peer 10.99.0.1 interface lan0", "no shutdown")
    bed.watch.wait_bfd("10.99.0.4")
    assert bed.watch.peers()["10.99.0.4"]["session"] == "Established"
    assert bed.watch.peers()["10.99.0.4"]["times_up"] == 1 and frr.is_established()


@pytest.mark.skipif(not FrrBfd.is_installed(), reason="FRR is not installed")
@pytest.mark.parametrize("family, multihop", [
    pytest.param(4, False, id="IPv4"),
    pytest.param(6, True, id="IPv6 multihop", marks=pytest.mark.long),
    pytest.param(4, True, id="IPv4 multihop", marks=pytest.mark.long),
    pytest.param(6, False, id="IPv6", marks=pytest.mark.long)])
def test_frr(lab, family, multihop):
    net = {(4, False): "10.99.0.", (6, False): "fd99::", (4, True): "10.97.0.",
           (6, True): "fd97::"}[family, multihop]
    here, there, prefix = f"{net}1", f"{net}4", "10.244.4.0/24"
    bed = Bed(lab, [peer(there, multihop)])
    frr = FrrBfd(lab, 4, Peering(address=here, prefixes=[prefix]), there if multihop else None)
    router = add_router(lab, bed.node, frr)
    frr.start()
    bed.start().wait_routes(prefix, deadline=30)
    bed.watch.wait_bfd(there)
    wait_until(frr.is_up, "FRR's BFD is up", 15, 0.1)
    if there == "10.99.0.4":
        take_down_and_up(bed, frr)
    cut(*((router, "forward") if multihop else (frr, "own")), here)
    bed.wait_routes()
    assert "BFD is down: control detection time expired" in bed.node.log()
    wait_until(lambda: not frr.is_established(), "FRR noticed, too", 15, 0.1)
    if multihop:
        mend(router)
        bed.wait_routes(prefix, deadline=60)
        bed.watch.wait_bfd(there)


def test_sessions_that_are_handed_over_keep_their_bfd(lab):
    """BIRD, which ends the BGP session when BFD falls, sees neither fall; then it is cut off, and
    the speaker that has taken over notices.

    The multiplier leaves 3 s for the time that nobody speaks: machines of tests are slow.
    """
    slow = {"min_interval": 300, "multiplier": 10}
    bed = Bed(lab, [{**peer(way[0], way[3]), "bfd": {**slow, "multihop": way[3]}}
                    for way in WAYS.values()])
    bird = add_bird(bed, WAYS)
    router = add_router(lab, bed.node, bird)
    bird.start()
    bed.start()
    prefixes = [way[2] for way in WAYS.values()]
    bed.wait_routes(*prefixes)
    for address, other, _, _ in WAYS.values():
        bed.watch.wait_bfd(address)
        wait_until(lambda at=other: bird.sessions().get(at) == "Up", f"BIRD's session with {other}")
    names = [f"p{index}" for index in range(len(WAYS))]

    def since():
        return [[word.split(".")[0] for word in bird.birdc("show", *what).splitlines()[-1].split()]
                for what in [("protocols", name) for name in names]] + \
            sorted(line.split(".")[0] for line in
                   re.findall(r"Up +(\S+)", bird.birdc("show", "bfd", "sessions")))
    before = since()
    assert len(before) == 8
    for _ in range(3):
        after = len(bed.node.log())
        assert bed.node.kill(signal.SIGTERM) == 0
        bed.start()
        bed.node.wait_log("4 of 4 go on from", after=after)
        for address, _, _, _ in WAYS.values():
            bed.watch.wait_bfd(address)
    assert since() == before
    assert "session lost" not in bed.node.log() and "BFD is down" not in bed.node.log()
    cut(bird, "own", "10.99.0.1")
    bed.wait_gone("10.244.2.0/24")
    cut(router, "forward", "10.97.0.1")
    bed.wait_gone("10.244.4.0/24")
