# SPDX-License-Identifier: Apache-2.0
"""Sets that must be equal are, after a random walk through a node's life (life.py).

TORTIE_SEED=N repeats a walk, TORTIE_STEPS=N is its length.
"""
import os

import pytest

import inventory
from harness import Lab
from life import Life

STEPS = int(os.environ.get("TORTIE_STEPS") or 300)
LONG_STEPS = int(os.environ.get("TORTIE_STEPS") or 10000)


@pytest.fixture
def node():
    with Lab("life") as lab:
        yield lab.add_node(1)


def walk(life, steps, every):
    history = []
    for number in range(1, steps + 1):
        history.append(life.step())
        if number % every == 0:
            life.compare(history)
    for pod in list(life.pods):
        life.end(pod)
    life.compare(history)
    inventory.assert_exactly(life.node, 0)
    print(f"{steps} steps: {dict(sorted(life.done.items()))}")


def test_all_that_holds_addresses_agrees_after_300_steps(node):
    seed = int(os.environ.get("TORTIE_SEED") or 0) or int.from_bytes(os.urandom(4), "big")
    print(f"TORTIE_SEED={seed}")
    walk(Life(node, seed), STEPS, 10)


@pytest.mark.long
def test_all_that_holds_addresses_agrees_after_10000_steps(node):
    seed = int(os.environ.get("TORTIE_SEED") or 1)
    walk(Life(node, seed, restarts=0.4), LONG_STEPS, 40)
