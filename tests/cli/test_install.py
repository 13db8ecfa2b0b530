# SPDX-License-Identifier: Apache-2.0
"""`tortie install-node` and `tortie reset --all`: what comes to a host, and goes again.

The host is a folder; the image's folder is made of the programs just built.
"""
import os
import shutil
import stat
import subprocess

import pytest

from harness import Lab, run

PROGRAM = "opt/cni/bin/tortie-cni"
COMMAND = "opt/tortie/bin/tortie"
LINK = "usr/local/bin/tortie"


class Install:
    def __init__(self, lab):
        self.lab = lab
        self.node = lab.add_node(1)
        self.host = lab.dir / "host"
        self.source = lab.dir / "image"
        for folder in ("opt/cni/bin", "etc/cni/net.d", "usr/local/bin", "proc"):
            (self.host / folder).mkdir(parents=True)
        (self.host / "opt/cni/bin/portmap").write_text("another's\n")
        (self.host / "proc/sys").symlink_to("/proc/sys")
        for folder in ("bin", "lib", "share/doc/libx"):
            (self.source / folder).mkdir(parents=True)
        for program in ("tortie", "tortie-cni"):
            shutil.copy(self.node.build / program, self.source / "bin")
        (self.source / "lib/libx.so.1").write_bytes(b"library" * 100000)
        (self.source / "lib/libx.so").symlink_to("libx.so.1")
        (self.source / "share/doc/libx/copyright").write_text("notice\n")

    def tortie(self, *argv):
        done = subprocess.run(
            ["ip", "netns", "exec", self.node.netns, self.node.build / "tortie", *argv],
            capture_output=True, text=True, timeout=30, check=False)
        return done.returncode, done.stdout, done.stderr

    def install(self, *options):
        self.node.bpf_dir.mkdir(parents=True, exist_ok=True)
        return self.tortie("install-node", "--host", self.host, "--source", self.source,
                           "--bpf-dir", self.node.bpf_dir, *options)

    def snapshot(self):
        """Path -> kind, mode, content of all below the host's folder, but proc."""
        found = {}
        for folder, folders, files in os.walk(self.host):
            for name in [*folders, *files]:
                path = os.path.join(folder, name)
                info = os.lstat(path)
                content = os.readlink(path) if stat.S_ISLNK(info.st_mode) else ""
                if stat.S_ISREG(info.st_mode):
                    with open(path, "rb") as file:
                        content = file.read()
                found[path] = (info.st_mode, content)
        return found


@pytest.fixture
def net():
    with Lab("inst") as lab:
        yield Install(lab)


def test_the_programs_come_to_the_host_and_a_second_run_changes_nothing(net):
    status, out, err = net.install()
    assert (status, err) == (0, "")
    for name in (PROGRAM, COMMAND):
        built = (net.source / "bin" / os.path.basename(name)).read_bytes()
        assert (net.host / name).read_bytes() == built and f"installed {net.host}/{name}" in out
        assert stat.S_IMODE((net.host / name).stat().st_mode) == 0o755
    assert (net.host / "opt/tortie/lib/libx.so").read_bytes() == b"library" * 100000
    assert (net.host / "opt/tortie/share/doc/libx/copyright").read_text() == "notice\n"
    assert os.readlink(net.host / LINK) == "/opt/tortie/bin/tortie"
    assert stat.S_IMODE((net.host / "var/lib/tortie").stat().st_mode) == 0o700
    assert (net.host / "run/tortie").is_dir()
    inodes = [(net.host / name).stat().st_ino for name in (PROGRAM, COMMAND)]
    assert net.install() == (0, "everything is in place\n", "")
    assert inodes == [(net.host / name).stat().st_ino for name in (PROGRAM, COMMAND)]


def test_a_program_that_runs_is_replaced(net):
    """Another inode under the same name: who runs the old one goes on with it."""
    net.install()
    (net.host / PROGRAM).unlink()
    shutil.copy("/bin/cat", net.host / PROGRAM)
    with subprocess.Popen([net.host / PROGRAM], stdin=subprocess.PIPE,
                          stdout=subprocess.PIPE) as old:
        status, out, err = net.install()
        assert (status, err) == (0, "") and PROGRAM in out
        assert old.communicate(b"still here")[0] == b"still here"
    assert (net.host / PROGRAM).read_bytes() == (net.source / "bin/tortie-cni").read_bytes()


def test_what_a_killed_run_left_is_removed(net):
    (net.host / "opt/cni/bin/.tortie-install-99").write_text("half a fi")
    assert net.install()[0] == 0
    assert sorted(p.name for p in (net.host / "opt/cni/bin").iterdir()) == ["portmap", "tortie-cni"]


def test_a_command_of_the_same_name_stays(net):
    (net.host / LINK).write_text("another's\n")
    status, out, _ = net.install()
    assert status == 0 and "left alone" in out and "/opt/tortie/bin/tortie" in out
    assert (net.host / LINK).read_text() == "another's\n"


def test_forwarding_is_switched_on_and_advertisements_are_kept(net):
    node = net.node
    node.sysctl("net.ipv4.ip_forward", 0)
    node.sysctl("net.ipv6.conf.all.forwarding", 0)
    node.sysctl("net.ipv6.conf.up0.accept_ra", 1)
    node.ip("-6", "route", "add", "2001:db8:77::/64", "dev", "up0", "proto", "ra")
    status, out, err = net.install()
    assert (status, err) == (0, "")
    assert node.sysctl("net.ipv4.ip_forward") == "1"
    assert node.sysctl("net.ipv6.conf.all.forwarding") == "1"
    assert node.sysctl("net.ipv6.conf.up0.accept_ra") == "2" and "up0/accept_ra = 2" in out


def test_a_host_without_ipv6_addresses_keeps_its_ipv6_forwarding(net):
    node = net.node
    node.sysctl("net.ipv6.conf.all.forwarding", 0)
    node.ip("-6", "addr", "flush", "dev", "up0", "scope", "global")
    assert net.install()[0] == 0
    assert node.sysctl("net.ipv6.conf.all.forwarding") == "0"


def test_an_unfit_kernel_is_one_line_and_nothing_is_written(net):
    before = net.snapshot()
    (net.lab.dir / "plain").mkdir()
    status, out, err = net.install("--bpf-dir", str(net.lab.dir / "plain"))
    assert (status, out) == (1, "") and len(err.splitlines()) == 1
    assert "this node cannot run tortie" in err and "bpffs" in err and "mount -t bpf" in err
    assert net.snapshot() == before


def test_folders_that_are_not_mounted_are_named(net):
    run("mount", "-t", "tmpfs", "-o", "ro", "tmpfs", net.host / "opt/cni/bin")
    try:
        status, _, err = net.install()
    finally:
        run("umount", net.host / "opt/cni/bin")
    assert status == 1 and "opt/cni/bin" in err and "Read-only" in err and "mounted" in err
    shutil.rmtree(net.host / "proc")
    status, _, err = net.install()
    assert status == 1 and "ip_forward" in err and "/proc/sys/net" in err


def test_reset_all_leaves_the_host_as_it_was(net):
    (net.host / "etc/cni/net.d/10-theirs.conflist").write_text("{}\n")
    before = net.snapshot()
    assert net.install()[0] == 0
    folder = net.host / "etc/cni/net.d"
    (folder / "10-theirs.conflist").rename(folder / "10-theirs.conflist.tortie-off")
    (folder / "10-tortie.conflist").write_text("{}\n")
    (net.host / "var/lib/tortie/cluster.yaml").write_text("node: {}\n")
    (net.host / "var/lib/tortie/.cluster.yaml.1").write_text("no")
    reset = ["reset", "--yes", "--all", "--host", net.host, "--bpf-dir", net.node.bpf_dir]
    status, out, err = net.tortie(*reset)
    assert (status, err) == (0, ""), out
    for word in ("cluster.yaml", PROGRAM, LINK, "opt/tortie", "put back"):
        assert word in out
    for folder in ("var/lib", "var", "run"):  # made by the container runtime with the mounts
        (net.host / folder).rmdir()
    assert net.snapshot() == before
    assert "nothing of tortie's is here" in net.tortie(*reset)[1]


def test_reset_does_not_overwrite_a_new_conflist_with_an_old_one(net):
    folder = net.host / "etc/cni/net.d"
    (folder / "10-theirs.conflist").write_text("new\n")
    (folder / "10-theirs.conflist.tortie-off").write_text("old\n")
    status, _, err = net.tortie("reset", "--yes", "--host", net.host, "--bpf-dir", net.node.bpf_dir)
    assert status == 1 and "10-theirs.conflist.tortie-off" in err and "remove one" in err
    assert (folder / "10-theirs.conflist").read_text() == "new\n"
    assert (folder / "10-theirs.conflist.tortie-off").read_text() == "old\n"


def test_the_agents_seccomp_profile_comes_and_goes(net):
    """The folder that the container runtime made for it goes, too; another's profile stays."""
    reset = ["reset", "--yes", "--all", "--host", net.host, "--bpf-dir", net.node.bpf_dir]
    kubelet = net.host / "var/lib/kubelet"
    profile = kubelet / "seccomp/tortie/agent.json"
    (net.source / "share/seccomp-agent.json").write_text("{}\n")
    assert net.install()[0] == 0
    assert not kubelet.exists()  # no kubelet's folder, no profile
    (kubelet / "seccomp").mkdir(parents=True)
    status, out, _ = net.install()
    assert status == 0 and f"installed {profile}" in out and profile.read_text() == "{}\n"
    assert net.tortie(*reset)[0] == 0 and list(kubelet.iterdir()) == []
    (kubelet / "seccomp").mkdir()
    (kubelet / "seccomp/theirs.json").write_text("{}\n")
    assert net.install()[0] == 0
    status, out, _ = net.tortie(*reset)
    assert status == 0 and f"removed profile {profile}" in out
    assert [path.name for path in (kubelet / "seccomp").iterdir()] == ["theirs.json"]


def test_reset_stays_until_it_is_told(net):
    """For a DaemonSet, whose containers are started again when they end."""
    argv = ["ip", "netns", "exec", net.node.netns, net.node.build / "tortie", "reset", "--yes",
            "--all", "--stay", "--host", net.host, "--bpf-dir", net.node.bpf_dir]
    with subprocess.Popen(argv, stdout=subprocess.PIPE, text=True) as process:
        assert "nothing of tortie's is here" in process.stdout.readline()
        assert "waiting to be ended" in process.stdout.readline()
        process.terminate()
        assert process.wait(10) == 0
