# SPDX-License-Identifier: Apache-2.0
"""BFD packet by packet (RFC 5880 section 6.8.6, RFC 5881): the test is the neighbour.

    t1 (tortie-bgpd) ---- LAN ---- s2 (the test, 10.99.0.2 and .3, fd99::2)

What tortie-bgpd makes of a packet is told by `tortie bgp peers`: the session's state, how often it
fell, how many packets were discarded and why.
"""
import copy
import signal
import socket

import pytest

from bfd_lab import (AUTHENTICATED, DEMAND, DOWN, FINAL, INIT, MULTIHOP, MULTIPOINT,
                     POLL, SINGLE_HOP, UP, BfdBird, Neighbour, Watch, add_router, bfd_packet)
from bgp_lab import BgpLab, FakeAgent, Member
from harness import inside, wait_until

FAST = {"min_interval": 100, "multiplier": 8}  # a loaded machine must not look dead


def peer(address, multihop=False, **more):
    return {"address": address, "as": 64999, "hold_time": 180, "passive": True,
            "bfd": {**FAST, "multihop": multihop}, **more}


class Bed:
    def __init__(self, lab, peers):
        self.node = lab.speaker(1, 64512, ["10.244.1.0/24"], peers=peers)
        self.host = Member(lab, "s2", 2)
        self.host.ip("addr", "add", "10.99.0.3/24", "dev", "lan0")
        self.run_dir = self.node.dir / "run"
        self.run_dir.mkdir()
        self.watch = Watch(self.node, self.run_dir)

    def start(self):
        self.node.start("--standalone", "--run-dir", self.run_dir)
        return self


@pytest.fixture(scope="module")
def bed():
    with BgpLab("bfdwire") as lab:
        made = Bed(lab, [peer("10.99.0.2"), peer("fd99::2"), peer("10.97.0.2", True),
                         peer("fd97::2", True, ttl_security=2), peer("10.99.0.3")])
        add_router(lab, made.node, made.host)
        yield made.start()


ENDS = {"IPv4": ("10.99.0.2", "10.99.0.1", SINGLE_HOP),
        "IPv6": ("fd99::2", "fd99::1", SINGLE_HOP)}


@pytest.fixture(params=ENDS)
def up(bed, request):
    """A session that is up, with a neighbour that says Up whatever it hears."""
    local, remote, port = ENDS[request.param]
    with Neighbour(bed.host, local, remote, port) as neighbour:
        bed.watch.wait_bfd(local)
        neighbour.freeze(UP)
        yield bed, neighbour, local
    bed.watch.wait_bfd(local, "Down")


MINE = 0x5005
DISCARDED = [
    ("version 0", {"version": 0}, "not version 1"),
    ("version 2", {"version": 2}, "not version 1"),
    ("Length 23", {"length": 23}, "bad length"),
    ("Length 25 of 24", {"length": 25}, "bad length"),
    ("A without a section", {"flags": AUTHENTICATED}, "bad length"),
    ("Detect Mult 0", {"multiplier": 0}, "multiplier 0"),
    ("Multipoint", {"flags": MULTIPOINT}, "multipoint"),
    ("My Discriminator 0", {"my": 0}, "my discriminator 0"),
    ("Your Discriminator of nobody", {"your": 0xdeadbeef}, "no session"),
    ("Your Discriminator 0 in Init", {"your": 0, "state": INIT}, "your discriminator 0"),
    ("Your Discriminator 0 in Up", {"your": 0, "state": UP}, "your discriminator 0"),
]


@pytest.mark.parametrize("up", ["IPv4"], indirect=True)
def test_each_rule_of_reception_discards_its_packet(up):
    bed, neighbour, local = up
    before = bed.watch.bfd(local)
    for count, (name, change, why) in enumerate(DISCARDED, before["discarded"] + 1):
        fields = {"state": DOWN, "my": MINE, "your": neighbour.your, **change}
        neighbour.say(bfd_packet(**fields))
        wait_until(lambda: bed.watch.bfd(local)["discarded"] == count, f"{name} is discarded")
        assert why in bed.watch.bfd(local)["last_discard"], name
    neighbour.say(bfd_packet(DOWN, MINE, neighbour.your, AUTHENTICATED, length=26) + b"\1\2")
    wait_until(lambda: "authenticated" in bed.watch.bfd(local)["last_discard"], "A is discarded")
    neighbour.say(b"")
    wait_until(lambda: "length" in bed.watch.bfd(local)["last_discard"], "nothing is discarded")
    neighbour.say(bfd_packet(DOWN, MINE, neighbour.your), ttl=254)
    wait_until(lambda: "further away" in bed.watch.bfd(local)["last_discard"],
               "what has passed a router is discarded")
    said = bed.watch.bfd(local)
    assert (said["state"], said["times_down"]) == ("Up", before["times_down"])
    # the same packet as it should be
    neighbour.say(bfd_packet(DOWN, MINE, neighbour.your))
    wait_until(lambda: bed.watch.bfd(local)["times_down"] == before["times_down"] + 1,
               "a good packet is taken")


def test_a_packet_that_is_not_the_neighbours_is_not_taken(up):
    bed, neighbour, local = up
    before = bed.watch.bfd(local)
    packet = bfd_packet(DOWN, MINE, neighbour.your)
    v6 = ":" in local
    with inside(bed.host.netns):
        other = socket.socket(neighbour.family, socket.SOCK_DGRAM)
        stranger = socket.socket(neighbour.family, socket.SOCK_DGRAM)
    if v6:
        bed.host.ip("addr", "replace", "fd99::9/64", "dev", "lan0", "nodad")
    else:
        bed.host.ip("addr", "replace", "10.99.0.9/24", "dev", "lan0")
    other.bind((local, 0))
    stranger.bind(("fd99::9" if v6 else "10.99.0.9", 0))
    other.sendto(packet, (neighbour.remote, MULTIHOP))  # of another kind
    wait_until(lambda: "no session" in (bed.watch.bfd(local)["last_discard"] or ""),
               "a single hop session is not ended on the other port")
    if not v6:
        with inside(bed.host.netns):
            third = socket.socket(neighbour.family, socket.SOCK_DGRAM)
        third.bind(("10.99.0.3", 0))
        neighbour.say(packet, sender=third)  # another peer with this one's discriminator
        wait_until(lambda: bed.watch.bfd("10.99.0.3")["discarded"] >= 1, "counted to the other")
        third.close()
    before = bed.watch.bfd(local)
    second = "fd99::77" if v6 else "10.99.0.77"  # of the same host, not the one that we speak from
    bed.node.ip("addr", "replace", f"{second}/{64 if v6 else 24}", "dev", "lan0",
                *(["nodad"] if v6 else []))
    neighbour.say(packet, to=second)
    wait_until(lambda: bed.watch.bfd(local)["discarded"] == before["discarded"] + 1,
               "what came to another address is discarded")
    assert "no session" in bed.watch.bfd(local)["last_discard"]
    mark = len(bed.node.log())
    neighbour.say(packet, sender=stranger)
    neighbour.say(bfd_packet(DOWN, MINE, neighbour.your), ttl=254)
    wait_until(lambda: "further away" in bed.watch.bfd(local)["last_discard"], "all are read")
    said = bed.watch.bfd(local)
    assert (said["state"], said["times_down"]) == ("Up", before["times_down"])
    assert "no peer with bfd" in bed.node.log()
    assert "BFD is down" not in bed.node.log()[mark:]
    other.close()
    stranger.close()


def test_what_is_sent_is_as_the_rfcs_want_it(up):
    bed, neighbour, local = up
    first = neighbour.heard[0]
    assert (first.version, first.length, first.echo) == (1, 24, 0)
    assert first.state in (DOWN, INIT) and first.tx_ms == 1000
    assert first.rx_ms == 100 and first.multiplier == 8
    assert first.flags & (DEMAND | AUTHENTICATED | MULTIPOINT) == 0
    for packet in neighbour.heard:
        assert packet.ttl == 255
        assert 49152 <= packet.source[1] <= 65535 and packet.source == first.source
        assert packet.my == first.my != 0
        assert packet.state == UP or packet.tx_ms >= 1000
    # Up at 100 ms, told by a Poll that the neighbour has answered
    wait_until(lambda: neighbour.last().state == UP and neighbour.last().tx_ms == 100
               and not neighbour.last().flags & POLL, "the Poll Sequence is over")
    assert any(p.flags & POLL and p.tx_ms == 100 for p in neighbour.heard)
    count = len(neighbour.heard)
    neighbour.say(bfd_packet(UP, MINE, neighbour.your, POLL))
    wait_until(lambda: any(p.flags & (POLL | FINAL) == FINAL for p in neighbour.heard[count:]),
               "a Poll is answered by a Final")


def test_silence_is_told_with_its_diagnostic(up):
    bed, neighbour, local = up
    neighbour.is_quiet = True
    said = bed.watch.wait_bfd(local, "Down")
    assert said["diagnostic"] == "control detection time expired"
    wait_until(lambda: neighbour.last().state == DOWN, "Down is said")
    assert neighbour.last().diagnostic == 1 and neighbour.last().your == 0
    assert neighbour.last().tx_ms == 1000


@pytest.mark.parametrize("up", ["IPv4"], indirect=True)
def test_who_was_held_up_itself_reads_before_it_judges(up):
    bed, neighbour, local = up
    before = bed.watch.bfd(local)["times_down"]
    said = 0

    def count(data, **options):
        nonlocal said
        said += 1
        return real(data, **options)
    real, neighbour.say = neighbour.say, count
    bed.node.process.send_signal(signal.SIGSTOP)
    try:
        wait_until(lambda: said > 14, "more than a detection time passes")  # 14 times 80 ms
    finally:
        bed.node.process.send_signal(signal.SIGCONT)
    heard = len(neighbour.heard)
    wait_until(lambda: len(neighbour.heard) > heard + 6, "it goes on")
    assert bed.watch.bfd(local)["times_down"] == before
    assert bed.watch.bfd(local)["state"] == "Up"


def test_two_sessions_have_discriminators_and_ports_of_their_own(bed):
    with Neighbour(bed.host, "10.99.0.2", "10.99.0.1", my=1) as one, \
            Neighbour(bed.host, "10.99.0.3", "10.99.0.1", my=1) as two:
        bed.watch.wait_bfd("10.99.0.2")
        bed.watch.wait_bfd("10.99.0.3")
        assert one.your != two.your
        assert one.last().source[1] != two.last().source[1]


@pytest.mark.parametrize("local, remote, ttl, is_taken", [
    ("10.97.0.2", "10.97.0.1", 2, True), ("fd97::2", "fd97::1", 255, True),
    ("fd97::2", "fd97::1", 254, False)])
def test_a_multihop_neighbour_may_be_as_far_away_as_ttl_security_says(bed, local, remote, ttl,
                                                                      is_taken):
    """The router takes one hop off; fd97::2 may be two away, 10.97.0.2 anywhere."""
    with Neighbour(bed.host, local, remote, MULTIHOP) as neighbour:
        real = neighbour.say
        neighbour.say = lambda data, **options: real(data, **{**options, "ttl": ttl})
        if is_taken:
            assert bed.watch.wait_bfd(local)["multihop"]
            assert neighbour.last().ttl == 254
        else:
            wait_until(lambda: bed.watch.bfd(local)["discarded"] > 2, "they are discarded")
            said = bed.watch.bfd(local)
            assert said["state"] == "Down" and "further away" in said["last_discard"]
    bed.watch.wait_bfd(local, "Down")


def test_settings_change_within_the_sessions():
    """As in a cluster: the document comes anew, the BGP sessions stay, and the neighbours hear."""
    with BgpLab("bfdconf") as lab:
        node = lab.speaker(1)
        node.config = {"kubernetes": {"node": node.name}, "log_level": "debug"}
        two, three = ({"address": f"10.99.0.{n}", "as": 64512} for n in (2, 3))
        document = {
            "node": {"name": node.name, "addresses": [node.ip4, node.ip6]},
            "pools": [{"name": "v4", "cidr": "10.244.0.0/16", "blocks": ["10.244.1.0/24"]}],
            "bgp": {"as": 64512, "peers": [two, three]},
        }
        bird = BfdBird(lab, 2, 64512)
        bird.peer("node", node.ip4, 64512, "bfd on", families=(4,)).start()
        other = lab.speaker(3, peers=[{"address": node.ip4, "as": 64512, "passive": True,
                                       "bfd": FAST}]).start()
        run_dir = node.dir / "run"
        agent = FakeAgent(node, str(run_dir), copy.deepcopy(document))
        watch = Watch(node, run_dir)
        node.start("--run-dir", run_dir)
        bird.wait_established("node")
        other.wait_log("peer 10.99.0.1: established")

        def tell(who, bfd):
            who["bfd"] = copy.copy(bfd)  # one object twice would be an alias
            agent.tell(copy.deepcopy(document))
        tell(two, FAST)
        tell(three, FAST)
        watch.wait_bfd("10.99.0.2")
        watch.wait_bfd("10.99.0.3")
        wait_until(lambda: watch.bfd("10.99.0.2")["interval_ms"] == 100, "100 ms both ways")
        tell(two, {"min_interval": 200, "multiplier": 9})
        wait_until(lambda: watch.bfd("10.99.0.2")["interval_ms"] == 200
                   and watch.bfd("10.99.0.2")["detection_ms"] == 8 * 200, "BIRD knows and agrees")
        tell(three, False)
        wait_until(lambda: watch.peers()["10.99.0.3"]["bfd"] is None, "no BFD any more")
        other.wait_log("the peer has taken it down; the BGP session stays")
        tell(three, {"multihop": False})  # the other's port is that of multihop
        watch.wait_bfd("10.99.0.3", "Down")
        tell(three, True)
        watch.wait_bfd("10.99.0.3")
        peers = watch.peers()
        assert [peers[who["address"]]["times_up"] for who in (two, three)] == [1, 1]
        assert peers["10.99.0.2"]["bfd"]["times_down"] == 0 and bird.is_established("node")
        assert "BFD Down" not in node.log() and "BFD Down" not in other.log()


def test_a_peer_of_a_range_has_bfd_once_its_session_is_there():
    with BgpLab("bfdrange") as lab:
        node = lab.speaker(1, 64512, ["10.244.1.0/24"], peers=[
            {"range": "10.99.0.0/24", "as": 64999, "bfd": FAST}])
        bird = BfdBird(lab, 2, 64999).announce("10.244.2.0/24")
        bird.peer("node", node.ip4, 64512, "bfd on", "hold time 180", families=(4,)).start()
        run_dir = node.dir / "run"
        run_dir.mkdir()
        watch = Watch(node, run_dir)
        node.start("--standalone", "--run-dir", run_dir)
        watch.wait_bfd("10.99.0.2")
        bird.process.send_signal(signal.SIGSTOP)
        wait_until(lambda: not watch.peers(), "the peer is gone, and all of it")
        bird.process.send_signal(signal.SIGCONT)
        watch.wait_bfd("10.99.0.2", deadline=20)
