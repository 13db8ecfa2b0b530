# SPDX-License-Identifier: Apache-2.0
"""tortie-bgpd against FRR, GoBGP and OpenBGPD: the same, with each.

    t1 (tortie-bgpd, the test is its agent) ---- LAN ---- one of them, number 2; BIRD, number 3
"""
import signal

import pytest

from bgp_lab import BgpLab, FakeAgent
from harness import wait_until
from other_speakers import Frr, Gobgp, Openbgpd, Peering

OWN4, OWN6 = "10.244.1.0/24", "fd00:244:0:1::/64"
FAR4, FAR6 = "10.244.2.0/24", "fd00:244:0:2::/64"
OTHERS = [Frr, Gobgp, Openbgpd]


@pytest.fixture
def lab():
    with BgpLab("others") as made:
        yield made


@pytest.fixture(params=OTHERS, ids=lambda make: make.__name__)
def make(request):
    if not request.param.is_installed():
        pytest.skip(f"{request.param.program} is not installed")
    return request.param


class Bed:
    def __init__(self, lab, make, peering=None, **peer):
        self.peering = peering or Peering()
        self.peering.prefixes = [FAR4, FAR6]
        self.node = lab.speaker(1, self.peering.peer_as, [OWN4], [OWN6], hold_time=9, peers=[
            {"address": "10.99.0.2", "as": self.peering.asn, **peer}])
        self.run_dir = str(self.node.dir / "run")
        self.agent = FakeAgent(self.node, self.run_dir)
        self.other = make(lab, 2, self.peering)
        self.far = {prefix for prefix in (FAR4, FAR6) if self.other.is_next_hop(prefix)}

    def start(self):
        self.other.start()
        self.node.start("--run-dir", self.run_dir)
        self.wait_all()
        return self

    def wait_all(self):
        self.other.wait_established()
        wait_until(self.are_routes_here, "its routes are here", 20)
        self.other.wait_routes([OWN4, OWN6])

    def are_routes_here(self):
        return self.far <= set(self.agent.routes)


@pytest.mark.parametrize("asn", [
    pytest.param(64512, id="iBGP", marks=pytest.mark.long), pytest.param(64999, id="eBGP"),
    pytest.param(4200000001, id="four octets", marks=pytest.mark.long)])
def test_both_families_travel_on_one_session(lab, make, asn):
    bed = Bed(lab, make, Peering(asn=asn)).start()
    assert bed.other.routes()[OWN4] == "10.99.0.1"
    assert bed.other.routes()[OWN6] == "fd99::1"
    assert bed.agent.routes[FAR4] == "10.99.0.2"
    assert bed.agent.routes.get(FAR6, "fd99::2") == "fd99::2"
    before = bed.agent.routes[FAR4]
    bed.other.refresh()  # RFC 2918
    bed.other.wait_routes([OWN4, OWN6])
    assert bed.other.is_established() and bed.agent.routes[FAR4] == before


@pytest.mark.long
def test_md5_passwords_match(lab, make):
    secret = lab.dir / "secret"
    secret.write_text("aWordBetweenRouters\n")
    Bed(lab, make, Peering(password="aWordBetweenRouters"), password_file=str(secret)).start()


@pytest.mark.long
def test_ttl_security_is_agreed_upon(lab, make):
    Bed(lab, make, Peering(ttl_security=True), ttl_security=1).start()


@pytest.mark.long
@pytest.mark.parametrize("make", [Frr, Gobgp])
def test_its_routes_stay_while_it_restarts(lab, make):
    """OpenBGPD only says that it has restarted, and sets no forwarding bit."""
    bed = Bed(lab, make).start()
    bed.other.kill()
    bed.node.wait_log(f"peer 10.99.0.2: its {len(bed.far)} routes are kept for")
    assert bed.are_routes_here()
    bed.other.start()
    bed.node.wait_log(r"peer 10.99.0.2: graceful restart is over: End-of-RIB received", 30)
    bed.wait_all()


@pytest.mark.long
def test_it_keeps_our_routes_while_we_restart(lab, make):
    bed = Bed(lab, make).start()
    bed.node.kill(signal.SIGINT)  # SIGTERM would hand them over
    wait_until(lambda: not bed.other.is_established(), "it has noticed", 15, 0.1)
    assert {OWN4, OWN6} <= set(bed.other.routes())
    bed.node.start("--run-dir", bed.run_dir)
    bed.other.wait_established()
    assert {OWN4, OWN6} <= set(bed.other.routes())
    bed.wait_all()


@pytest.mark.long
@pytest.mark.parametrize("password", ["", "aWordBetweenRouters"], ids=["open", "md5"])
def test_ten_restarts_of_ours_are_not_seen(lab, make, password):
    """Routes change on both sides, also while nobody is there."""
    options = {}
    if password:
        secret = lab.dir / "secret"
        secret.write_text(password + "\n")
        options["password_file"] = str(secret)
    bed = Bed(lab, make, Peering(password=password), **options).start()
    history = bed.other.history()
    assert history
    blocks = bed.node.config["pools"][0]["blocks"]
    for number in range(10):
        bed.agent.in_sync = False
        assert bed.node.kill(signal.SIGTERM) == 0
        far = f"10.244.{100 + number}.0/24"
        bed.other.announce(far)
        blocks.append(f"10.244.{150 + number}.0/24")
        bed.node.start("--run-dir", bed.run_dir)
        bed.other.wait_routes([OWN4, OWN6, blocks[-1]])
        wait_until(lambda at=far: bed.agent.in_sync and bed.agent.routes.get(at) == "10.99.0.2",
                   f"{far} is here", 20)
    assert bed.are_routes_here()
    assert bed.other.is_established() and bed.other.history() == history
    assert "session lost" not in bed.node.log()


def test_it_is_a_client_of_our_reflector(lab, make):
    bed = Bed(lab, make, Peering(asn=64512), reflector_client=True)
    bed.node.config["bgp"]["peers"].append({"address": "10.99.0.3", "as": 64512,
                                            "reflector_client": True})
    bird = lab.bird(3, 64512).announce("10.244.3.0/24").peer("node", "10.99.0.1", 64512).start()
    bed.start()
    route = bird.wait_routes("node", [OWN4, FAR4])[FAR4]
    assert "BGP.originator_id: 10.99.0.2" in route and "BGP.cluster_list: 10.99.0.1" in route
    assert bed.other.wait_routes(["10.244.3.0/24"])["10.244.3.0/24"] == "10.99.0.3"
