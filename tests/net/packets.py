# SPDX-License-Identifier: Apache-2.0
"""Whole frames, sent and seen: what a hostile pod can put on its link, what arrives elsewhere."""
import select
import socket
import time

from harness import Failed, inside

PACKET_OUTGOING = 4
GATEWAY_MAC = "ee:ee:ee:ee:ee:ee"
GATEWAY4 = "169.254.1.1"
GATEWAY6 = "fe80::ecee:eeff:feee:eeee"


class Tap:
    """An AF_PACKET socket on one device: everything that comes in or goes out, from now on."""

    def __init__(self, host, device="eth0", buffer=8 << 20):
        with inside(host.netns):
            self.raw = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3))
            self.raw.setsockopt(socket.SOL_SOCKET, 33, buffer)  # SO_RCVBUFFORCE
            self.raw.bind((device, 3))
        self.raw.setblocking(False)

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        self.raw.close()

    def send(self, frame):
        self.raw.send(bytes(frame))

    def waiting(self):
        """Everything that arrived until now: (outgoing?, octets of the frame)."""
        frames = []
        while True:
            try:
                data, address = self.raw.recvfrom(70000)
            except BlockingIOError:
                return frames
            frames.append((address[2] == PACKET_OUTGOING, data))

    def wait_for(self, match, deadline=2.0, outgoing=False):
        """The first frame for which match(octets) is true."""
        end = time.monotonic() + deadline
        while True:
            for is_outgoing, data in self.waiting():
                if is_outgoing == outgoing and match(data):
                    return data
            left = end - time.monotonic()
            if left <= 0:
                raise Failed("the frame did not come")
            select.select([self.raw], [], [], left)


def holds(marker):
    """A match for wait_for(): the frame contains these octets."""
    return lambda data: marker in data


def udp4(pod, target, marker, source=None, source_mac=None, ttl=64, **fields):
    from scapy.layers.inet import IP, UDP
    from scapy.layers.l2 import Ether
    return bytes(Ether(dst=GATEWAY_MAC, src=source_mac or pod.mac) /
                 IP(src=source or pod.ip4, dst=target, ttl=ttl, **fields) /
                 UDP(sport=4321, dport=9) / marker)


def udp6(pod, target, marker, source=None, source_mac=None, ttl=64):
    from scapy.layers.inet import UDP
    from scapy.layers.inet6 import IPv6
    from scapy.layers.l2 import Ether
    return bytes(Ether(dst=GATEWAY_MAC, src=source_mac or pod.mac) /
                 IPv6(src=source or pod.ip6, dst=target, hlim=ttl) /
                 UDP(sport=4321, dport=9) / marker)


def udp(family, *args, **options):
    return (udp4 if family == 4 else udp6)(*args, **options)
