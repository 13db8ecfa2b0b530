# SPDX-License-Identifier: Apache-2.0
"""deploy/systemd: units that do not wait for each other in a circle."""
from pathlib import Path

import pytest

UNITS = Path(__file__).resolve().parents[2] / "deploy" / "systemd"


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
