# SPDX-License-Identifier: Apache-2.0
"""What tortied holds between one tortie-bgpd and the next: all of it, for a time, or nothing.

    speaker (this test) -- agent.sock -- tortied on n1

A session is one end of a pair of sockets here: the other end sees when the last descriptor of the
first is closed, as a peer does.
"""
import os
import select
import socket

import pytest

from harness import Lab, Node, wait_until
from speaker import Refused, Speaker

LONG_MS = 20000
SOFT_LIMIT, MANY = 128, 200  # descriptors, sessions


@pytest.fixture(scope="module")
def node():
    with Lab("keep") as lab:
        node = lab.add_node(1)
        node.config["bgp"] = {"as": 64512, "peers": [{"address": "192.0.2.1", "as": 64999}]}
        node.start_agent()
        yield node


class Session:
    def __init__(self):
        self.here, self.peer = socket.socketpair()

    def fileno(self):
        return self.here.fileno()

    def let_go(self):
        self.here.close()

    def is_closed(self):
        """As the peer sees it."""
        return bool(select.select([self.peer], [], [], 0)[0]) and self.peer.recv(1) == b""


@pytest.fixture
def sessions():
    made = [Session() for _ in range(3)]
    yield made
    for session in made:
        session.here.close()
        session.peer.close()


def leave(node, sessions, keep_ms=LONG_MS, count=None):
    """As a speaker that ends in order."""
    with Speaker(node) as speaker, open("/proc/self/stat", "rb") as state:
        speaker.keep(*sessions)
        speaker.keep_all(len(sessions) if count is None else count, keep_ms, state.fileno())
    for session in sessions:
        session.let_go()


def nothing_is_kept(node):
    with Speaker(node) as speaker, pytest.raises(Refused, match="no sessions are kept"):
        speaker.take()


def connect_again(node):
    """The agent has noticed that the one before is gone."""
    def connected():
        speaker = Speaker(node)
        try:
            speaker.begin()
            speaker.listen(node.ip4).close()
        except Refused:
            speaker.close()
            return None
        return speaker
    return wait_until(connected, "the next one is taken")


def test_what_was_left_is_given_once_and_in_order(node, sessions):
    leave(node, sessions)
    with connect_again(node) as speaker:
        fds, state = speaker.take()
        assert len(fds) == 3 and not any(session.is_closed() for session in sessions)
        for fd, session in zip(fds, sessions):
            os.write(fd, b"x")
            assert session.peer.recv(1) == b"x"
            os.close(fd)
            wait_until(session.is_closed, "the taker holds the only descriptor")
        assert os.readlink(f"/proc/self/fd/{state}").endswith("/stat")
        os.close(state)
        with pytest.raises(Refused, match="no sessions are kept"):
            speaker.take()


def test_nobody_comes_and_the_sessions_are_closed(node, sessions):
    leave(node, sessions, keep_ms=300)
    for session in sessions:
        wait_until(session.is_closed, "closed", 5)
    wait_until(lambda: "nobody has taken its 3 sessions" in node.log(), "it is told", 5)
    nothing_is_kept(node)


def test_a_speaker_that_dies_before_the_last_word_leaves_nothing(node, sessions):
    with Speaker(node) as speaker:
        speaker.begin()
        speaker.keep(*sessions)
    for session in sessions:
        session.let_go()
        wait_until(session.is_closed, "closed", 5)
    nothing_is_kept(node)


def test_a_speaker_that_cannot_count_is_cut_and_leaves_nothing(node, sessions):
    with pytest.raises((TypeError, OSError)):  # the end of the connection
        leave(node, sessions, count=2)
    for session in sessions:
        session.let_go()
        wait_until(session.is_closed, "closed", 5)
    nothing_is_kept(node)


def test_the_sessions_that_were_left_last_take_the_place_of_those_before(node, sessions):
    old, new = sessions[:1], sessions[1:]
    leave(node, old)
    with connect_again(node) as speaker, open("/proc/self/stat", "rb") as state:
        speaker.keep(*new)
        wait_until(old[0].is_closed, "the one before is closed", 5)
        speaker.keep_all(len(new), LONG_MS, state.fileno())
    for session in new:
        session.let_go()
    with connect_again(node) as speaker:
        fds, state = speaker.take()
        assert len(fds) == 2 and not any(session.is_closed() for session in new)
        for fd in (*fds, state):
            os.close(fd)


def test_who_dies_while_it_takes_that_place_leaves_nothing(node, sessions):
    leave(node, sessions[:1])
    with connect_again(node) as speaker:
        speaker.keep(sessions[1])
        wait_until(sessions[0].is_closed, "the one before is closed", 5)
        sessions[1].let_go()
    wait_until(sessions[1].is_closed, "closed", 5)
    nothing_is_kept(node)


def test_a_message_without_a_descriptor_ends_the_connection(node):
    for kind in (45, 46):
        with Speaker(node) as speaker:
            speaker.send(kind, bytes(8) if kind == 46 else b"")
            assert speaker.receive() is None


def test_only_the_speaker_may_take(node, sessions):
    leave(node, sessions)
    with Speaker(node, role=1) as tool, pytest.raises(Refused, match="may not ask this"):
        tool.take()
    with connect_again(node) as speaker:
        fds, state = speaker.take()
        for fd in (*fds, state):
            os.close(fd)


def test_the_end_of_the_agent_ends_what_it_held(node, sessions):
    leave(node, sessions)
    node.stop_agent()
    for session in sessions:
        wait_until(session.is_closed, "closed", 5)
    node.start_agent()
    nothing_is_kept(node)


def test_more_sessions_are_kept_than_the_soft_limit_of_descriptors(node):
    """Containers begin with 1,024."""
    node.stop_agent()
    node.AGENT_RIGHTS = ["prlimit", f"--nofile={SOFT_LIMIT}:4096", *Node.AGENT_RIGHTS]
    node.start_agent()
    many = [Session() for _ in range(MANY)]
    leave(node, many)
    with Speaker(node) as speaker:
        taken, state = speaker.take()
    assert len(taken) == MANY
    for fd in (*taken, state):
        os.close(fd)
    assert all(session.is_closed() for session in many)
    for session in many:
        session.peer.close()
    node.stop_agent()
    del node.AGENT_RIGHTS
    node.start_agent()
