# SPDX-License-Identifier: Apache-2.0
"""The programs as deploy/ runs them: the agent with few capabilities, the speaker as a user of its
own with none, people of the group tortie.

    a -- n1 -- lan -- n2 -- c          users and groups are the test's own: /etc/passwd and
                                       /etc/group of the programs' mount namespaces
"""
from pathlib import Path

import pytest

from harness import Failed, Lab, wait_until

GROUP, SPEAKER, MEMBER, STRANGER = 60002, 60001, 60003, 60004
KEPT = 1 << 39 | 1 << 12 | 1 << 10  # capabilities(7): BPF, NET_ADMIN, NET_BIND_SERVICE
LOADING = 1 << 38  # PERFMON, dropped when the programs are loaded
WITH_FILES = ["unshare", "--mount", "sh", "-ec",
              'mount --bind "$1/passwd" /etc/passwd; mount --bind "$1/group" /etc/group; '
              'shift; exec "$@"', "with-files"]


class Deployed:
    def __init__(self, lab):
        self.lab = lab
        self.etc = lab.dir / "etc"
        self.etc.mkdir()
        passwd, group = Path("/etc/passwd").read_text(), Path("/etc/group").read_text()
        own = [line for line in group.splitlines() if not line.startswith("tortie")]
        (self.etc / "group").write_text("\n".join(
            [*own, f"tortie:x:{GROUP}:tortie-bgpd", f"tortie-bgpd:x:{SPEAKER}:", ""]))
        own = [line for line in passwd.splitlines() if not line.startswith("tortie")]
        (self.etc / "passwd").write_text("\n".join(
            [*own, f"tortie-bgpd:x:{SPEAKER}:{SPEAKER}::/nonexistent:/usr/sbin/nologin", ""]))
        for number in (1, 2):
            node = lab.add_node(number)
            node.AGENT_RIGHTS = [*WITH_FILES, self.etc, *node.AGENT_RIGHTS, "--groups", GROUP]
            node.BGPD_RIGHTS = self.as_user(SPEAKER, GROUP)
        self.n1, self.n2 = lab.nodes
        lab.start_all()
        lab.wait_routes()

    @staticmethod
    def as_user(uid, group):
        return ["setpriv", "--reuid", uid, "--regid", uid, "--groups", group,
                "--bounding-set=-all", "--no-new-privs"]


@pytest.fixture(scope="module")
def deployed():
    with Lab("rights") as lab:
        yield Deployed(lab)


def status_of(process):
    lines = Path(f"/proc/{process.pid}/status").read_text().splitlines()
    return dict(line.split(":\t", 1) for line in lines if ":\t" in line)


def test_the_agent_keeps_three_capabilities_and_can_get_no_other(deployed):
    status = status_of(deployed.n1.agent)
    assert status["Name"] == "tortied" and status["NoNewPrivs"] == "1"
    for name in ("CapEff", "CapPrm"):
        assert int(status[name], 16) == KEPT, name
    # Who has no CAP_SETPCAP cannot cut what systemd left; NoNewPrivs makes it worth nothing.
    assert int(status["CapBnd"], 16) & ~(KEPT | LOADING) == 0
    for name in ("CapInh", "CapAmb"):
        assert int(status[name], 16) == 0, name


def test_the_speaker_is_a_user_without_any_capability_and_serves(deployed):
    status = status_of(deployed.n1.bgpd)
    assert status["Name"] == "tortie-bgpd" and status["NoNewPrivs"] == "1"
    assert set(status["Uid"].split()) == {str(SPEAKER)}
    for name in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"):
        assert int(status[name], 16) == 0, name
    wait_until(lambda: deployed.n1.established() == 1, "the session")
    a, c = deployed.n1.add_pod("a"), deployed.n2.add_pod("c")
    assert a.reaches(c.ip4) and a.reaches(c.ip6)


def test_the_group_may_look_and_not_change_and_strangers_may_neither(deployed):
    n1 = deployed.n1
    look = [n1.build / "tortie", "--run-dir", n1.run_dir, "status"]
    member, stranger = deployed.as_user(MEMBER, GROUP), deployed.as_user(STRANGER, STRANGER)
    assert "n1: ready" in n1.run(*member, *look)
    with pytest.raises(Failed, match="only root may"):
        n1.run(*member, *look[:-1], "reset", "--yes")
    with pytest.raises(Failed, match="permission denied .join the group tortie"):
        n1.run(*stranger, *look)
    assert (n1.run_dir / "cni.sock").stat().st_mode & 0o777 == 0o600
    assert (n1.run_dir / "alive.sock").stat().st_mode & 0o777 == 0o600
    assert (n1.run_dir / "agent.sock").stat().st_mode & 0o777 == 0o660
    assert (n1.run_dir / "agent.sock").stat().st_gid == GROUP
