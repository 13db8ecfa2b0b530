# SPDX-License-Identifier: Apache-2.0
"""Bad input to the running tortie-bgpd, each case by a neighbour of its own.

    s2 (the test, 10.99.1.N/32 each) ---- LAN ---- t1 (tortie-bgpd, range 10.99.1.0/24, AS 64999)

Each case: a session, a good route, then the bad octets. What must follow is one of
    (code, subcode)   that NOTIFICATION and the end of the connection
    CLOSE             the end without a NOTIFICATION
    WITHDRAW          the session stays, routes that the bad message announced are gone (RFC 7606)
    KEEP              the session stays, routes that it announced are there
and a good announcement afterwards must still arrive, by the same session or a new one. The test is
the agent of t1 too: that is where the routes are seen.
"""
import socket
import struct

import pytest

from bgp_lab import BgpLab, FakeAgent, Member
from harness import inside, wait_until

CLOSE, WITHDRAW, KEEP = "close", "withdraw", "keep"
MARKER = b"\xff" * 16
OPEN, UPDATE, NOTIFICATION, KEEPALIVE, REFRESH = 1, 2, 3, 4, 5


def h(text):
    return bytes.fromhex(text)


def message(kind, body=b""):
    return MARKER + struct.pack(">HB", 19 + len(body), kind) + body


CAPABILITIES = h("0104 0001 0001 0104 0002 0001 4104 0000fde7")


def open_body(version=4, asn=64999, hold=90, router_id="0a630002", capabilities=CAPABILITIES,
              parameters=None):
    if parameters is None:
        parameters = bytes([2, len(capabilities)]) + capabilities
    return (struct.pack(">BHH", version, asn, hold) + h(router_id) + bytes([len(parameters)]) +
            parameters)


def update(attributes=b"", nlri=b"", withdrawn=b""):
    return message(UPDATE, struct.pack(">H", len(withdrawn)) + withdrawn +
                   struct.pack(">H", len(attributes)) + attributes + nlri)


ORIGIN, PATH = h("40010100"), h("400206 0201 0000fde7")
MP_HEAD = h("0002 01 10 fd990000000000000000000000000002 00")


def hop(address="10.99.0.9"):
    return h("400304") + socket.inet_aton(address)


GOOD = ORIGIN + PATH + hop()


def mp_reach(prefix, head=MP_HEAD):
    value = head + prefix
    return h("800e") + bytes([len(value)]) + value


# --- what is sent instead of a good OPEN ---
BAD_OPENS = {
    "version 3": (open_body(version=3), (2, 1)),
    "wrong AS": (open_body(asn=64998, capabilities=h("4104 0000fde6")), (2, 2)),
    "AS 0": (open_body(asn=0), (2, 2)),
    "AS 0 in the capability": (open_body(capabilities=h("4104 00000000")), (2, 2)),
    "router id 0": (open_body(router_id="00000000"), (2, 3)),
    "hold time 1": (open_body(hold=1), (2, 6)),
    "hold time 2": (open_body(hold=2), (2, 6)),
    "unknown parameter": (open_body(parameters=h("6300")), (2, 4)),
    "parameters over the end": (open_body()[:9] + h("ff") + open_body()[10:], (2, 0)),
    "parameters under the end": (open_body()[:9] + h("03") + open_body()[10:], (2, 0)),
    "parameter cut after its type": (open_body(parameters=h("02")), (2, 0)),
    "capability over its parameter": (open_body(parameters=h("0206 4105 0000fde7")), (2, 0)),
    "capability cut after its code": (open_body(parameters=h("020141")), (2, 0)),
    "AS capability of 0 octets": (open_body(capabilities=h("4100")), (2, 0)),
    "AS capability of 2 octets": (open_body(capabilities=h("4102fde7")), (2, 0)),
    "extended mark and nothing": (open_body()[:9] + h("ffff"), (2, 0)),
    "extended length 65535": (open_body()[:9] + h("ffffffff 02 0006 4104 0000fde7"), (2, 0)),
    "extended inner length": (open_body()[:9] + h("ffff0009 02 0106 4104 0000fde7"), (2, 0)),
    "no common family": (open_body(capabilities=h("0104 0019 0041 4104 0000fde7")), (2, 7)),
}

GOOD_OPENS = {
    "extended, short": open_body()[:9] + h("ffff0009 02 0006 4104 0000fde7"),
    "extended, 300 octets": open_body()[:9] + h("ffff012f 02 012c 4104 0000fde7 80fe") +
    bytes(254) + h("8024") + bytes(36),
    "broken graceful restart": open_body(capabilities=CAPABILITIES + h("4003 000000")),
    "broken LLGR": open_body(capabilities=CAPABILITIES + h("4703 000101")),
    "broken add-path": open_body(capabilities=CAPABILITIES + h("4503 000101")),
    "broken hostname": open_body(capabilities=CAPABILITIES + h("4902 ff41")),
    "broken role": open_body(capabilities=CAPABILITIES + h("0900")),
    "broken ORF": open_body(capabilities=CAPABILITIES + h("0303 000100")),
    "forty unknown": open_body(capabilities=CAPABILITIES + h("8000") * 40),
    "five equal": open_body(capabilities=CAPABILITIES + h("0200") * 5),
}

FIRST = {  # instead of an OPEN
    "KEEPALIVE": (message(KEEPALIVE), (5, 1)),
    "UPDATE": (update(), (5, 1)),
    "NOTIFICATION": (message(NOTIFICATION, h("0602")), CLOSE),
    "ROUTE-REFRESH": (message(REFRESH, h("00010001")), (5, 1)),
    "marker": (bytes(16) + h("001304"), (1, 1)),
    "HTTP": (b"GET / HTTP/1.1\r\nHost: node\r\n\r\n", (1, 1)),
}

# --- octets on an established session ---
BAD_OCTETS = {
    "OPEN again": (message(OPEN, open_body()), (5, 3)),
    "marker": (h("00") + b"\xff" * 15 + h("001304"), (1, 1)),
    "length 0": (MARKER + h("000004"), (1, 2)),
    "length 18": (MARKER + h("001204"), (1, 2)),
    "length 4097": (MARKER + h("100102"), (1, 2)),
    "length 65535": (MARKER + h("ffff02"), (1, 2)),
    "KEEPALIVE of 20": (MARKER + h("00140400"), (1, 2)),
    "UPDATE of 22": (MARKER + h("001602000000"), (1, 2)),
    "type 0": (MARKER + h("001300"), (1, 3)),
    "type 7": (MARKER + h("001307"), (1, 3)),
    "broken NOTIFICATION": (message(NOTIFICATION, h("0602ff41")), CLOSE),
    "NOTIFICATION with control characters": (message(NOTIFICATION, h("0602041b5b0a07")), CLOSE),
    "withdrawn length over the end": (message(UPDATE, h("0005 18 0af402 0000")), (3, 1)),
    "withdrawn length leaves one octet": (message(UPDATE, h("0005 18 0af402 00 00")), (3, 1)),
    "attribute length over the end": (message(UPDATE, h("0000 0010 40010100")), (3, 1)),
    "unknown well-known attribute": (update(GOOD + h("40630100")), (3, 2)),
    "MP_UNREACH twice": (update(h("800f03000201") * 2), (3, 1)),
    "MP_REACH next hop of 15 octets": (update(ORIGIN + PATH + mp_reach(
        h("40fd00024400000009"), h("0002 01 0f") + bytes(16))), (3, 9)),
    "MP_REACH prefix length 129": (update(ORIGIN + PATH + mp_reach(h("81") + bytes(17))), (3, 9)),
    "prefix length 33": (update(GOOD, h("21 0af40900 00")), (3, 10)),
    "prefix cut": (update(GOOD, h("18 0af4")), (3, 10)),
}

# --- attributes before and behind which a route is announced ---
BAD_ATTRIBUTES = {
    "nothing": (b"", WITHDRAW),
    "only an unknown one": (h("c0630100"), WITHDRAW),
    "no ORIGIN": (PATH + hop(), WITHDRAW),
    "no AS_PATH": (ORIGIN + hop(), WITHDRAW),
    "no NEXT_HOP": (ORIGIN + PATH, WITHDRAW),
    "header of 1 octet": (GOOD + h("40"), WITHDRAW),
    "header of 2 octets": (GOOD + h("4004"), WITHDRAW),
    "over the block": (GOOD + h("800405000000"), WITHDRAW),
    "extended over the block": (GOOD + h("9004ffff00"), WITHDRAW),
    "ORIGIN twice": (GOOD + h("40010109"), KEEP),
    "ORIGIN of 2 octets first": (h("4001020000") + PATH + hop() + h("80040400000005"), WITHDRAW),
    "ORIGIN 3": (h("40010103") + PATH + hop(), WITHDRAW),
    "ORIGIN flags": (h("c0010100") + PATH + hop(), WITHDRAW),
    "segment type 5": (ORIGIN + h("400206 0501 0000fde7") + hop(), WITHDRAW),
    "confederation": (ORIGIN + h("400206 0301 0000fde7") + hop(), WITHDRAW),
    "empty segment": (ORIGIN + h("400202 0200") + hop(), WITHDRAW),
    "segment overrun": (ORIGIN + h("400206 0202 0000fde7") + hop(), WITHDRAW),
    "one octet left": (ORIGIN + h("400207 0201 0000fde7 02") + hop(), WITHDRAW),
    "AS 0": (ORIGIN + h("40020a 0202 0000fde7 00000000") + hop(), WITHDRAW),
    "own AS": (ORIGIN + h("40020a 0202 0000fde7 0000fc00") + hop(), WITHDRAW),
    "NEXT_HOP of 0 octets": (ORIGIN + PATH + h("400300"), WITHDRAW),
    "NEXT_HOP of 16 octets": (ORIGIN + PATH + h("400310") + bytes(16), WITHDRAW),
    "NEXT_HOP 0.0.0.0": (ORIGIN + PATH + hop("0.0.0.0"), WITHDRAW),
    "NEXT_HOP loopback": (ORIGIN + PATH + hop("127.0.0.1"), WITHDRAW),
    "NEXT_HOP multicast": (ORIGIN + PATH + hop("224.0.0.5"), WITHDRAW),
    "NEXT_HOP is ourselves": (ORIGIN + PATH + hop("10.99.0.1"), WITHDRAW),
    "MED of 3 octets": (GOOD + h("800403000001"), WITHDRAW),
    "MED transitive": (GOOD + h("c00404 00000001"), WITHDRAW),
    "LOCAL_PREF": (GOOD + h("400504 00000064"), KEEP),
    "LOCAL_PREF of 3 octets": (GOOD + h("400503 000064"), KEEP),
    "ATOMIC_AGGREGATE of 1 octet": (GOOD + h("40060100"), KEEP),
    "AGGREGATOR of 6 octets": (GOOD + h("c00706 fde7 0a630002"), KEEP),
    "AGGREGATOR AS 0": (GOOD + h("c00708 00000000 0a630002"), KEEP),
    "AS4_PATH": (GOOD + h("c01106 0201 0000fde7"), KEEP),
    "AS4_AGGREGATOR": (GOOD + h("c01208 0000fde7 0a630002"), KEEP),
    "communities of 0 octets": (GOOD + h("c00800"), WITHDRAW),
    "communities of 3 octets": (GOOD + h("c00803 000000"), WITHDRAW),
    "large communities of 11 octets": (GOOD + h("c0200b") + bytes(11), WITHDRAW),
    "large communities of 0 octets": (GOOD + h("c02000"), WITHDRAW),
    "extended communities of 7 octets": (GOOD + h("c01007") + bytes(7), WITHDRAW),
    "ORIGINATOR_ID": (GOOD + h("800904 0a630003"), KEEP),
    "CLUSTER_LIST of 3 octets": (GOOD + h("800a03 0a6300"), KEEP),
    "unknown transitive": (GOOD + h("c0630141"), KEEP),
    "unknown non-transitive": (GOOD + h("80630141"), KEEP),
    "3,900 octets unknown": (GOOD + h("d063 0f3c") + b"A" * 3900, KEEP),
    "900 communities": (GOOD + h("d008 0e10") + b"\1" * 3600, KEEP),
    "900 ASNs": (ORIGIN + h("5002 0e18") + (h("02ff") + b"\1" * 1020) * 3 + h("0287") +
                 b"\1" * 540 + hop(), KEEP),
    **{f"attribute {number} overruns inside":
       (GOOD + h(f"c0{number:02x}07 05 0004 00 01 ffff"), KEEP)
       for number in (22, 23, 26, 28, 29, 35, 37, 38, 39, 40, 128)},
    "unknown family": (GOOD + h("800e0a 0019 41 04 0a630002 00 ff"), KEEP),
    "End-of-RIB of an unknown family": (GOOD + h("800f03 0019 41"), KEEP),
}


class Neighbour:
    """A BGP speaker that says what it is told to say."""

    def __init__(self, bed, number):
        self.bed = bed
        self.number = number
        self.address = f"10.99.1.{number}"
        bed.sender.ip("addr", "replace", f"{self.address}/32", "dev", "lan0")
        self.buffer = b""
        self.connect()

    def connect(self):
        with inside(self.bed.sender.netns):
            self.socket = socket.create_connection(("10.99.0.1", 179), 5,
                                                   source_address=(self.address, 0))
        self.socket.settimeout(10)

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

    def establish(self, body=None):
        self.socket.sendall(message(OPEN, body or open_body()) + message(KEEPALIVE))
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

    def prefix(self, host):
        return f"10.244.{self.number}.{host}/32"

    def nlri(self, host):
        return bytes([32, 10, 244, self.number, host])

    def announce(self, host, attributes=GOOD):
        self.socket.sendall(update(attributes, self.nlri(host)))

    def wait_route(self, host, present=True):
        wait_until(lambda: (self.prefix(host) in self.bed.agent.routes) == present,
                   f"{self.prefix(host)} {'there' if present else 'gone'}", 5)


class Bed:
    def __init__(self, lab):
        self.node = lab.speaker(1, 64512, peers=[{"range": "10.99.1.0/24", "as": 64999}])
        self.sender = Member(lab, "s2", 2)
        self.node.ip("addr", "add", "10.99.1.254/24", "dev", "lan0")
        self.agent = FakeAgent(self.node, str(self.node.dir / "run"))
        self.node.start("--run-dir", str(self.node.dir / "run"))
        wait_until(lambda: self.agent.counts[32] == 2, "listening")
        self.used = 1

    def neighbour(self):
        self.used += 1
        return Neighbour(self, self.used)


@pytest.fixture(scope="module")
def bed():
    with BgpLab("bad") as lab:
        made = Bed(lab)
        made.lab = lab
        yield made
        assert made.node.is_alive()


def still_serves(bed):
    """A good announcement by somebody new arrives."""
    good = bed.neighbour().establish()
    good.announce(1)
    good.wait_route(1)
    good.socket.close()
    good.wait_route(1, False)
    assert bed.node.is_alive()


@pytest.mark.parametrize("name", BAD_OPENS)
def test_a_bad_open_is_answered_with_the_right_notification(bed, name):
    body, expected = BAD_OPENS[name]
    peer = bed.neighbour()
    peer.socket.sendall(message(OPEN, body))
    assert peer.reaction() == expected


@pytest.mark.parametrize("name", GOOD_OPENS)
def test_an_odd_open_is_accepted(bed, name):
    peer = bed.neighbour().establish(GOOD_OPENS[name])
    peer.announce(1)
    peer.wait_route(1)
    peer.socket.close()


@pytest.mark.parametrize("name", FIRST)
def test_what_comes_before_open_ends_the_connection(bed, name):
    octets, expected = FIRST[name]
    peer = bed.neighbour()
    peer.socket.sendall(octets)
    assert peer.reaction() == expected


@pytest.mark.parametrize("name", BAD_OCTETS)
def test_bad_octets_end_the_session_and_only_it(bed, name):
    octets, expected = BAD_OCTETS[name]
    peer = bed.neighbour().establish()
    peer.announce(1)
    peer.wait_route(1)
    peer.socket.sendall(octets)
    assert peer.reaction() == expected
    peer.wait_route(1, False)
    still_serves(bed)


def test_bad_attributes_have_the_reaction_of_rfc_7606(bed):
    peer = bed.neighbour().establish()
    for name, (attributes, expected) in BAD_ATTRIBUTES.items():
        peer.announce(1)
        peer.wait_route(1)
        peer.announce(1, attributes)
        peer.announce(2)  # comes after it: when this is there the bad one has been dealt with
        peer.wait_route(2)
        assert (peer.prefix(1) in bed.agent.routes) == (expected == KEEP), name
        peer.socket.sendall(update(withdrawn=peer.nlri(2)))
        peer.wait_route(2, False)
    peer.socket.close()


def test_an_update_in_open_confirm_is_an_fsm_error(bed):
    peer = bed.neighbour()
    peer.socket.sendall(message(OPEN, open_body()) + update())
    assert peer.reaction() == (5, 2)


def test_half_a_header_ends_with_the_hold_timer(bed):
    peer = bed.neighbour().establish(open_body(hold=3))
    peer.socket.sendall(MARKER[:10])
    assert peer.reaction() == (4, 0)


def test_a_second_connection_leaves_the_first_session_alone(bed):
    peer = bed.neighbour().establish()
    peer.announce(1)
    peer.wait_route(1)
    first, first_buffer = peer.socket, peer.buffer
    peer.buffer = b""
    peer.connect()
    peer.socket.sendall(message(OPEN, open_body()))
    assert peer.reaction() == (6, 7)
    peer.socket, peer.buffer = first, first_buffer
    peer.announce(2)
    peer.wait_route(2)
    peer.wait_route(1)
    peer.socket.close()


def test_sixty_idle_connections_are_bounded(bed):
    peer = bed.neighbour()
    idle = []
    for _ in range(60):
        idle.append(peer.socket)
        peer.connect()
    peer.buffer = b""
    peer.establish()
    peer.announce(1)
    peer.wait_route(1)
    open_files = bed.node.run("sh", "-c", f"ls /proc/{bed.node.process.pid}/fd | wc -l")
    assert int(open_files) < 40
    for each in (*idle, peer.socket):
        each.close()


def test_a_reset_within_many_updates_does_no_harm(bed):
    peer = bed.neighbour().establish()
    peer.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    peer.socket.sendall(b"".join(update(GOOD, peer.nlri(n % 250)) for n in range(20000)))
    peer.socket.close()
    wait_until(lambda: not [p for p in bed.agent.routes if p.startswith(f"10.244.{peer.number}.")],
               "its routes are gone")
    still_serves(bed)


def test_five_hundred_equal_prefixes_are_one_route(bed):
    peer = bed.neighbour().establish()
    peer.socket.sendall(update(GOOD, peer.nlri(1) * 500))
    peer.wait_route(1)
    assert len([p for p in bed.agent.routes if p.startswith(f"10.244.{peer.number}.")]) == 1
    peer.socket.close()


def test_one_octet_a_segment_is_read_as_well(bed):
    peer = bed.neighbour()
    peer.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    peer.establish()
    for octet in update(GOOD, peer.nlri(1)):
        peer.socket.sendall(bytes([octet]))
    peer.wait_route(1)
    peer.socket.close()


# --- ROUTE-REFRESH (RFC 2918, RFC 7313) ---

ENHANCED = CAPABILITIES + h("0200 4600")
RESTARTING = ENHANCED + h("400a 0078 000101 80 000201 80")


def refresh(subtype, family="0001", more=b""):
    return message(REFRESH, h(family) + bytes([subtype, 1]) + more)


END_OF_RIB4 = update()
BAD_REFRESHES = {
    "BoRR of 5 octets": (ENHANCED, refresh(1, more=h("00")), (7, 1)),
    "EoRR of 40 octets": (ENHANCED, refresh(2, more=bytes(36)), (7, 1)),
    "a request of 5 octets": (ENHANCED, refresh(0, more=h("00")), (1, 2)),
    "an ORF": (ENHANCED, refresh(0, more=h("01 80 0001 80")), (1, 2)),
    "BoRR of 5 octets without the capability": (CAPABILITIES, refresh(1, more=h("00")), (1, 2)),
    "cut to 3 octets": (ENHANCED, message(REFRESH, h("000101")), (1, 2)),
}


@pytest.mark.parametrize("name", BAD_REFRESHES)
def test_a_bad_refresh_ends_the_session(bed, name):
    capabilities, octets, expected = BAD_REFRESHES[name]
    peer = bed.neighbour().establish(open_body(capabilities=capabilities))
    peer.socket.sendall(octets)
    assert peer.reaction() == expected
    still_serves(bed)


def two_routes(bed, capabilities):
    peer = bed.neighbour().establish(open_body(capabilities=capabilities))
    for host in (1, 2):
        peer.announce(host)
        peer.wait_route(host)
    return peer


def has_passed(peer):
    """What was sent before has been read: a route that comes behind it is there."""
    peer.announce(9)
    peer.wait_route(9)
    peer.socket.sendall(update(withdrawn=peer.nlri(9)))
    peer.wait_route(9, False)


def test_what_is_not_told_again_within_a_refresh_is_gone(bed):
    peer = two_routes(bed, ENHANCED)
    peer.socket.sendall(refresh(1))
    has_passed(peer)
    peer.wait_route(1)  # marked, but in use
    peer.announce(2)
    peer.socket.sendall(refresh(2))
    peer.wait_route(1, False)
    peer.wait_route(2)
    peer.socket.close()


@pytest.mark.parametrize("octets", [refresh(2), refresh(7) + refresh(255), refresh(1, "0019"),
                                    refresh(1) + refresh(2, "0002"), refresh(0) * 2000],
                         ids=["EoRR alone", "unknown subtypes", "unknown family",
                              "EoRR of another family", "a storm of requests"])
def test_a_refresh_that_ends_nothing_changes_nothing(bed, octets):
    peer = two_routes(bed, ENHANCED)
    peer.socket.sendall(octets)
    has_passed(peer)
    peer.wait_route(1)
    peer.wait_route(2)
    peer.socket.close()


def test_the_subtype_is_a_reserved_octet_without_the_capability(bed):
    peer = two_routes(bed, CAPABILITIES + h("0200"))
    peer.socket.sendall(refresh(1) + refresh(2))
    has_passed(peer)
    peer.wait_route(1)
    peer.socket.close()


def test_a_refresh_before_end_of_rib_is_ignored(bed):
    """RFC 7313 section 4: with graceful restart the first table comes first."""
    peer = two_routes(bed, RESTARTING)
    peer.socket.sendall(refresh(1) + refresh(2))
    has_passed(peer)
    peer.wait_route(1)
    bed.node.wait_log(f"peer {peer.address}: a refresh began before its End-of-RIB; ignored")
    peer.socket.sendall(END_OF_RIB4 + refresh(1) + refresh(2))
    peer.wait_route(1, False)
    peer.wait_route(2, False)
    peer.socket.close()


def test_a_session_that_breaks_within_a_refresh_keeps_all_routes(bed):
    """They are those of a restarting peer then: told again or swept at its End-of-RIB."""
    peer = two_routes(bed, RESTARTING)
    peer.socket.sendall(END_OF_RIB4 + refresh(1))
    peer.announce(2)
    has_passed(peer)
    peer.socket.close()
    bed.node.wait_log(f"peer {peer.address}: its 2 routes are kept for 120 s")
    peer.buffer = b""
    peer.connect()
    peer.establish(open_body(capabilities=RESTARTING))
    peer.announce(1)
    has_passed(peer)
    peer.wait_route(2)
    peer.socket.sendall(END_OF_RIB4)
    peer.wait_route(2, False)
    peer.wait_route(1)
    peer.socket.sendall(message(NOTIFICATION, h("0602")))
    assert peer.reaction() == CLOSE


def test_shutdown_text_is_escaped_in_the_log(bed):
    peer = bed.neighbour().establish()
    text = "bye\x1b[31m\n".encode()
    peer.socket.sendall(message(NOTIFICATION, h("0602") + bytes([len(text)]) + text))
    bed.node.wait_log(r"Administrative Shutdown: bye")
    assert "\x1b" not in bed.node.log()
    assert peer.reaction() == CLOSE
