# SPDX-License-Identifier: Apache-2.0
"""Next hops that the node can send to, or not, and the choice between routes (RFC 4271 9.1.2.1).

The bed is bad_input.py's; the agent, which the test plays, says on which subnets next hops can be.
"""
import pytest

from bad_input import soon
from bad_input_cases import hop
from bgp_lab import BGP_SUBNETS, BgpLab
from bgp_wire import NEXT_HOP, h, nlri, update
from test_handover import Bed, drain, quiet

WHERE = "10.244.222.0/24"
NEAR, FAR = "10.99.0.0/24", "10.98.0.0/24"
SHORT = h("40010100 400206 0201 0000fde7")
LONG = h("40010100 40020a 0202 0000fde7 0000fde8")
HOPS = {"10.99.0.9": h("0a630009"), "10.98.0.9": h("0a620009"), "10.97.0.9": h("0a610009")}


@pytest.fixture
def bed():
    with BgpLab("reach") as lab:
        made = Bed(lab, hold_time=30, restart_time=20)
        made.agent.reach(NEAR, "fd99::/64")
        yield made
        made.hang_up()
        assert made.node.is_alive()


def tells(bed, path, address):
    peer = bed.neighbour()
    peer.establish()
    peer.send(update(path + hop(HOPS[address].hex()), nlri(WHERE)))
    return peer


def wait_way(bed, address, told=None):
    """The agent has the route by this way, and the observer is told another one or the same."""
    soon(lambda: bed.agent.routes.get(WHERE) == address, f"the agent has {address}")
    soon(lambda: bed.observer.routes.get(WHERE, {}).get(NEXT_HOP) == (0x40, HOPS[told or address]),
         f"the observer has {told or address}")


def test_the_better_route_wins_when_its_next_hop_comes_within_reach(bed):
    better, worse = tells(bed, SHORT, "10.98.0.9"), tells(bed, LONG, "10.99.0.9")
    wait_way(bed, "10.99.0.9")
    tells(bed, LONG, "10.97.0.9")  # as good as the other, if it were within reach
    bed.witness_says_more()
    assert bed.agent.routes[WHERE] == "10.99.0.9"
    for peer in (better, worse):
        drain(peer)
    for _ in range(2):
        bed.agent.reach(NEAR, FAR)
        wait_way(bed, "10.98.0.9")
        bed.agent.reach(NEAR)
        wait_way(bed, "10.99.0.9")
    assert quiet(better) is True and quiet(worse) is True
    assert "session lost" not in bed.node.log()


def test_the_only_route_stays_told_with_its_own_next_hop(bed):
    """Of no use to the node, which the agent says; a reflector's clients may be nearer to it."""
    better, worse = tells(bed, SHORT, "10.98.0.9"), tells(bed, LONG, "10.99.0.9")
    wait_way(bed, "10.99.0.9")
    worse.send(update(withdrawn=nlri(WHERE)))
    wait_way(bed, "10.98.0.9")
    better.send(update(withdrawn=nlri(WHERE)))
    soon(lambda: WHERE not in bed.agent.routes, "it is gone")


def test_a_restart_of_agent_or_speaker_changes_no_choice(bed):
    tells(bed, SHORT, "10.98.0.9")
    tells(bed, LONG, "10.99.0.9")
    wait_way(bed, "10.99.0.9")
    bed.observer.said.clear()
    bed.restart()
    wait_way(bed, "10.99.0.9")
    bed.agent.stop()
    bed.agent.start()
    soon(lambda: bed.agent.in_sync, "in sync")
    bed.witness_says_more()
    assert f"+{WHERE}" not in bed.observer.said and f"-{WHERE}" not in bed.observer.said
    assert bed.agent.routes[WHERE] == "10.99.0.9"
    assert "told all again" not in bed.node.log()


def test_subnets_that_are_none_end_the_connection_to_the_agent(bed):
    tells(bed, SHORT, "10.98.0.9")
    tells(bed, LONG, "10.99.0.9")
    wait_way(bed, "10.99.0.9")
    asked = bed.agent.counts[BGP_SUBNETS]
    bed.agent.send(BGP_SUBNETS, 0, bytes(16) + bytes([129, 0, 0, 0]))
    bed.node.wait_log("it sent subnets that are none; sessions go on, trying again")
    soon(lambda: bed.agent.counts[BGP_SUBNETS] == asked + 1, "it asks again")
    wait_way(bed, "10.99.0.9")
