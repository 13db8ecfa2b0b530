# SPDX-License-Identifier: Apache-2.0
"""podman with the agent's conflist. Machines that forbid it to raise the limits of a container are
skipped with its own words.

    podman (its CNI backend, in a room of n1) -- tortie-cni -- tortied of n1
"""
import shutil

import pytest

import inventory
from containerd import IMAGE, write_pause_image
from harness import Failed, Lab
from room import Room

pytestmark = pytest.mark.long


@pytest.fixture(scope="module")
def podman():
    if not shutil.which("podman"):
        pytest.skip("podman is not installed")
    with Lab("cnipod") as lab:
        node = lab.add_node(1)
        node.start_agent()
        with Room(node) as room:
            yield Podman(node, room)


class Podman:
    def __init__(self, node, room):
        self.node, self.room = node, room
        self.config = room.dir / "containers.conf"
        self.config.write_text('[network]\nnetwork_backend = "cni"\n'
                               'cni_plugin_dirs = ["/opt/cni/bin"]\n')
        policy = room.dir / "etc" / "containers" / "policy.json"
        policy.parent.mkdir()
        policy.write_text('{"default": [{"type": "insecureAcceptAnything"}]}')
        image = room.dir / "pause.tar"
        write_pause_image(room.pause, image)
        self("load", "-i", image)

    def __call__(self, *argv, **options):
        return self.room.run("env", f"CONTAINERS_CONF={self.config}", "podman", "--root",
                             self.room.dir / "root", "--runroot", self.room.dir / "state",
                             "--network-config-dir", "/etc/cni/net.d", "--cgroup-manager",
                             "cgroupfs", *argv, **options)


def test_a_container_on_our_network(podman):
    try:
        podman("run", "-d", "--name", "web", "--network", "tortie", "--cgroup-parent",
               f"/{podman.room.cgroup}", IMAGE)
    except Failed as failed:
        if "rlimit" in str(failed).lower():
            pytest.skip(f"podman: {str(failed).strip().splitlines()[-1]}")
        raise
    inventory.assert_exactly(podman.node, 1)
    for key in ("IPAddress", "GlobalIPv6Address"):
        address = podman("inspect", "-f", "{{.NetworkSettings.Networks.tortie.%s}}" % key, "web")
        assert podman.node.reaches(address.strip())
    podman("rm", "-f", "-t", "1", "web")
    inventory.assert_exactly(podman.node, 0)
