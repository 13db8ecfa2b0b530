# SPDX-License-Identifier: Apache-2.0
"""`tortie ipam check`: what it compares, and that each difference is named.

    one node with three pods; results of a runtime as libcni writes them
"""
import base64
import concurrent.futures
import ctypes
import json
import os
import select
import struct
from types import SimpleNamespace

import pytest

from harness import Lab, run, wait_until


@pytest.fixture(scope="module")
def one():
    with Lab("check") as lab:
        node = lab.add_node(1)
        node.start_agent()
        pods = [node.add_pod(name) for name in ("web-1", "web-2", "db-1")]
        results = node.dir / "results"
        results.mkdir()
        yield SimpleNamespace(node=node, pods=pods, results=results)


def keep_result(one, pod, **changes):
    """The file that libcni 1.3.0 writes after an ADD."""
    document = {"kind": "cniCacheV1", "containerId": pod.container_id,
                "config": base64.b64encode(b"{}").decode(), "ifName": pod.ifname,
                "networkName": "tortie", "netns": pod.netns_path, "cniArgs": [],
                "result": dict(pod.result, **changes)}
    path = one.results / f"tortie-{pod.container_id}-{pod.ifname}"
    path.write_text(json.dumps(document))
    return path


@pytest.fixture
def kept(one):
    """The runtime knows what is there, before and after each test."""
    for path in one.results.glob("*"):
        path.unlink()
    return [keep_result(one, pod) for pod in one.pods]


def check(one, *argv):
    """Exit status 0 or 1, and the document."""
    command = [one.node.build / "tortie", "--run-dir", one.node.run_dir, "ipam", "check",
               "--bpf-dir", one.node.bpf_dir, "--results", one.results, *argv]
    out = one.node.run("sh", "-c", '"$@"; echo " $?"', "sh", *command)
    text, status = out.rsplit(" ", 1)
    return int(status), text


def differences(one):
    """What is said of each object, a line a difference."""
    status, text = check(one, "-o", "json")
    found = {}
    for item in json.loads(text)["differences"]:
        found.setdefault(item["object"], []).append(item["text"])
    assert status == (1 if found else 0), text
    return {name: "\n".join(texts) for name, texts in found.items()}


def test_a_node_in_order_agrees(one, kept):
    status, text = check(one)
    assert status == 0 and "All agree." in text, text
    for line in ("links         3 pods, 6 addresses", "tortied       3 pods",
                 "map endpoint  6 entries", "runtime       3 results"):
        assert line in text, text
    document = json.loads(check(one, "-o", "json")[1])
    assert document["links"] == 3 and document["runtime_compared"] is True


def test_other_networks_results_and_other_files_are_left_alone(one, kept):
    keep_result(one, SimpleNamespace(container_id="ab", ifname="lo", netns_path="/x", result={
        "cniVersion": "1.0.0", "interfaces": [{"name": "lo", "sandbox": "/x"}],
        "ips": [{"address": "127.0.0.1/8", "interface": 0}]}))
    (one.results / "note").write_text("{")
    (one.results / "link").symlink_to("/etc/passwd")
    (one.results / "folder").mkdir()
    try:
        assert check(one)[0] == 0
    finally:
        (one.results / "folder").rmdir()


def test_without_a_runtimes_folder_the_rest_is_compared(one):
    command = [one.node.build / "tortie", "--run-dir", one.node.run_dir, "ipam", "check",
               "--bpf-dir", one.node.bpf_dir]
    out = one.node.run("unshare", "-m", "sh", "-c",
                       'mount -t tmpfs none /var/lib && "$@"', "sh", *command)
    assert "not compared: there is no /var/lib/cni/results" in out and "All agree." in out
    status, text = check(one, "--results", "/nonexistent")
    assert status == 1 and text == ""


def test_a_map_entry_that_is_missing_or_leads_elsewhere_is_named(one, kept):
    pod, other = one.pods[0], one.pods[1]
    pin = next(one.node.bpf_dir.glob("endpoint_v*"))
    entry = next(e for e in one.node.map_dump("endpoint")
                 if bytes(int(o, 16) for o in e["key"])[12:] ==
                 bytes(int(o) for o in pod.ip4.split(".")))
    run("bpftool", "map", "delete", "pinned", pin, "key", *entry["key"])
    found = differences(one)
    assert list(found) == [pod.host_ifname] and f"no entry for {pod.ip4}" in found[pod.host_ifname]
    wrong = [f"0x{octet:02x}" for octet in
             one.node.json("link", "show", other.host_ifname)[0]["ifindex"].to_bytes(4, "little")]
    run("bpftool", "map", "update", "pinned", pin, "key", *entry["key"], "value", *wrong,
        *entry["value"][4:])
    found = differences(one)
    assert list(found) == [pod.host_ifname] and "instead of" in found[pod.host_ifname]
    stray = ["0x00"] * 10 + ["0xff", "0xff", "0x0a", "0xf4", "0x01", "0xc8"]
    run("bpftool", "map", "update", "pinned", pin, "key", *stray, "value", *entry["value"])
    run("bpftool", "map", "update", "pinned", pin, "key", *entry["key"], "value", *entry["value"])
    found = differences(one)
    assert list(found) == ["10.244.1.200"] and "no pod's link" in found["10.244.1.200"]
    run("bpftool", "map", "delete", "pinned", pin, "key", *stray)
    assert differences(one) == {}


def test_what_the_runtime_believes_is_compared(one, kept):
    pod, other = one.pods[0], one.pods[1]
    kept[0].unlink()
    found = differences(one)
    assert list(found) == [pod.host_ifname]
    assert "runtime has no result" in found[pod.host_ifname]
    assert pod.container_id in found[pod.host_ifname]
    keep_result(one, pod)
    keep_result(one, other, ips=[dict(other.result["ips"][0], address="10.244.1.99/32")])
    status, text = check(one)
    assert status == 1 and "They differ." in text
    assert f"{other.host_ifname}: carries {other.ip4}" in text
    assert f"{other.host_ifname}: the runtime's result has 10.244.1.99" in text


def test_a_pod_without_a_link_and_a_link_that_the_agent_does_not_know(one, kept):
    node, pod = one.node, one.pods.pop()
    node.pods.remove(pod)
    pod.delete()  # the runtime was not there to see it
    wait_until(lambda: len(node.cali_links()) == 2, "its link is gone")
    found = differences(one)
    assert list(found) == [pod.host_ifname] and "there is no such link" in found[pod.host_ifname]
    name = "cali0badc0de000"
    node.ip("link", "add", name, "type", "veth", "peer", "name", "peer0")
    node.ip("link", "set", name, "alias", "tortie:1 feed eth0 02:00:00:00:00:01 10.244.1.77")
    try:
        found = differences(one)
        for words in ("tortied does not list", "no entry for 10.244.1.77", "runtime has no result"):
            assert words in found[name], found
        assert any("counts 2 addresses as used, links carry 3" in text for text in found.values())
    finally:
        node.ip("link", "del", name)


IN_CLOSE_NOWRITE, IN_ISDIR = 0x10, 0x40000000


def wait_for_a_look(looks):
    """Until the runtime's folder was read once more, LOOKS being an inotify(7) descriptor on it."""
    while select.select([looks], [], [], 20)[0]:
        events = os.read(looks, 4096)
        while events:
            _, mask, _, length = struct.unpack_from("=iIII", events)
            if mask & IN_ISDIR:
                return
            events = events[16 + length:]
    raise AssertionError("the runtime's folder was not read")


def test_pods_that_come_and_go_are_no_difference(one, kept):
    """A result that is not there at the first look and is at the second: the runtime was writing
    it. What differs in both looks is told, as all other tests here show."""
    libc = ctypes.CDLL(None, use_errno=True)
    looks = libc.inotify_init1(os.O_CLOEXEC)
    pod = one.pods[0]
    kept[0].unlink()
    assert libc.inotify_add_watch(looks, bytes(one.results), IN_CLOSE_NOWRITE) > 0
    try:
        with concurrent.futures.ThreadPoolExecutor() as pool:
            checked = pool.submit(check, one)
            wait_for_a_look(looks)
            keep_result(one, pod)
            wait_for_a_look(looks)
            status, text = checked.result()
    finally:
        os.close(looks)
    assert status == 0 and "All agree." in text, text
