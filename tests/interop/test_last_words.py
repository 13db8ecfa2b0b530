# SPDX-License-Identifier: Apache-2.0
"""The NOTIFICATION that ends a session reaches a peer that is busy sending, or slow to read.

The bed is that of test_slow_peer.py. Closing a connection with octets unread resets it, and a peer
that was writing notices that first: BIRD logged a broken connection where it had been told why.
"""
import pytest

from bad_input import soon
from bgp_lab import BgpLab
from bgp_wire import CLOSE, KEEPALIVE, UPDATE, message, read_update
from test_slow_peer import Bed

BAD_TYPE, MORE = message(9), 8 << 20


@pytest.fixture(scope="module")
def bed():
    with BgpLab("words") as lab:
        made = Bed(lab)
        yield made
        assert made.node.is_alive()


def test_a_peer_that_goes_on_sending_reads_why_it_was_closed(bed):
    peer = bed.slow_peer(hold=90)
    peer.send(BAD_TYPE)
    for _ in range(MORE // 65536):
        peer.send(message(KEEPALIVE) * (65536 // 19))
    assert peer.reaction() == (1, 3)
    assert peer.receive() == (None, b"")
    peer.close()


def test_a_peer_that_is_behind_is_told_next(bed):
    """Of 11 MB that wait for it come those that the kernel has, whole messages, then the end."""
    peer, after = bed.slow_peer(hold=90), len(bed.node.log())
    bed.change_big(3000)
    peer.send(BAD_TYPE * 2)
    soon(lambda: bed.lost(after), "the session is over")
    octets, kind, body = 0, UPDATE, b""
    while kind in (UPDATE, KEEPALIVE):
        kind, body = peer.receive()
        octets += len(body)
        if kind == UPDATE:
            read_update(body)
    assert (kind, body[:2]) == (3, bytes([1, 3]))
    assert octets < 8 << 20
    assert peer.reaction() == CLOSE
    peer.close()


def test_a_peer_that_never_closes_is_not_waited_for(bed):
    before, peer = bed.descriptors(), bed.slow_peer(hold=90)
    peer.send(BAD_TYPE * 2)
    assert peer.reaction() == (1, 3)
    soon(lambda: bed.descriptors() == before, "its descriptor is closed", 10)
    peer.close()
