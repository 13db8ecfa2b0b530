# SPDX-License-Identifier: Apache-2.0
"""The plugin's tests use the network tests' bed: one node with a real agent."""
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "net"))

from pytest_hooks import *  # noqa: E402,F401,F403

from harness import Lab  # noqa: E402


@pytest.fixture(scope="module")
def node():
    """A node with a running agent, for all tests of a file."""
    with Lab("cni") as lab:
        node = lab.add_node(1)
        node.start_agent()
        yield node
