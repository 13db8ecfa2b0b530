# SPDX-License-Identifier: Apache-2.0
"""A stand-in for tortie-bgpd on the agent's socket: says exactly what a test wants said."""
import array
import ipaddress
import socket
import struct

HELLO, HELLO_REPLY, ERROR, END = 1, 2, 3, 4
LISTEN, BEGIN, SET, DELETE, IN_SYNC, PEER_SET, PEER_DELETE, PONG = range(32, 40)
PING, SESSION, SUBNETS, KEEP, KEEP_ALL, TAKE = 41, 42, 43, 45, 46, 47
GET_STATUS = 64
PROTOCOL = 5
ROLE_TOOL, ROLE_BGPD = 1, 2
HEADER = struct.Struct("=IIII")
MESSAGE_MAX = 131072


def packed_address(address):
    """An address in the protocol's form: 16 octets, IPv4 as IPv4-mapped."""
    address = ipaddress.ip_address(address)
    return address.packed if address.version == 6 else bytes(10) + b"\xff\xff" + address.packed


def packed_prefix(prefix):
    prefix = ipaddress.ip_network(prefix)
    bits = prefix.prefixlen + (96 if prefix.version == 4 else 0)
    return packed_address(prefix.network_address) + struct.pack("=I", bits)


def packed_hops(*next_hops):
    hops = sorted(packed_address(hop) for hop in next_hops)
    return struct.pack("=I", len(hops)) + b"".join(hops)


def unpacked_prefix(octets):
    address = ipaddress.IPv6Address(octets[:16])
    bits, = struct.unpack("=I", octets[16:])
    return f"{address.ipv4_mapped}/{bits - 96}" if address.ipv4_mapped else f"{address}/{bits}"


def packed_route(prefix, *next_hops):
    """A route of MSG_ROUTE_SET."""
    return packed_prefix(prefix) + packed_hops(*next_hops)


class Refused(Exception):
    """The agent answered with MSG_ERROR."""


class Speaker:
    def __init__(self, node, role=ROLE_BGPD):
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.socket.settimeout(5)
        self.socket.connect(str(node.run_dir / "agent.sock"))
        self.send(HELLO, struct.pack("=II64s", PROTOCOL, role, b"test"), number=1)
        assert self.receive()[0] == HELLO_REPLY

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        self.close()

    def close(self):
        self.socket.close()

    def send(self, kind, body=b"", number=0):
        self.socket.send(HEADER.pack(kind, HEADER.size + len(body), number, 0) + body)

    def send_fd(self, kind, body, number, fd):
        data = HEADER.pack(kind, HEADER.size + len(body), number, 0) + body
        rights = array.array("i", [fd])
        self.socket.sendmsg([data], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, rights)])

    def receive(self):
        """Type, body and descriptors of the next message; None at the end of the connection. That
        we live is said at once."""
        while True:
            message = self.receive_any()
            if not message or message[0] != PING:
                return message and message[:3]
            self.send(PONG, bytes(32), number=message[3])

    def receive_any(self):
        fds = array.array("i")
        data, ancillary, _, _ = self.socket.recvmsg(MESSAGE_MAX, socket.CMSG_SPACE(8))
        for level, kind, content in ancillary:
            if (level, kind) == (socket.SOL_SOCKET, socket.SCM_RIGHTS):
                fds.frombytes(content[:len(content) - len(content) % fds.itemsize])
        if not data:
            return None
        kind, _, number, _ = HEADER.unpack_from(data)
        if kind == ERROR:
            raise Refused(data[HEADER.size + 8:].split(b"\0")[0].decode())
        return kind, data[HEADER.size:], list(fds), number

    def begin(self):
        self.send(BEGIN)

    def in_sync(self):
        self.send(IN_SYNC)

    def set(self, prefix, *next_hops):
        self.send(SET, packed_route(prefix, *next_hops))

    def set_all(self, routes):
        """All in one message."""
        self.send(SET, b"".join(packed_route(*route) for route in routes))

    def delete(self, prefix):
        self.send(DELETE, packed_prefix(prefix))

    def replay(self, routes):
        self.begin()
        for prefix, next_hop in routes:
            self.set(prefix, next_hop)
        self.in_sync()

    def keep(self, *sessions):
        """Leave them, borrowed, to the next one; not all yet."""
        for one in sessions:
            self.send_fd(KEEP, b"", 0, one.fileno())

    def keep_all(self, count, keep_ms, state):
        """These were all."""
        self.send_fd(KEEP_ALL, struct.pack("=II", count, keep_ms), 8, state)
        assert self.receive()[0] == END

    def take(self):
        """What was left: descriptors of sessions, and of what is said of them."""
        self.send(TAKE, number=9)
        sessions = []
        while True:
            kind, _, fds = self.receive()
            assert kind in (SESSION, END) and len(fds) == 1
            if kind == END:
                return sessions, fds[0]
            sessions += fds

    def ask_subnets(self):
        self.send(SUBNETS, number=11)
        return self.told_subnets()

    def told_subnets(self):
        """Those of the next message, which says nothing else."""
        kind, body, _ = self.receive()
        assert kind == SUBNETS and len(body) % 20 == 0
        return {unpacked_prefix(body[at:at + 20]) for at in range(0, len(body), 20)}

    def listen(self, address, port=179):
        """A listening socket, made by the agent."""
        self.send(LISTEN, packed_address(address) + struct.pack("=I", port), number=7)
        kind, _, fds = self.receive()
        assert kind == END and len(fds) == 1
        return socket.socket(fileno=fds[0])
