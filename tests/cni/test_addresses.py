# SPDX-License-Identifier: Apache-2.0
"""Which address a pod gets: pools, reserved ranges, the time an address rests, a full pool.

    one node, pods come and go
"""
import pytest

import inventory
from harness import Pod, wait_until
from runtime import add, call, delete, status


def restart(node, pools=None, **keys):
    """The agent anew, with other pools."""
    for key, value in keys.items():
        node.config[key] = value
    if pools:
        node.config["pools"] = pools
    node.stop_agent()
    node.start_agent()


def make(node, names):
    """Namespaces for pods; names may come again in another test."""
    make.round += 1
    return [Pod(node, f"{name}-{make.round}", add=False) for name in names]


make.round = 0


def pool(name, cidr, *blocks):
    return {"name": name, "cidr": cidr, "blocks": list(blocks)}


def gone(node, pod):
    """DEL, and its link is gone: from here on the address rests."""
    link = pod.result["interfaces"][0]["name"]
    delete(pod)
    wait_until(lambda: link not in [e["ifname"] for e in node.cali_links()], f"{link} gone")


def test_an_address_rests_over_a_restart(node):
    """Four addresses: three were given back, one of them while no agent was there to see it."""
    restart(node, [pool("tiny", "10.244.0.0/16", "10.244.9.0/30")], quarantine=600)
    pods = make(node, "abc")
    for pod in pods:
        add(pod)
    assert [pod.ip4 for pod in pods] == ["10.244.9.1", "10.244.9.2", "10.244.9.3"]
    gone(node, pods[1])
    node.kill_agent()
    pods[0].delete()  # the namespace ends, and nobody sends a DEL
    wait_until(lambda: len(node.cali_links()) == 1, "its link went along")
    node.start_agent()
    gone(node, pods[2])
    node.kill_agent()
    node.start_agent()
    order = []
    for pod in make(node, "defg"):
        pods.append(pod)
        order.append(add(pods[-1])["ips"][0]["address"])
    # never used; then given back first, seen to be gone at the second start, given back last
    assert order == ["10.244.9.0/32", "10.244.9.2/32", "10.244.9.1/32", "10.244.9.3/32"]
    for pod in pods[3:]:
        delete(pod)
    wait_until(lambda: not node.cali_links(), "all links gone")


def test_reserved_ranges_are_left_out_of_whichever_pool(node):
    restart(node, [pool("one", "10.244.0.0/16", "10.244.8.0/30"),
                   pool("two", "10.245.0.0/16", "10.245.9.0/30")],
            reserved=["10.244.8.0-10.244.8.2", "10.245.9.3", "10.245.9.0/31"])
    pods = make(node, "abc")
    assert add(pods[0])["ips"][0]["address"] == "10.244.8.3/32"
    assert add(pods[1])["ips"][0]["address"] == "10.245.9.2/32"
    answer = call(pods[2], "ADD")
    assert answer.code == 11 and 'pool "one" (10.244.0.0/16): 1 of 1 in use' in answer.words
    assert 'pool "two" (10.245.0.0/16): 1 of 1 in use' in answer.words
    answer = call(pods[2], "ADD", runtimeConfig={"ips": ["10.244.8.1"]})
    assert answer.code == 7 and "10.244.8.1 is reserved" in answer.words
    answer = call(pods[2], "ADD", runtimeConfig={"ips": ["10.245.9.2"]}, pools=["one"])
    assert answer.code == 7 and 'in pool "two", but the request is for "one"' in answer.words
    for pod in pods[:2]:
        delete(pod)
    restart(node, reserved=[])


def test_a_full_pool_names_the_pods_that_are_in_it_for_longest(node):
    restart(node, [pool("full", "10.244.0.0/16", "10.244.7.0/31"),
                   pool("other", "10.245.0.0/16", "10.245.9.0/24"),
                   pool("six", "fd00:244::/48", "fd00:244:0:9::/64")])
    others = make(node, ("web-a", "web-b"))
    holders = make(node, ("db-a", "db-b"))
    for pod in others:
        add(pod, pools=["other", "six"])
    for pod in holders:
        add(pod, pools=["full", "six"])
    refused = make(node, ["late"])[0]
    answer = call(refused, "ADD", pools=["full", "six"])
    assert answer.code == 11
    for word in ('"full" (10.244.0.0/16): 2 of 2', f"oldest: {holders[0].ip4}",
                 holders[0].container_id[:12], f", {holders[1].ip4}", "pools[].blocks"):
        assert word in answer.words, answer.words
    assert others[0].ip4 not in answer.words and others[1].ip4 not in answer.words
    assert len(refused.json("link", "show")) == 1
    answer = status(node, pools=["full", "six"])
    assert answer.code == 50 and f"oldest: {holders[0].ip4}" in answer.words
    used = {row["name"]: int(row["used"]) for row in node.tortie_json("ipam", "show")}
    assert used == {"full": 2, "other": 2, "six": 4}  # nothing half assigned
    for pod in others + holders:
        delete(pod)
    wait_until(lambda: not node.cali_links(), "all links gone")


def test_an_address_on_a_link_that_is_being_deleted_counts_as_free_for_status(node):
    """A node that says 50 is NotReady to its cluster, and an ADD waits for the link."""
    restart(node, [pool("one", "10.244.0.0/16", "10.244.6.0/32")])
    for number in range(20):
        pod = make(node, [f"turn{number}"])[0]
        add(pod)
        assert status(node).code == 50
        delete(pod)
        assert status(node).status == 0, "an ADD would succeed"
        pod.delete()
    restart(node, [pool("full", "10.244.0.0/16", "10.244.7.0/31"),
                   pool("other", "10.245.0.0/16", "10.245.9.0/24")])


def test_an_address_stays_taken_while_its_link_cannot_be_deleted(node):
    """The kernel has no memory for the request that makes it a dying one; see netlink(7)."""
    restart(node, [pool("one", "10.244.0.0/16", "10.244.6.0/32")])
    first, second = make(node, ("stays", "waits"))
    add(first)
    log = node.dir / "strace-log"
    strace = node.start(["strace", "-e", "inject=sendto:error=ENOBUFS:when=1", "-o", "/dev/null",
                         "-p", node.agent.pid], log)
    wait_until(lambda: "attached" in log.read_text(), "strace attached")
    delete(first)
    strace.terminate()
    strace.wait(timeout=10)
    assert call(second, "ADD").code == 11 and len(node.cali_links()) == 1
    first.delete()
    wait_until(lambda: status(node).status == 0, "the address is free")
    add(second)
    delete(second)
    restart(node, [pool("full", "10.244.0.0/16", "10.244.7.0/31"),
                   pool("other", "10.245.0.0/16", "10.245.9.0/24")])


@pytest.mark.parametrize("wish", [["other"], ["10.245.0.0/16"]], ids=["name", "cidr"])
def test_a_pool_is_chosen_by_name_or_cidr(node, wish):
    pod = make(node, ["chooser"])[0]
    result = add(pod, pools=wish)
    assert [ip["address"].split(".")[1] for ip in result["ips"]] == ["245"]
    delete(pod)
    wait_until(lambda: not node.cali_links(), "its link gone")
    assert inventory.count(node)["addresses"] == 0
