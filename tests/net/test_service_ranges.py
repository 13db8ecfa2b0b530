# SPDX-License-Identifier: Apache-2.0
"""Ranges of Services and blocks that are announced: what belongs to nobody there is refused.

    a -- n1 --+
              +-- lan -- tor (BIRD) -- outside       rules of kube_proxy.py on n1 and n2
    b -- n2 --+

The top of rack has learnt the ranges from the nodes, whose default route goes to it: a packet for
an address of nobody would go to and fro until its TTL ends. In both of kube-proxy's modes.
"""
import pytest

import kube_proxy
from harness import Lab, wait_until
from kube_proxy import Service
from talk import ask, serve

RANGES = ["10.96.0.0/16", "fd96::/112", "203.0.113.0/24", "2001:db8:113::/64"]


class Net:
    def __init__(self, lab, mode):
        self.lab = lab
        self.n1, self.n2 = lab.add_node(1), lab.add_node(2)
        lab.add_tor()
        old = lab.peer_config
        lab.peer_config = lambda node: {
            **old(node), "announce": list(RANGES), "service_ranges": list(RANGES)}
        lab.start_all()
        lab.wait_routes()
        self.a, self.b = self.n1.add_pod("a"), self.n2.add_pod("b")
        self.service = Service("both", 3, [self.a, self.b], node_port=30003, external=True)
        for node in (self.n1, self.n2):
            kube_proxy.write(node, [self.service], mode)
        for pod in (self.a, self.b):
            serve(lab, pod)
        for family, ranges in ((4, RANGES[::2]), (6, RANGES[1::2])):
            wait_until(lambda r=ranges, f=family: all(
                "proto bird" in lab.tor.ip(f"-{f}", "route", "show", one) for one in r),
                "the top of rack has learnt the ranges")


@pytest.fixture(scope="module", params=["iptables", "nftables"])
def net(request):
    with Lab("svcr") as lab:
        yield Net(lab, request.param)


def answer(host, address):
    """What ping says of an address that nobody has."""
    options = ["-6"] if ":" in address else []
    return host.run("ping", *options, "-n", "-c", "1", "-W", "1", address, check=False)


def assert_refused(host, address):
    """The kernel tells a host so once a second at most: the next ping may hear nothing."""
    def is_told():
        text = answer(host, address)
        assert "exceeded" not in text, text
        return "nreachable" in text
    wait_until(is_told, f"{host.name} hears that {address} is not there", 5)


def test_an_address_of_no_service_is_refused_and_does_not_go_round(net, family):
    for address in (("10.96.0.99", "203.0.113.99") if family == 4 else
                    ("fd96::99", "2001:db8:113::99")):
        for host in (net.lab.outside, net.a):
            assert_refused(host, address)


def test_an_address_of_no_pod_is_refused_and_does_not_go_round(net, family):
    for node in (net.n1, net.n2):
        address = f"10.244.{node.number}.77" if family == 4 else f"fd00:244:0:{node.number}::77"
        for host in (net.lab.outside, net.a):
            assert_refused(host, address)


def test_services_are_reached_from_outside_from_pods_and_from_nodes(net, family):
    for address in (net.service.address(family), net.service.external_address(family)):
        for host in (net.lab.outside, net.a, net.n1, net.n2):
            for kind in ("tcp", "udp"):
                assert ask(host, kind, (address, net.service.port))[0] in ("n1-a", "n2-b")


def test_the_rule_goes_with_the_ranges(net):
    assert "hook forward" in net.n2.run("nft", "list", "table", "inet", "tortie")
    del net.n2.config["bgp"]["service_ranges"]
    net.n2.stop_agent()
    net.n2.start_agent()
    assert "tortie" not in net.n2.run("nft", "list", "tables")
