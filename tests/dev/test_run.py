# SPDX-License-Identifier: Apache-2.0
"""The test runner itself: what a test leaves behind fails it; one that takes too long may still
remove what it made.
"""
import os
import subprocess
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import run  # noqa: E402


@pytest.fixture(name="folder")
def lab_folder(monkeypatch, tmp_path):
    monkeypatch.setattr(run, "LAB_FOLDER", str(tmp_path))
    monkeypatch.setattr(run, "END_SECONDS", 0.2)
    return tmp_path


def test_a_test_that_removes_what_it_made_passes(folder):
    status, output, _ = run.run(["sh", "-c", f"mkdir {folder}/x-$$; rmdir {folder}/x-$$"], 20)
    assert (status, output) == (0, "")


def test_a_folder_left_behind_is_named(folder):
    status, output, _ = run.run(["sh", "-c", f"mkdir {folder}/x-$$"], 20)
    assert status is None and f"left behind: folder {folder}/x-" in output


def test_a_namespace_left_behind_is_named(folder):
    # No name of the test bed's: what runs beside would remove it.
    status, output, _ = run.run(["sh", "-c", "ip netns add runtest-$$-n && echo runtest-$$-n"], 20)
    name = output.split("\n")[0]
    subprocess.run(["ip", "netns", "del", name], check=True)
    assert status is None and f"left behind: namespace /run/netns/{name}" in output


def test_processes_left_behind_are_named(folder):
    status, output, _ = run.run(
        ["sh", "-c", "sleep 61 >/dev/null 2>&1 & echo $!; "
         f"setsid tail -f /dev/null {folder}/x-$$/log >/dev/null 2>&1 & echo $!"], 20)
    for pid in output.split("\n")[:2]:
        os.kill(int(pid), 9)
    assert status is None
    assert output.count("left behind: process ") == 2 and " sleep 61" in output


def test_a_test_that_takes_too_long_may_remove_what_it_made(folder):
    script = (f"mkdir {folder}/x-$$; trap 'rmdir {folder}/x-$$; exit 1' INT; "
              "while :; do sleep 0.1; done")
    status, output, _ = run.run(["bash", "-c", script], 1)
    assert status is None
    assert "still running after 1 s" in output and "left behind" not in output


def test_a_test_that_ignores_its_end_is_killed(folder, monkeypatch):
    monkeypatch.setattr(run, "STOP_SECONDS", 0.5)
    status, output, seconds = run.run(["sh", "-c", "trap '' INT; echo on; sleep 60"], 1)
    assert status is None and seconds < 20
    assert "still running after 1 s" in output
