# SPDX-License-Identifier: Apache-2.0
"""tortie-bgpd against BIRD 2: sessions, both families, restart in both roles, passwords, reflection.

    t1 (tortie-bgpd, 10.99.0.1) ---- LAN ---- b2, b3 ... (BIRD 2, 10.99.0.N)
"""
import signal

import pytest

from bgp_lab import BgpLab, holds_for
from harness import wait_until

OWN4, OWN6 = "10.244.1.0/24", "fd00:244:0:1::/64"
FAR4, FAR6 = "10.244.2.0/24", "fd00:244:0:2::/64"


@pytest.fixture
def lab():
    with BgpLab("bird") as made:
        yield made


def speaker(lab, number=1, asn=64512, **bgp):
    return lab.speaker(number, asn, [f"10.244.{number}.0/24"], [f"fd00:244:0:{number}::/64"], **bgp)


def pair(lab, peer_as, bird_as, bird_lines=(), **peer):
    """t1 and b2, each configured for the other; not started."""
    node = speaker(lab, peers=[{"address": "10.99.0.2", "as": peer_as, **peer}])
    bird = lab.bird(2, bird_as).announce(FAR4, FAR6)
    bird.peer("node", "10.99.0.1", 64512, *bird_lines)
    return node, bird


@pytest.mark.parametrize("bird_as", [64512, 64999, 4200000001])
def test_both_families_travel_on_one_session(lab, bird_as):
    node, bird = pair(lab, bird_as, bird_as)
    bird.start()
    node.start()
    bird.wait_established("node")
    four = bird.wait_routes("node", [OWN4], 4)[OWN4]
    six = bird.wait_routes("node", [OWN6], 6)[OWN6]
    assert "BGP.next_hop: 10.99.0.1\n" in four
    assert "BGP.next_hop: fd99::1" in six
    path = "BGP.as_path: \n" if bird_as == 64512 else "BGP.as_path: 64512\n"
    assert path in four and path in six
