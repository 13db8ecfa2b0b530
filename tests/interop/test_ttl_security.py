# SPDX-License-Identifier: Apache-2.0
"""RFC 5082 for what arrives before a connection is accepted: SYN and OPEN wait in the kernel, which
compares TTLs only from then on.

    t1 (tortie-bgpd, 10.99.0.1) ---- LAN ---- s2, s70 (the test, 10.99.0.2, 10.99.0.70)
"""
import json
import signal
import socket
import subprocess

import pytest

from bgp_lab import BgpLab, Member
from bgp_wire import OPEN, message, open_body
from harness import build_dir, inside, wait_until

ADDRESSES = {socket.AF_INET: ("10.99.0.1", "10.99.0.2"), socket.AF_INET6: ("fd99::1", "fd99::2")}


@pytest.fixture(scope="module")
def bed():
    with BgpLab("ttl") as lab:
        node = lab.speaker(1, 64512, ["10.244.1.0/24"], peers=[
            *({"address": remote, "as": 64999, "ttl_security": 1, "passive": True}
              for _, remote in ADDRESSES.values()),
            {"range": "10.99.0.64/26", "as": 64999, "ttl_security": 1}])
        node.run_dir = node.dir / "run"
        node.run_dir.mkdir()
        node.start("--standalone", "--run-dir", node.run_dir)
        yield node, Member(lab, "s2", 2), Member(lab, "s70", 70)


def set_ttl(sock, family, ttl):
    if family == socket.AF_INET:
        sock.setsockopt(socket.IPPROTO_IP, socket.IP_TTL, ttl)
    else:
        sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_UNICAST_HOPS, ttl)


@pytest.mark.parametrize("ttl, is_taken", [(254, False), (255, True)])
@pytest.mark.parametrize("family", ADDRESSES, ids=["IPv4", "IPv6"])
def test_what_waits_to_be_accepted_has_come_from_next_door(bed, family, ttl, is_taken):
    node, member, _ = bed
    with inside(member.netns):
        wait_until(lambda: socket.create_connection((ADDRESSES[family][0], 179), 5).close() is None,
                   "tortie-bgpd listens")
    node.process.send_signal(signal.SIGSTOP)
    try:
        with inside(member.netns):
            sock = socket.socket(family)
        set_ttl(sock, family, ttl)
        sock.settimeout(10)
        sock.connect((ADDRESSES[family][0], 179))
        sock.sendall(message(OPEN, open_body()))
    finally:
        node.process.send_signal(signal.SIGCONT)
    try:
        heard = sock.recv(19)
    except ConnectionResetError:
        heard = b""
    sock.close()
    assert heard[18:19] == (bytes([OPEN]) if is_taken else b"")


def peers(node):
    done = subprocess.run([build_dir() / "tortie", "--run-dir", node.run_dir, "bgp", "peers",
                           "-o", "json"], capture_output=True, text=True, timeout=30, check=True)
    return [peer["peer_address"] for peer in json.loads(done.stdout)["items"]]


def test_nothing_is_kept_of_who_came_from_too_far_for_a_range(bed):
    """Or strangers could take the 4,096 places that peers of ranges have."""
    node, _, far = bed
    with inside(far.netns), socket.socket() as sock:
        set_ttl(sock, socket.AF_INET, 254)
        sock.settimeout(10)
        wait_until(lambda: sock.connect_ex(("10.99.0.1", 179)) == 0, "tortie-bgpd listens")
        try:
            assert sock.recv(1) == b""
        except ConnectionResetError:
            pass
    assert far.ip4 not in peers(node)
