# SPDX-License-Identifier: Apache-2.0
"""Questions to answer_server.py, over TCP and UDP: who answers, and as whom does it see us?"""
import socket
import struct
import sys
from pathlib import Path

from harness import inside

SERVER = Path(__file__).with_name("answer_server.py")
TARGET = 8080
KINDS = {"tcp": socket.SOCK_STREAM, "udp": socket.SOCK_DGRAM}
FAMILIES = {4: socket.AF_INET, 6: socket.AF_INET6}


def serve(lab, host):
    process = host.start([sys.executable, SERVER, host.name, TARGET], lab.dir / f"{host.name}.srv",
                         stdout=-1)
    assert process.stdout.readline() == "listening\n"


def family_of(address):
    return 6 if ":" in address else 4


def open_socket(host, kind, family, port=0):
    """A socket in the namespace of host, its source port chosen by the kernel or by us."""
    with inside(host.netns):
        sock = socket.socket(FAMILIES[family], KINDS[kind])
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if port:
            sock.bind(("", port))
    sock.settimeout(3.0)
    return sock


def say(sock, kind, target, text="who"):
    """One question on an open socket (UDP: to target); the words of the answer."""
    if kind == "udp":
        sock.sendto(text.encode(), target)
        data, source = sock.recvfrom(70000)
        assert source[:2] == target, "the answer comes from whom was asked"
        return data.decode().split()
    sock.sendall(text.encode() + b"\n")
    return sock.recv(70000).decode().split()


def ask(host, kind, target, port=0):
    """Who answers at target? The server's name, the address and the port it saw."""
    with open_socket(host, kind, family_of(target[0]), port) as sock:
        if kind == "tcp":
            sock.connect(target)
        words = say(sock, kind, target)
        if port and kind == "tcp":  # so that the port can be used again at once
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    return words[0], words[1], int(words[2])
