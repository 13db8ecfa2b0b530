# SPDX-License-Identifier: Apache-2.0
"""`tortie bgp dump`: the table as an MRT file, read back by bgpdump.

    t1 (tortie-bgpd --standalone, AS 64512) ---- LAN ---- s2 (the test)
      10.99.0.2  AS 64999, four-octet numbers
      10.99.0.3  AS 64998, two-octet numbers, the same prefix
"""
import re
import shutil
import struct
import subprocess

import pytest

from bgp_lab import BgpLab, Member, query_client
from bgp_wire import attribute, connect, h, mp_reach, nlri, open_body, update, Wire
from harness import build_dir, inside, wait_until

pytestmark = pytest.mark.skipif(not shutil.which("bgpdump"), reason="bgpdump is not installed")

OURS = "10.99.0.1"
OWN4, OWN6 = "10.244.1.0/24", "fd00:244:0:1::/64"
FAR4, FAR6 = "198.51.100.0/25", "2001:db8:1::/48"
NEXT_HOP6 = h("fd990000000000000000000000000002")

# ORIGIN, AS_PATH 64999 4200000001 {65001,65002}, NEXT_HOP, MED, AGGREGATOR; RFC 1997, RFC 8092
WIDE_PATH = attribute(0x40, 2, h("0202 0000fde7 fa56ea01 0102 0000fde9 0000fdea"))
MORE = (attribute(0x80, 4, struct.pack(">I", 5)) + attribute(0x40, 6, b"") +
        attribute(0xc0, 7, h("fa56ea01 c0000201")) + attribute(0xc0, 8, h("fde80007 fde80008")) +
        attribute(0xc0, 32, h("fa56ea01 00000001 00000002")))
INCOMPLETE = attribute(0x40, 1, b"\2")
# The same of a speaker without RFC 6793: AS_TRANS, AS4_PATH and AS4_AGGREGATOR (section 3)
NARROW = (attribute(0x40, 1, b"\0") + attribute(0x40, 2, h("0202 fde6 5ba0")) +
          attribute(0x40, 3, h("0a630003")) + attribute(0xc0, 7, h("5ba0 c0000203")) +
          attribute(0xc0, 17, h("0201 fa56ea02")) + attribute(0xc0, 18, h("fa56ea02 c0000203")))


@pytest.fixture(scope="module")
def lab():
    with BgpLab("dump") as made:
        yield made


@pytest.fixture(scope="module")
def node(lab):
    made = lab.speaker(1, 64512, [OWN4], [OWN6], peers=[
        {"address": "10.99.0.2", "as": 64999, "import": "all", "passive": True},
        {"address": "10.99.0.3", "as": 64998, "import": "all", "passive": True}])
    sender = Member(lab, "s2", 2)
    sender.ip("addr", "add", "10.99.0.3/16", "dev", "lan0")
    made.run_dir = made.dir / "run"
    made.run_dir.mkdir()
    made.start("--standalone", "--run-dir", made.run_dir)
    wait_until(lambda: (made.run_dir / "bgp.sock").exists(), "bgp.sock")
    with inside(sender.netns):
        made.wide = Wire(connect(OURS, 179, "10.99.0.2")).establish(open_body())
        made.narrow = Wire(connect(OURS, 179, "10.99.0.3")).establish(open_body(
            asn=64998, router_id="0a630003", capabilities=h("0104 0001 0001")))
    made.wide.send(update(INCOMPLETE + WIDE_PATH + attribute(0x40, 3, h("0a630002")) + MORE,
                          nlri(FAR4)))
    made.wide.send(update(INCOMPLETE + WIDE_PATH + MORE + mp_reach(
        nlri(FAR6), h("0002 01 10") + NEXT_HOP6 + b"\0")))
    made.narrow.send(update(NARROW, nlri(FAR4)))
    wait_until(lambda: tortie(made, "routes").count("\n") == 6, "all routes are there")
    yield made
    made.wide.close()
    made.narrow.close()


def tortie(node, *words, status=0):
    done = subprocess.run([build_dir() / "tortie", "--run-dir", node.run_dir, "bgp", *words],
                          capture_output=True, text=True, timeout=30, check=False)
    assert done.returncode == status, (done.stdout, done.stderr)
    return done.stdout if status == 0 else done.stderr


def read(path):
    """bgpdump's lines, without the times: source, AS, prefix, path, origin, next hop, ..."""
    done = subprocess.run(["bgpdump", "-m", path], capture_output=True, text=True, timeout=30,
                          check=True)
    assert "warn" not in done.stderr and "error" not in done.stderr, done.stderr
    lines = [line.split("|") for line in done.stdout.splitlines()]
    assert all(line[0] == "TABLE_DUMP2" and line[2] == "B" for line in lines)
    return sorted(line[3:] for line in lines)


def test_another_reader_finds_every_route_with_all_attributes(node, tmp_path):
    assert tortie(node, "dump", tmp_path / "rib") == "5 routes of 2 peers\n"
    path = "64999 4200000001 {65001,65002}"
    more = ["0", "5", "65000:7 65000:8", "AG", "4200000001 192.0.2.1", "4200000001:1:2"]
    found = [[word.strip() for word in line] for line in read(tmp_path / "rib")]
    by_route = {(line[2], line[0]): line for line in found}
    assert len(by_route) == len(found) == 5
    assert by_route[FAR4, "10.99.0.2"][1:11] == \
        ["64999", FAR4, path, "INCOMPLETE", "10.99.0.2", *more[:5]]
    assert by_route[FAR6, "10.99.0.2"][1:11] == \
        ["64999", FAR6, path, "INCOMPLETE", "fd99::2", *more[:5]]
    assert by_route[FAR4, "10.99.0.3"][1:11] == \
        ["64998", FAR4, "64998 4200000002", "IGP", "10.99.0.3", "0", "0", "", "NAG",
         "4200000002 192.0.2.3"]
    for own in (OWN4, OWN6):
        assert by_route[own, "0.0.0.0"][1:5] == ["64512", own, "", "IGP"]


def test_one_is_not_many():
    with BgpLab("dump1") as lab:
        node = lab.speaker(1, 64512, [OWN4], peers=[{"address": "10.99.0.2", "as": 64999}])
        node.run_dir = node.dir / "run"
        node.run_dir.mkdir()
        node.start("--standalone", "--run-dir", node.run_dir)
        wait_until((node.run_dir / "bgp.sock").exists, "the socket for questions")
        assert tortie(node, "dump", node.dir / "rib") == "1 route of 1 peer\n"


def test_large_communities_are_in_it(node, tmp_path):
    tortie(node, "dump", tmp_path / "rib")
    assert (tmp_path / "rib").read_bytes().count(h("c0200c fa56ea01 00000001 00000002")) == 2


def test_a_dump_that_fails_leaves_the_one_before(node, tmp_path):
    (tmp_path / "rib").write_text("before")
    callers = [query_client(node.run_dir / "bgp.sock") for _ in range(16)]
    tortie(node, "dump", tmp_path / "rib", status=1)
    assert (tmp_path / "rib").read_text() == "before"
    assert [path.name for path in tmp_path.iterdir()] == ["rib"]
    for caller in callers:
        caller.close()


def test_what_is_no_file_is_not_replaced(node, tmp_path):
    (tmp_path / "link").symlink_to("/dev/null")
    assert "is there and no file" in tortie(node, "dump", tmp_path / "link", status=2)
    assert "is there and no file" in tortie(node, "dump", "/dev/null", status=2)
    assert re.search(r"No such file", tortie(node, "dump", tmp_path / "none/rib", status=1))
