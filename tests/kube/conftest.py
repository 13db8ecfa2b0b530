# SPDX-License-Identifier: Apache-2.0
"""Tests on a cluster: skipped where KUBECONFIG names none."""
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent))

import kube  # noqa: E402


def pytest_configure(config):
    config.addinivalue_line("markers", "long: takes minutes; runs in make test-long")
    config.addinivalue_line("markers", "no_cluster: looks at files or brings a cluster up itself")


def pytest_collection_modifyitems(items):
    if kube.HAVE_CLUSTER:
        return
    for item in items:
        if not item.get_closest_marker("no_cluster"):
            item.add_marker(pytest.mark.skip(reason="needs a cluster: KUBECONFIG is not set"))


@pytest.fixture(scope="module")
def namespace():
    """A namespace that has the tests' own program."""
    made = kube.Namespace()
    try:
        made.add_tool("net_peer")
        yield made
    finally:
        made.remove()
