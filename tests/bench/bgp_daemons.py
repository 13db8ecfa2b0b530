# SPDX-License-Identifier: Apache-2.0
"""The BGP daemons that `make bench-bgp` compares, each with the same neighbours.

    speaker 10.98.0.1/16 ==== veth ==== neighbours 10.98.0.2, .3 (bgp_injector), 10.98.1.1 and up
                                        (bgp_crowd)

All are told the same: wait for the neighbours to connect, take every route, pass every route on.
"""
import ipaddress
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "net"))

import yaml  # noqa: E402

import harness  # noqa: E402

SPEAKER = "10.98.0.1"
EXTERNAL = (("10.98.0.2", 65001), ("10.98.0.3", 65002))
AS = 64512
HOLD_CROWD = 9
NICE = ["nice", "-n", "-10"]
TOOLS = harness.ROOT / "build/tests/tools"


def crowd_address(number):
    return str(ipaddress.IPv4Address("10.98.1.1") + number)


class Bed:
    """The two namespaces and their wire; on_cpu goes before every program that is measured."""

    def __init__(self, lab, crowd):
        self.lab = lab
        self.on_cpu = []
        self.speaker = harness.Host(lab, "speaker")
        self.peers = harness.Host(lab, "peers")
        self.speaker.ip("link", "add", "wire0", "type", "veth", "peer", "name", "wire0", "netns",
                        self.peers.netns)
        self.speaker.ip("addr", "add", f"{SPEAKER}/16", "dev", "wire0")
        self.speaker.ip("link", "set", "wire0", "up")
        addresses = [address for address, _ in EXTERNAL]
        addresses += [crowd_address(number) for number in range(crowd)]
        batch = "".join(f"addr add {address}/16 dev wire0\n" for address in addresses)
        self.peers.ip("-batch", "-", stdin=batch + "link set wire0 up\n")


class Daemon:
    """One run of one daemon in a folder of its own. kind: external, kernel, or a crowd's size."""

    name = program = ""

    def __init__(self, bed, kind):
        self.bed = bed
        self.kind = kind
        self.dir = bed.lab.dir / f"{self.name}-{kind}"
        shutil.rmtree(self.dir, ignore_errors=True)
        self.dir.mkdir()
        self.processes = []

    @classmethod
    def is_installed(cls):
        return shutil.which(cls.program) is not None

    def neighbours(self):
        """(address, AS) of each."""
        if isinstance(self.kind, int):
            return [(crowd_address(number), AS) for number in range(self.kind)]
        return EXTERNAL

    def launch(self, argv):
        with open(self.dir / "log", "a", encoding="utf-8") as log:
            self.processes.append(subprocess.Popen(
                ["ip", "netns", "exec", self.bed.speaker.netns, *NICE, *self.bed.on_cpu,
                 *[str(a) for a in argv]],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd=self.dir))

    def start(self):
        self.launch(self.command())
        harness.wait_until(self.is_listening, f"{self.name} listens", 20)
        return self

    def command(self):
        raise NotImplementedError

    def is_listening(self):
        return bool(self.bed.speaker.run("ss", "-Hltn", "sport", "=", ":179").strip())

    def pids(self):
        """All processes: those started, and their children."""
        found = [process.pid for process in self.processes]
        for pid in found:
            for children in Path(f"/proc/{pid}/task").glob("*/children"):
                found += [int(child) for child in children.read_text().split()]
        return found

    def stop(self):
        for process in self.processes:
            process.terminate()
        for process in self.processes:
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.send_signal(signal.SIGKILL)
                process.wait()
        harness.wait_until(lambda: not self.is_listening(), f"{self.name} is gone")


class Tortie(Daemon):
    name = "tortie"

    @classmethod
    def is_installed(cls):
        return True

    def config(self):
        peers = [{"address": address, "as": asn, "passive": True, "families": ["ipv4"],
                  "import": "all", "export": "all"} for address, asn in self.neighbours()]
        if isinstance(self.kind, int):
            for peer in peers:
                peer.update(reflector_client=True, hold_time=HOLD_CROWD)
        return {"log_level": "warning",
                "node": {"name": "speaker", "addresses": [SPEAKER], "uplinks": ["wire0"]},
                "pools": [{"name": "v4", "cidr": "10.244.0.0/16", "blocks": ["10.244.1.0/24"]}],
                "bgp": {"as": AS, "hold_time": 240, "peers": peers}}

    def command(self):
        (self.dir / "tortie.yaml").write_text(yaml.safe_dump(self.config()))
        return [harness.build_dir() / "tortie-bgpd", "-c", self.dir / "tortie.yaml",
                "--standalone"]


class TortieNode(Tortie):
    """With the agent, which writes map and kernel's table."""

    name = "tortie"

    def start(self):
        config = self.config()
        config["pools"].append({"name": "told", "cidr": "16.0.0.0/8"})
        for peer in config["bgp"]["peers"]:
            peer["import"] = "pools"
        run_dir = self.dir / "run"
        for folder in (run_dir, self.dir / "net.d"):
            folder.mkdir(exist_ok=True)
        config["cni"] = {"dir": str(self.dir / "net.d")}
        (self.dir / "tortie.yaml").write_text(yaml.safe_dump(config))
        options = ["-c", self.dir / "tortie.yaml", "--run-dir", run_dir]
        self.launch([harness.build_dir() / "tortied", *options, "--bpf-dir", self.bpf_dir()])
        harness.wait_until((run_dir / "ready").exists, "tortied is ready", 20)
        self.launch([harness.build_dir() / "tortie-bgpd", *options])
        harness.wait_until(self.is_listening, "tortie-bgpd listens", 20)
        return self

    def stop(self):
        super().stop()
        # What outlives it would be adopted by the next run, and not be news there.
        self.bed.speaker.ip("route", "flush", "proto", "116", check=False)
        shutil.rmtree(self.bpf_dir(), ignore_errors=True)

    def bpf_dir(self):
        return self.bed.lab.bpffs / "node"

    def pin(self):
        return next(self.bpf_dir().glob("**/route_v*"))


class Bird(Daemon):
    name = "bird"
    program = "bird"

    def command(self):
        text = (f"log \"{self.dir}/bird.log\" {{ warning, error, fatal, bug }};\n"
                f"router id {SPEAKER};\nprotocol device {{}}\n")
        if self.kind == "kernel":
            text += "protocol kernel { ipv4 { import none; export all; }; }\n"
        for number, (address, asn) in enumerate(self.neighbours()):
            inner = ""
            if asn == AS:
                inner = f"rr client; hold time {HOLD_CROWD}; keepalive time 3;"
            text += (f"protocol bgp p{number} {{ local {SPEAKER} as {AS}; "
                     f"neighbor {address} as {asn}; passive on; {inner} "
                     "connect delay time 1; error wait time 1, 2; "
                     "ipv4 { import all; export all; }; }\n")
        (self.dir / "bird.conf").write_text(text)
        return ["bird", "-f", "-c", self.dir / "bird.conf", "-s", self.dir / "bird.ctl",
                "-P", self.dir / "bird.pid"]


class Relay(Daemon):
    """No daemon: what is passed on without a look at it (tests/tools/bgp_relay.c)."""

    name = "relay"

    def command(self):
        argv = [TOOLS / "bgp_relay", SPEAKER]
        if self.kind == "kernel":
            argv += ["kernel", EXTERNAL[0][0], "wire0"]
        elif self.kind == "map":
            argv += ["map", self.pin()]
        return argv

    def stop(self):
        super().stop()
        self.pin().unlink(missing_ok=True)
        self.bed.speaker.ip("route", "flush", "proto", "static", check=False)

    def pin(self):
        return self.bed.lab.bpffs / "relay_route"


class Frr(Daemon):
    name = "frr"
    program = "/usr/lib/frr/bgpd"

    def command(self):
        lines = ["no log stdout", f"router bgp {AS}", f"bgp router-id {SPEAKER}",
                 "no bgp ebgp-requires-policy", "no bgp default ipv4-unicast",
                 "no bgp network import-check"]
        family = []
        for address, asn in self.neighbours():
            lines += [f"neighbor {address} remote-as {asn}", f"neighbor {address} passive",
                      f"neighbor {address} advertisement-interval 0"]
            family.append(f"neighbor {address} activate")
            if asn == AS:
                lines.append(f"neighbor {address} timers 3 {HOLD_CROWD}")
                family.append(f"neighbor {address} route-reflector-client")
        lines += ["address-family ipv4 unicast", *family, "exit-address-family"]
        (self.dir / "bgpd.conf").write_text("\n".join(lines) + "\n")
        return [self.program, "-Z", "-S", "-f", self.dir / "bgpd.conf", "-i", self.dir / "pid",
                "--vty_socket", self.dir, "-p", "179", "-l", SPEAKER]


class Gobgp(Daemon):
    name = "gobgp"
    program = "gobgpd"

    def command(self):
        text = f"[global.config]\nas = {AS}\nrouter-id = \"{SPEAKER}\"\n"
        for address, asn in self.neighbours():
            text += (f"[[neighbors]]\n[neighbors.config]\nneighbor-address = \"{address}\"\n"
                     f"peer-as = {asn}\n[neighbors.transport.config]\npassive-mode = true\n"
                     "[[neighbors.afi-safis]]\n[neighbors.afi-safis.config]\n"
                     "afi-safi-name = \"ipv4-unicast\"\n")
            if asn == AS:
                text += ("[neighbors.route-reflector.config]\nroute-reflector-client = true\n"
                         f"route-reflector-cluster-id = \"{SPEAKER}\"\n[neighbors.timers.config]\n"
                         f"hold-time = {HOLD_CROWD}\nkeepalive-interval = 3\n")
        (self.dir / "gobgpd.toml").write_text(text)
        return ["gobgpd", "-f", self.dir / "gobgpd.toml", "-l", "error",
                "--api-hosts", "127.0.0.1:50051"]


class Openbgpd(Daemon):
    name = "openbgpd"
    program = "/usr/sbin/bgpd"
    chroot = Path("/run/openbgpd")  # its service's

    def start(self):
        self.chroot.mkdir(mode=0o755, exist_ok=True)
        return super().start()

    def command(self):
        text = (f"AS {AS}\nrouter-id {SPEAKER}\nfib-update no\nlisten on {SPEAKER}\n"
                f"socket \"{self.dir}/bgpd.sock\"\n")
        for address, asn in self.neighbours():
            inner = "passive\n"
            if asn == AS:
                inner += f"route-reflector\nholdtime {HOLD_CROWD}\n"
            text += f"neighbor {address} {{\nremote-as {asn}\n{inner}}}\n"
        path = self.dir / "bgpd.conf"
        path.write_text(text + "allow from any\nallow to any\n")
        os.chmod(path, 0o600)
        return [self.program, "-d", "-f", path]


OTHERS = (Frr, Gobgp, Openbgpd)


def versions(makes):
    """What dpkg knows of the daemons measured."""
    packages = {"bird": "bird2", "gobgp": "gobgpd"}
    found = {}
    for make in makes:
        package = packages.get(make.name, make.name)
        done = subprocess.run(["dpkg-query", "-W", "-f", "${Version}", package],
                              stdin=subprocess.DEVNULL, capture_output=True, text=True)
        found[make.name] = done.stdout or "unknown"
    return found
