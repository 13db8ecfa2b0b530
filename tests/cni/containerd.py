# SPDX-License-Identifier: Apache-2.0
"""A containerd in a room: started by the test, with an image made by the test, nothing pulled."""
import json
import shutil
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

import cri
from harness import Failed, ROOT, run, wait_until
from room import Room, go_programs

sys.path.insert(0, str(ROOT / "tools" / "dev"))

import make_image  # noqa: E402

IMAGE = "docker.io/tortie/pause:test"
NAMESPACE = "k8s.io"  # containerd's, where the pods of the CRI are
CONFIG = """
version = 2
root = "{room}/root"
state = "{room}/state"
disabled_plugins = ["io.containerd.snapshotter.v1.aufs", "io.containerd.snapshotter.v1.btrfs",
  "io.containerd.snapshotter.v1.devmapper", "io.containerd.snapshotter.v1.zfs"]
[grpc]
  address = "{room}/containerd.sock"
[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "{image}"
  restrict_oom_score_adj = true
  disable_apparmor = true
  [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
    runtime_type = "io.containerd.runc.v2"
  [plugins."io.containerd.grpc.v1.cri".cni]
    bin_dir = "/opt/cni/bin"
    conf_dir = "/etc/cni/net.d"
"""


def programs(version):
    """The folder of containerd of this version; skips the test where there is none."""
    if version == "2.2.9":
        folder, reason = go_programs()
        if folder is None:
            pytest.skip(f"containerd {version}: {reason}")
        return folder
    found = shutil.which("containerd")
    if not found:
        pytest.skip("containerd is not installed")
    told = run(found, "--version").split()
    if not any(word.startswith(version) for word in told):
        pytest.skip(f"the installed containerd is not {version}: {' '.join(told)}")
    return Path(found).parent


def write_pause_image(program, out):
    tree = make_image.Tree()
    tree.add("pause", program, 0o755)
    make_image.write_image(str(out), IMAGE, tree.layer(), ["/pause"])


class Containerd:
    """The runtime of one node; pods by the CRI, containers by ctr."""

    def __init__(self, node, version):
        self.programs = programs(version)
        self.node = node
        self.room = Room(node, "containerd")
        self.socket = self.room.dir / "containerd.sock"
        self.log = self.room.dir / "containerd.log"
        config, image = self.room.dir / "config.toml", self.room.dir / "pause.tar"
        config.write_text(CONFIG.format(room=self.room.dir, image=IMAGE))
        write_pause_image(self.room.pause, image)
        path = f"{self.programs}:/usr/sbin:/usr/bin:/sbin:/bin"
        self.process = self.room.start(["env", "-i", f"PATH={path}", self.programs / "containerd",
                                        "-c", config], self.log)
        wait_until(self.answers, f"containerd {version}\n", 60)
        self.client = cri.Client(self.socket)
        self.ctr("images", "import", image)
        wait_until(lambda: self.conditions()["RuntimeReady"].status, "RuntimeReady", 20)

    def answers(self):
        if self.process.poll() is not None:
            raise AssertionError(f"containerd ended:\n{self.log.read_text()[-3000:]}")
        return self.socket.exists() and self.ctr("version", timeout=5)

    def ctr_words(self, *argv):
        return [self.programs / "ctr", "-a", self.socket, "-n", NAMESPACE, *argv]

    def ctr(self, *argv, **options):
        return self.room.run(*self.ctr_words(*argv), **options)

    def conditions(self):
        """What a kubelet makes the node's state of, by type."""
        return {row.type: row for row in self.client.call("Status").status.conditions}

    def network(self):
        """The list of plugins that the runtime has read."""
        info = self.client.call("Status", verbose=True).info
        return json.loads({pair.key: pair.value for pair in info}["cniconfig"])

    # --- pods ---

    def run_pod(self, name, **config):
        config = {"metadata": {"name": name, "uid": f"{name}-uid", "namespace": "default"},
                  "linux": {"cgroup_parent": f"/{self.room.cgroup}"}, **config}
        return self.client.call("RunPodSandbox", config=config).pod_sandbox_id

    def addresses(self, sandbox):
        network = self.client.call("PodSandboxStatus", pod_sandbox_id=sandbox).status.network
        return [network.ip, *(more.ip for more in network.additional_ips)]

    def words_in_pod(self, sandbox, *argv):
        """A command line that runs a program of the machine's in the pod's network."""
        info = self.client.call("PodSandboxStatus", pod_sandbox_id=sandbox, verbose=True).info
        pid = json.loads({pair.key: pair.value for pair in info}["info"])["pid"]
        return self.room.words("nsenter", "-t", pid, "--net", *argv)

    def run_in_pod(self, sandbox, *argv, **options):
        return run(*self.words_in_pod(sandbox, *argv), **options)

    def start_in_pod(self, sandbox, argv, log, **options):
        return self.node.lab.start(self.words_in_pod(sandbox, *argv), log, **options)

    def stop_pod(self, sandbox):
        self.client.call("StopPodSandbox", pod_sandbox_id=sandbox)

    def remove_pod(self, sandbox):
        self.client.call("RemovePodSandbox", pod_sandbox_id=sandbox)

    def pods(self):
        return [item.id for item in self.client.call("ListPodSandbox").items]

    @staticmethod
    def at_once(function, arguments):
        """function(argument) for all arguments, all at the same time."""
        arguments = list(arguments)
        with ThreadPoolExecutor(len(arguments)) as pool:
            return list(pool.map(function, arguments))

    def remove_all(self):
        for sandbox in self.pods():
            self.stop_pod(sandbox)
            self.remove_pod(sandbox)

    # --- containers by ctr ---

    def start_container(self, name):
        """`ctr run --cni`, which stays as long as its container does."""
        log = self.room.dir / f"{name}.log"
        process = self.room.start(self.ctr_words(
            "run", "--rm", "--cni", "--cgroup", f"/{self.room.cgroup}/{name}", IMAGE, name), log)
        try:
            wait_until(lambda: "RUNNING" in self.ctr("task", "ls") and
                       self.container_links(name), f"container {name}", 20)
        except Failed as failed:
            raise Failed(f"{failed}\n{log.read_text()}") from failed
        return process

    def container_links(self, name):
        """The container's interfaces as its own network namespace tells them."""
        row = next(line.split() for line in self.ctr("task", "ls").splitlines()
                   if line.split()[0] == name)
        links = json.loads(self.room.run("nsenter", "-t", row[1], "--net", "ip", "-j", "addr"))
        return [link for link in links if link["ifname"] != "lo"]

    def close(self):
        try:
            self.client.close()
        finally:
            self.room.close()

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        self.close()
