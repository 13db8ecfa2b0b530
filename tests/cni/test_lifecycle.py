# SPDX-License-Identifier: Apache-2.0
"""Attachments that come and go in every order: repeated, late, in parallel, with things gone.

    pods -- n1 (a real tortied)
"""
import concurrent.futures
import os

import pytest

import inventory
from harness import Lab, Pod, wait_until
from runtime import add, call, delete


@pytest.fixture(scope="module")
def node():
    """A node with room for hundreds of pods, and a pool of two addresses."""
    with Lab("life") as lab:
        node = lab.add_node(1)
        node.config["pools"] += [
            {"name": "wide", "cidr": "10.246.0.0/16", "blocks": ["10.246.0.0/22"]},
            {"name": "two", "cidr": "10.245.0.0/16", "blocks": ["10.245.0.6/31"]}]
        node.start_agent()
        yield node


@pytest.fixture
def pod(node):
    pod = Pod(node, "life", add=False)
    yield pod
    delete(pod)
    pod.delete()


@pytest.fixture(autouse=True)
def nothing_is_left(node):
    yield
    inventory.assert_exactly(node, 0)


def check(pod):
    return call(pod, "CHECK", prevResult=pod.result)


def test_delete_of_what_never_was_succeeds(node, pod):
    for _ in range(3):
        delete(pod)


def test_a_second_add_is_refused_and_leaves_the_first_alone(node, pod):
    add(pod)
    answer = call(pod, "ADD")
    assert answer.code == 100 and pod.container_id in answer.words
    assert check(pod).status == 0
    assert pod.reaches(node.ip4)


def test_an_add_for_a_new_sandbox_of_the_same_id_replaces_the_dead_one(node, pod):
    add(pod)
    old = pod.result["interfaces"][0]["name"]
    again = Pod(node, "life2", add=False)
    again.container_id = pod.container_id
    add(again)
    assert again.result["interfaces"][0]["name"] == old
    assert check(again).status == 0
    assert again.reaches(node.ip4)
    assert "does not exist" in pod.ip("link", "show", "eth0", check=False) or \
        [link["ifname"] for link in pod.json("link", "show")] == ["lo"]
    delete(again)
    again.delete()


def test_a_late_delete_of_an_old_sandbox_leaves_the_new_one_alone(node, pod):
    """Same namespace path, same pod name, another container id."""
    add(pod)
    old_id = pod.container_id
    delete(pod)
    pod.container_id = os.urandom(32).hex()
    add(pod)
    delete(pod, env={"CNI_CONTAINERID": old_id})
    assert check(pod).status == 0
    assert pod.reaches(node.ip4)


def test_an_add_right_behind_the_delete_finds_the_namespace_empty(node, pod):
    """The link is deleted behind the DEL's back; the next ADD waits for it."""
    for _ in range(5):
        add(pod)
        delete(pod)
        pod.container_id = os.urandom(32).hex()
    add(pod)
    assert pod.reaches(node.ip4)


@pytest.mark.parametrize("netns", ["", "/run/netns/ttcni-gone", "/etc/hostname"],
                         ids=["empty", "gone", "a plain file"])
def test_delete_works_without_the_namespace(node, pod, netns):
    add(pod)
    delete(pod, env={"CNI_NETNS": netns})
    wait_until(lambda: len(pod.json("link", "show")) == 1, "eth0 gone")


def test_delete_works_when_the_interface_was_renamed(node, pod):
    add(pod)
    pod.ip("link", "set", "eth0", "down")
    pod.ip("link", "set", "eth0", "name", "other0")
    delete(pod)
    wait_until(lambda: len(pod.json("link", "show")) == 1, "other0 gone")


def test_a_namespace_that_dies_takes_its_attachment_along(node):
    pod = Pod(node, "dies", add=False)
    add(pod)
    pod.delete()
    inventory.assert_exactly(node, 0)
    wait_until(lambda: f"{pod.container_id}" in node.log(), "a line about it")
    delete(pod)


def test_a_link_deleted_by_hand_is_noticed_and_its_pod_can_be_added_again(node, pod):
    add(pod)
    node.ip("link", "del", pod.result["interfaces"][0]["name"])
    inventory.assert_exactly(node, 0)
    add(pod)
    assert pod.reaches(node.ip4)


@pytest.mark.parametrize("kind", ["bridge", "veth"])
def test_a_strangers_link_in_the_dying_group_stays(node, pod, kind):
    """Made in it, and moved into it: links of all kinds may carry the number by accident."""
    node.ip("link", "add", "mine0", "group", "11603", "type", kind)
    node.ip("link", "add", "mine1", "type", kind)
    for name in ("mine0", "mine1"):
        add(pod)
        delete(pod)
        wait_until(lambda: not node.cali_links(), "ours gone")
        assert node.json("link", "show", name)
        node.ip("link", "set", "mine1", "group", "11603")
    for name in ("mine0", "mine1"):
        node.ip("link", "del", name)
    add(pod)
    delete(pod)
    wait_until(lambda: not node.cali_links(), "ours gone")


def test_a_pod_without_ipv6_is_refused_with_the_reason(node):
    pod = Pod(node, "no6", add=False)
    pod.sysctl("net.ipv6.conf.default.disable_ipv6", 1)
    answer = call(pod, "ADD")
    assert answer.code == 101
    for word in ("adding an address", "disable_ipv6", "IPv6 is switched off"):
        assert word in answer.words, answer.words
    inventory.assert_exactly(node, 0)
    assert call(pod, "ADD", pools=["default-ipv4"]).status == 0
    delete(pod)
    pod.delete()


def test_an_address_is_not_handed_out_again_at_once(node, pod):
    seen = set()
    for _ in range(5):
        result = add(pod)
        addresses = {ip["address"] for ip in result["ips"]}
        assert not addresses & seen
        seen |= addresses
        delete(pod)


@pytest.mark.parametrize("at_once", [100, pytest.param(300, marks=pytest.mark.long)])
def test_adds_at_once_get_addresses_of_their_own(node, at_once):
    pods = [Pod(node, f"many{i}", add=False) for i in range(at_once)]
    with concurrent.futures.ThreadPoolExecutor(at_once) as pool:
        results = list(pool.map(lambda pod: add(pod, pools=["wide", "default-ipv6"]), pods))
    addresses = [ip["address"] for result in results for ip in result["ips"]]
    assert len(set(addresses)) == len(addresses) == 2 * at_once
    inventory.assert_exactly(node, at_once)
    assert pods[0].reaches(results[-1]["ips"][0]["address"].split("/")[0])
    with concurrent.futures.ThreadPoolExecutor(at_once) as pool:
        list(pool.map(delete, pods))
    inventory.assert_exactly(node, 0)
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        list(pool.map(Pod.delete, pods))


def test_three_deletes_as_the_kubelet_sends_them(node, pod):
    """With the namespace and the result, then twice without either; the next pod has the address by
    then, as no other is free."""
    kept, after = Pod(node, "kept", add=False), Pod(node, "after", add=False)
    add(kept, pools=["two"])
    result = add(pod, pools=["two"])
    assert call(after, "ADD", pools=["two"]).code == 11
    delete(pod, prevResult=result)
    wait_until(lambda: call(after, "ADD", pools=["two"]).code == 0, "its address is free")
    for _ in range(2):
        delete(pod, env={"CNI_NETNS": ""})
    inside = after.json("addr", "show", "eth0")[0]["addr_info"][0]["local"]
    assert f"{inside}/32" == result["ips"][0]["address"]
    assert after.reaches(node.ip4)
    for each in (kept, after):
        delete(each)
        each.delete()


def test_add_and_delete_of_one_id_at_once_end_in_one_of_two_states(node, pod):
    for _ in range(10):
        with concurrent.futures.ThreadPoolExecutor(2) as pool:
            added = pool.submit(call, pod, "ADD")
            deleted = pool.submit(call, pod, "DEL")
        assert deleted.result().status == 0
        assert added.result().status == 0
        live = call(pod, "CHECK", prevResult=added.result().json).status == 0
        wait_until(lambda expected=live: bool(node.cali_links()) == expected,
                   f"{'a' if live else 'no'} link, as CHECK says")
        assert len(node.tortie_json("get", "workloadendpoint")) == live
        delete(pod)
        wait_until(lambda: not node.cali_links(), "no link")


def churn(pod, rounds):
    for number in range(rounds):
        pod.container_id = f"churn{number}-{os.getpid()}"
        add(pod)
        delete(pod)


def test_sixty_pods_come_and_go(node, pod):
    churn(pod, 60)


def memory(process, field="RssAnon"):
    for line in open(f"/proc/{process}/status", encoding="ascii"):
        if line.startswith(field + ":"):
            return int(line.split()[1])
    raise AssertionError(field)


def agent_pid(node):
    """The agent behind `ip netns exec` and setpriv, which become it by exec."""
    return node.agent.pid


@pytest.mark.long
def test_a_thousand_pods_come_and_go_without_the_agent_growing(node, pod):
    churn(pod, 100)
    before, open_before = memory(agent_pid(node)), len(os.listdir(f"/proc/{agent_pid(node)}/fd"))
    churn(pod, 1000)
    assert memory(agent_pid(node)) <= before + 256
    assert len(os.listdir(f"/proc/{agent_pid(node)}/fd")) == open_before
