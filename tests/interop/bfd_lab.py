# SPDX-License-Identifier: Apache-2.0
"""BFD for the interop tests: BIRD's and FRR's, and a neighbour that the test plays itself."""
import json
import os
import select
import socket
import struct
import threading
import time

from bgp_lab import Bird
from harness import Failed, Host, build_dir, inside, run, wait_until
from other_speakers import Other

ADMIN_DOWN, DOWN, INIT, UP = range(4)
POLL, FINAL, AUTHENTICATED, DEMAND, MULTIPOINT = 0x20, 0x10, 0x04, 0x02, 0x01
SINGLE_HOP, MULTIHOP = 3784, 4784
IP_RECVTTL = 12  # of linux/in.h; the module has no name for it


def bfd_packet(state, my, your, flags=0, multiplier=8, version=1, length=24, tx_ms=100, rx_ms=100,
               diagnostic=0):
    """A control packet (RFC 5880 section 4.1)."""
    return struct.pack(">BBBBIIIII", version << 5 | diagnostic, state << 6 | flags, multiplier,
                       length, my, your, tx_ms * 1000, rx_ms * 1000, 0)


class Heard:
    """A control packet that came."""

    def __init__(self, data, source, ttl):
        first, second, self.multiplier, self.length, self.my, self.your, tx, rx, self.echo = \
            struct.unpack(">BBBBIIIII", data)
        self.version, self.diagnostic = first >> 5, first & 0x1f
        self.state, self.flags = second >> 6, second & 0x3f
        self.tx_ms, self.rx_ms = tx // 1000, rx // 1000
        self.source, self.ttl = source, ttl
        self.at = time.monotonic()


class Neighbour:
    """A BFD neighbour in a namespace of the test, which answers as the RFC wants it, or as told.

    It keeps a session with whoever sends to `local`; say() sends anything on top of that.
    """

    def __init__(self, host, local, remote, port=SINGLE_HOP, my=0x5005):
        self.my, self.remote, self.port = my, remote, port
        self.family = socket.AF_INET6 if ":" in local else socket.AF_INET
        with inside(host.netns):
            self.receiver = socket.socket(self.family, socket.SOCK_DGRAM)
            self.sender = socket.socket(self.family, socket.SOCK_DGRAM)
        if self.family == socket.AF_INET6:
            self.receiver.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_RECVHOPLIMIT, 1)
        else:
            self.receiver.setsockopt(socket.IPPROTO_IP, IP_RECVTTL, 1)
        self.receiver.bind((local, port))
        self.sender.bind((local, 50505))
        self.state, self.your, self.heard, self.frozen = DOWN, 0, [], None
        self.is_running, self.is_quiet = True, False
        self.thread = threading.Thread(target=self.run, daemon=True)
        self.thread.start()

    def close(self):
        self.is_running = False
        self.thread.join(5)
        self.receiver.close()
        self.sender.close()

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        self.close()

    def say(self, data, ttl=255, sender=None, to=None):
        sender = sender or self.sender
        if self.family == socket.AF_INET6:
            sender.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_UNICAST_HOPS, ttl)
        else:
            sender.setsockopt(socket.IPPROTO_IP, socket.IP_TTL, ttl)
        sender.sendto(data, (to or self.remote, self.port))

    def receive(self):
        data, ancillary, _, source = self.receiver.recvmsg(256, 64)
        ttl = struct.unpack("=i", ancillary[0][2])[0]
        packet = Heard(data, source, ttl)
        self.heard.append(packet)
        self.your = packet.my
        if self.frozen is None:
            if packet.state == DOWN:
                self.state = INIT if self.state in (DOWN, INIT) else DOWN
            elif packet.state in (INIT, UP) and self.state in (DOWN, INIT):
                self.state = UP if (packet.state, self.state) != (UP, DOWN) else DOWN
        if packet.flags & POLL and not self.is_quiet:
            self.say(bfd_packet(self.told(), self.my, self.your, FINAL))

    def told(self):
        return self.state if self.frozen is None else self.frozen

    def run(self):
        at = 0.0
        while self.is_running:
            if select.select([self.receiver], [], [], 0.05)[0]:
                self.receive()
            if not self.is_quiet and time.monotonic() - at >= 0.08:
                at = time.monotonic()
                self.say(bfd_packet(self.told(), self.my, self.your))

    def freeze(self, state):
        """Say this from now on, whatever comes."""
        self.frozen = state

    def last(self):
        return self.heard[-1] if self.heard else None


class BfdBird(Bird):
    """BIRD with its bfd protocol; peers that shall use it have the line `bfd on`."""

    def start(self, *options):
        times = ("min rx interval 100 ms; min tx interval 100 ms; idle tx interval 300 ms; "
                 "multiplier 8;")
        self.protocols.append("protocol bfd bfd1 {\n  interface \"*\" { " + times + " };\n"
                              "  multihop { " + times + " };\n}\n")
        return super().start(*options)

    def sessions(self):
        """Address of the neighbour -> state."""
        rows = [line.split() for line in self.birdc("show", "bfd", "sessions").splitlines()]
        return {row[0]: row[2] for row in rows if len(row) > 4 and row[0] != "IP"}


class FrrBfd(Other):
    """bgpd with bfdd, and zebra between them; the session asks for BFD."""

    program = "/usr/lib/frr/bfdd"
    others = ("/usr/lib/frr/zebra", "/usr/lib/frr/bgpd")

    def __init__(self, lab, number, peering, multihop_local=None):
        super().__init__(lab, number, peering)
        self.multihop_local = multihop_local
        self.processes = {}

    def config(self):
        peer, other, local = self.peering, self.peering.address, self.multihop_local
        lines = [f"router bgp {peer.asn}", f"bgp router-id {self.ip4}",
                 "no bgp ebgp-requires-policy", "no bgp network import-check",
                 "no bgp default ipv4-unicast", "bgp graceful-restart",
                 "bgp graceful-restart preserve-fw-state",
                 f"neighbor {other} remote-as {peer.peer_as}",
                 f"neighbor {other} timers 60 180", f"neighbor {other} timers connect 1",
                 f"neighbor {other} advertisement-interval 0",
                 f"neighbor {other} bfd 8 100 100"]
        if local:
            lines += [f"neighbor {other} update-source {local}",
                      f"neighbor {other} ebgp-multihop 5"]
        for family, prefixes in (("ipv4", self.four()), ("ipv6", self.six())):
            lines += [f"address-family {family} unicast", f"neighbor {other} activate",
                      *[f"network {prefix}" for prefix in prefixes], "exit-address-family"]
        return [*lines, "exit"]

    def daemon(self, program, config):
        name = os.path.basename(program)
        path = self.dir / f"{name}.conf"
        path.write_text("\n".join(["log stdout", *config]) + "\n")
        self.processes[name] = self.launch(
            [program, "-u", "root", "-g", "frrvty", "-f", path, "-i", self.dir / f"{name}.pid",
             "--vty_socket", self.dir, "-z", self.dir / "zserv", "-P", "0"]
            + (["-p", "179"] if name == "bgpd" else [])
            + (["--bfdctl", self.dir / "bfdd.sock"] if name == "bfdd" else []))
        wait_until((self.dir / f"{name}.vty").exists, f"{name} at {self.name}", 20, 0.05)

    def start(self):
        self.daemon(self.others[0], [])
        self.daemon(self.program, [])
        self.daemon(self.others[1], self.config())
        self.process = self.processes["bgpd"]
        return self

    def ask(self, *words):
        command = []
        for word in words:
            command += ["-c", word]
        return self.run("vtysh", "--vty_socket", self.dir, *command)

    def is_established(self):
        state = json.loads(self.ask("show bgp neighbors json"))
        return state[self.peering.address]["bgpState"] == "Established"

    def is_up(self):
        return any(peer["status"] == "up" for peer in json.loads(self.ask("show bfd peers json")))


class Watch:
    """`tortie bgp peers` of a speaker."""

    def __init__(self, node, run_dir):
        self.node, self.run_dir = node, run_dir

    def peers(self):
        text = run(build_dir() / "tortie", "--run-dir", self.run_dir, "bgp", "peers", "-o", "json")
        return {peer["peer_address"]: peer for peer in json.loads(text)["items"]}

    def bfd(self, address):
        try:
            return self.peers()[address]["bfd"] or {"state": None}
        except (Failed, KeyError):
            return {"state": None}

    def wait_bfd(self, address, state="Up", deadline=15):
        wait_until(lambda: self.bfd(address)["state"] == state,
                   f"BFD of {self.node.name} with {address} is {state}", deadline, 0.05)
        return self.bfd(address)


def cut(host, chain, *addresses):
    """Drop what host forwards, sends or takes from and to the addresses; no link loses its
    carrier. Undone by mend()."""
    hooks = {"forward": ["forward"], "own": ["input", "output"]}[chain]
    text = "table inet cut {\n"
    for hook in hooks:
        text += f"chain {hook} {{ type filter hook {hook} priority 0; policy accept;\n"
        for address in addresses:
            family = "ip6" if ":" in address else "ip"
            text += f"{family} saddr {address} drop\n{family} daddr {address} drop\n"
        text += "}\n"
    host.run("nft", "-f", "-", stdin=text + "}\n")


def mute(host):
    """What host sends of BFD is lost. Undone by mend()."""
    host.run("nft", "-f", "-", stdin="table inet cut { chain output { type filter hook output "
             "priority 0; udp dport { 3784, 4784 } drop; }; }\n")


def mend(host):
    host.run("nft", "delete", "table", "inet", "cut")


def add_router(lab, *members):
    """A router on the LAN, and for each member N the addresses 10.97.0.N and fd97::N, which reach
    each other through it alone."""
    router = Host(lab, "r254")
    lab.plug(router, "lan0", ["10.99.0.254/24", "fd99::fe/64"])
    for key in ("net.ipv4.ip_forward=1", "net.ipv6.conf.all.forwarding=1",
                "net.ipv4.conf.all.send_redirects=0", "net.ipv4.conf.lan0.send_redirects=0"):
        router.run("sysctl", "-qw", key)
    for member in members:
        four, six = f"10.97.0.{member.number}", f"fd97::{member.number}"
        member.ip("addr", "add", four, "dev", "lo")
        member.ip("addr", "add", six, "dev", "lo")
        member.run("sysctl", "-qw", "net.ipv6.conf.all.accept_redirects=0")
        member.run("sysctl", "-qw", "net.ipv6.conf.lan0.accept_redirects=0")
        member.ip("route", "add", "10.97.0.0/24", "via", "10.99.0.254", "src", four)
        member.ip("route", "add", "fd97::/64", "via", "fd99::fe", "src", six)
        router.ip("route", "add", four, "via", member.ip4)
        router.ip("route", "add", six, "via", member.ip6)
    return router
