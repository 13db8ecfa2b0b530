# SPDX-License-Identifier: Apache-2.0
"""A room: where a container runtime finds a node's network, and files and processes of its own.

    node's network namespace
    own mount namespace     /run, /etc, /opt, /var/lib are the room's; /etc/cni/net.d the agent's
    own process namespace   its first process is tests/tools/pause.c; with it ends all that runs

Runtimes write to fixed places (/var/lib/cni, /run/netns, /run/containerd, /opt/cni/bin) and leave
processes and mounts to themselves: here both end with the room. Control groups alone are the
machine's: a room has a name there, and close() removes what is below it.
"""
import glob
import os
import shutil
import subprocess
from pathlib import Path

import harness
from harness import wait_until

REFERENCE_PLUGINS = Path("/usr/lib/cni")
# What programs look up there; the rest of the machine's configuration is not the runtime's.
ETC = ("group", "hosts", "ld.so.cache", "nsswitch.conf", "passwd", "resolv.conf")
INIT = """
set -e
mount --bind "$BASE" /mnt
mount -t tmpfs tmpfs /run
mkdir -p "$BASE" /run/netns /run/lock
mount --move /mnt "$BASE"
mount --bind "$ROOM/etc" /etc
mount --bind "$NET_D" /etc/cni/net.d
mount --bind "$ROOM/opt" /opt
mount --bind "$ROOM/var-lib" /var/lib
: >"$ROOM/made"
exec "$PAUSE"
"""


class Room:
    """Of one node; programs are run in it by run() and start()."""

    def __init__(self, node, name="room", plugins=("loopback", "portmap", "tuning")):
        self.node = node
        self.dir = node.dir / name
        self.cgroup = f"{node.netns}-{name}"
        self.pause = node.build / "tests" / "static" / "pause"
        self.make_files(plugins)
        environment = dict(os.environ, BASE=str(harness.BASE), ROOM=str(self.dir),
                           NET_D=str(node.cni_dir), PAUSE=str(self.pause))
        self.process = node.lab.start(
            ["nsenter", f"--net=/run/netns/{node.netns}", "unshare", "--mount", "--pid", "--fork",
             "--kill-child", "--mount-proc", "sh", "-c", INIT], self.dir / "room.log",
            env=environment)
        wait_until(lambda: (self.dir / "made").exists() and self.init(), "the room")

    def make_files(self, plugins):
        for folder in ("etc/cni/net.d", "opt/cni/bin", "var-lib"):
            (self.dir / folder).mkdir(parents=True)
        for name in ETC:
            if Path("/etc", name).exists():
                shutil.copyfile(f"/etc/{name}", self.dir / "etc" / name)
        if Path("/etc/alternatives").exists():  # Debian's iptables, among others
            shutil.copytree("/etc/alternatives", self.dir / "etc" / "alternatives", symlinks=True)
        bin_dir = self.dir / "opt" / "cni" / "bin"
        shutil.copy(self.node.build / "tortie-cni", bin_dir)
        for name in plugins:
            shutil.copy(REFERENCE_PLUGINS / name, bin_dir)

    def init(self):
        """The room's first process, by its number outside."""
        pid = self.process.pid
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
        return int(children[0]) if children else None

    def words(self, *argv):
        """A command line that runs argv in the room."""
        return ["nsenter", "-t", str(self.init()), "--mount", "--net", "--pid", "--",
                *[str(word) for word in argv]]

    def run(self, *argv, **options):
        return harness.run(*self.words(*argv), **options)

    def start(self, argv, log, **options):
        return self.node.lab.start(self.words(*argv), log, **options)

    def close(self):
        self.process.kill()  # its child goes with it, and the child's namespace with that
        self.process.wait(timeout=10)
        wait_until(self.remove_cgroups, f"control groups {self.cgroup} are empty")

    def remove_cgroups(self):
        tops = glob.glob(f"/sys/fs/cgroup/{self.cgroup}") + \
            glob.glob(f"/sys/fs/cgroup/*/{self.cgroup}")
        for top in tops:
            for folder, _, _ in os.walk(top, topdown=False):
                os.rmdir(folder)
        return True

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        self.close()


def go_programs():
    """The folder of the programs that tools/dev/runtimes.sh builds; why there is none."""
    folder = Path(os.environ.get("TORTIE_RUNTIMES", harness.ROOT / "build" / "runtimes"))
    script = harness.ROOT / "tools" / "dev" / "runtimes.sh"
    if not os.environ.get("TORTIE_RUNTIMES"):
        done = subprocess.run([script, folder], stdin=subprocess.DEVNULL, capture_output=True,
                              text=True, timeout=3600, check=False)
        if done.returncode:
            return None, done.stderr.strip().splitlines()[-1]
    return folder, ""
