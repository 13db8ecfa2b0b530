# SPDX-License-Identifier: Apache-2.0
"""Programs of a cluster that is the tests' own: killed, and started again as they were.

TORTIE_KUBE_STATE is the cluster's folder: NAME.pid holds the process of a program of the control
plane, NODE/NAME.pid of a node's.
"""
import os
import shlex
import signal

import pytest

import kube

STATE = os.environ.get("TORTIE_KUBE_STATE", "")


class Program:
    """A program of the tests' own cluster, which can be killed and started as it was."""

    def __init__(self, name, *inside):
        """INSIDE: words before a command that put it where the program runs."""
        kube.need_own_cluster()
        if not STATE:
            pytest.skip("needs the folder of the tests' own cluster: TORTIE_KUBE_STATE is not set")
        self.file = f"{STATE}/{name}.pid"
        self.inside = list(inside)
        self.pid = int(open(self.file, encoding="ascii").read())
        self.argv = self.read("cmdline")
        self.environment = self.read("environ")

    def read(self, name):
        with open(f"/proc/{self.pid}/{name}", "rb") as file:
            return [word.decode() for word in file.read().split(b"\0") if word]

    def kill(self):
        os.kill(self.pid, signal.SIGKILL)
        kube.wait_until(lambda: not os.path.exists(f"/proc/{self.pid}/exe") or
                        self.state() == "Z", f"{self.file} to end", 20)

    def state(self):
        try:
            with open(f"/proc/{self.pid}/stat", encoding="utf-8", errors="replace") as file:
                return file.read().rsplit(")", 1)[1].split()[0]
        except FileNotFoundError:
            return "Z"

    def start(self, *more):
        """In the background of a shell of its own, as it was and with MORE words; its new process
        is noted."""
        command = shlex.join(["env", "-i", *self.environment, *self.argv, *more])
        log = f"{self.file[:-4]}.restarted.log"
        done = kube.run([*self.inside, "setsid", "sh", "-c",
                         f"cd /; {command} >>{log} 2>&1 </dev/null & echo $!"])
        self.pid = int(done.stdout)
        with open(self.file, "w", encoding="ascii") as file:
            file.write(f"{self.pid}\n")


def node_program(node, name):
    return Program(f"{node}/{name}", *kube.NODE_EXEC, node)


def control_program(name):
    return Program(name, *kube.OUTSIDE_EXEC)


def wait_cluster_ready(deadline=180):
    kube.wait_until(lambda: all(node.ready for node in kube.nodes()), "every node to be Ready",
                    deadline, 1)
