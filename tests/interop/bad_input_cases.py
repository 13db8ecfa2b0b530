# SPDX-License-Identifier: Apache-2.0
"""Bad input, as a table: what a neighbour says, and what must come of it.

Where it stands in a session (the lists' names):
    OPENS       instead of a good OPEN
    ODD_OPENS   an OPEN that is strange and must be accepted
    FIRST       instead of an OPEN
    CONFIRM     after a good OPEN, before KEEPALIVE
    OCTETS      on an established session
    ATTRIBUTES  the attributes of a route that was announced before with others; ATTRIBUTES6 and
                EXTENDED_NEXT_HOPS have the route in them

What must follow:
    (code, subcode)   that NOTIFICATION and the end of the connection
    CLOSE             the end without a NOTIFICATION
    WITHDRAW          the session stays, the route is withdrawn (RFC 7606)
    KEEP              the session stays, the route is there with the new attributes, but for those
                      that `seen` says differ: type -> (flags, value), or None: not passed on
    IGNORE            the session stays, the route is there as it was before

The expectations are the RFCs': 4271 (6.1 to 6.6), 4456, 4724, 4760, 5492, 6286, 6608, 6793, 7313,
7606, 7607, 8950, 9003, 9072.
"""
import struct
from dataclasses import dataclass, field

from bgp_wire import (CAPABILITIES, CLOSE, KEEPALIVE, MARKER, NOTIFICATION, OPEN, REFRESH, UPDATE,
                      attribute, capabilities_of, h, message, mp_reach, open_body, update)

WITHDRAW, KEEP, IGNORE = "withdraw", "keep", "ignore"
STAYS = (WITHDRAW, KEEP, IGNORE)
LOCAL_AS = 64512
BAD_HOST, GOOD_HOST = 1, 2  # last octet of the routes that a case is about


@dataclass(frozen=True)
class Kind:
    """A kind of neighbour: its net, its OPEN, and the attributes of its good routes."""
    name: str
    net: str
    open_body: bytes
    good: bytes
    before: bytes  # as good, with another ORIGIN


@dataclass(frozen=True)
class Case:
    name: str
    octets: object  # bytes, or a function of the neighbour
    reaction: object
    kind: object = None
    seen: dict = field(default_factory=dict)


def hop(address="0a630009"):
    return h("400304" + address)


ORIGIN = h("40010100")
PATH = h("400206 0201 0000fde7")
PATH2 = h("400204 0201 fde7")
GOOD, GOOD2 = ORIGIN + PATH + hop(), ORIGIN + PATH2 + hop()
GOOD_IBGP = ORIGIN + h("400200") + hop() + h("40050400000064")
ENHANCED = CAPABILITIES + h("0200 4600")

EBGP = Kind("eBGP", "10.99.1", open_body(), GOOD, h("40010102") + PATH + hop())
REFRESHING = Kind("eBGP with RFC 7313", "10.99.1", open_body(capabilities=ENHANCED), GOOD,
                  EBGP.before)
TWO_OCTET = Kind("eBGP of two octets", "10.99.1",
                 open_body(capabilities=h("0104 0001 0001 0104 0002 0001")), GOOD2,
                 h("40010102") + PATH2 + hop())
IBGP = Kind("iBGP", "10.99.2", open_body(asn=LOCAL_AS, capabilities=capabilities_of(LOCAL_AS)),
            GOOD_IBGP, h("40010102") + GOOD_IBGP[4:])

# RFC 8950: it says that it takes IPv6 next hops of IPv4, and so do we
EXTENDED = Kind("eBGP with RFC 8950", "10.99.1",
                open_body(capabilities=CAPABILITIES + h("0506 0001 0001 0002")), GOOD, EBGP.before)

HEAD4 = h("0001 01 04 0a630009 00")
EXTENDED_HEAD = h("0001 01 10 fd990000000000000000000000000009 00")
HEAD6 = h("0002 01 10 fd990000000000000000000000000009 00")


def parameters(text):
    return open_body(parameters=h(text))


def capability(text):
    return open_body(capabilities=CAPABILITIES + h(text))


def open_with_length(length, tail):
    return open_body()[:9] + h(length) + tail


OPENS = [
    Case("version 3", open_body(version=3), (2, 1)),
    Case("version 0", open_body(version=0), (2, 1)),
    Case("version 255", open_body(version=255), (2, 1)),
    Case("wrong AS", open_body(asn=64998, capabilities=h("4104 0000fde6")), (2, 2)),
    Case("wrong AS in the capability alone", open_body(capabilities=h("4104 0000fde6")), (2, 2)),
    Case("AS_TRANS without the capability", open_body(asn=23456, capabilities=b""), (2, 2)),
    Case("AS 0", open_body(asn=0), (2, 2)),
    Case("AS 0 in the capability", open_body(capabilities=h("4104 00000000")), (2, 2)),
    Case("router id 0", open_body(router_id="00000000"), (2, 3)),
    Case("our router id within our AS", open_body(
        asn=LOCAL_AS, router_id="0a630001", capabilities=capabilities_of(LOCAL_AS)), (2, 3), IBGP),
    Case("hold time 1", open_body(hold=1), (2, 6)),
    Case("hold time 2", open_body(hold=2), (2, 6)),
    Case("unknown parameter", parameters("6300"), (2, 4)),
    Case("authentication parameter", parameters("0101ff"), (2, 4)),
    Case("parameters over the end", open_with_length("ff", open_body()[10:]), (2, 0)),
    Case("parameters under the end", open_with_length("03", open_body()[10:]), (2, 0)),
    Case("parameters of 0 with more behind", open_with_length("00", h("0206")), (2, 0)),
    Case("parameter cut after its type", parameters("02"), (2, 0)),
    Case("parameter over the end", parameters("0207 4104 0000fde7"), (2, 0)),
    Case("capability over its parameter", parameters("0206 4105 0000fde7"), (2, 0)),
    Case("capability cut after its code", parameters("020141"), (2, 0)),
    Case("second capability cut", parameters("0207 4104 0000fde7 02"), (2, 0)),
    Case("AS capability of 0 octets", open_body(capabilities=h("4100")), (2, 0)),
    Case("AS capability of 2 octets", open_body(capabilities=h("4102fde7")), (2, 0)),
    Case("AS capability of 5 octets", open_body(capabilities=h("41050000fde700")), (2, 0)),
    Case("extended mark and nothing", open_with_length("ffff", b""), (2, 0)),
    Case("extended mark and half a length", open_with_length("ffff00", b""), (2, 0)),
    Case("extended length 65535", open_with_length("ffffffff", h("02 0006 4104 0000fde7")), (2, 0)),
    Case("extended length of 0 with more behind", open_with_length("ffff0000", h("02 0000")),
         (2, 0)),
    Case("extended inner length", open_with_length("ffff0009", h("02 0106 4104 0000fde7")), (2, 0)),
    Case("extended parameter cut in its length", open_with_length("ffff0002", h("0200")), (2, 0)),
    Case("no common family", open_body(capabilities=h("0104 0019 0041 4104 0000fde7")), (2, 7)),
]

ODD_OPENS = [
    Case("extended next hop of 0 octets", capability("0500"), KEEP),
    Case("extended next hop of other families", capability("050c 0001 0080 0002 0002 0001 0001"),
         KEEP),
    Case("extended next hop twice", capability("0506 0001 0001 0002" * 2), KEEP),
    Case("hold time 0", open_body(hold=0), KEEP),
    Case("hold time 65535", open_body(hold=65535), KEEP),
    Case("no parameters: IPv4 and two octets", open_body(parameters=b""), KEEP, TWO_OCTET),
    Case("an empty capabilities parameter", parameters("0200"), KEEP, TWO_OCTET),
    Case("each capability in a parameter of its own",
         parameters("0206 0104 00010001 0206 4104 0000fde7 0202 0200"), KEEP),
    Case("extended, short", open_with_length("ffff0009", h("02 0006 4104 0000fde7")), KEEP),
    Case("extended mark with a short length", open_with_length("09ff0009",
                                                               h("02 0006 4104 0000fde7")), KEEP),
    Case("extended, 300 octets", open_with_length("ffff012f", h("02 012c 4104 0000fde7 80fe") +
                                                  bytes(254) + h("8024") + bytes(36)), KEEP),
    Case("extended, 4,000 octets", open_with_length("ffff0fa9", h("02 0fa6 4104 0000fde7") +
                                                    (h("80fe") + bytes(254)) * 15 +
                                                    h("809e") + bytes(158)), KEEP),
    Case("multiprotocol of 3 octets", capability("0103 000200"), KEEP),
    Case("multiprotocol of an unknown family", capability("0104 4004 0048"), KEEP),
    Case("route refresh with a value", capability("0201 ff"), KEEP),
    Case("broken graceful restart", capability("4003 000000"), KEEP),
    Case("graceful restart of 1 octet", capability("4001 00"), KEEP),
    Case("two graceful restarts", capability("4006 0078 00010180 4002 0000"), KEEP),
    Case("broken LLGR", capability("4703 000101"), KEEP),
    Case("broken add-path", capability("4503 000101"), KEEP),
    Case("hostname over its length", capability("4902 ff41"), KEEP),
    Case("hostname with control characters", capability("4905 041b5b316d"), KEEP),
    Case("broken version", capability("4b02 ff41"), KEEP),
    Case("broken role", capability("0900"), KEEP),
    Case("broken ORF", capability("0303 000100"), KEEP),
    Case("extended next hop of 5 octets", capability("0505 0001000100"), KEEP),
    Case("extended messages with a value", capability("0601 00"), KEEP),
    Case("forty unknown", capability("8000" * 40), KEEP),
    Case("five equal", capability("0200" * 5), KEEP),
    Case("the AS twice", capability("4104 0000fde7"), KEEP),
    Case("our router id in another AS", open_body(router_id="0a630001"), KEEP),
    Case("router id 255.255.255.255", open_body(router_id="ffffffff"), KEEP),
]

FIRST = [
    Case("KEEPALIVE", message(KEEPALIVE), (5, 1)),
    Case("UPDATE", update(), (5, 1)),
    Case("NOTIFICATION", message(NOTIFICATION, h("0602")), CLOSE),
    Case("NOTIFICATION unsupported version", message(NOTIFICATION, h("02010004")), CLOSE),
    Case("ROUTE-REFRESH", message(REFRESH, h("00010001")), (5, 1)),
    Case("marker", bytes(16) + h("001304"), (1, 1)),
    Case("OPEN of 28 octets", MARKER + h("001c01") + open_body()[:9], (1, 2)),
    Case("OPEN of 4097 octets", MARKER + h("100101"), (1, 2)),
    Case("type 9", MARKER + h("001309"), (1, 3)),
    Case("HTTP", b"GET / HTTP/1.1\r\nHost: node\r\n\r\n", (1, 1)),
    Case("TLS", h("1603010200010001fc0303") + bytes(64), (1, 1)),
]

CONFIRM = [
    Case("UPDATE", update(), (5, 2)),
    Case("OPEN again", message(OPEN, open_body()), (5, 2)),
    Case("ROUTE-REFRESH", message(REFRESH, h("00010001")), (5, 2)),
    Case("NOTIFICATION", message(NOTIFICATION, h("0602")), CLOSE),
    Case("marker", h("00") + b"\xff" * 15 + h("001304"), (1, 1)),
    Case("KEEPALIVE of 20", MARKER + h("00140400"), (1, 2)),
    Case("type 0", MARKER + h("001300"), (1, 3)),
]


def text_of(length, text):
    return message(NOTIFICATION, h("0602") + bytes([length]) + text)


def refresh(subtype, family="0001", more=b""):
    return message(REFRESH, h(family) + bytes([subtype, 1]) + more)


OCTETS = [
    Case("OPEN again", message(OPEN, open_body()), (5, 3)),
    Case("OPEN that is broken", message(OPEN, open_body(version=3)), (5, 3)),
    Case("marker", h("00") + b"\xff" * 15 + h("001304"), (1, 1)),
    Case("last octet of the marker", b"\xff" * 15 + h("fe001304"), (1, 1)),
    Case("length 0", MARKER + h("000004"), (1, 2)),
    Case("length 18", MARKER + h("001204"), (1, 2)),
    Case("length 4097", MARKER + h("100102"), (1, 2)),
    Case("length 65535", MARKER + h("ffff02"), (1, 2)),
    Case("KEEPALIVE of 20", MARKER + h("00140400"), (1, 2)),
    Case("UPDATE of 22", MARKER + h("001602000000"), (1, 2)),
    Case("NOTIFICATION of 20", MARKER + h("00140306"), (1, 2)),
    Case("ROUTE-REFRESH of 22", MARKER + h("001605000101"), (1, 2)),
    Case("type 0", MARKER + h("001300"), (1, 3)),
    Case("type 6", MARKER + h("001306"), (1, 3)),
    Case("type 255", MARKER + h("0013ff"), (1, 3)),
    # NOTIFICATION (RFC 4271 6.4: never answered)
    Case("NOTIFICATION without data", message(NOTIFICATION, h("0602")), CLOSE),
    Case("NOTIFICATION code 0", message(NOTIFICATION, h("0000")), CLOSE),
    Case("NOTIFICATION code 255", message(NOTIFICATION, h("ffff")), CLOSE),
    Case("NOTIFICATION of 4096 octets", message(NOTIFICATION, h("0602") + b"A" * 4075), CLOSE),
    Case("shutdown text over the message", text_of(255, b"A"), CLOSE),
    Case("shutdown text of 0 octets", text_of(0, b""), CLOSE),
    Case("shutdown text of 255 octets", text_of(255, b"A" * 255), CLOSE),
    Case("shutdown text that is not UTF-8", text_of(4, h("c3284142")), CLOSE),
    Case("shutdown text with control characters", text_of(4, h("1b5b0a07")), CLOSE),
    Case("shutdown text with a NUL", text_of(3, h("410042")), CLOSE),
    # the three fields of UPDATE
    Case("withdrawn length over the end", message(UPDATE, h("0005 18 0af402 0000")), (3, 1)),
    Case("withdrawn length 65535", message(UPDATE, h("ffff 0000")), (3, 1)),
    Case("withdrawn length leaves one octet", message(UPDATE, h("0005 18 0af402 00 00")), (3, 1)),
    Case("attribute length over the end", message(UPDATE, h("0000 0010 40010100")), (3, 1)),
    Case("attribute length 65535", message(UPDATE, h("0000 ffff")), (3, 1)),
    Case("withdrawn prefix length 33", update(withdrawn=h("21 0af40100 00")), (3, 10)),
    Case("withdrawn prefix cut", update(withdrawn=h("18 0af4")), (3, 10)),
    Case("prefix length 33", update(GOOD, h("21 0af40900 00")), (3, 10)),
    Case("prefix length 255", update(GOOD, h("ff") + bytes(32)), (3, 10)),
    Case("prefix cut", update(GOOD, h("18 0af4")), (3, 10)),
    Case("prefix length alone", update(GOOD, h("18")), (3, 10)),
    Case("good prefix and a cut one", update(GOOD, h("18 0af409 18 0a")), (3, 10)),
    # attributes that cannot be passed over
    Case("unknown well-known attribute", update(GOOD + h("40630100")), (3, 2)),
    Case("unknown well-known attribute that is not transitive", update(GOOD + h("00630100")),
         (3, 2)),
    Case("attribute 0, well-known", update(GOOD + h("400000"), h("20 0af40901")), (3, 2)),
    Case("MP_REACH twice", update(ORIGIN + PATH + mp_reach(h("40fd00024400000009"), HEAD6) * 2),
         (3, 1)),
    Case("MP_UNREACH twice", update(h("800f03000201") * 2), (3, 1)),
    Case("MP_REACH of 0 octets", update(ORIGIN + PATH + h("800e00")), (3, 9)),
    Case("MP_REACH cut in the family", update(ORIGIN + PATH + h("800e020002")), (3, 9)),
    Case("MP_REACH next hop of 0 octets", update(ORIGIN + PATH + mp_reach(
        h("40fd00024400000009"), h("0002 01 00 00"))), (3, 9)),
    Case("MP_REACH next hop of 15 octets", update(ORIGIN + PATH + mp_reach(
        h("40fd00024400000009"), h("0002 01 0f") + bytes(16))), (3, 9)),
    Case("MP_REACH next hop of 255 octets", update(ORIGIN + PATH + mp_reach(
        h("40fd00024400000009"), h("0002 01 ff") + bytes(17))), (3, 9)),
    Case("MP_REACH next hop of 4 octets for IPv6", update(ORIGIN + PATH + mp_reach(
        h("40fd00024400000009"), h("0002 01 04 0a630009 00"))), (3, 9)),
    Case("MP_REACH of IPv4 with a next hop of IPv6 that is not negotiated", update(
        ORIGIN + PATH + mp_reach(h("20 0af40901"), EXTENDED_HEAD)), (3, 9)),
    Case("MP_REACH of IPv4 with a next hop of 15 octets", update(ORIGIN + PATH + mp_reach(
        h("20 0af40901"), h("0001 01 0f") + bytes(16))), (3, 9), EXTENDED),
    Case("MP_REACH of IPv4 with a next hop of 24 octets", update(ORIGIN + PATH + mp_reach(
        h("20 0af40901"), h("0001 01 18") + bytes(25))), (3, 9), EXTENDED),
    Case("MP_REACH of IPv4 and IPv6 next hop, prefix length 33", update(ORIGIN + PATH + mp_reach(
        h("21 0af4090100"), EXTENDED_HEAD)), (3, 9), EXTENDED),
    Case("MP_REACH ends behind the next hop", update(ORIGIN + PATH + mp_reach(
        b"", HEAD6[:-1])), (3, 9)),
    Case("MP_REACH prefix length 129", update(ORIGIN + PATH + mp_reach(
        h("81") + bytes(17), HEAD6)), (3, 9)),
    Case("MP_REACH prefix cut", update(ORIGIN + PATH + mp_reach(h("40fd00"), HEAD6)), (3, 9)),
    Case("MP_UNREACH of 0 octets", update(h("800f00")), (3, 9)),
    Case("MP_UNREACH cut in the family", update(h("800f020002")), (3, 9)),
    Case("MP_UNREACH prefix length 129", update(h("800f15 0002 01 81") + bytes(17)), (3, 9)),
    Case("MP_UNREACH prefix cut", update(h("800f05 0002 01 40 fd")), (3, 9)),
    # RFC 7606 section 5.2: errors, and no route that could be withdrawn for them
    Case("bad ORIGIN and no routes", update(h("40010103") + PATH + hop()), (3, 1)),
    Case("cut attribute and no routes", update(GOOD + h("4004")), (3, 1)),
    Case("bad AS_PATH beside withdrawn routes", lambda peer: update(
        ORIGIN + h("40020205") + hop(), withdrawn=peer.nlri(9)), (3, 1)),
    Case("bad MED beside MP_UNREACH", update(h("800f03000201 80040100")), (3, 1)),
    Case("End-of-RIB with a cut attribute", update(h("800f03000201 4001")), (3, 1)),
    Case("bad communities beside an empty MP_REACH", update(
        ORIGIN + PATH + mp_reach(b"", HEAD6) + h("c00803000000")), (3, 1)),
    # ROUTE-REFRESH
    Case("BoRR of 5 octets", refresh(1, more=h("00")), (7, 1), REFRESHING),
    Case("EoRR of 40 octets", refresh(2, more=bytes(36)), (7, 1), REFRESHING),
    Case("a request of 5 octets", refresh(0, more=h("00")), (1, 2), REFRESHING),
    Case("an ORF", refresh(0, more=h("01 80 0001 80")), (1, 2), REFRESHING),
    Case("BoRR of 5 octets without the capability", refresh(1, more=h("00")), (1, 2)),
    Case("ROUTE-REFRESH of 3 octets", message(REFRESH, h("000101")), (1, 2), REFRESHING),
    Case("ROUTE-REFRESH of 4096 octets", refresh(0, more=bytes(4073)), (1, 2), REFRESHING),
    # what is strange and means nothing
    Case("BoRR without EoRR", refresh(1), IGNORE, REFRESHING),
    Case("EoRR alone", refresh(2), IGNORE, REFRESHING),
    Case("unknown subtypes", refresh(7) + refresh(255), IGNORE, REFRESHING),
    Case("BoRR of an unknown family", refresh(1, "4004"), IGNORE, REFRESHING),
    Case("EoRR of another family", refresh(1) + refresh(2, "0002"), IGNORE, REFRESHING),
    Case("BoRR and EoRR without the capability", refresh(1) + refresh(2), IGNORE),
    Case("request of an unknown family", refresh(0, "4004"), IGNORE, REFRESHING),
    Case("a thousand KEEPALIVEs", message(KEEPALIVE) * 1000, IGNORE),
    Case("attributes without routes", update(GOOD), IGNORE),
    Case("withdrawal of what was never told", update(withdrawn=h("18 0af4ff 20 01020304 00")),
         IGNORE),
    Case("End-of-RIB five times", update() * 5, IGNORE),
    Case("End-of-RIB of an unknown family", update(h("800f03 0019 41")), IGNORE),
    Case("End-of-RIB with a left-out attribute", update(h("800f03000201 40050400000064")), IGNORE),
    Case("withdrawal of an unknown family", update(h("800f04 0019 41 ff")), IGNORE),
    Case("multicast, loopback, link-local and reserved prefixes", update(
        GOOD, h("04 e0 08 7f 10 a9fe 04 f0 20 ffffffff")), IGNORE),
    Case("mapped, multicast and link-local IPv6 prefixes", update(ORIGIN + PATH + mp_reach(
        h("60 00000000000000000000ffff 08 ff 0a fe80 80") + bytes(15) + h("01"), HEAD6)), IGNORE),
    Case("routes of an unknown family with a broken attribute", update(
        GOOD + h("800e0a 0019 41 04 0a630002 00 ff 80040100")), IGNORE),
]


def overrunning(number):
    """An attribute that we have no use for, whose inner length runs over its end."""
    return Case(f"attribute {number} overruns inside",
                GOOD + attribute(0xc0, number, h("05 0004 00 01 ffff")), KEEP,
                seen={number: (0xe0, h("05 0004 00 01 ffff"))})


PATHS = [  # AS_PATH, of a four-octet eBGP peer
    ("segment type 0", "400206 0001 0000fde7"), ("segment type 5", "400206 0501 0000fde7"),
    ("confederation sequence", "400206 0301 0000fde7"),
    ("confederation set", "400206 0401 0000fde7"), ("empty segment", "400202 0200"),
    ("empty segment behind a good one", "400208 0201 0000fde7 0200"),
    ("segment overrun", "400206 0202 0000fde7"), ("segment type alone", "400201 02"),
    ("one octet left", "400207 0201 0000fde7 02"), ("ASN of 3 octets", "400205 0201 00fde7"),
    ("AS 0", "40020a 0202 0000fde7 00000000"),
    ("AS 0 in a set", "40020c 0201 0000fde7 0101 00000000"),
    ("own AS", "40020a 0202 0000fde7 0000fc00"), ("AS_PATH optional", "c00206 0201 0000fde7"),
    ("AS_PATH not transitive", "000206 0201 0000fde7"),
    ("ASNs of two octets", "400204 0201 fde7"),
]

NEXT_HOPS = [
    ("of 0 octets", "400300"), ("of 3 octets", "4003030a6300"), ("of 5 octets", "4003050a63000900"),
    ("of 16 octets", "400310 fd990000000000000000000000000009"), ("optional", "c003040a630009"),
    ("0.0.0.0", "40030400000000"), ("loopback", "4003047f000001"), ("multicast", "400304e0000005"),
    ("255.255.255.255", "400304ffffffff"), ("is ourselves", "4003040a630001"),
]

ATTRIBUTES = [
    Case("nothing", b"", WITHDRAW),
    Case("only an unknown one", h("c0630100"), WITHDRAW),
    Case("no ORIGIN", PATH + hop(), WITHDRAW),
    Case("no AS_PATH", ORIGIN + hop(), WITHDRAW),
    Case("no NEXT_HOP", ORIGIN + PATH, WITHDRAW),
    Case("MP_REACH's next hop alone", ORIGIN + PATH + mp_reach(b"", HEAD6), WITHDRAW),
    Case("header of 1 octet", GOOD + h("40"), WITHDRAW),
    Case("header of 2 octets", GOOD + h("4004"), WITHDRAW),
    Case("extended header of 3 octets", GOOD + h("900400"), WITHDRAW),
    Case("over the block", GOOD + h("800405000000"), WITHDRAW),
    Case("extended over the block", GOOD + h("9004ffff00"), WITHDRAW),
    Case("first attribute over the block", h("4001ff00") + PATH + hop(), WITHDRAW),
    Case("ORIGIN twice", GOOD + h("40010109"), KEEP),
    Case("AS_PATH twice, the second broken", GOOD + h("400202 0200"), KEEP),
    Case("NEXT_HOP twice, the second ourselves", GOOD + hop("0a630001"), KEEP),
    Case("unused bits of the flags", h("4f010100") + PATH + hop(), KEEP),
    Case("partial bit of a well-known one", h("60010100") + PATH + hop(), KEEP),
    Case("extended length of a short one", h("5001000100") + PATH + hop(), KEEP),
    Case("ORIGIN of 0 octets", h("400100") + PATH + hop(), WITHDRAW),
    Case("ORIGIN of 2 octets first", h("4001020000") + PATH + hop() + h("80040400000005"),
         WITHDRAW),
    Case("ORIGIN 3", h("40010103") + PATH + hop(), WITHDRAW),
    Case("ORIGIN 255", h("400101ff") + PATH + hop(), WITHDRAW),
    Case("ORIGIN optional", h("c0010100") + PATH + hop(), WITHDRAW),
    Case("ORIGIN not transitive", h("00010100") + PATH + hop(), WITHDRAW),
    *[Case(f"path: {name}", ORIGIN + h(text) + hop(), WITHDRAW) for name, text in PATHS],
    *[Case(f"NEXT_HOP {name}", ORIGIN + PATH + h(text), WITHDRAW) for name, text in NEXT_HOPS],
    Case("MED of 3 octets", GOOD + h("800403000001"), WITHDRAW),
    Case("MED of 5 octets", GOOD + h("8004050000000100"), WITHDRAW),
    Case("MED transitive", GOOD + h("c00404 00000001"), WITHDRAW),
    Case("LOCAL_PREF", GOOD + h("400504 00000007"), KEEP, seen={5: (0x40, h("00000064"))}),
    Case("LOCAL_PREF of 3 octets", GOOD + h("400503 000007"), KEEP,
         seen={5: (0x40, h("00000064"))}),
    Case("LOCAL_PREF optional", GOOD + h("c00504 00000007"), KEEP,
         seen={5: (0x40, h("00000064"))}),
    Case("ATOMIC_AGGREGATE of 1 octet", GOOD + h("40060100"), KEEP, seen={6: None}),
    Case("ATOMIC_AGGREGATE optional", GOOD + h("c00600"), WITHDRAW),
    Case("AGGREGATOR of 6 octets", GOOD + h("c00706 fde7 0a630002"), KEEP, seen={7: None}),
    Case("AGGREGATOR of 7 octets", GOOD + h("c00707 00fde7 0a630002"), KEEP, seen={7: None}),
    Case("AGGREGATOR of 0 octets", GOOD + h("c00700"), KEEP, seen={7: None}),
    Case("AGGREGATOR not transitive", GOOD + h("800708 0000fde7 0a630002"), WITHDRAW),
    Case("AGGREGATOR AS 0", GOOD + h("c00708 00000000 0a630002"), KEEP, seen={7: None}),
    Case("AS4_PATH", GOOD + h("c01106 0201 0000fde7"), KEEP, seen={17: None}),
    Case("AS4_AGGREGATOR", GOOD + h("c01208 0000fde7 0a630002"), KEEP, seen={18: None}),
    Case("communities of 0 octets", GOOD + h("c00800"), WITHDRAW),
    Case("communities of 3 octets", GOOD + h("c00803 000000"), WITHDRAW),
    Case("communities of 5 octets", GOOD + h("c00805 0000000100"), WITHDRAW),
    Case("communities not transitive", GOOD + h("800804 00010002"), WITHDRAW),
    Case("extended communities of 0 octets", GOOD + h("c01000"), WITHDRAW),
    Case("extended communities of 7 octets", GOOD + h("c01007") + bytes(7), WITHDRAW),
    Case("IPv6 extended communities of 19 octets", GOOD + h("c01913") + bytes(19), WITHDRAW),
    Case("large communities of 0 octets", GOOD + h("c02000"), WITHDRAW),
    Case("large communities of 11 octets", GOOD + h("c0200b") + bytes(11), WITHDRAW),
    Case("large communities of 13 octets", GOOD + h("c0200d") + bytes(13), WITHDRAW),
    Case("ORIGINATOR_ID", GOOD + h("800904 0a630003"), KEEP, seen={9: None}),
    Case("ORIGINATOR_ID of 3 octets", GOOD + h("800903 0a6300"), KEEP, seen={9: None}),
    Case("CLUSTER_LIST", GOOD + h("800a04 0a630003"), KEEP, seen={10: None}),
    Case("CLUSTER_LIST of 3 octets", GOOD + h("800a03 0a6300"), KEEP, seen={10: None}),
    Case("unknown transitive", GOOD + h("c0630141"), KEEP, seen={99: (0xe0, b"A")}),
    Case("unknown transitive of 0 octets", GOOD + h("c06300"), KEEP, seen={99: (0xe0, b"")}),
    Case("unknown transitive, partial already", GOOD + h("e0630141"), KEEP,
         seen={99: (0xe0, b"A")}),
    Case("unknown non-transitive", GOOD + h("80630141"), KEEP, seen={99: None}),
    Case("the same unknown one twice", GOOD + h("c0630141 c0630142"), KEEP,
         seen={99: (0xe0, b"A")}),
    Case("attribute 255", GOOD + h("c0ff0141"), KEEP, seen={255: (0xe0, b"A")}),
    Case("attribute 0, optional", GOOD + h("c0000141"), KEEP, seen={0: (0xe0, b"A")}),
    Case("3,900 octets unknown", GOOD + h("d0630f3c") + b"A" * 3900, KEEP,
         seen={99: (0xe0, b"A" * 3900)}),
    Case("900 communities", GOOD + h("d0080e10") + b"\1" * 3600, KEEP,
         seen={8: (0xc0, b"\1" * 3600)}),
    Case("900 ASNs", ORIGIN + h("5002 0e18") + (h("02ff") + b"\1" * 1020) * 3 + h("0287") +
         b"\1" * 540 + hop(), KEEP),
    Case("200 unknown attributes", GOOD + b"".join(h("c0") + bytes([number]) + h("0141")
                                                   for number in range(41, 241)
                                                   if number != 128), KEEP),
    *[overrunning(number) for number in (22, 23, 26, 28, 29, 35, 37, 38, 39, 40, 128)],
    Case("unknown family beside it", GOOD + h("800e0a 0019 41 04 0a630002 00 ff"), KEEP),
    Case("MP_UNREACH with wrong flags beside it", GOOD + h("c00f03 0002 01"), WITHDRAW),
    # a peer that speaks two octets
    Case("AGGREGATOR of 8 octets", GOOD2 + h("c00708 0000fde7 0a630002"), KEEP, TWO_OCTET,
         {7: None}),
    Case("AS4_PATH of a confederation", GOOD2 + h("c01106 0301 0000fde7"), KEEP, TWO_OCTET,
         {17: None}),
    Case("AS4_PATH that overruns", GOOD2 + h("c01106 02ff 0000fde7"), KEEP, TWO_OCTET, {17: None}),
    Case("AS4_PATH longer than AS_PATH", GOOD2 + h("c0110a 0202 00010001 0000fde7"), KEEP,
         TWO_OCTET, {17: None}),
    Case("AS4_PATH with AS 0", GOOD2 + h("c01106 0201 00000000"), KEEP, TWO_OCTET, {17: None}),
    Case("AS4_PATH not transitive", GOOD2 + h("801106 0201 0000fde7"), WITHDRAW, TWO_OCTET),
    Case("AS4_AGGREGATOR of 7 octets", GOOD2 + h("c01207 00fde7 0a630002"), KEEP, TWO_OCTET,
         {18: None}),
    Case("AS4_AGGREGATOR AS 0", GOOD2 + h("c01208 00000000 0a630002"), KEEP, TWO_OCTET,
         {18: None}),
    Case("AS 0 in two octets", ORIGIN + h("400206 0202 fde7 0000") + hop(), WITHDRAW, TWO_OCTET),
    Case("ASNs of four octets", ORIGIN + PATH + hop(), WITHDRAW, TWO_OCTET),
    # a peer of our AS
    Case("LOCAL_PREF of 3 octets, iBGP", GOOD_IBGP[:-7] + h("400503 000064"), WITHDRAW, IBGP),
    Case("LOCAL_PREF optional, iBGP", GOOD_IBGP[:-7] + h("c00504 00000064"), WITHDRAW, IBGP),
    Case("ORIGINATOR_ID of 3 octets, iBGP", GOOD_IBGP + h("800903 0a6300"), WITHDRAW, IBGP),
    Case("ORIGINATOR_ID is ours", GOOD_IBGP + h("800904 0a630001"), WITHDRAW, IBGP),
    Case("CLUSTER_LIST of 0 octets", GOOD_IBGP + h("800a00"), WITHDRAW, IBGP),
    Case("CLUSTER_LIST of 6 octets", GOOD_IBGP + h("800a06 0a630003 0a63"), WITHDRAW, IBGP),
    Case("CLUSTER_LIST has ours", GOOD_IBGP + h("800a08 0a630003 0a630001"), WITHDRAW, IBGP),
    Case("900 clusters", GOOD_IBGP + h("900a0e10") + b"\1" * 3600, KEEP, IBGP,
         {10: (0x80, h("0a630001") + b"\1" * 3600)}),
]


def long_length(value):
    return struct.pack(">H", len(value)) + value


# --- IPv6, in MP_REACH: octets is a function of the route's own octets ---
ATTRIBUTES6 = [
    Case("IPv6: MP_REACH last", lambda nlri: ORIGIN + PATH + mp_reach(nlri, HEAD6), KEEP),
    Case("IPv6: MP_REACH transitive", lambda nlri: ORIGIN + PATH + h("c0") + mp_reach(
        nlri, HEAD6)[1:], WITHDRAW),
    Case("IPv6: MP_REACH with extended length", lambda nlri: ORIGIN + PATH + h("900e") +
         long_length(HEAD6 + nlri), KEEP),
    Case("IPv6: no ORIGIN", lambda nlri: PATH + mp_reach(nlri, HEAD6), WITHDRAW),
    Case("IPv6: no AS_PATH", lambda nlri: ORIGIN + mp_reach(nlri, HEAD6), WITHDRAW),
    Case("IPv6: bad ORIGIN behind it", lambda nlri: mp_reach(nlri, HEAD6) + PATH + h("40010103"),
         WITHDRAW),
    Case("IPv6: a bad NEXT_HOP beside it", lambda nlri: ORIGIN + PATH + h("400303000000") +
         mp_reach(nlri, HEAD6), WITHDRAW),
    Case("IPv6: next hop is 0", lambda nlri: ORIGIN + PATH + mp_reach(
        nlri, h("0002 01 10") + bytes(17)), WITHDRAW),
    Case("IPv6: next hop is loopback", lambda nlri: ORIGIN + PATH + mp_reach(
        nlri, h("0002 01 10") + bytes(15) + h("0100")), WITHDRAW),
    Case("IPv6: next hop is multicast", lambda nlri: ORIGIN + PATH + mp_reach(
        nlri, h("0002 01 10 ff02") + bytes(13) + h("0100")), WITHDRAW),
    Case("IPv6: next hop is link-local", lambda nlri: ORIGIN + PATH + mp_reach(
        nlri, h("0002 01 10 fe80") + bytes(13) + h("0100")), WITHDRAW),
    Case("IPv6: next hop is a mapped IPv4 address", lambda nlri: ORIGIN + PATH + mp_reach(
        nlri, h("0002 01 10") + bytes(10) + h("ffff0a630009 00")), WITHDRAW),
    Case("IPv6: next hop is ourselves", lambda nlri: ORIGIN + PATH + mp_reach(
        nlri, h("0002 01 10 fd99") + bytes(13) + h("0100")), WITHDRAW),
    Case("IPv6: two next hops", lambda nlri: ORIGIN + PATH + mp_reach(
        nlri, h("0002 01 20 fd99") + bytes(13) + h("09 fe80") + bytes(13) + h("0900")), KEEP),
    Case("IPv6: the reserved octet is not 0", lambda nlri: ORIGIN + PATH + mp_reach(
        nlri, HEAD6[:-1] + h("ff")), KEEP),
    Case("IPv6: bits behind the prefix", lambda nlri: ORIGIN + PATH + mp_reach(
        nlri + h("31 fd000244 0000ff"), HEAD6), KEEP),
]


def extended(octets):
    """The route in MP_REACH, family IPv4, with these for its next hop."""
    head = h("0001 01") + bytes([len(octets)]) + octets + b"\0"
    return lambda nlri: ORIGIN + PATH + mp_reach(nlri, head)


V6_HOP, V6_LOCAL = h("fd99") + bytes(13) + b"\x09", h("fe80") + bytes(13) + b"\x09"

# --- IPv4 with IPv6 next hops, likewise; the next hop that is passed on is attribute 3 ---
EXTENDED_NEXT_HOPS = [Case(f"RFC 8950: {name}", octets, reaction, EXTENDED, seen or {})
                      for name, octets, reaction, seen in (
    ("an IPv6 next hop", extended(V6_HOP), KEEP, {3: (0x40, V6_HOP)}),
    ("two next hops", extended(V6_HOP + V6_LOCAL), KEEP, {3: (0x40, V6_HOP)}),
    ("an IPv4 next hop", extended(h("0a630009")), KEEP, {3: (0x40, h("0a630009"))}),
    ("NEXT_HOP beside it", lambda nlri: hop("0a630008") + extended(V6_HOP)(nlri), KEEP,
     {3: (0x40, V6_HOP)}),
    ("a bad NEXT_HOP beside it", lambda nlri: h("400303000000") + extended(V6_HOP)(nlri), WITHDRAW,
     None),
    ("no AS_PATH", lambda nlri: ORIGIN + mp_reach(nlri, EXTENDED_HEAD), WITHDRAW, None),
    ("next hop is 0", extended(bytes(16)), WITHDRAW, None),
    ("next hop is loopback", extended(bytes(15) + b"\1"), WITHDRAW, None),
    ("next hop is multicast", extended(h("ff02") + bytes(13) + b"\1"), WITHDRAW, None),
    ("next hop is link-local", extended(V6_LOCAL), WITHDRAW, None),
    ("both next hops are link-local", extended(V6_LOCAL * 2), WITHDRAW, None),
    ("next hop is a mapped IPv4 address", extended(bytes(10) + h("ffff0a630009")), WITHDRAW, None),
    ("next hop is ourselves", extended(h("fd99") + bytes(13) + b"\1"), WITHDRAW, None))]
