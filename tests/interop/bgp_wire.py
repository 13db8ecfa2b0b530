# SPDX-License-Identifier: Apache-2.0
"""BGP messages for tests that speak BGP themselves: written octet by octet, read without mercy.

Nothing is checked when writing, so that a test can say what it likes. The reader of UPDATEs is for
what tortie-bgpd or another speaker passes on: that is well formed, or the test has found a bug.
"""
import ipaddress
import socket
import struct

MARKER = b"\xff" * 16
OPEN, UPDATE, NOTIFICATION, KEEPALIVE, REFRESH = 1, 2, 3, 4, 5
ORIGIN, AS_PATH, NEXT_HOP, MED, LOCAL_PREF = 1, 2, 3, 4, 5
ATOMIC_AGGREGATE, AGGREGATOR, COMMUNITIES, ORIGINATOR_ID, CLUSTER_LIST = 6, 7, 8, 9, 10
MP_REACH, MP_UNREACH = 14, 15
CLOSE = "close"


def h(text):
    return bytes.fromhex(text)


def message(kind, body=b""):
    return MARKER + struct.pack(">HB", 19 + len(body), kind) + body


EXTENDED_NEXT_HOP = h("0506 0001 0001 0002")  # IPv4 unicast with IPv6 next hops (RFC 8950)
CAPABILITIES = h("0104 0001 0001 0104 0002 0001 4104 0000fde7")  # both families, AS 64999


def capabilities_of(asn, more=b""):
    return h("0104 0001 0001 0104 0002 0001 4104") + struct.pack(">I", asn) + more


def open_body(version=4, asn=64999, hold=90, router_id="0a630002", capabilities=CAPABILITIES,
              parameters=None):
    if parameters is None:
        parameters = bytes([2, len(capabilities)]) + capabilities
    return (struct.pack(">BHH", version, asn, hold) + h(router_id) + bytes([len(parameters)]) +
            parameters)


def update(attributes=b"", nlri=b"", withdrawn=b""):
    return message(UPDATE, struct.pack(">H", len(withdrawn)) + withdrawn +
                   struct.pack(">H", len(attributes)) + attributes + nlri)


def attribute(flags, number, value):
    if len(value) > 255:
        return struct.pack(">BBH", flags | 0x10, number, len(value)) + value
    return struct.pack(">BBB", flags & ~0x10, number, len(value)) + value


def mp_reach(prefixes, head):
    return attribute(0x80, MP_REACH, head + prefixes)


def nlri(prefix):
    network = ipaddress.ip_network(prefix)
    octets = (network.prefixlen + 7) // 8
    return bytes([network.prefixlen]) + network.network_address.packed[:octets]


def read_prefixes(data, family):
    size, found, at = (4 if family == 1 else 16), [], 0
    while at < len(data):
        bits, octets = data[at], (data[at] + 7) // 8
        packed = data[at + 1:at + 1 + octets]
        assert len(packed) == octets, "a prefix that is cut"
        address = ipaddress.ip_address(packed + bytes(size - octets))
        found.append(str(ipaddress.ip_network((address, bits))))
        at += 1 + octets
    return found


def read_attributes(data):
    """Type -> (flags without the length bit, value)."""
    found, at = {}, 0
    while at < len(data):
        flags, number = data[at], data[at + 1]
        if flags & 0x10:
            length, at = struct.unpack_from(">H", data, at + 2)[0], at + 4
        else:
            length, at = data[at + 2], at + 3
        assert number not in found and at + length <= len(data), "attributes that do not fit"
        found[number] = (flags & 0xef, data[at:at + length])
        at += length
    return found


def read_update(body):
    """(withdrawn prefixes, announced prefixes, attributes); the next hop is attribute 3, in the
    family of the prefixes."""
    length, = struct.unpack_from(">H", body)
    withdrawn = read_prefixes(body[2:2 + length], 1)
    at = 4 + length
    length, = struct.unpack_from(">H", body, at - 2)
    attributes = read_attributes(body[at:at + length])
    announced = read_prefixes(body[at + length:], 1)
    if MP_UNREACH in attributes:
        value = attributes.pop(MP_UNREACH)[1]
        withdrawn += read_prefixes(value[3:], struct.unpack_from(">H", value)[0])
    if MP_REACH in attributes:
        value = attributes.pop(MP_REACH)[1]
        hop = value[4:4 + value[3]]
        attributes[NEXT_HOP] = (0x40, hop)
        announced += read_prefixes(value[5 + value[3]:], struct.unpack_from(">H", value)[0])
    return withdrawn, announced, attributes


class Wire:
    """A TCP connection that carries BGP messages."""

    def __init__(self, connection, seconds=10):
        self.socket = connection
        self.socket.settimeout(seconds)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.buffer = b""

    def send(self, octets):
        self.socket.sendall(octets)

    def receive(self):
        """The next message, (type, body); (None, b"") at the end of the connection."""
        while (len(self.buffer) < 19
               or len(self.buffer) < struct.unpack(">H", self.buffer[16:18])[0]):
            try:
                data = self.socket.recv(65536)
            except ConnectionResetError:
                data = b""
            if not data:
                return None, b""
            self.buffer += data
        length = struct.unpack(">H", self.buffer[16:18])[0]
        taken, self.buffer = self.buffer[:length], self.buffer[length:]
        return taken[18], taken[19:]

    def establish(self, body):
        self.send(message(OPEN, body) + message(KEEPALIVE))
        while True:
            kind, data = self.receive()
            assert kind in (OPEN, KEEPALIVE), (kind, data)
            if kind == KEEPALIVE:
                return self

    def reaction(self):
        """(code, subcode) of the NOTIFICATION before the end, or CLOSE."""
        while True:
            kind, data = self.receive()
            if kind == NOTIFICATION:
                return data[0], data[1]
            if kind is None:
                return CLOSE

    def close(self):
        self.socket.close()


def connect(address, port, source):
    return socket.create_connection((address, port), 5, source_address=(source, 0))
