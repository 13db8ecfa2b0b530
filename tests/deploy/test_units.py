# SPDX-License-Identifier: Apache-2.0
"""deploy/systemd: units that do not wait for each other in a circle, and what they may call."""
import re
from pathlib import Path

import pytest

TOP = Path(__file__).resolve().parents[2]
UNITS = TOP / "deploy" / "systemd"
# systemd.exec(5) of version 252, table "Currently predefined system call sets".
GROUPS_OF_252 = set("""
    @aio @basic-io @chown @clock @cpu-emulation @debug @file-system @io-event @ipc @keyring @memlock
    @module @mount @network-io @obsolete @pkey @privileged @process @raw-io @reboot @resources
    @setuid @signal @swap @sync @system-service @timer @known @default""".split())


def values(unit, key):
    """All words of a key; the key may stand there often (systemd.syntax(7))."""
    lines = (UNITS / f"{unit}.service").read_text().splitlines()
    return [word for line in lines if line.startswith(f"{key}=")
            for word in line.split("=", 1)[1].split()]


@pytest.mark.parametrize("unit", ["tortie-bgpd", "tortie-kubed"])
def test_who_brings_the_agent_what_it_waits_for_does_not_wait_for_it(unit):
    """After= waits until the other has started, which with Type=notify is when it says READY=1
    (systemd.unit(5), systemd.service(5)). tortied says so when all uplinks serve, and on Kubernetes
    after tortie-kubed has told it of the cluster."""
    assert values("tortied", "Type") == ["notify"]
    assert values(unit, "Wants")[0] == "tortied.service"
    for key in ("After", "Requires", "Requisite", "BindsTo"):
        assert "tortied.service" not in values(unit, key), key
    assert f"{unit}.service" not in values("tortied", "Before")


@pytest.mark.parametrize("unit", ["tortied", "tortie-bgpd", "tortie-kubed"])
def test_groups_of_calls_are_those_of_debian_12(unit):
    """A group that systemd does not know is passed over, and its calls end the program."""
    groups = {word for word in values(unit, "SystemCallFilter") if word.startswith("@")}
    assert groups and groups <= GROUPS_OF_252


def test_the_speaker_may_make_the_calls_that_shut_it_in():
    """Of these @system-service has none."""
    sandbox = (TOP / "bgp" / "sandbox.c").read_text()
    calls = set(re.findall(r"SYS_(landlock_\w+)", sandbox)) | {"seccomp"}
    assert len(calls) == 4 and "seccomp_load" in sandbox
    assert calls <= set(values("tortie-bgpd", "SystemCallFilter"))
