# SPDX-License-Identifier: Apache-2.0
"""Firewalls that drop what the host forwards: told, and with forwarding.accept passed.

    a, b -- n1 -- tor -- outside          a Service of kube_proxy.py on n1, backend b
"""
import pytest

import kube_proxy
from harness import Failed, Lab, wait_until
from test_kube_proxy import PORTS, ask, direct, serve, vip

RULES = ("tortie: from ", "tortie: to ")
DOCKER = {  # by iptables over nf_tables, as Docker and ufw do
    4: ["iptables", "-P", "FORWARD", "DROP"],
    6: ["ip6tables", "-P", "FORWARD", "DROP"],
}
FIREWALLD = """table inet firewalld {
  chain filter_FORWARD {
    type filter hook forward priority filter + 10; policy accept;
    ct state { established, related } accept
    iifname "lo" accept
    reject with icmpx admin-prohibited
  }
}
"""


class OneNode:
    def __init__(self, lab):
        self.lab = lab
        self.n1 = lab.add_node(1)
        lab.add_tor()
        lab.return_routes()
        lab.start_all(bgp=False)
        self.a, self.b = self.n1.add_pod("a"), self.n1.add_pod("b")
        self.service = kube_proxy.Service("near", 1, [self.b], node_port=30001)
        kube_proxy.write(self.n1, [self.service], "nftables")
        for host in (self.b, lab.outside):
            serve(lab, host)

    def restart(self, accept):
        self.n1.config["forwarding"] = {"accept": accept}
        self.n1.stop_agent()
        self.n1.start_agent()

    def service_answers(self, family):
        try:
            return ask(self.a, "udp", vip(self.service, family), next(PORTS))[0] == self.b.name
        except OSError:
            return False

    def ruleset(self):
        return self.n1.run("nft", "list", "ruleset")


@pytest.fixture(scope="module")
def net():
    with Lab("fw") as lab:
        yield OneNode(lab)


@pytest.fixture(params=["docker", "firewalld"])
def wall(request, net):
    """A firewall that drops, and the words that name its chains."""
    if request.param == "docker":
        for command in DOCKER.values():
            net.n1.run(*command)
        yield ["ip filter FORWARD", "ip6 filter FORWARD"]
        net.n1.run("nft", "delete", "table", "ip", "filter")
        net.n1.run("nft", "delete", "table", "ip6", "filter")
    else:
        net.n1.run("nft", "-f", "-", stdin=FIREWALLD)
        yield ["inet firewalld filter_FORWARD"]
        net.n1.run("nft", "delete", "table", "inet", "firewalld")


def test_without_accept_it_is_told_and_pods_still_reach_pods(net, wall, family):
    net.restart(False)
    assert net.service_answers(family) is False
    assert ask(net.a, "tcp", direct(net.b, family))[0] == net.b.name
    status = net.n1.tortie("status", check=False)
    assert any(f"chain {chain} " in status for chain in wall)
    assert "forwarding: {accept: true}" in status
    answer = net.n1.tortie("explain", net.a.address(family), net.service.address(family) + ":80"
                           if family == 4 else f"[{net.service.address(6)}]:80", check=False)
    assert any(f"chain {chain} " in answer for chain in wall)
    assert not any(rule in net.ruleset() for rule in RULES)


def test_the_advice_of_the_status_line_is_the_mend(net):
    net.restart(False)
    net.n1.run(*DOCKER[4])
    try:
        assert net.service_answers(4) is False
        line = next(line for line in net.n1.tortie("status", check=False).splitlines()
                    if "ip filter FORWARD" in line)
        command = line.split("for each pool: ")[1].split(",")[0]
        for word in (command, command.replace(" -s ", " -d ")):
            net.n1.run(*word.split())
        assert net.service_answers(4)
    finally:
        net.n1.run("nft", "delete", "table", "ip", "filter")


@pytest.mark.parametrize("accept,rule", [
    (False, "-P FORWARD DROP"), (False, "-A FORWARD -j DROP"), (True, "-P FORWARD DROP")])
def test_a_chain_of_iptables_legacy_is_told_with_its_mend(net, family, accept, rule):
    program = "iptables-legacy" if family == 4 else "ip6tables-legacy"
    net.restart(accept)
    try:
        net.n1.run(program, *rule.split())
    except Failed as error:
        pytest.skip(f"no {program} here: {error}")
    try:
        assert net.service_answers(family) is False
        how = "has the policy drop" if "-P" in rule else "ends with a rule that drops"
        line = next(line for line in net.n1.tortie("status", check=False).splitlines()
                    if f"chain FORWARD of {program} {how}" in line)
        to = f"{net.service.address(4)}:80" if family == 4 else f"[{net.service.address(6)}]:80"
        assert f"chain FORWARD of {program}" in \
            net.n1.tortie("explain", net.a.address(family), to, check=False)
        assert f"chain FORWARD of {program}" in net.n1.tortie("preflight", check=False)
        command = line.split("for each pool: ")[1].split(",")[0]
        for word in (command, command.replace(" -s ", " -d ")):
            net.n1.run(*word.split())
        assert net.service_answers(family)
    finally:
        net.n1.run(program, "-P", "FORWARD", "ACCEPT")
        net.n1.run(program, "-F")


def test_with_accept_services_work_and_rules_come_back(net, wall, family):
    net.restart(True)
    assert net.service_answers(family)
    assert ask(net.a, "tcp", (("198.51.100.2" if family == 4 else "2001:db8:51::2"), 8080))[0]
    assert "our rules accept pods' packets" in net.n1.tortie("status", check=False)
    for chain in wall:
        net.n1.run("nft", "flush", "chain", *chain.split())
    if "firewalld" in wall[0]:
        net.n1.run("nft", "add", "rule", "inet", "firewalld", "filter_FORWARD", "drop")
    wait_until(lambda: net.service_answers(family), "our rules are back", 10)
    assert "put back" in net.n1.log()[-2000:]


def test_a_firewall_that_comes_later_is_met_too(net, family):
    net.restart(True)
    assert net.service_answers(family)
    net.n1.run(*DOCKER[family])
    try:
        wait_until(lambda: net.service_answers(family), "the service answers", 10)
    finally:
        net.n1.run("nft", "delete", "table", "ip" if family == 4 else "ip6", "filter")


def test_iptables_can_still_read_and_write_its_chain(net):
    """The program over nf_tables refuses a chain whose rules it does not understand."""
    net.restart(True)
    net.n1.run(*DOCKER[4])
    try:
        wait_until(lambda: RULES[0] in net.ruleset(), "our rules are there", 5)
        listing = net.n1.run("iptables", "-S", "FORWARD")
        assert '-A FORWARD -s 10.244.0.0/16 -m comment --comment "tortie: from 10.244.0.0/16" ' \
            "-j ACCEPT" in listing
        net.n1.run("iptables", "-A", "FORWARD", "-i", "docker0", "-j", "ACCEPT")
        net.n1.run("iptables", "-C", "FORWARD", "-i", "docker0", "-j", "ACCEPT")
        # What others save and restore is still ours, and not written twice.
        net.n1.run("iptables-restore", stdin=net.n1.run("iptables-save"))
        wait_until(lambda: net.service_answers(4), "the service answers", 5)
        net.n1.run("iptables", "-A", "FORWARD", "-o", "docker0", "-j", "ACCEPT")
        assert net.n1.run("iptables", "-S", "FORWARD").count("10.244.0.0/16 -m comment") == 2
    finally:
        net.n1.run("nft", "delete", "table", "ip", "filter")


def test_rules_of_others_stay_and_ours_go_when_switched_off(net, wall):
    net.restart(True)
    assert all(rule in net.ruleset() for rule in RULES)
    net.restart(False)
    assert not any(rule in net.ruleset() for rule in RULES)
    assert all(chain.split()[-1] in net.ruleset() for chain in wall)


def test_reset_removes_our_rules_alone(net, wall):
    net.restart(True)
    net.n1.run("nft", "add", "rule", *wall[0].split(), "counter", "comment", '"theirs"')
    assert all(rule in net.ruleset() for rule in RULES)
    net.n1.reset()
    assert not any(rule in net.ruleset() for rule in RULES)
    assert '"theirs"' in net.ruleset() and wall[0].split()[-1] in net.ruleset()
    net.n1.start_agent()
    number = next(PORTS)
    net.a, net.b = net.n1.add_pod(f"a{number}"), net.n1.add_pod(f"b{number}")
    net.service.backends[0] = net.b
    for table in ("ip", "ip6"):
        net.n1.run("nft", "delete", "table", table, "kube-proxy")
    net.n1.run("nft", "delete", "table", "inet", "probe")
    kube_proxy.write(net.n1, [net.service], "nftables")
    serve(net.lab, net.b)
