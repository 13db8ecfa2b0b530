# SPDX-License-Identifier: Apache-2.0
"""The very first packet of a new pod: to a pod beside it, to one on another node, to its host. It
is sent once, and answered before the kernel would have asked for a neighbour a second time.

    new, near -- n1 -- lan -- n2 -- far
"""
import pytest

from harness import Lab
from talk import TARGET, open_socket, say, serve

ANSWERED_S = 0.9  # a lost ARP or neighbour request is repeated after a second


@pytest.fixture(scope="module")
def net():
    with Lab("first") as lab:
        n1, n2 = lab.add_node(1), lab.add_node(2)
        lab.configure_routes()
        lab.start_all(bgp=False)
        lab.targets = [n1.add_pod("near"), n2.add_pod("far"), n1]
        for target in lab.targets:
            serve(lab, target)
        yield lab


@pytest.mark.parametrize("starts", [15, pytest.param(200, marks=pytest.mark.long)])
@pytest.mark.parametrize("first", [0, 1, 2], ids=["near", "far", "host"])
def test_the_first_packet_of_a_new_pod_is_answered(net, starts, first):
    """Each target comes first in turn, by IPv4 and by IPv6; the others follow at once."""
    order = net.targets[first:] + net.targets[:first]
    for number in range(starts):
        pod = net.nodes[0].add_pod(f"p{first}x{number}")
        families = (4, 6) if number % 2 == 0 else (6, 4)
        for target in order:
            for family in families:
                with open_socket(pod, "udp", family) as sock:
                    sock.settimeout(ANSWERED_S)
                    name, source = say(sock, "udp", (target.address(family), TARGET))[:2]
                assert (name, source) == (target.name, pod.address(family)), number
        addresses = pod.json("addr", "show", "eth0")[0]["addr_info"]
        assert not [entry for entry in addresses if entry.get("tentative")]
        pod.remove()
