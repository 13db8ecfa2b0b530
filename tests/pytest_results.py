# SPDX-License-Identifier: Apache-2.0
"""A pytest plugin for run.py: one JSON line a test into the file that TORTIE_RESULTS names, and
the mark `long`."""

import json
import os


def pytest_configure(config):
    config.addinivalue_line("markers", "long: takes minutes; runs in make test-long")


def write(name, outcome, words):
    with open(os.environ["TORTIE_RESULTS"], "a", encoding="utf-8") as file:
        file.write(json.dumps({"name": name, "outcome": outcome, "words": words}) + "\n")


def words_of(report):
    if isinstance(report.longrepr, tuple):
        return report.longrepr[2].removeprefix("Skipped: ")
    return str(report.longrepr).strip().split("\n")[-1] if report.longrepr else ""


def pytest_runtest_logreport(report):
    """A test counts once, by its call; set-up and tear-down count only when they go wrong. An
    expected failure is a failure nobody mended: it counts as skipped, with its reason."""
    if hasattr(report, "wasxfail"):
        if report.when == "call":
            write(report.nodeid, "skipped", f"expected to fail: {report.wasxfail}")
    elif report.when == "call" or report.outcome != "passed":
        write(report.nodeid, report.outcome, words_of(report))


def pytest_collectreport(report):
    if report.failed:
        write(report.nodeid, "failed", words_of(report))
    elif report.skipped:
        write(report.nodeid, "skipped", words_of(report))
