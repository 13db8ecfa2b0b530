# SPDX-License-Identifier: Apache-2.0
"""FRR, GoBGP and OpenBGPD as neighbours of tortie-bgpd, each with one peer and a few own routes.

One interface for all: told by Peering, started, asked is_established() and routes(). Each runs in
its own namespace and folder, without a kernel's table and without the service of its package.
"""
import json
import os
import shutil
from dataclasses import dataclass, field

from bgp_lab import Member
from harness import Failed, Host, wait_until


@dataclass
class Peering:
    """How the other side sees it."""
    asn: int = 64999
    peer_as: int = 64512
    address: str = "10.99.0.1"
    password: str = ""
    ttl_security: bool = False
    prefixes: list = field(default_factory=list)
    next_hop: str = ""  # of its own routes, "": its address of their family


class Other(Member):
    """One of them, number N of the LAN."""

    program = ""

    def __init__(self, lab, number, peering):
        super().__init__(lab, f"{self.program.rsplit('/', 1)[-1]}{number}"[:8], number)
        self.peering = peering
        self.dir = lab.dir / self.name
        self.dir.mkdir()
        self.log_file = self.dir / "log"

    @classmethod
    def is_installed(cls):
        return shutil.which(cls.program) is not None

    @property
    def local(self):
        """Its address on the session."""
        return self.ip6 if ":" in self.peering.address else self.ip4

    def command(self):
        raise NotImplementedError

    def launch(self, argv):
        return Host.start(self, argv, self.log_file)

    def start(self):
        self.process = self.launch(self.command())
        wait_until(self.is_ready, f"{self.name} answers", 20, 0.1)
        return self

    def log(self, program="tortie-bgpd"):
        return self.log_file.read_text() if self.log_file.exists() else ""

    def is_ready(self):
        raise NotImplementedError

    def wait_established(self, deadline=20):
        wait_until(self.is_established, f"{self.name} Established", deadline, 0.1)

    def wait_routes(self, prefixes, deadline=15):
        """It has them from its peer: prefix -> next hop."""
        wait_until(lambda: set(prefixes) <= set(self.routes()), f"{self.name} has {prefixes}",
                   deadline, 0.1)
        return self.routes()

    def is_next_hop(self, prefix):
        """Is it, in what it tells, the next hop of this route of its own?"""
        return True

    def announce(self, prefix):
        """One IPv4 route more."""
        raise NotImplementedError

    def history(self):
        """How often its session came up and went, as it counts it or writes it down."""
        raise NotImplementedError

    def four(self):
        return [prefix for prefix in self.peering.prefixes if ":" not in prefix]

    def six(self):
        return [prefix for prefix in self.peering.prefixes if ":" in prefix]


class Frr(Other):
    """bgpd without zebra: it knows no interfaces, so the IPv6 next hop is set by a route-map."""

    program = "/usr/lib/frr/bgpd"

    def command(self):
        peer, other = self.peering, self.peering.address
        lines = ["log stdout", f"router bgp {peer.asn}", f"bgp router-id {self.ip4}",
                 "no bgp ebgp-requires-policy", "no bgp default ipv4-unicast",
                 "no bgp network import-check", "bgp graceful-restart",
                 "bgp graceful-restart preserve-fw-state", "timers bgp 3 9",
                 f"neighbor {other} remote-as {peer.peer_as}",
                 f"neighbor {other} timers connect 1",
                 f"neighbor {other} advertisement-interval 0"]
        if peer.password:
            lines.append(f"neighbor {other} password {peer.password}")
        if peer.ttl_security:
            lines.append(f"neighbor {other} ttl-security hops 1")
        elif peer.asn != peer.peer_as:
            lines.append(f"neighbor {other} disable-connected-check")
        if ":" in other:  # RFC 8950
            lines.append(f"neighbor {other} capability extended-nexthop")
        lines += ["address-family ipv4 unicast", f"neighbor {other} activate",
                  *[f"network {prefix}" for prefix in self.four()], "exit-address-family",
                  "address-family ipv6 unicast", f"neighbor {other} activate",
                  f"neighbor {other} route-map six out",
                  *[f"network {prefix}" for prefix in self.six()], "exit-address-family", "exit",
                  "route-map six permit 10", f"set ipv6 next-hop global {self.ip6}", "exit"]
        (self.dir / "bgpd.conf").write_text("\n".join(lines) + "\n")
        return [self.program, "-Z", "-S", "-f", self.dir / "bgpd.conf", "-i", self.dir / "pid",
                "--vty_socket", self.dir, "-p", "179"]

    def ask(self, *words):
        return self.run("vtysh", "--vty_socket", self.dir, "-c", " ".join(words))

    def is_ready(self):
        return "BGP" in self.ask("show bgp summary") or True

    def is_established(self):
        state = json.loads(self.ask("show bgp neighbors json"))
        return state[self.peering.address]["bgpState"] == "Established"

    def routes(self):
        found = {}
        for family in ("ipv4", "ipv6"):
            table = json.loads(self.ask(f"show bgp {family} unicast json"))["routes"]
            for prefix, paths in table.items():
                for path in paths:
                    if path.get("peerId") == self.peering.address:
                        found[prefix] = path["nexthops"][0]["ip"]
        return found

    def refresh(self):
        self.ask(f"clear bgp {self.peering.address} soft in")

    def announce(self, prefix):
        self.run("vtysh", "--vty_socket", self.dir, "-c", "configure terminal",
                 "-c", f"router bgp {self.peering.asn}", "-c", "address-family ipv4 unicast",
                 "-c", f"network {prefix}")

    def history(self):
        state = json.loads(self.ask("show bgp neighbors json"))[self.peering.address]
        return state["connectionsEstablished"], state["connectionsDropped"]


class Gobgp(Other):
    program = "gobgpd"

    def command(self):
        peer = self.peering
        text = (f"[global.config]\nas = {peer.asn}\nrouter-id = \"{self.ip4}\"\n"
                f"[[neighbors]]\n[neighbors.config]\nneighbor-address = \"{peer.address}\"\n"
                f"peer-as = {peer.peer_as}\n")
        if peer.password:
            text += f"auth-password = \"{peer.password}\"\n"
        text += ("[neighbors.timers.config]\nhold-time = 9\nkeepalive-interval = 3\n"
                 "connect-retry = 5\n[neighbors.graceful-restart.config]\nenabled = true\n"
                 "restart-time = 60\n")
        if peer.ttl_security:
            text += "[neighbors.ttl-security.config]\nenabled = true\nttl-min = 255\n"
        for family in ("ipv4", "ipv6"):
            text += ("[[neighbors.afi-safis]]\n[neighbors.afi-safis.config]\n"
                     f"afi-safi-name = \"{family}-unicast\"\n"
                     "[neighbors.afi-safis.mp-graceful-restart.config]\nenabled = true\n")
        (self.dir / "gobgpd.toml").write_text(text)
        return ["gobgpd", "-f", self.dir / "gobgpd.toml", "-l", "info",
                "--api-hosts", "127.0.0.1:50051"]

    def start(self):
        super().start()
        for prefix in self.peering.prefixes:
            family, hop = ("ipv6", self.ip6) if ":" in prefix else ("ipv4", self.ip4)
            hop = self.peering.next_hop or hop
            self.ask("global", "rib", "add", "-a", family, prefix, "nexthop", hop)
        return self

    def ask(self, *words):
        return self.run("gobgp", *words)

    def is_ready(self):
        return "AS:" in self.ask("global")

    def is_established(self):
        neighbours = json.loads(self.ask("neighbor", "-j"))
        return neighbours[0]["state"].get("session_state") == 6

    def routes(self):
        found = {}
        for family in ("ipv4", "ipv6"):
            try:
                table = json.loads(self.ask("neighbor", self.peering.address, "adj-in", "-a",
                                            family, "-j"))
            except (Failed, ValueError):  # "Network not in table"
                continue
            for paths in (table.values() if isinstance(table, dict) else [table]):
                for path in paths:
                    hops = [each["nexthop"] for each in path["attrs"] if "nexthop" in each]
                    found[path["nlri"]["prefix"]] = hops[0] if hops else ""
        return found

    def refresh(self):
        self.ask("neighbor", self.peering.address, "softresetin")

    def announce(self, prefix):
        self.ask("global", "rib", "add", "-a", "ipv4", prefix, "nexthop", self.ip4)

    def history(self):
        log = self.log()
        return log.count("Peer Up"), log.count("Peer Down")


class Openbgpd(Other):
    program = "/usr/sbin/bgpd"

    def is_next_hop(self, prefix):
        """On a session over IPv4 it tells an external neighbour that ::1 is the next hop."""
        return ":" not in prefix or self.peering.asn == self.peering.peer_as

    def command(self):
        peer = self.peering
        text = (f"AS {peer.asn}\nrouter-id {self.ip4}\nfib-update no\nholdtime 9\n"
                f"listen on {self.ip4}\nlisten on {self.ip6}\n"
                f"socket \"{self.dir}/bgpd.sock\"\n")
        text += "".join(f"network {prefix}\n" for prefix in self.four())
        text += "".join(f"network {prefix} set nexthop {self.ip6}\n" for prefix in self.six())
        text += (f"neighbor {peer.address} {{\nremote-as {peer.peer_as}\n"
                 f"local-address {self.ip4}\nannounce IPv4 unicast\nannounce IPv6 unicast\n")
        if peer.password:
            text += f"tcp md5sig password \"{peer.password}\"\n"
        if peer.ttl_security:
            text += "ttl-security yes\n"
        path = self.dir / "bgpd.conf"
        path.write_text(text + "}\nallow from any\nallow to any\n")
        os.chmod(path, 0o600)
        return [self.program, "-d", "-f", path]

    def ask(self, *words):
        return self.run("bgpctl", "-s", self.dir / "bgpd.sock", *words)

    def is_ready(self):
        return "Neighbor" in self.ask("show")

    def is_established(self):
        return "BGP state = Established" in self.ask("show", "neighbor", self.peering.address)

    def routes(self):
        table = json.loads(self.ask("-j", "show", "rib", "in", "neighbor", self.peering.address))
        return {route["prefix"]: route["exit_nexthop"] for route in table.get("rib", [])}

    def refresh(self):
        self.ask("neighbor", self.peering.address, "refresh")

    def announce(self, prefix):
        self.ask("network", "add", prefix)

    def history(self):
        return [line.split("state change", 1)[1] for line in self.log().splitlines()
                if "state change" in line]
