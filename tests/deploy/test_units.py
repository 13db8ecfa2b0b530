# SPDX-License-Identifier: Apache-2.0
"""The systemd units: systemd understands every line, and the speaker starts, shuts itself in and
ends in order with what its unit leaves it.

The bar is systemd 252 of Debian 12 (systemd-252-calls.txt), whatever is installed.
"""
import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import unit_rights
from harness import Lab, build_dir, wait_until

TOP = Path(__file__).resolve().parents[2]
UNITS = sorted((TOP / "deploy/systemd").glob("*.service"))
PROGRAM = re.compile(r"^ExecStart=/usr/sbin/(\S+)", re.M)
SPEAKER = 60001
CONFIG = """node: {name: n1, addresses: [192.0.2.1]}
pools: [{name: pods, cidr: 10.244.0.0/16, blocks: [10.244.1.0/24]}]
bgp: {mesh: [192.0.2.1, 192.0.2.2]}
"""
pytestmark = pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="no systemd-analyze")


@pytest.mark.parametrize("unit", UNITS, ids=lambda path: path.stem)
def test_systemd_understands_every_line(unit, tmp_path):
    text = unit.read_text(encoding="utf-8")
    name, = PROGRAM.findall(text)
    copy = tmp_path / unit.name
    copy.write_text(PROGRAM.sub(f"ExecStart={build_dir() / name}", text), encoding="utf-8")
    done = subprocess.run(["systemd-analyze", "verify", "--man=no", "--recursive-errors=no", copy],
                          capture_output=True, text=True)
    assert unit.name not in done.stderr and done.returncode == 0, done.stderr
    unit_rights.filters(unit_rights.directives(text))  # nor anything that systemd 252 would not


def test_what_systemd_252_does_not_know_is_found():
    for line in ("@system-service @sandbox", "@system-service nothing_of_the_kind"):
        with pytest.raises(ValueError, match="systemd 252 knows no"):
            unit_rights.allowed_calls([line], False)
    calls = unit_rights.allowed_calls(["@system-service bpf", "~@setuid"], False)
    assert {"bpf", "futex", "socket"} <= calls and not calls & {"setuid", "mount", "seccomp"}


def test_the_speaker_starts_with_what_its_unit_leaves_it():
    unit = unit_rights.directives(
        (TOP / "deploy/systemd/tortie-bgpd.service").read_text(encoding="utf-8"))
    wanted = unit_rights.filters(unit)
    with Lab("units") as lab:
        config, path, log = lab.dir / "tortie.yaml", lab.dir / "filters", lab.dir / "log"
        config.write_text(CONFIG)
        path.write_text(json.dumps(wanted))
        # The tree may lie where no other user can look.
        rights, program = (shutil.copy(file, lab.dir)
                           for file in (unit_rights.__file__, build_dir() / "tortie-bgpd"))
        process = lab.start(
            ["setpriv", "--reuid", str(SPEAKER), "--regid", str(SPEAKER), "--clear-groups",
             *unit_rights.setpriv(unit), sys.executable, "-IS", rights, path,
             program, "-c", config, "--run-dir", lab.dir], log)

        def is_shut_in():
            assert process.poll() is None, f"ended with {process.returncode}:\n{log.read_text()}"
            status = Path(f"/proc/{process.pid}/status").read_text()
            return f"Seccomp_filters:\t{len(wanted) + 1}\n" in status
        wait_until(is_shut_in, "its own filter above those of the unit")
        process.terminate()
        assert process.wait(10) == 0, log.read_text()
        assert "going on without" not in log.read_text()
