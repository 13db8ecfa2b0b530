# SPDX-License-Identifier: Apache-2.0
"""BGP speakers on one LAN: tortie-bgpd --standalone, BIRD 2, and whoever a test plays itself.

    speaker number N: namespace, device lan0, 10.99.0.N/24 and fd99::N/64; AS and router id as told

What tortie-bgpd knows is seen where a peer sees it: at BIRD (birdc), or at a second tortie-bgpd
through BIRD. What it reports to an agent is seen by FakeAgent, which speaks agent.sock's protocol.
"""
import array
import errno
import fcntl
import ipaddress
import os
import re
import signal
import socket
import struct
import threading
from collections import Counter

import yaml

from harness import Failed, Host, Lab, build_dir, inside, kill_and_wait, wait_until

NET4, NET6 = "10.99.0", "fd99::"


class BgpLab(Lab):
    """Lab whose hosts are speakers."""

    def close(self):
        """Also: what a sanitizer said about a speaker fails the test."""
        said = [node.log() for node in self.nodes]
        super().close()
        for log in said:
            match = re.search(r"(AddressSanitizer|LeakSanitizer|runtime error)[^\n]*", log)
            if match:
                raise Failed(match.group(0))

    def speaker(self, number, *arguments, **options):
        return Speaker(self, number, *arguments, **options)

    def bird(self, number, *arguments, **options):
        return Bird(self, number, *arguments, **options)


class Member(Host):
    def __init__(self, lab, name, number):
        super().__init__(lab, name)
        lab.nodes.append(self)  # a failed test shows its log
        self.number = number
        self.ip4 = f"{NET4}.{number}"
        self.ip6 = f"{NET6}{number}"
        self.process = None
        lab.plug(self, "lan0", [f"{self.ip4}/24", f"{self.ip6}/64"])

    def log(self, program="tortie-bgpd"):
        return ""

    def kill(self, number=signal.SIGKILL):
        """End the program (the child of `ip netns exec` is the program itself: it execs)."""
        kill_and_wait(self.process.pid, number)
        self.process.wait()
        return self.process.returncode

    def cut(self):
        """The link breaks: TCP hears nothing of it."""
        self.ip("link", "set", "lan0", "down")


class Speaker(Member):
    """tortie-bgpd with a configuration of its own."""

    def __init__(self, lab, number, asn=64512, blocks4=(), blocks6=(), **bgp):
        super().__init__(lab, f"t{number}", number)
        self.dir = lab.dir / self.name
        self.dir.mkdir()
        self.config_file = self.dir / "tortie.yaml"
        self.log_file = self.dir / "tortie-bgpd.log"
        self.config = {
            "log_level": "debug",
            "node": {"name": self.name, "addresses": [self.ip4, self.ip6]},
            "pools": [
                {"name": "v4", "cidr": "10.244.0.0/16", "blocks": list(blocks4)},
                {"name": "v6", "cidr": "fd00:244::/48", "blocks": list(blocks6)},
            ],
            "bgp": {"as": asn, **bgp},
        }

    def start(self, *options, env=None):
        self.config_file.write_text(yaml.safe_dump(self.config, sort_keys=False))
        self.process = Host.start(self, [build_dir() / "tortie-bgpd", "-c", self.config_file,
                                         *(options or ["--standalone"])], self.log_file, env=env)
        return self

    def log(self, program="tortie-bgpd"):
        if program != "tortie-bgpd" or not self.log_file.exists():
            return ""
        return self.log_file.read_text()

    def wait_log(self, pattern, deadline=10.0, after=0):
        return wait_until(lambda: re.search(pattern, self.log()[after:]),
                          f"{pattern!r} in the log of {self.name}", deadline)

    def is_alive(self):
        return self.process.poll() is None


class Bird(Member):
    """BIRD 2 with the protocols that a test writes."""

    def __init__(self, lab, number, asn=64512):
        super().__init__(lab, f"b{number}", number)
        self.asn = asn
        self.dir = lab.dir / self.name
        self.dir.mkdir()
        self.statics = []
        self.protocols = []

    def announce(self, *prefixes):
        self.statics.extend(prefixes)
        return self

    def peer(self, name, other, asn, *lines, channel=(), families=(4, 6), local=None):
        """A BGP protocol towards other; lines go into it, channel lines into each channel."""
        inner = " ".join(["import all; export where source = RTS_STATIC || source = RTS_BGP;",
                          *channel])
        channels = "".join(f"  ipv{family} {{ {inner} }};\n" for family in families)
        body = "".join(f"  {line};\n" for line in lines)
        self.protocols.append(
            f"protocol bgp {name} {{\n  local {local or self.ip4} as {self.asn};\n"
            f"  neighbor {other} as {asn};\n  connect delay time 1; connect retry time 1;\n"
            f"  error wait time 1, 2; graceful restart on;\n{body}{channels}}}\n")
        return self

    def write_config(self):
        statics = {4: [p for p in self.statics if ":" not in p],
                   6: [p for p in self.statics if ":" in p]}
        text = f"router id {self.ip4};\nlog \"{self.dir}/bird.log\" all;\nprotocol device {{}}\n"
        for family, prefixes in statics.items():
            routes = " ".join(f"route {prefix} blackhole;" for prefix in prefixes)
            text += f"protocol static s{family} {{ ipv{family}; {routes} }}\n"
        (self.dir / "bird.conf").write_text(text + "".join(self.protocols))

    def start(self, *options):
        self.write_config()
        control = self.dir / "bird.ctl"
        control.unlink(missing_ok=True)
        self.process = Host.start(self, ["bird", "-f", "-c", self.dir / "bird.conf", "-s", control,
                                         "-P", self.dir / "bird.pid", *options],
                                  self.dir / "bird.stderr")
        wait_until(control.exists, "BIRD's control socket")
        return self

    def birdc(self, *command):
        return self.run("birdc", "-s", self.dir / "bird.ctl", *command)

    def log(self, program="tortie-bgpd"):
        files = [self.dir / "bird.log", self.dir / "bird.stderr"]
        if program != "tortie-bgpd":
            return ""
        return "".join(f.read_text() for f in files if f.exists())

    def is_established(self, name):
        return "Established" in self.birdc("show", "protocols", name)

    def wait_established(self, *names, deadline=15.0):
        for name in names:
            wait_until(lambda: self.is_established(name), f"{name} at {self.name} Established",
                       deadline)

    def routes(self, name, family=4):
        """Prefix -> text, of what BIRD has from the protocol name."""
        text = self.birdc("show", "route", "table", f"master{family}", "protocol", name, "all")
        found = {}
        for part in re.split(r"\n(?=[0-9a-f])", text):
            match = re.match(r"([0-9a-f:.]+/\d+)", part)
            if match:
                found[match.group(1)] = part
        return found

    def wait_routes(self, name, prefixes, family=4, deadline=10.0):
        wanted = set(prefixes)
        wait_until(lambda: set(self.routes(name, family)) == wanted,
                   f"{name} at {self.name} has exactly {sorted(wanted)}", deadline)
        return self.routes(name, family)


# --- the agent's side of agent.sock ---

MSG_ERROR = 3
PROTOCOL = 5
HELLO, HELLO_REPLY, END = 1, 2, 4
BGP_LISTEN, ROUTES_BEGIN, ROUTE_SET, ROUTE_DELETE = range(32, 36)
ROUTES_IN_SYNC, PEER_SET, PEER_DELETE = range(36, 39)
BGP_PONG = 39
BGP_CONFIG, BGP_PING, BGP_SESSION, BGP_SUBNETS, BGP_SOCKET = range(40, 45)
BGP_KEEP, BGP_KEEP_ALL, BGP_TAKE = 45, 46, 47
BGP_ACT, BGP_ACT_RESET = 116, 1
SEALS = fcntl.F_SEAL_SEAL | fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_GROW | fcntl.F_SEAL_WRITE
PEER_STATES = {1: "Idle", 2: "Connect", 3: "Active", 4: "OpenSent", 5: "OpenConfirm",
               6: "Established"}


def address_of(octets):
    address = ipaddress.IPv6Address(octets)
    return str(address.ipv4_mapped or address)


def prefix_of(octets, bits):
    address = ipaddress.IPv6Address(octets)
    return f"{address.ipv4_mapped}/{bits - 96}" if address.ipv4_mapped else f"{address}/{bits}"


class FakeAgent:
    """tortied as tortie-bgpd sees it: listening sockets out, routes and peers in.

    routes: prefix -> next hops, with commas between, as the agent would have them (what is stale at
    ROUTES_IN_SYNC goes);
    peers: address -> (state, received routes of both families, last error); counts: messages by
    type, of routes each route. With a document it is the agent of a cluster: tell() hands it over,
    at once and after each hello. kept, state: descriptors that a speaker left; whole: it has left
    all of them. reach() names the subnets of its uplinks; an agent that never did does not answer.
    """

    def __init__(self, member, run_dir, document=None):
        self.document = document
        self.member = member
        self.path = os.path.join(run_dir, "agent.sock")
        os.makedirs(run_dir, exist_ok=True)
        self.routes, self.stale, self.peers = {}, set(), {}
        self.counts = Counter()
        self.told = Counter()  # MSG_PEER_SET by address
        self.in_sync = False
        self.pongs, self.bgp_counts = [], None
        self.reading = threading.Event()
        self.reading.set()
        self.connection = None
        self.kept, self.state, self.whole, self.keep_ms = [], None, False, None
        self.subnets = None
        self.start()

    def start(self):
        """As after a restart: nothing is known of tortie-bgpd, the routes are still in the maps."""
        if os.path.exists(self.path):
            os.unlink(self.path)
        self.listener = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.listener.bind(self.path)
        self.listener.listen(4)
        self.is_running = True
        self.in_sync = False
        self.thread = threading.Thread(target=self.serve, args=(self.listener,), daemon=True)
        self.thread.start()

    def stop(self):
        self.is_running = False
        self.reading.set()
        for end in (self.listener, self.connection):
            if end:
                try:
                    end.shutdown(socket.SHUT_RDWR)
                except OSError:
                    pass
                end.close()
        self.thread.join(5)
        self.drop_kept()

    def drop_kept(self):
        for fd in self.kept + ([self.state] if self.state is not None else []):
            os.close(fd)
        self.kept, self.state, self.whole = [], None, False

    def serve(self, listener):
        while self.is_running:
            try:
                self.connection, _ = listener.accept()
                while self.handle(*socket.recv_fds(self.connection, 131072, 2)[:2]):
                    self.reading.wait()
                if not self.whole:
                    self.drop_kept()
            except OSError:
                continue

    def send(self, kind, number, body=b"", fds=()):
        data = struct.pack("=IIII", kind, 16 + len(body), number, 0) + body
        rights = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", fds))] if fds else []
        self.connection.sendmsg([data], rights)

    def tell(self, document, seals=SEALS):
        """Hand over the document (a configuration's keys, or a text)."""
        self.document = document
        text = document if isinstance(document, str) else yaml.safe_dump(document, sort_keys=False)
        fd = os.memfd_create("document", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
        try:
            os.write(fd, text.encode())
            fcntl.fcntl(fd, fcntl.F_ADD_SEALS, seals)
            self.send(BGP_CONFIG, 0, fds=[fd])
        finally:
            os.close(fd)

    def reach(self, *subnets):
        self.subnets = subnets
        self.tell_reach(0)

    def tell_reach(self, number):
        networks = [ipaddress.ip_network(subnet) for subnet in self.subnets]
        self.send(BGP_SUBNETS, number, b"".join(
            (b"" if net.version == 6 else bytes(10) + b"\xff\xff") + net.network_address.packed +
            struct.pack("=I", net.prefixlen + (96 if net.version == 4 else 0))
            for net in networks))

    def handle(self, message, fds):
        if not message:
            return False
        kind, length, number, _ = struct.unpack_from("=IIII", message)
        assert length == len(message)
        self.counts[kind] += 1
        body = message[16:]
        if kind == HELLO:
            assert struct.unpack_from("=II", body) == (PROTOCOL, 2)
            self.send(HELLO_REPLY, number,
                      struct.pack("=II64s64s256s", PROTOCOL, 1, b"test", b"", b""))
            if self.document is not None:
                self.tell(self.document)
        elif kind == BGP_LISTEN:
            try:
                self.listen(number, address_of(body[:16]), struct.unpack_from("=I", body, 16)[0])
            except OSError as error:  # the socket asked for before is not closed yet
                self.send(MSG_ERROR, number, struct.pack("=iI512s", error.errno, 0,
                                                         str(error).encode()))
        elif kind == BGP_SOCKET:
            self.give_socket(number)
        elif kind == BGP_KEEP:
            self.kept += fds
        elif kind == BGP_KEEP_ALL:
            count, self.keep_ms = struct.unpack_from("=II", body)
            assert count == len(self.kept)
            self.state, self.whole = fds[0], True
            self.send(END, number)
        elif kind == BGP_TAKE:
            self.give_kept(number)
        elif kind == ROUTES_BEGIN:
            self.stale = set(self.routes)
        elif kind in (ROUTE_SET, ROUTE_DELETE):
            self.counts[kind] += self.take_routes(kind, body) - 1
        elif kind == ROUTES_IN_SYNC:
            for prefix in self.stale:
                self.routes.pop(prefix, None)
            self.in_sync = True
        elif kind == PEER_SET:
            state, = struct.unpack_from("=I", body, 40)
            received = struct.unpack_from("=II", body, 56)
            error = body[80:208].split(b"\0")[0].decode()
            self.peers[address_of(body[:16])] = (PEER_STATES[state], received, error)
            self.told[address_of(body[:16])] += 1
        elif kind == PEER_DELETE:
            self.peers.pop(address_of(body[:16]), None)
        elif kind == BGP_PONG:
            self.pongs.append(number)
            self.bgp_counts = struct.unpack("=4Q", body)
        elif kind == BGP_SUBNETS and self.subnets is not None:
            self.tell_reach(number)
        return True

    def give_kept(self, number):
        if not self.whole:
            self.send(MSG_ERROR, number, struct.pack("=iI512s", errno.ENOENT, 0, b"none"))
            return
        for fd in self.kept:
            self.send(BGP_SESSION, number, fds=[fd])
        self.send(END, number, fds=[self.state])
        self.drop_kept()

    def give_socket(self, number):
        path = os.path.join(os.path.dirname(self.path), "bgp.sock")
        if os.path.exists(path):
            os.unlink(path)
        with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as made:
            made.bind(path)
            made.listen(16)
            self.send(END, number, fds=[made.fileno()])

    def take_routes(self, kind, body):
        """The routes of a message; how many they were."""
        at = count = 0
        while at < len(body):
            prefix = prefix_of(body[at:at + 16], struct.unpack_from("=I", body, at + 16)[0])
            at, count = at + 20, count + 1
            self.stale.discard(prefix)
            self.routes.pop(prefix, None)
            if kind == ROUTE_SET:
                hops = struct.unpack_from("=I", body, at)[0]
                assert 1 <= hops <= 8
                ways = [body[at + 4 + 16 * i:at + 20 + 16 * i] for i in range(hops)]
                assert ways == sorted(set(ways))
                self.routes[prefix] = ",".join(address_of(way) for way in ways)
                at += 4 + 16 * hops
        assert at == len(body)
        return count

    def listen(self, number, address, port):
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        with inside(self.member.netns), socket.socket(family, socket.SOCK_STREAM) as made:
            made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            if family == socket.AF_INET6:
                made.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
            made.bind((address, port))
            made.listen(64)
            made.setblocking(False)
            self.send(END, number, fds=[made.fileno()])


def query_client(path):
    """A client of bgp.sock that has been greeted."""
    one = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    one.connect(str(path))
    one.send(struct.pack("=IIII", HELLO, 16 + 72, 1, 0) +
             struct.pack("=II64s", PROTOCOL, 1, b"test"))
    assert struct.unpack_from("=I", one.recv(65536))[0] == HELLO_REPLY
    return one


def reset_peer(path, address):
    """What `tortie bgp peer ADDRESS reset` asks, of a build without that program."""
    with query_client(path) as one:
        peer = ipaddress.IPv6Address(f"::ffff:{address}").packed
        one.send(struct.pack("=IIII", BGP_ACT, 16 + 160, 2, 0) +
                 struct.pack("=16sII136x", peer, BGP_ACT_RESET, 0))
        assert struct.unpack_from("=I", one.recv(65536))[0] == END


def holds_for(condition, what, seconds):
    """condition() stays true; for what must not happen while something else may."""
    def broken():
        return not condition()
    try:
        wait_until(broken, what, seconds)
    except Failed:
        return
    raise Failed(f"did not last {seconds} s: {what}")
