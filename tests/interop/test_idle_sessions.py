# SPDX-License-Identifier: Apache-2.0
"""Sessions in which nothing happens: what a KEEPALIVE costs, and what it may not put off.

The bed is that of test_bad_input.py. A peer's KEEPALIVE stays in the socket until ours is due, or
until something longer comes; the hold timer goes by when it came, not by when it was read.
"""
import time

import pytest

from bad_input import OURS, Bed, soon
from bgp_lab import BgpLab, holds_for
from bgp_wire import CLOSE, KEEPALIVE, message, open_body


@pytest.fixture(scope="module")
def bed():
    with BgpLab("idle") as lab:
        made = Bed(lab)
        yield made
        made.hang_up()
        assert made.node.is_alive()


def unread(bed, peer):
    """Octets of the peer that t1 has not taken from the socket."""
    line = bed.node.run("ss", "-Htn", "src", f"{OURS}:179", "dst", peer.address).split()
    return int(line[1])


def test_a_keepalive_alone_wakes_nobody(bed):
    peer = bed.neighbour().establish()
    peer.announce(1)
    peer.wait_route(1)
    peer.send(message(KEEPALIVE))
    soon(lambda: unread(bed, peer) == 19, "it waits in the socket")
    assert holds_for(lambda: unread(bed, peer) == 19, "still there", 0.5) is None
    peer.announce(2)
    peer.wait_route(2)
    soon(lambda: unread(bed, peer) == 0, "an UPDATE was read with all before it")
    peer.close()


def test_half_a_message_does_not_wait_for_more_than_its_rest(bed):
    """Less than a KEEPALIVE is missing, and nothing comes behind it."""
    peer = bed.neighbour().establish()
    octets = bytearray()
    peer.send, send = octets.extend, peer.send
    peer.announce(1)
    send(octets[:-5])
    soon(lambda: unread(bed, peer) == 0, "the first part was read")
    send(octets[-5:])
    peer.send = send
    peer.wait_route(1)
    peer.close()


def test_a_bad_header_alone_is_answered_when_our_keepalive_is_due(bed):
    peer = bed.neighbour().establish(open_body(hold=3))
    peer.send(message(9))
    assert peer.reaction() == (1, 3)
    assert peer.reaction() == CLOSE
    peer.close()


def test_the_hold_time_begins_when_the_keepalive_came(bed):
    """It is read with our next one, 1.5 to 2 s later, which is not when the peer was heard."""
    peer = bed.neighbour().establish(open_body(hold=6))
    while peer.receive()[0] != KEEPALIVE:
        continue
    peer.send(message(KEEPALIVE))
    begin = time.monotonic()
    assert peer.reaction() == (4, 0)
    assert 5.8 < time.monotonic() - begin < 7.2
    peer.close()
