# SPDX-License-Identifier: Apache-2.0
"""Addresses from other IPAM plugins: the real host-local and static of Debian, and scripts for what
real ones do only when they are ill.

    one node, pods come and go
"""
import json
import os
import re
import signal
import stat
import time
from pathlib import Path

import pytest

import inventory
from harness import Pod, wait_until
from runtime import add, call, config, delete, environment, plugin, status

REFERENCE = Path("/usr/lib/cni")  # Debian's containernetworking-plugins


@pytest.fixture(scope="module", autouse=True)
def reference():
    if not (REFERENCE / "host-local").exists():
        pytest.skip("no host-local in /usr/lib/cni (containernetworking-plugins)")


class Source:
    """A host-local range with a store of its own."""

    def __init__(self, folder, name="testnet", first="10.99.0.10", last="10.99.0.12"):
        self.store = Path(folder) / name
        self.ipam = {"type": "host-local", "dataDir": str(folder), "routes": [{"dst": "0.0.0.0/0"}],
                     "ranges": [[{"subnet": "10.99.0.0/24", "rangeStart": first,
                                  "rangeEnd": last}]]}

    def reserved(self):
        """Addresses that host-local has given away."""
        return sorted(p.name for p in self.store.glob("*") if re.match(r"[\d.]+$", p.name))


@pytest.fixture
def source(tmp_path):
    return Source(tmp_path)


@pytest.fixture
def pods(node, request):
    """Makes pods that are gone after the test."""
    made = []

    def make(name):
        number = f"{abs(hash(request.node.nodeid)) % 10000}{len(made)}"
        made.append(Pod(node, f"{name}{number}", add=False))
        return made[-1]
    yield make
    for pod in made:
        pod.delete()
    wait_until(lambda: not node.cali_links(), "all links gone")
    inventory.assert_exactly(node, 0)


PATH = {"CNI_PATH": f"/nonexistent:{REFERENCE}"}


def script(folder, text, name="sick"):
    """An IPAM plugin for one case; it notes its commands in FOLDER/calls."""
    program = Path(folder) / name
    program.write_text(f"#!/bin/sh\necho $CNI_COMMAND >>{folder}/calls\n{text}\n")
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    return {"CNI_PATH": str(folder)}


def calls(folder):
    path = Path(folder) / "calls"
    return path.read_text().split() if path.exists() else []


def test_a_pod_with_an_address_of_host_local_works_and_gives_it_back(node, pods, source):
    a, b = pods("a"), pods("b")
    first = add(a, env=PATH, ipam=source.ipam)
    add(b)  # tortie's own IPAM beside it
    assert first["ips"] == [{"address": "10.99.0.10/32", "gateway": "169.254.1.1", "interface": 1}]
    assert first["routes"] == [{"dst": "0.0.0.0/0", "gw": "169.254.1.1"}]
    assert source.reserved() == ["10.99.0.10"]
    assert a.reaches(b.ip4) and b.reaches("10.99.0.10") and a.reaches(node.ip4)
    check = call(a, "CHECK", env=PATH, ipam=source.ipam, prevResult=first)
    assert check.status == 0, check.stdout
    # not counted as this node's, and known after a restart
    used = {row["name"]: int(row["used"]) for row in node.tortie_json("ipam", "show")}
    assert used == {"default-ipv4": 1, "default-ipv6": 1}
    node.kill_agent()
    node.start_agent()
    assert b.reaches("10.99.0.10")
    delete(a, env=PATH, ipam=source.ipam)
    assert source.reserved() == []
    delete(a, env=PATH, ipam=source.ipam)  # runtimes send it twice
    delete(b)


@pytest.mark.parametrize("version", ["0.3.1", "0.4.0"])
def test_older_versions_of_results_are_understood(pods, source, version):
    pod = pods("a")
    result = add(pod, version, env=PATH, ipam=source.ipam)
    assert result["ips"][0]["address"] == "10.99.0.10/32" and result["cniVersion"] == version
    delete(pod, env=PATH, ipam=source.ipam)


def test_check_asks_the_delegate_too(pods, source):
    pod = pods("a")
    result = add(pod, env=PATH, ipam=source.ipam)
    (source.store / "10.99.0.10").unlink()
    answer = call(pod, "CHECK", env=PATH, ipam=source.ipam, prevResult=result)
    assert answer.status == 1 and "ipam host-local: " in answer.words, answer.stdout
    delete(pod, env=PATH, ipam=source.ipam)


def test_an_exhausted_delegate_is_answered_with_its_words(pods, tmp_path):
    source = Source(tmp_path, last="10.99.0.10")
    a, b = pods("a"), pods("b")
    add(a, env=PATH, ipam=source.ipam)
    answer = call(b, "ADD", env=PATH, ipam=source.ipam)
    assert answer.status == 1 and "ipam host-local: " in answer.words
    assert "no IP addresses available" in answer.words
    assert len(b.json("link", "show")) == 1 and source.reserved() == ["10.99.0.10"]
    delete(a, env=PATH, ipam=source.ipam)


def test_what_was_given_is_given_back_when_the_agent_refuses(node, pods, source):
    pod, other = pods("a"), pods("b")
    pod.ip("link", "add", "eth0", "type", "bridge")
    answer = call(pod, "ADD", env=PATH, ipam=source.ipam)
    assert answer.code == 100 and source.reserved() == []
    # the agent is away: code 11, and nothing stays assigned either
    node.stop_agent()
    try:
        answer = call(other, "ADD", env=PATH, ipam=source.ipam)
        assert answer.code == 11 and source.reserved() == []
    finally:
        node.start_agent()


def test_a_second_add_does_not_take_the_live_pods_address_away(pods, tmp_path):
    """The delegate here gives the same address to the same container, as some do."""
    pod = pods("a")
    path = script(tmp_path, 'echo \'{"ips": [{"address": "10.99.0.5/24"}]}\'')
    add(pod, env=path, ipam={"type": "sick"})
    answer = call(pod, "ADD", env=path, ipam={"type": "sick"})
    assert answer.code == 100
    assert calls(tmp_path) == ["ADD", "ADD"]
    delete(pod, env=path, ipam={"type": "sick"})


def test_static_addresses_of_both_families_and_its_dns(node, pods):
    pod, other = pods("a"), pods("b")
    ipam = {"type": "static", "dns": {"nameservers": ["10.1.0.1"]},
            "addresses": [{"address": "10.98.0.7/24", "gateway": "10.98.0.1"},
                          {"address": "fd98::7/64"}]}
    result = add(pod, env=PATH, ipam=ipam)
    assert [ip["address"] for ip in result["ips"]] == ["10.98.0.7/32", "fd98::7/128"]
    assert result["dns"] == {"nameservers": ["10.1.0.1"]}
    add(other)
    assert pod.reaches(other.ip6) and other.reaches("fd98::7")
    late = pods("c")
    answer = call(late, "ADD", env=PATH, ipam=ipam)
    assert answer.code == 11 and "10.98.0.7" in answer.words
    assert pod.container_id[:12] in answer.words
    result = add(late, env=PATH, ipam=dict(ipam, addresses=[{"address": "10.98.0.8/24"}]),
                 dns={"nameservers": ["10.2.0.2"]})
    assert result["dns"] == {"nameservers": ["10.2.0.2"]}  # the configuration's own goes first
    for one in (pod, late):
        delete(one, env=PATH, ipam=ipam)
    delete(other)


def test_an_address_inside_this_nodes_block_is_taken_there_too(node, pods):
    pod = pods("a")
    wanted = f"{node.block4.rsplit('.', 1)[0]}.2"
    add(pod, env=PATH, ipam={"type": "static", "addresses": [{"address": f"{wanted}/24"}]})
    own = [pods(f"own{i}") for i in range(3)]
    given = [add(one)["ips"][0]["address"] for one in own]
    assert f"{wanted}/32" not in given
    for one in [pod, *own]:
        call(one, "DEL", env=PATH)


@pytest.mark.parametrize("address, word", [
    ("127.0.0.1/8", "not an address that a pod can have"),
    ("224.0.0.1/8", "not an address that a pod can have"),
    ("fe80::1/64", "not an address that a pod can have"),
    ("node", "this node's own"),
])
def test_addresses_that_no_pod_can_have_are_refused(node, pods, address, word):
    address = f"{node.ip4}/24" if address == "node" else address
    answer = call(pods("a"), "ADD", env=PATH,
                  ipam={"type": "static", "addresses": [{"address": address}]})
    assert answer.code == 7 and word in answer.words, answer.stdout


SICK = [
    ("no result", "true", 5, "not one JSON object", ["ADD", "DEL"]),
    ("no address", "echo '{\"ips\": []}'", 5, "no ips", ["ADD", "DEL"]),
    ("words", "echo panic: nil; exit 2", 999, "panic: nil", ["ADD", "DEL"]),
    ("killed", "kill -9 $$", 999, "status 137", ["ADD", "DEL"]),
    ("endless", "yes", 5, "256 KiB", ["ADD", "DEL"]),
    ("own words",
     "echo '{\"code\": 111, \"msg\": \"the lease is gone\", \"details\": \"why\"}'; exit 1", 111,
     "the lease is gone why", ["ADD", "DEL"]),
]


@pytest.mark.parametrize("row", SICK, ids=lambda row: row[0])
def test_a_sick_delegate_fails_the_add_and_is_told_to_give_back(pods, tmp_path, row):
    _, text, code, word, commands = row
    answer = call(pods("a"), "ADD", env=script(tmp_path, text), ipam={"type": "sick"})
    assert answer.code == code and word in answer.words, answer.stdout
    assert calls(tmp_path) == commands


def test_a_delegate_that_hangs_is_ended_with_all_it_started(pods, tmp_path):
    text = ('[ $CNI_COMMAND = DEL ] && exit 0\n'
            f'sleep 300 & echo $! >{tmp_path}/child; wait')
    begin = time.monotonic()
    answer = call(pods("a"), "ADD", env=script(tmp_path, text), ipam={"type": "sick"})
    assert answer.code == 11 and "10 seconds" in answer.words
    assert time.monotonic() - begin < 15
    assert calls(tmp_path) == ["ADD", "DEL"]
    child = int((tmp_path / "child").read_text())
    wait_until(lambda: not alive(child), "its child has ended", 5)


def alive(pid):
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"


def test_a_delegate_that_reads_nothing_and_leaves_a_daemon_has_answered(pods, tmp_path):
    """The configuration is larger than a pipe, and the daemon holds the pipe open."""
    pod = pods("a")
    text = (f'sleep 300 2>/dev/null & echo $! >{tmp_path}/child\n'
            'echo \'{"ips": [{"address": "10.99.0.5/24"}]}\'')
    path = script(tmp_path, text)
    begin = time.monotonic()
    result = add(pod, env=path, ipam={"type": "sick", "padding": "x" * 200000})
    assert time.monotonic() - begin < 5
    assert result["ips"][0]["address"] == "10.99.0.5/32"
    os.kill(int((tmp_path / "child").read_text()), signal.SIGKILL)
    delete(pod, env=path, ipam={"type": "sick"})
    os.kill(int((tmp_path / "child").read_text()), signal.SIGKILL)


def test_del_detaches_and_passes_on_what_the_delegate_says(node, pods, tmp_path):
    pod = pods("a")
    path = script(tmp_path, 'echo \'{"ips": [{"address": "10.99.0.5/24"}]}\'')
    add(pod, env=path, ipam={"type": "sick"})
    script(tmp_path, "echo '{\"code\": 11, \"msg\": \"the store is locked\"}'; exit 1")
    answer = call(pod, "DEL", env=path, ipam={"type": "sick"})
    assert answer.code == 11 and "the store is locked" in answer.words
    wait_until(lambda: not node.cali_links(), "detached all the same")
    script(tmp_path, "true")
    delete(pod, env=path, ipam={"type": "sick"})


def test_the_delegate_runs_in_the_runtimes_namespace_also_to_give_back(node, pods, tmp_path):
    text = ('readlink /proc/self/ns/net >>"$(dirname "$0")"/where\n'
            'echo \'{"ips": [{"address": "10.99.0.5/24"}]}\'')
    pod = pods("a")
    pod.ip("link", "add", "eth0", "type", "bridge")  # the agent refuses late
    answer = call(pod, "ADD", env=script(tmp_path, text), ipam={"type": "sick"})
    assert answer.code == 100 and calls(tmp_path) == ["ADD", "DEL"]
    own = node.run("readlink", "/proc/self/ns/net").strip()
    assert (tmp_path / "where").read_text().split() == [own, own]


def test_status_asks_both(node, tmp_path):
    path = script(tmp_path, "true")
    conf = config(node, "1.1.0", ipam={"type": "sick"}, pools=["no such pool is asked for"])
    env = {"CNI_COMMAND": "STATUS", **path}
    assert plugin(node, env, json.dumps(conf)).status == 0
    script(tmp_path, "echo '{\"code\": 50, \"msg\": \"no lease\"}'; exit 1")
    answer = plugin(node, env, json.dumps(conf))
    assert answer.code == 50 and "ipam sick: no lease" in answer.words
    assert status(node).status == 0


def test_without_cni_path_the_variable_is_named(pods):
    pod = pods("a")
    env = environment(pod, "ADD", CNI_PATH=None)
    answer = plugin(pod.node, env, json.dumps(config(pod.node, ipam={"type": "static"})))
    assert answer.code == 4 and "CNI_PATH" in answer.words
