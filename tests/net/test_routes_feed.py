# SPDX-License-Identifier: Apache-2.0
"""What tortie-bgpd tells the agent becomes routes, and stays while nobody tells anything.

    speaker (this test) -- agent.sock -- tortied on n1 -- up0
"""
import ipaddress
import os
import struct
from pathlib import Path

import pytest

from harness import LAN4, LAN6, Lab, wait_until
from speaker import (GET_STATUS, PONG, ROLE_TOOL, SET, Refused, Speaker, packed_address,
                     packed_hops, packed_prefix)

IS_SANITIZED = "san" in os.environ.get("TORTIE_BUILD", "")
HOP4, HOP6 = f"{LAN4}.101", f"{LAN6}101"
MANY = 10000
MOST = 4 * 10240  # what tortied takes by default: four times maps.routes
NEXT_HOPS = 8     # of one route, at most


@pytest.fixture(scope="module")
def node():
    with Lab("feed") as lab:
        node = lab.add_node(1)
        node.config["pools"].append({"name": "many", "cidr": "10.64.0.0/10"})
        node.config["bgp"] = {"as": 64512, "peers": [{"address": f"{LAN4}.1", "as": 64999}]}
        node.start_agent()
        yield node


@pytest.fixture
def speaker(node):
    """Connected, with no routes of an earlier test."""
    with Speaker(node) as speaker:
        speaker.replay([])
        wait_until(lambda: not remote_routes(node), "no routes are left")
        yield speaker


def remote_routes(node):
    """Prefix -> row of `tortie get route`, this node's own blocks left out."""
    return {row["destination"]: row for row in node.tortie_json("get", "route")
            if row["source"] not in ("block", "local")}


def state(node, prefix):
    return remote_routes(node)[prefix]["state"]


def kernel(node, prefix):
    return node.ip("-6" if ":" in prefix else "-4", "route", "show", prefix)


def kernel_count(node):
    return len([line for line in node.ip("route", "show", "proto", "116").splitlines()
                if "via" in line])


def map_prefixes(node):
    found = []
    for entry in node.map_dump("route"):
        key = bytes(int(octet, 16) for octet in entry["key"])
        address, bits = ipaddress.ip_address(key[:16]), int.from_bytes(key[16:], "little")
        if address.ipv4_mapped:
            address, bits = address.ipv4_mapped, bits - 96
        found.append(f"{address}/{bits}")
    return found


def wait_kernel(node, prefix, words):
    wait_until(lambda: words in kernel(node, prefix), f"{prefix} {words}", 3)


def wait_no_kernel(node, prefix):
    wait_until(lambda: not kernel(node, prefix).strip(), f"no route to {prefix}", 3)


def test_a_route_reaches_map_and_kernel_and_goes_again(node, speaker):
    speaker.set("10.244.7.0/24", HOP4)
    speaker.set("fd00:244:0:7::/64", HOP6)
    wait_kernel(node, "10.244.7.0/24", f"via {HOP4} dev up0 proto 116")
    wait_kernel(node, "fd00:244:0:7::/64", f"via {HOP6} dev up0 proto 116")
    assert sorted(map_prefixes(node)) == ["10.244.7.0/24", "fd00:244:0:7::/64"]
    speaker.delete("10.244.7.0/24")
    speaker.delete("fd00:244:0:7::/64")
    wait_no_kernel(node, "10.244.7.0/24")
    wait_no_kernel(node, "fd00:244:0:7::/64")
    assert map_prefixes(node) == []


def test_a_message_may_hold_many_routes(node, speaker):
    blocks = [f"10.64.{number}.0/24" for number in range(200)]
    speaker.set_all([(block, HOP4) for block in blocks])
    wait_until(lambda: kernel_count(node) == len(blocks), "all are in the kernel", 5)
    assert sorted(map_prefixes(node)) == sorted(blocks)


def test_routes_that_are_cut_off_cut_the_connection(node, speaker):
    with Speaker(node, ROLE_TOOL):
        pass  # the agent answers others
    speaker.send(SET, bytes(65))
    assert speaker.receive() is None


def test_a_next_hop_changes_in_place(node, speaker):
    speaker.set("10.244.7.0/24", HOP4)
    wait_kernel(node, "10.244.7.0/24", f"via {HOP4}")
    speaker.set("10.244.7.0/24", f"{LAN4}.102")
    wait_kernel(node, "10.244.7.0/24", f"via {LAN4}.102")
    assert kernel(node, "10.244.7.0/24").count("via") == 1


def test_ipv4_goes_by_an_ipv6_next_hop(node, speaker):
    speaker.set("10.244.7.0/24", HOP6)
    wait_kernel(node, "10.244.7.0/24", f"via inet6 {HOP6} dev up0 proto 116")
    assert map_prefixes(node) == ["10.244.7.0/24"]


def test_what_a_replay_does_not_repeat_goes_at_in_sync_and_not_before(node, speaker):
    speaker.set("10.244.7.0/24", HOP4)
    speaker.set("10.244.8.0/24", HOP4)
    wait_kernel(node, "10.244.8.0/24", f"via {HOP4}")
    speaker.begin()
    speaker.set("10.244.8.0/24", HOP4)
    wait_until(lambda: state(node, "10.244.7.0/24") == "stale", "the other is stale")
    assert state(node, "10.244.8.0/24") == "active"
    assert HOP4 in kernel(node, "10.244.7.0/24")
    speaker.in_sync()
    wait_no_kernel(node, "10.244.7.0/24")
    assert map_prefixes(node) == ["10.244.8.0/24"]


def test_routes_stay_when_the_speaker_goes(node):
    with Speaker(node) as first:
        first.replay([("10.244.7.0/24", HOP4)])
        wait_kernel(node, "10.244.7.0/24", f"via {HOP4}")
    wait_until(lambda: state(node, "10.244.7.0/24") == "stale", "the route is stale")
    assert HOP4 in kernel(node, "10.244.7.0/24")
    assert "tortie-bgpd" in node.tortie("status", check=False)
    with Speaker(node) as second:
        second.replay([("10.244.7.0/24", HOP4)])
        wait_until(lambda: state(node, "10.244.7.0/24") == "active", "the route is told again")


def test_routes_stay_when_the_agent_is_killed_until_the_speaker_is_in_sync(node):
    with Speaker(node) as speaker:
        speaker.replay([("10.244.7.0/24", HOP4), ("10.244.8.0/24", HOP4)])
        wait_kernel(node, "10.244.8.0/24", f"via {HOP4}")
        node.kill_agent()
    assert HOP4 in kernel(node, "10.244.7.0/24")
    node.start_agent()
    assert state(node, "10.244.7.0/24") == "stale"
    assert sorted(map_prefixes(node)) == ["10.244.7.0/24", "10.244.8.0/24"]
    with Speaker(node) as speaker:
        speaker.begin()
        speaker.set("10.244.8.0/24", HOP4)
        wait_until(lambda: state(node, "10.244.8.0/24") == "active", "one is told again")
        assert HOP4 in kernel(node, "10.244.7.0/24")
        speaker.in_sync()
        wait_no_kernel(node, "10.244.7.0/24")
        assert map_prefixes(node) == ["10.244.8.0/24"]


def test_a_route_outside_all_pools_is_in_the_kernel_only(node, speaker):
    speaker.set("203.0.113.0/24", HOP4)
    wait_kernel(node, "203.0.113.0/24", f"via {HOP4}")
    assert map_prefixes(node) == []
    assert state(node, "203.0.113.0/24") == "kernel-only"


@pytest.mark.parametrize("prefix, next_hop, words", [
    ("10.244.1.0/24", HOP4, "block of this node"),
    ("10.244.1.5/32", HOP4, "block of this node"),
    ("10.244.7.0/24", f"{LAN4}.100", "this node itself"),
    ("10.244.7.0/24", "224.0.0.5", "no host's address"),
    ("fd00:244:0:7::/64", HOP4, "cannot have an IPv4 next hop"),
])
def test_a_route_that_cannot_be_is_refused_and_told(node, speaker, prefix, next_hop, words):
    before = kernel(node, prefix)
    speaker.set(prefix, next_hop)
    wait_until(lambda: words in node.tortie("status", check=False), f"status says {words}", 3)
    assert kernel(node, prefix) == before and map_prefixes(node) == []
    speaker.set("10.244.9.0/24", HOP4)  # the session goes on
    wait_kernel(node, "10.244.9.0/24", f"via {HOP4}")


def test_a_next_hop_on_no_uplink_is_told(node, speaker):
    speaker.set("10.244.7.0/24", "203.0.113.9")
    wait_until(lambda: state(node, "10.244.7.0/24") == "no-uplink", "state no-uplink", 3)
    assert "203.0.113.9" in node.tortie("status", check=False)
    wait_no_kernel(node, "10.244.7.0/24")


def test_more_prefix_lengths_than_are_probed_leave_the_shortest_to_the_kernel(node, speaker):
    for length in range(12, 30):  # 18 lengths for 16 places
        speaker.set(f"10.64.0.0/{length}", HOP4)
    wait_kernel(node, "10.64.0.0/29", f"via {HOP4}")
    wait_until(lambda: state(node, "10.64.0.0/12") == "kernel-only", "the shortest is left out", 3)
    assert state(node, "10.64.0.0/13") == "kernel-only"
    assert state(node, "10.64.0.0/14") == "active" and state(node, "10.64.0.0/29") == "active"


def many_routes():
    base = int(ipaddress.ip_address("10.64.0.0"))
    return [(f"{ipaddress.ip_address(base + 64 * i)}/26", HOP4) for i in range(MANY)]


def test_ten_thousand_routes_come_in_one_pass_and_back_after_a_flush(node, speaker):
    speaker.replay(many_routes())
    wait_until(lambda: kernel_count(node) == MANY, f"{MANY} kernel routes", 10)
    assert len(node.map_dump("route")) == MANY
    node.ip("route", "flush", "proto", "116")
    wait_until(lambda: kernel_count(node) == MANY, f"{MANY} kernel routes again", 2)
    assert len(remote_routes(node)) == MANY
    peak_kib = memory_kib(node, "VmHWM")
    assert IS_SANITIZED or peak_kib < 10240, f"{peak_kib} KiB"


def memory_kib(node, what):
    status = Path(f"/proc/{node.agent.pid}/status").read_text()
    return int(status.split(f"{what}:")[1].split()[0])


def test_all_routes_that_there_may_be_are_told_and_need_no_memory(node, speaker):
    """40,960 routes of both families with eight next hops each: an answer of 13 MB."""
    prefixes = []
    speaker.begin()
    for first, bits, lan in ("10.64.0.0", 26, f"{LAN4}."), ("fd64::", 64, LAN6):
        first = ipaddress.ip_address(first)
        step = 1 << first.max_prefixlen - bits
        ours = [f"{first + i * step}/{bits}" for i in range(MOST // 2)]
        hops = packed_hops(*(f"{lan}{101 + i}" for i in range(NEXT_HOPS)))
        for at in range(0, len(ours), 800):
            speaker.send(SET, b"".join(packed_prefix(one) + hops for one in ours[at:at + 800]))
        prefixes += ours
    speaker.in_sync()
    wait_until(lambda: node.tortie_json("status")["remote_routes"] >= MOST, "all are taken", 10)
    before = memory_kib(node, "VmRSS")
    Path(f"/proc/{node.agent.pid}/clear_refs").write_text("5")  # the peak begins anew
    told = remote_routes(node)
    grown = memory_kib(node, "VmHWM") - before
    assert set(told) == set(prefixes)
    assert {len(row["next_hops"]) for row in told.values()} == {NEXT_HOPS}
    assert IS_SANITIZED or grown < 512, f"{grown} KiB for an answer"


def test_listening_sockets_are_for_configured_addresses_only(node, speaker):
    for address in (node.ip4, node.ip6):
        with speaker.listen(address) as listener:
            assert listener.getsockname()[:2] == (address, 179)
    with speaker.listen(node.ip4):
        pass  # the agent kept no copy: the address is free again
    for address, port in ((node.ip4, 22), ("127.0.0.1", 179)):
        with pytest.raises(Refused, match="not in tortied's configuration"):
            speaker.listen(address, port)


def test_an_address_that_is_taken_is_told(node, speaker):
    with speaker.listen(node.ip4):
        with pytest.raises(Refused, match="another program listens there"):
            speaker.listen(node.ip4)


def test_a_second_speaker_is_refused_while_the_first_lives(node, speaker):
    speaker.set("10.244.7.0/24", HOP4)
    wait_kernel(node, "10.244.7.0/24", f"via {HOP4}")
    with Speaker(node) as second:
        second.begin()
        with pytest.raises(Refused, match="another one is connected"):
            second.receive()
    assert state(node, "10.244.7.0/24") == "active"


def test_who_is_not_the_speaker_cannot_send_routes(node, speaker):
    with Speaker(node, role=ROLE_TOOL) as stranger:
        stranger.set("10.244.7.0/24", HOP4)
        with pytest.raises(Refused, match="may not ask"):
            stranger.receive()
    assert "10.244.7.0/24" not in remote_routes(node)


def told_counts(node):
    """Has the speaker told its counts, and which: of struct msg_status."""
    with Speaker(node, ROLE_TOOL) as tool:
        tool.send(GET_STATUS, number=2)
        known, *counts = struct.unpack_from("=I4x4Q", tool.receive()[1], 80)
    return bool(known), counts


def test_what_the_speaker_counted_is_told_while_it_is_there(node, speaker):
    speaker.send(PONG, struct.pack("=4Q", 1, 2, 3, 2**63))
    wait_until(lambda: told_counts(node) == (True, [1, 2, 3, 2**63]), "they are told")
    speaker.close()
    wait_until(lambda: told_counts(node) == (False, [0] * 4), "nothing is said of who is away")


ONE_HOP = b"\1\0\0\0" + packed_address("192.0.2.1")


@pytest.mark.parametrize("body", [
    bytes(16) + b"\x81\0\0\0" + ONE_HOP,                          # 129 bits
    bytes(10) + b"\xff\xff\x0a\0\0\0" + b"\x50\0\0\0" + ONE_HOP,  # IPv4 with 80 bits
    bytes(10) + b"\xff\xff\x0a\0\0\1" + b"\x70\0\0\0" + ONE_HOP,  # bits beyond the length
    packed_prefix("10.244.9.0/24") + bytes(4),                     # no next hop
    packed_prefix("10.244.9.0/24") + b"\2\0\0\0" + ONE_HOP[4:],    # one fewer than it says
    packed_prefix("10.244.9.0/24") + b"\2\0\0\0" + 2 * ONE_HOP[4:],  # one twice
], ids=["129-bits", "ipv4-80-bits", "host-bits", "no-next-hop", "cut-off", "twice"])
def test_a_malformed_route_ends_the_connection(node, body):
    with Speaker(node) as wrong:
        wrong.begin()
        wrong.send(32 + 2, body)
        assert wrong.receive() is None
