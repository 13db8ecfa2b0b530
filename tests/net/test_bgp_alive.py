# SPDX-License-Identifier: Apache-2.0
"""A speaker that hangs is noticed, told, and found by the probe that ends it.

    n1 -- lan
"""
import os
import signal

import pytest

from harness import Failed, Lab, wait_until


@pytest.fixture(scope="module")
def node():
    with Lab("alive") as lab:
        made = lab.add_node(1)
        made.config["bgp"] = lab.peer_config(made)
        made.start_agent()
        yield made


def is_alive(node):
    """Exit status and words of the probe."""
    try:
        return 0, node.tortie("bgp", "alive")
    except Failed as error:
        return 1, str(error)


def test_a_speaker_that_is_not_there_is_not_alive(node):
    status, text = is_alive(node)
    assert status == 1 and "not connected" in text


def test_a_speaker_that_hangs_is_told_until_it_answers_again(node):
    node.start_bgpd()
    wait_until(lambda: is_alive(node) == (0, "tortie-bgpd: answers\n"), "the speaker answers")
    os.kill(node.bgpd.pid, signal.SIGSTOP)
    try:
        wait_until(lambda: is_alive(node)[0] == 1, "the agent notices", 30)
        assert "does not answer" in is_alive(node)[1]
        assert "problem  tortie-bgpd: connected, and does not answer" in \
            node.tortie("status", check=False)
        assert "tortie-bgpd: has not answered for 15 s: it hangs" in node.log()
    finally:
        os.kill(node.bgpd.pid, signal.SIGCONT)
    wait_until(lambda: is_alive(node)[0] == 0, "it answers again", 10)
    assert "tortie-bgpd: answers again" in node.log()
    assert node.log().count("it hangs") == 1


def test_an_agent_that_is_away_says_nothing_about_the_speaker(node):
    os.kill(node.agent.pid, signal.SIGSTOP)
    try:
        status, text = is_alive(node)
        assert status == 0 and "not known: the agent does not answer (" in text
    finally:
        os.kill(node.agent.pid, signal.SIGCONT)
    wait_until(lambda: is_alive(node) == (0, "tortie-bgpd: answers\n"), "the speaker answers")
    node.stop_agent()
    status, text = is_alive(node)
    assert status == 0 and "not known: the agent does not answer (No such file" in text
