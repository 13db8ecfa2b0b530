# SPDX-License-Identifier: Apache-2.0
"""The test runner itself: what a test leaves behind fails it; one that takes too long may still
remove what it made.
"""
import os
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import run  # noqa: E402

KUBE = Path(__file__).resolve().parents[1] / "kube"


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
    script = ("import os, time\n"
              f"made = f'{folder}/x-{{os.getpid()}}'\n"
              "os.mkdir(made)\n"
              "try:\n    time.sleep(60)\n"
              "except KeyboardInterrupt:\n    os.rmdir(made)\n")
    status, output, _ = run.run([sys.executable, "-c", script], 1)
    assert status is None
    assert "still running after 1 s" in output and "left behind" not in output


def test_a_test_that_ignores_its_end_is_killed(folder, monkeypatch):
    monkeypatch.setattr(run, "STOP_SECONDS", 0.5)
    status, output, seconds = run.run(["sh", "-c", "trap '' INT; echo on; sleep 60"], 1)
    assert status is None and seconds < 20
    assert "still running after 1 s" in output


def test_every_suite_on_clusters_is_in_exactly_one_part():
    named = [suite for suites, _ in run.CLUSTER_PARTS.values() for suite in suites]
    there = {path.stem.removeprefix("test_") for path in KUBE.glob("test_*.py")}
    assert there <= set(named) and len(set(named)) == len(named)
    for suites, kinds in run.CLUSTER_PARTS.values():
        assert kinds or all((KUBE / f"{suite}.sh").exists() for suite in suites)


@pytest.fixture(name="cluster")
def cluster_whose_maker_is_a_stand_in(monkeypatch, tmp_path):
    """tests/kube/cluster.py with a maker whose scripts note that they ran."""
    for name in ("up.sh", "down.sh"):
        (tmp_path / name).write_text(f"#!/bin/sh\necho {name} $KB >> {tmp_path}/ran\n")
        (tmp_path / name).chmod(0o755)
    for name in ("KUBECONFIG", "KB", "TORTIE_KUBE_STATE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("TORTIE_KUBE_MAKER", str(tmp_path))
    monkeypatch.setenv("KB", str(tmp_path / "state"))
    (tmp_path / "state").mkdir()
    return tmp_path


def cluster_down(**environment):
    script = "import cluster; cluster.is_mounted = lambda folder: True; cluster.down()"
    return subprocess.run([sys.executable, "-c", script], cwd=KUBE, check=True,
                          env={**os.environ, **environment, "PYTHONDONTWRITEBYTECODE": "1"})


def test_a_cluster_that_was_made_here_is_removed_with_its_variables_in_force(cluster, monkeypatch):
    text = subprocess.run([KUBE / "cluster.py", "env"], check=True, capture_output=True,
                          text=True).stdout
    monkeypatch.delenv("KB")
    variables = dict(shlex.split(line)[1].split("=", 1) for line in text.splitlines())
    assert "KUBECONFIG" in variables
    cluster_down(**variables)
    assert (cluster / "ran").read_text() == f"down.sh {cluster}/state\n"


def test_a_cluster_of_somebody_else_is_not_removed(cluster):
    cluster_down(KUBECONFIG="/home/somebody/.kube/config")
    assert not (cluster / "ran").exists()
