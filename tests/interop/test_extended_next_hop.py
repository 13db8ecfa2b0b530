# SPDX-License-Identifier: Apache-2.0
"""RFC 8950: IPv4 routes with IPv6 next hops, on sessions over IPv6.

    t1 (tortie-bgpd, the test is its agent) ---- LAN ---- one of BIRD, FRR, GoBGP; BIRD, number 3
"""
import json
import signal
import subprocess

import pytest

from bgp_lab import BgpLab, FakeAgent
from harness import build_dir, wait_until
from other_speakers import Frr, Gobgp, Peering

OWN4, OWN6 = "10.244.1.0/24", "fd00:244:0:1::/64"
FAR4, FAR6 = "10.244.2.0/24", "fd00:244:0:2::/64"


@pytest.fixture
def lab():
    with BgpLab("v4over6") as made:
        yield made


class Bed:
    """t1 and BIRD, number 2, who speak over IPv6. has_ipv4: t1 has an IPv4 address for pods."""

    def __init__(self, lab, has_ipv4=True, asn=64999, **peer):
        self.lab = lab
        self.node = lab.speaker(1, 64512, [OWN4], [OWN6],
                                peers=[{"address": "fd99::2", "as": asn, **peer}])
        if not has_ipv4:
            self.node.config["node"]["addresses"] = [self.node.ip6]
            self.node.config["bgp"]["router_id"] = self.node.ip4
        self.run_dir = str(self.node.dir / "run")
        self.agent = FakeAgent(self.node, self.run_dir)
        self.bird = self.add_bird(2, asn)

    def add_bird(self, number, asn, extended=True, over=6):
        """With RFC 8950 for IPv4 when extended."""
        bird = self.lab.bird(number, asn)
        switch = "on" if extended else "off"
        bird.peer("node", self.node.ip6 if over == 6 else self.node.ip4, 64512,
                  channel=(f"extended next hop {switch};",), families=(4,),
                  local=bird.ip6 if over == 6 else bird.ip4)
        return bird

    def start(self):
        self.bird.announce(FAR4).start()
        self.node.start("--run-dir", self.run_dir)
        self.bird.wait_established("node")
        return self

    def wait_hop(self, hop, prefix=FAR4):
        wait_until(lambda: self.agent.routes.get(prefix) == hop,
                   f"{prefix} via {hop}: {self.agent.routes}")

    def peers(self):
        done = subprocess.run([build_dir() / "tortie", "--run-dir", self.run_dir, "bgp", "peers",
                               "-o", "json"], capture_output=True, text=True, timeout=30,
                              check=True)
        return {peer["peer_address"]: peer for peer in json.loads(done.stdout)["items"]}


def next_hop(bird, prefix, deadline=10):
    wait_until(lambda: prefix in bird.routes("node"), f"{bird.name} has {prefix}", deadline)
    line, = [line for line in bird.routes("node")[prefix].splitlines() if "BGP.next_hop" in line]
    return line.split(":", 1)[1].split()[0]


def test_a_node_with_an_ipv4_address_goes_on_telling_it(lab):
    bed = Bed(lab).start()
    bed.wait_hop("fd99::2")
    assert next_hop(bed.bird, OWN4) == "10.99.0.1"
    assert bed.peers()["fd99::2"]["extended_next_hop"]


def test_a_node_without_one_is_the_next_hop_by_ipv6(lab):
    bed = Bed(lab, has_ipv4=False).start()
    bed.wait_hop("fd99::2")
    assert next_hop(bed.bird, OWN4) == "fd99::1"
    bed.bird.birdc("reload", "in", "node")  # and all again (RFC 2918)
    assert next_hop(bed.bird, OWN4) == "fd99::1"


def test_always_tells_the_ipv6_address_whatever_there_is(lab):
    bed = Bed(lab, extended_next_hop="always").start()
    bed.wait_hop("fd99::2")
    assert next_hop(bed.bird, OWN4) == "fd99::1"


def test_never_is_as_before_the_rfc(lab):
    """Each side tells its IPv4 address, though the session is over IPv6."""
    bed = Bed(lab, extended_next_hop="never").start()
    assert next_hop(bed.bird, OWN4) == "10.99.0.1"
    bed.node.wait_log("peer fd99::2: established")
    assert "IPv6 next hops of IPv4" not in bed.node.log()
    bed.wait_hop("10.99.0.2")


def test_a_peer_that_does_not_take_them_gets_what_can_be_told(lab):
    """An external one gets us as next hop, an internal one nothing of what has an IPv6 one."""
    bed = Bed(lab, asn=64512, reflector_client=True, extended_next_hop="always")
    bed.node.config["bgp"]["peers"] += [
        {"address": "10.99.0.3", "as": 64512, "export": "all"},
        {"address": "10.99.0.4", "as": 64904, "export": "all"},
        {"address": "fd99::5", "as": 64512, "export": "all"}]
    inside, outside, takes = (bed.add_bird(n, asn, n == 5, 6 if n == 5 else 4).start()
                              for n, asn in ((3, 64512), (4, 64904), (5, 64512)))
    bed.start()
    bed.wait_hop("fd99::2")
    assert next_hop(takes, FAR4) == "fd99::2"  # reflected as it is
    assert next_hop(outside, FAR4) == "10.99.0.1"
    assert next_hop(inside, OWN4) == "10.99.0.1" and FAR4 not in inside.routes("node")


def test_without_an_ipv4_address_a_peer_that_does_not_take_them_is_named(lab):
    bed = Bed(lab, has_ipv4=False)
    bed.bird.protocols.clear()
    bed.bird.peer("node", bed.node.ip6, 64512, local=bed.bird.ip6)
    bed.bird.announce(FAR6)
    bed.start()
    bed.node.wait_log("peer fd99::2: it gets no IPv4 routes of this node")
    assert set(bed.bird.wait_routes("node", [OWN6], 6)) == {OWN6}
    assert bed.bird.routes("node", 4) == {}


def test_ways_of_both_families_to_one_prefix_are_used(lab):
    bed = Bed(lab)
    bed.node.config["bgp"]["peers"].append({"address": "10.99.0.3", "as": 64903})
    bed.add_bird(3, 64903, extended=False, over=4).announce(FAR4).start()
    bed.start()
    bed.wait_hop("10.99.0.3,fd99::2")


@pytest.mark.parametrize("make", [Frr, Gobgp], ids=lambda make: make.__name__)
def test_others_take_and_tell_them(lab, make):
    """OpenBGPD has no RFC 8950 (7.7)."""
    if not make.is_installed():
        pytest.skip(f"{make.program} is not installed")
    bed = Bed(lab, has_ipv4=False, hold_time=9)
    other = make(lab, 7, Peering(asn=64907, address="fd99::1", prefixes=[FAR4],
                                 next_hop="fd99::7"))
    bed.node.config["bgp"]["peers"] = [{"address": "fd99::7", "as": 64907, "hold_time": 9}]
    other.start()
    bed.node.start("--run-dir", bed.run_dir)
    other.wait_established()
    bed.wait_hop("fd99::7")
    assert other.wait_routes([OWN4])[OWN4] == "fd99::1"


def test_routes_with_ipv6_next_hops_are_handed_over(lab):
    bed = Bed(lab, asn=64512).start()
    bed.wait_hop("fd99::2")
    wait_until(lambda: bed.agent.in_sync, "in sync")
    before = next_hop(bed.bird, OWN4)
    bed.agent.in_sync = False
    assert bed.node.kill(signal.SIGTERM) == 0
    bed.node.start("--run-dir", bed.run_dir)
    bed.node.wait_log("1 of 1 go on from")
    wait_until(lambda: bed.agent.in_sync, "in sync")
    assert bed.agent.routes.get(FAR4) == "fd99::2" and next_hop(bed.bird, OWN4) == before
    assert "told all again" not in bed.node.log()
