# SPDX-License-Identifier: Apache-2.0
"""pytest's set-up for tests that make networks: root, long tests on request, logs of a failure."""
import os

import pytest

import harness


def pytest_configure(config):
    config.addinivalue_line("markers", "long: takes minutes, only with TORTIE_LONG=1")


def pytest_collection_modifyitems(items):
    if os.environ.get("TORTIE_LONG") == "1":
        return
    for item in items:
        if item.get_closest_marker("long"):
            item.add_marker(pytest.mark.skip(reason="long test: TORTIE_LONG=1"))


def pytest_sessionstart(session):
    if os.geteuid() != 0:
        pytest.exit("the network tests make network namespaces: run them as root", 1)
    # `tortie get` would ask the cluster of whoever runs the tests.
    os.environ.pop("KUBECONFIG", None)
    os.environ["HOME"] = "/nonexistent"
    harness.remove_leftovers()


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    """A failed test shows the end of every node's log."""
    outcome = yield
    report = outcome.get_result()
    if report.failed:
        for value in list(item.funcargs.values()):
            lab = getattr(value, "lab", value)
            for node in getattr(lab, "nodes", []) or []:
                for program in ("tortied", "tortie-bgpd"):
                    text = node.log(program)
                    if text:
                        report.sections.append((f"{node.name} {program}", text[-4000:]))
