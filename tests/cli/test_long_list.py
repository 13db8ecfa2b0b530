# SPDX-License-Identifier: Apache-2.0
"""`tortie get route` of many routes: whole, and without a tree of them all in memory.

An agent of the test's own answers, octet by octet as include/agent_protocol.h has it.
"""
import ipaddress
import json
import os
import socket
import struct
import subprocess
import threading
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]
TORTIE = Path(os.environ.get("TORTIE_BUILD", ROOT / "build")) / "tortie"
IS_SANITIZED = "san" in TORTIE.parent.name
HELLO_REPLY, END, GET_ROUTES, ROUTE = 2, 4, 69, 70
SOURCE_BGP, STATE_ACTIVE = 2, 1
ROUTES, HOPS = 4096, 8
DATA_MAX = 16 << 20  # octets of memory; the answer has 1.3 MB, as one tree it took 45


def message(kind, number, body=b""):
    return struct.pack("=IIII", kind, 16 + len(body), number, 0) + body


def packed(address):
    return ipaddress.IPv6Address(f"::ffff:{address}").packed


def prefixes():
    first = int(ipaddress.IPv4Address("10.64.0.0"))
    return [f"{ipaddress.IPv4Address(first + 64 * i)}/26" for i in range(ROUTES)]


def routes(number):
    hops = b"".join(packed(f"192.168.100.{101 + i}") + b"up0".ljust(16, b"\0")
                    for i in range(HOPS))
    tail = struct.pack("=IIII", SOURCE_BGP, STATE_ACTIVE, 1500, HOPS) + hops
    for prefix in prefixes():
        address, bits = prefix.split("/")
        yield message(ROUTE, number,
                      packed(address) + struct.pack("=I", 96 + int(bits)) + tail)


def serve(listener):
    with listener.accept()[0] as client:
        kind, _, number, _, version = struct.unpack_from("=IIIII", client.recv(65536))
        hello = struct.pack("=II64s64s254s", version, 1, b"0", b"0", b"n1")
        client.send(message(HELLO_REPLY, number, hello.ljust(392, b"\0")))
        kind, _, number, _ = struct.unpack_from("=IIII", client.recv(65536))
        assert kind == GET_ROUTES
        for route in routes(number):
            client.send(route)
        client.send(message(END, number))


def get_routes(tmp_path, *words):
    """What is printed by a program that may have no more than DATA_MAX."""
    limit = [] if IS_SANITIZED else ["prlimit", f"--data={DATA_MAX}"]
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as listener:
        listener.bind(str(tmp_path / "agent.sock"))
        listener.listen(1)
        agent = threading.Thread(target=serve, args=(listener,), daemon=True)
        agent.start()
        done = subprocess.run([*limit, TORTIE, "--run-dir", tmp_path, "get", "route", *words],
                              capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    agent.join()
    return done.stdout


def test_a_table_of_many_routes_is_whole_and_straight(tmp_path):
    header, heading, *rows = get_routes(tmp_path).splitlines()
    assert header == "from node n1" and heading.split()[:2] == ["DESTINATION", "VIA"]
    assert [row.split()[0] for row in rows] == prefixes()
    assert len({row.index("active") for row in rows}) == 1


def test_json_of_many_routes_is_one_document(tmp_path):
    answer = json.loads(get_routes(tmp_path, "-o", "json"))
    assert answer["kind"] == "RouteList"
    assert [row["destination"] for row in answer["items"]] == prefixes()
    assert all(len(row["next_hops"]) == HOPS for row in answer["items"])


def test_one_of_many_is_found_by_its_name(tmp_path):
    wanted = prefixes()[-1]
    answer, = yaml.safe_load(get_routes(tmp_path, wanted, "-o", "yaml"))["items"]
    assert answer["destination"] == wanted and len(answer["next_hops"]) == HOPS
