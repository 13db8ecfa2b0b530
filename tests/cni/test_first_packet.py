# SPDX-License-Identifier: Apache-2.0
"""The first packet of a pod's life is not lost and waits for nobody: one datagram each, sent as
soon as ADD has answered, of which the echo must come.

    new pods, peer -- n1 ---- n2 -- peer            and n1 itself; IPv4 and IPv6

A lost one is repeated by nobody, so the test fails then, however long it waits. One that waits for
ARP would leave a neighbour entry: in the pod there are permanent ones and no others.
"""
import concurrent.futures
import select
import socket
import threading

import pytest

import inventory
from harness import Lab, Pod, inside
from runtime import add, delete

PORT = 7
AT_ONCE = 5
PATIENCE_S = 10  # for a busy machine: what is lost does not come then, either
FAMILIES = {4: (socket.AF_INET, "0.0.0.0"), 6: (socket.AF_INET6, "::")}


def open_socket(netns, family, port=0):
    kind, any_address = FAMILIES[family]
    with inside(netns):
        sock = socket.socket(kind, socket.SOCK_DGRAM)
    if family == 6:
        sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
    sock.bind((any_address, port))
    sock.settimeout(PATIENCE_S)
    return sock


class Echo:
    """A thread that sends back what comes to any of its sockets."""

    def __init__(self):
        self.sockets = {}
        self.ended = threading.Event()
        self.thread = threading.Thread(target=self.run)

    def listen(self, name, host, addresses):
        for family, address in addresses.items():
            self.sockets[name, family] = (open_socket(host.netns, family, PORT), address)

    def run(self):
        sockets = [sock for sock, _ in self.sockets.values()]
        while not self.ended.is_set():
            for sock in select.select(sockets, [], [], 0.2)[0]:
                data, sender = sock.recvfrom(100)
                sock.sendto(data, sender)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *exception):
        self.ended.set()
        self.thread.join()
        for sock, _ in self.sockets.values():
            sock.close()


@pytest.fixture(scope="module")
def net():
    with Lab("first") as lab:
        n1, n2 = lab.add_node(1), lab.add_node(2)
        lab.configure_routes()
        lab.start_all(bgp=False)
        near, far = n1.add_pod("near"), n2.add_pod("far")
        assert near.reaches(far.ip4) and near.reaches(far.ip6)  # the nodes know each other
        echo = Echo()
        echo.listen("pod of the node", near, {4: near.ip4, 6: near.ip6})
        echo.listen("pod of another node", far, {4: far.ip4, 6: far.ip6})
        echo.listen("node", n1, {4: n1.ip4, 6: n1.ip6})
        with echo:
            yield n1, echo


def ask(sock, address, mark):
    sock.sendto(mark, (address, PORT))
    assert sock.recvfrom(100)[0] == mark


def send_first(pod, echo, target):
    """One datagram of each family from the new pod to a target."""
    for family in FAMILIES:
        address = echo.sockets[target, family][1]
        with open_socket(pod.netns, family) as sock:
            ask(sock, address, f"{pod.pod_name}{family}".encode())


def receive_first(pod, echo, target):
    """One datagram of each family from there to the new pod, which sends it back."""
    for family in FAMILIES:
        mark = f"{pod.pod_name}{family}".encode()
        with open_socket(pod.netns, family, PORT) as own, \
                open_socket(pod.source_netns[target], family) as sock:
            sock.sendto(mark, (pod.address(family), PORT))
            data, sender = own.recvfrom(100)
            own.sendto(data, sender)
            assert sock.recvfrom(100)[0] == mark


def start(node, echo, number):
    pod = Pod(node, f"new{number}", add=False)
    targets = ["pod of the node", "pod of another node", "node"]
    peers = {pod.pod_name: pod.netns for lab_node in node.lab.nodes for pod in lab_node.pods}
    pod.source_netns = dict(zip(targets, [peers["near"], peers["far"], node.netns]))
    add(pod, "1.1.0")
    act = send_first if number % 2 else receive_first
    act(pod, echo, targets[number // 2 % 3])
    for each in range(3):  # and to the other two, which it has not spoken with yet
        act(pod, echo, targets[each])
    inside_pod = pod.json("addr", "show", "eth0")[0]["addr_info"]
    assert not [a for a in inside_pod if a.get("tentative") or a.get("dadfailed")], inside_pod
    assert {tuple(n["state"]) for n in pod.json("neigh", "show")} == {("PERMANENT",)}
    delete(pod)
    pod.delete()


@pytest.mark.parametrize("starts", [24, pytest.param(200, marks=pytest.mark.long)])
def test_no_pods_first_packet_is_lost_or_waits(net, starts):
    node, echo = net
    with concurrent.futures.ThreadPoolExecutor(AT_ONCE) as pool:
        list(pool.map(lambda number: start(node, echo, number), range(starts)))
    inventory.assert_exactly(node, 1)
    assert "has not activated" not in node.log()
