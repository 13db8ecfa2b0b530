# SPDX-License-Identifier: Apache-2.0
"""The agent goes and comes: forwarding goes on, pods stay known, nothing is left behind.

    a, b -- n1 -- lan -- n2 -- c
"""
import shutil
import signal

import pytest

import flows
from harness import Failed, Lab, run, wait_until


class Restarted:
    def __init__(self, lab):
        self.lab = lab
        self.n1, self.n2 = lab.add_node(1), lab.add_node(2)
        lab.configure_routes()
        lab.start_all(bgp=False)
        self.a = self.n1.add_pod("a")
        self.b = self.n1.add_pod("b")
        self.c = self.n2.add_pod("c")
        self.port = 7500

    def flows(self):
        self.port += 2
        running = [flows.udp_pods(self.lab, self.a, self.b, 4, self.port),
                   flows.udp_pods(self.lab, self.a, self.c, 6, self.port + 1)]
        for flow in running:
            flow.wait_more(200)
        return running

    def known(self):
        """What the agent knows of n1's pods, counters left out."""
        rows = self.n1.tortie_json("get", "workloadendpoint")
        return sorted(str({k: v for k, v in row.items() if not k.startswith(("tx", "rx"))})
                      for row in rows)


@pytest.fixture(scope="module")
def net():
    with Lab("again") as lab:
        yield Restarted(lab)


def assert_nothing_lost(running):
    for flow in running:
        flow.wait_more(200)
    for flow in running:
        flows.assert_nothing_lost(flow.stop(), flow.name)


def test_sigterm_ends_with_0_forwarding_stays_and_a_restart_knows_the_pods(net):
    before = net.known()
    assert net.a.ip4 in str(before) and net.b.ip4 in str(before)
    running = net.flows()
    assert net.n1.stop_agent(signal.SIGTERM) == 0
    for flow in running:
        flow.wait_more(300)
    net.n1.start_agent()
    assert_nothing_lost(running)
    assert net.known() == before


def test_kill_9_loses_nothing_and_a_restart_knows_the_pods(net):
    before = net.known()
    running = net.flows()
    net.n1.kill_agent()
    for flow in running:
        flow.wait_more(300)
    net.n1.start_agent()
    assert_nothing_lost(running)
    assert net.known() == before


def test_all_pins_removed_while_the_agent_runs_come_back(net):
    """So the next agent knows the pods by their names, as this one does."""
    pins, known = net.n1.pins(), net.known()
    assert pins and known
    for pin in pins:
        (net.n1.bpf_dir / pin).unlink()
    wait_until(lambda: net.n1.pins() == pins, "the pins are back", 5)
    wait_until(lambda: "were removed by someone" in net.n1.log(), "the log says so")
    net.n1.stop_agent()
    net.n1.start_agent()
    assert net.known() == known
    assert_nothing_lost(net.flows())


def test_all_pins_removed_while_the_agent_is_away(net):
    """Maps and programs are made anew from the links: every pod is known and forwards."""
    net.n1.stop_agent()
    for path in net.n1.bpf_dir.iterdir():
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink()
    net.n1.start_agent()
    for source, target in ((net.a, net.b), (net.b, net.a), (net.a, net.c), (net.c, net.b)):
        wait_until(lambda s=source, t=target: s.reaches(t.ip4) and s.reaches(t.ip6),
                   f"{source.name} reaches {target.name}", 2)
    rows = str(net.n1.tortie_json("get", "workloadendpoint"))
    assert net.a.ip4 in rows and net.b.ip4 in rows
    assert_nothing_lost(net.flows())


def test_pods_of_before_can_be_deleted_and_no_address_is_given_twice(net):
    old = net.n1.add_pod("old")
    net.n1.kill_agent()
    net.n1.start_agent()
    new = net.n1.add_pod("new")
    assert len({net.a.ip4, net.b.ip4, old.ip4, new.ip4}) == 4
    address, link = old.ip4, old.host_ifname
    old.remove()
    wait_until(lambda: link not in [x["ifname"] for x in net.n1.cali_links()], "link is gone")
    assert address not in str(net.n1.tortie_json("get", "workloadendpoint"))
    new.remove()


def test_a_del_while_the_agent_is_away_succeeds_and_is_made_good(net):
    pod = net.n1.add_pod("away")
    net.n1.stop_agent()
    pod.cni("DEL")
    net.n1.start_agent()
    wait_until(lambda: pod.ip4 not in str(net.n1.tortie_json("get", "workloadendpoint")),
               "the noted DEL is carried out")
    wait_until(lambda: len(net.n1.cali_links()) == 2, "its link is gone")
    net.n1.pods.remove(pod)
    pod.delete()


def test_reset_leaves_nothing_behind_and_touches_nothing_of_others(net):
    with Lab("reset") as lab:
        node = lab.add_node(1)
        node.ip("route", "add", "203.0.113.0/24", "via", "192.168.100.1")
        node.run("nft", "add", "table", "inet", "foreign")
        node.ip("link", "add", "califoreign", "type", "veth", "peer", "name", "theirs")
        node.start_agent()
        pods = [node.add_pod(f"p{n}") for n in range(3)]
        assert node.pins()
        node.reset()
        node.agent.wait(timeout=10)
        assert [x["ifname"] for x in node.cali_links()] == ["califoreign"]
        assert not node.pins()
        assert "proto 116" not in node.ip("route") + node.ip("-6", "route")
        assert "203.0.113.0/24" in node.ip("route")
        assert node.run("nft", "list", "tables").split("\n")[0] == "table inet foreign"
        assert not (node.cni_dir / "10-tortie.conflist").exists()
        assert "from_network" not in node.run("bpftool", "net", "show", "dev", "up0")
        assert all("eth0" not in pod.ip("link", "show") for pod in pods)
        node.reset()  # again, with nothing there
        node.start_agent()    # and it starts afresh
        again = node.add_pod("again")
        assert again.reaches(node.ip4)


def test_reset_works_when_the_agent_was_killed():
    with Lab("dead") as lab:
        node = lab.add_node(1)
        node.start_agent()
        node.add_pod("p")
        node.kill_agent()
        node.reset()
        assert not node.cali_links() and not node.pins()
        assert "proto 116" not in node.ip("route") + node.ip("-6", "route")


def second_agent(node):
    """Another agent in the namespace of node, with folders of its own."""
    folder = node.dir / "second"
    folder.mkdir()
    return ["timeout", "5", node.build / "tortied", "-c", node.config_file, "--run-dir",
            folder / "run", "--bpf-dir", node.lab.bpffs / "second"]


def test_a_second_agent_in_the_namespace_is_refused_before_it_touches_anything():
    with Lab("claim") as lab:
        node = lab.add_node(1, pods_nat=True)
        node.start_agent()
        before = node.ip("route"), node.run("nft", "list", "ruleset"), node.log_length()
        with pytest.raises(Failed, match="another tortied .process [0-9]+. serves it"):
            node.run(*second_agent(node))
        assert not (lab.bpffs / "second").exists()
        assert before == (node.ip("route"), node.run("nft", "list", "ruleset"), node.log_length())


STRANGER = """
import os, socket, sys, time
os.setuid(65534)
held = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
held.bind(bytes(1) + b"tortie/agent")
held.listen()
print("held", flush=True)
time.sleep(60)
"""


def test_a_stranger_who_holds_the_agents_name_does_not_keep_it_from_starting():
    with Lab("claim") as lab:
        node = lab.add_node(1)
        node.start(["/usr/bin/python3", "-c", STRANGER], lab.dir / "stranger.log")
        wait_until(lambda: "held" in (lab.dir / "stranger.log").read_text(), "the stranger")
        node.start_agent()
        assert "of uid 65534 holds the abstract socket" in node.log()


def test_a_stranger_who_locks_the_run_folder_does_not_keep_the_agent_from_starting():
    with Lab("lock") as lab:
        node = lab.add_node(1)
        node.start(["setpriv", "--reuid", 65534, "--clear-groups", "flock", node.run_dir, "sh",
                    "-c", "echo held; exec sleep 60"], lab.dir / "stranger.log")
        wait_until(lambda: "held" in (lab.dir / "stranger.log").read_text(), "the stranger")
        node.start_agent()
        assert "locked by a process that is no tortied" in node.log()
        with pytest.raises(Failed, match="run-dir .*: in use by another tortied"):
            node.run(node.build / "tortied", "-c", node.config_file, "--run-dir", node.run_dir,
                     "--bpf-dir", lab.bpffs / "second", timeout=10)


def test_a_counter_without_a_pod_goes_at_the_next_start():
    """What kill -9 leaves between a pod's counter and its first map entry."""
    with Lab("slot") as lab:
        node = lab.add_node(1)
        node.start_agent()
        pod = node.add_pod("a")
        node.kill_agent()
        pin = next(iter(node.bpf_dir.glob("ep_slot_v*")))
        run("bpftool", "map", "update", "pinned", pin, "key", "hex", "0f", "27", "00", "00",
            "value", "hex", "09", "00", "00", "00")
        assert 9999 in {entry["formatted"]["key"] for entry in node.map_dump("ep_slot")}
        node.start_agent()
        known = {entry["formatted"]["key"] for entry in node.map_dump("ep_slot")}
        assert known == {node.json("link", "show", pod.host_ifname)[0]["ifindex"]}
