# SPDX-License-Identifier: Apache-2.0
"""The network test bed: nodes, pods and routers as network namespaces, with the real programs.

    outside (198.51.100.2) -- tor (BIRD 2, .1) --+-- n1 up0 192.168.100.100
                                                 +-- n2 up0 192.168.100.101
                          lan: a Linux bridge    +-- n3 up0 192.168.100.102
    pods of node N: blocks 10.244.N.0/24 and fd00:244:0:N::/64

A Lab owns everything it makes: namespaces tt<tag>-<pid>-..., a directory with each node's
configuration, run directory, CNI directory and logs, a bpffs of its own in that directory, and the
processes it started. Lab.close() removes all of it; what a killed test run left behind is removed
when the next Lab is made (names carry the owner's pid). Nothing waits for time to pass:
wait_until() waits for a condition.
"""
import ctypes
import ipaddress
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import time
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
BASE = Path(os.environ.get("TORTIE_TEST_DIR", "/run/tortie-lab"))
CLONE_NEWNET = 0x40000000
LIBC = ctypes.CDLL(None, use_errno=True)
PREFIX = "tt"

LAN4, LAN6 = "192.168.100", "fd00:100::"
OUT4, OUT6 = "198.51.100", "2001:db8:51::"
POOL4, POOL6 = "10.244.0.0/16", "fd00:244::/48"


def build_dir():
    return Path(os.environ.get("TORTIE_BUILD", ROOT / "build"))


class Failed(Exception):
    """A command or condition failed; the text says which."""


def run(*argv, check=True, stdin=None, timeout=60, env=None):
    """Run a command, return its stdout; Failed with stdout and stderr when it ends with not 0."""
    done = subprocess.run([str(a) for a in argv], input=stdin, capture_output=True, text=True,
                          timeout=timeout, env=env)
    if check and done.returncode != 0:
        raise Failed(f"{' '.join(str(a) for a in argv)}: exit {done.returncode}\n"
                     f"{done.stdout}{done.stderr}")
    return done.stdout


def wait_until(condition, what, deadline=10.0, interval=0.02):
    """Call condition() until it gives something true, and return that. Failed after deadline."""
    end = time.monotonic() + deadline
    problem = ""
    while True:
        try:
            value = condition()
            if value:
                return value
            problem = ""
        except (Failed, OSError, ValueError, KeyError, IndexError) as error:
            problem = f" ({error})"
        if time.monotonic() > end:
            raise Failed(f"not within {deadline} s: {what}{problem}")
        time.sleep(interval)


@contextmanager
def inside(netns):
    """This thread is in the network namespace netns (a name) until the block ends."""
    own = os.open("/proc/self/ns/net", os.O_RDONLY | os.O_CLOEXEC)
    there = os.open(f"/run/netns/{netns}", os.O_RDONLY | os.O_CLOEXEC)
    try:
        if LIBC.setns(there, CLONE_NEWNET):
            raise OSError(ctypes.get_errno(), f"setns {netns}")
        yield
    finally:
        LIBC.setns(own, CLONE_NEWNET)
        os.close(own)
        os.close(there)


def pid_is_alive(pid):
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except OSError:
        return False


def kill_and_wait(pid, number=signal.SIGKILL, deadline=10.0):
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        return
    wait_until(lambda: not pid_is_alive(pid), f"end of process {pid}", deadline)


# --- what a dead owner left ---

def netns_names():
    return [entry.name for entry in Path("/run/netns").glob("*")]


def remove_directory(directory):
    """Remove a Lab's directory: processes by their pid files, mounts, files."""
    for pid_file in directory.glob("**/*.harness-pid"):
        try:
            pid, start = pid_file.read_text().split()
        except ValueError:
            continue
        if process_start_time(int(pid)) == start:
            kill_and_wait(int(pid))
    mounts = [line.split()[1] for line in Path("/proc/mounts").read_text().splitlines()]
    for mount in sorted((m for m in mounts if m.startswith(str(directory) + "/")), reverse=True):
        run("umount", "-l", mount, check=False)
    shutil.rmtree(directory, ignore_errors=True)


def process_start_time(pid):
    """Field 22 of /proc/PID/stat: a pid that was used again has another one."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[19]
    except OSError:
        return ""


def remove_leftovers():
    for directory in BASE.glob("*-*"):
        owner = directory.name.rsplit("-", 1)[1]
        keep = (directory / "keep").exists()
        if owner.isdigit() and not keep and not pid_is_alive(int(owner)):
            remove_directory(directory)
    for name in netns_names():
        match = re.fullmatch(rf"{PREFIX}[a-z]*-(\d+)-.*", name)
        if not match or pid_is_alive(int(match.group(1))):
            continue
        if not list(BASE.glob(f"*-{match.group(1)}")):
            run("ip", "netns", "del", name, check=False)


# --- the parts ---

class Host:
    """A network namespace with a name in the test and one in the kernel."""

    def __init__(self, lab, name):
        self.lab = lab
        self.name = name
        self.netns = f"{lab.prefix}-{name}"
        run("ip", "netns", "add", self.netns)
        lab.hosts.append(self)
        self.ip("link", "set", "lo", "up")

    def run(self, *argv, **options):
        return run("ip", "netns", "exec", self.netns, *argv, **options)

    def ip(self, *argv, **options):
        return run("ip", "-n", self.netns, *argv, **options)

    def json(self, *argv):
        return json.loads(self.ip("-j", *argv) or "[]")

    def sysctl(self, key, value=None):
        if value is None:
            return self.run("sysctl", "-n", key).strip()
        return self.run("sysctl", "-qw", f"{key}={value}")

    def start(self, argv, log, stdout=None, env=None):
        """Start a program in this namespace; its stderr goes to log, in the Lab's directory."""
        return self.lab.start(["ip", "netns", "exec", self.netns, *[str(a) for a in argv]], log,
                              stdout=stdout, env=env)

    def listen_raw(self, device):
        """An AF_PACKET socket that sees and sends whole frames on device."""
        with inside(self.netns):
            raw = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3))
            raw.bind((device, 3))
        raw.settimeout(2.0)
        return raw

    def delete(self):
        run("ip", "netns", "del", self.netns, check=False)
        if self in self.lab.hosts:
            self.lab.hosts.remove(self)

    def ping(self, address, count=1, *options, check=True):
        return self.run("ping", "-n", "-c", count, "-W", "2", "-i", "0.02", *options, address,
                        check=check, timeout=60)

    def reaches(self, address):
        try:
            self.ping(address)
            return True
        except Failed:
            return False


class Pod(Host):
    """A pod: its namespace made here, as a runtime does, its link by the CNI plugin."""

    def __init__(self, node, name, namespace="default", ifname="eth0", add=True):
        super().__init__(node.lab, f"{node.name}-{name}")
        self.node = node
        self.pod_name = name
        self.namespace = namespace
        self.ifname = ifname
        self.container_id = os.urandom(32).hex()
        self.result = None
        if add:
            self.add()

    @property
    def netns_path(self):
        return f"/run/netns/{self.netns}"

    def cni(self, command, check=True, **options):
        return self.node.cni(command, self, check=check, **options)

    def add(self):
        self.result = json.loads(self.cni("ADD"))
        self.node.pods.append(self)
        return self.result

    def remove(self, with_netns=True):
        """DEL as a runtime does, then the namespace."""
        self.cni("DEL", netns=self.netns_path if with_netns else "")
        if self in self.node.pods:
            self.node.pods.remove(self)
        self.delete()

    def addresses(self):
        return [ipaddress.ip_interface(entry["address"]).ip for entry in self.result["ips"]]

    @property
    def ip4(self):
        return next(str(a) for a in self.addresses() if a.version == 4)

    @property
    def ip6(self):
        return next(str(a) for a in self.addresses() if a.version == 6)

    def address(self, family):
        return self.ip4 if family == 4 else self.ip6

    @property
    def host_ifname(self):
        return next(i["name"] for i in self.result["interfaces"] if not i.get("sandbox"))

    @property
    def mac(self):
        return next(i["mac"] for i in self.result["interfaces"] if i.get("sandbox"))


class Node(Host):
    """A node: namespace, uplink up0 on the LAN, its own tortied and tortie-bgpd."""

    def __init__(self, lab, number, pods_nat=False):
        super().__init__(lab, f"n{number}")
        self.number = number
        self.ip4 = f"{LAN4}.{99 + number}"
        self.ip6 = f"{LAN6}{99 + number}"
        self.block4 = f"10.244.{number}.0/24"
        self.block6 = f"fd00:244:0:{number}::/64"
        self.dir = lab.dir / self.name
        self.run_dir = self.dir / "run"
        self.cni_dir = self.dir / "net.d"
        self.bpf_dir = lab.bpffs / self.name
        self.config_file = self.dir / "tortie.yaml"
        self.pods = []
        self.agent = None
        self.bgpd = None
        self.build = build_dir()
        for directory in (self.run_dir, self.cni_dir):
            directory.mkdir(parents=True)
        lab.plug(self, "up0", [f"{self.ip4}/24", f"{self.ip6}/64"])
        self.ip("route", "add", "default", "via", f"{LAN4}.1")
        self.ip("-6", "route", "add", "default", "via", f"{LAN6}1")
        self.config = {
            "node": {"name": self.name, "addresses": [self.ip4, self.ip6], "uplinks": ["up0"]},
            "pools": [
                {"name": "default-ipv4", "cidr": POOL4, "blocks": [self.block4],
                 "nat_outgoing": pods_nat},
                {"name": "default-ipv6", "cidr": POOL6, "blocks": [self.block6],
                 "nat_outgoing": pods_nat},
            ],
            "cni": {"dir": str(self.cni_dir), "conflist": "auto"},
        }

    # --- programs ---

    def write_config(self):
        import yaml
        self.config_file.write_text(yaml.safe_dump(self.config, sort_keys=False))

    def address(self, family):
        return self.ip4 if family == 4 else self.ip6

    @property
    def ready_file(self):
        return self.run_dir / "ready"

    def log(self, program="tortied"):
        path = self.dir / f"{program}.log"
        return path.read_text() if path.exists() else ""

    def log_length(self, program="tortied"):
        return len(self.log(program))

    # What the programs may do (deploy/ says the same to systemd): nothing else is in their bounding
    # set, so a call that needs more fails here as it would there.
    AGENT_RIGHTS = ["setpriv", "--bounding-set=-all,+bpf,+net_admin,+net_bind_service,+perfmon"]
    BGPD_RIGHTS = ["setpriv", "--bounding-set=-all", "--no-new-privs"]

    def start_agent(self, wait=True, build=None):
        self.write_config()
        if self.agent is not None and self.agent.poll() is not None:
            self.ready_file.unlink(missing_ok=True)  # of the dead one: it says nothing of this one
        self.agent = self.start([*self.AGENT_RIGHTS, (build or self.build) / "tortied",
                                 "-c", self.config_file, "--run-dir", self.run_dir,
                                 "--bpf-dir", self.bpf_dir],
                                self.dir / "tortied.log")
        if wait:
            self.wait_ready()
        return self.agent

    def wait_ready(self, deadline=15.0):
        def is_ready():
            if self.agent.poll() is not None:
                raise AssertionError(f"{self.name}: tortied ended with {self.agent.returncode}:\n"
                                     f"{self.log()[-3000:]}")
            return self.ready_file.exists()
        wait_until(is_ready, f"{self.name}: tortied ready\n{self.log()[-2000:]}", deadline)

    def start_bgpd(self, build=None):
        self.bgpd = self.start([*self.BGPD_RIGHTS, (build or self.build) / "tortie-bgpd",
                                "-c", self.config_file, "--run-dir", self.run_dir],
                               self.dir / "tortie-bgpd.log")
        return self.bgpd

    def stop_agent(self, number=signal.SIGTERM, deadline=30.0):
        return self.stop_process(self.agent, number, deadline)

    def stop_bgpd(self, number=signal.SIGTERM, deadline=30.0):
        return self.stop_process(self.bgpd, number, deadline)

    @staticmethod
    def stop_process(process, number, deadline):
        process.send_signal(number)
        return process.wait(timeout=deadline)

    def kill_agent(self):
        """kill -9, and the ready file of the dead is taken away so that it can be waited for."""
        self.stop_agent(signal.SIGKILL)
        self.ready_file.unlink(missing_ok=True)

    def tortie(self, *argv, check=True, **options):
        return self.run(self.build / "tortie", "--run-dir", self.run_dir, *argv, check=check,
                        **options)

    def tortie_json(self, *argv):
        """A document, or the items of a list."""
        answer = json.loads(self.tortie(*argv, "-o", "json"))
        return answer["items"] if "items" in answer else answer

    # --- the runtime's side of CNI ---

    def network_config(self, version="1.0.0"):
        """What libcni passes to the plugin, made from the conflist that the agent wrote."""
        conflist = json.loads((self.cni_dir / "10-tortie.conflist").read_text())
        plugin = dict(conflist["plugins"][0])
        plugin.pop("capabilities", None)
        plugin.update(cniVersion=version, name=conflist["name"])
        return plugin

    def cni(self, command, pod, check=True, config=None, netns=None, env=None):
        config = config or self.network_config()
        if command == "CHECK":
            config = dict(config, prevResult=pod.result)
        variables = dict(os.environ, CNI_COMMAND=command, CNI_CONTAINERID=pod.container_id,
                         CNI_NETNS=pod.netns_path if netns is None else netns,
                         CNI_IFNAME=pod.ifname, CNI_PATH=str(self.build),
                         CNI_ARGS="IgnoreUnknown=1;K8S_POD_NAMESPACE="
                                  f"{pod.namespace};K8S_POD_NAME={pod.pod_name};"
                                  f"K8S_POD_INFRA_CONTAINER_ID={pod.container_id}")
        variables.update(env or {})
        return self.run(self.build / "tortie-cni", stdin=json.dumps(config), env=variables,
                        check=check)

    def add_pod(self, name, **options):
        pod = Pod(self, name, **options)
        pod.ip("link", "set", "lo", "up")
        return pod

    # --- what the kernel holds ---

    def cali_links(self):
        return [link for link in self.json("link", "show") if link["ifname"].startswith("cali")]

    def map_dump(self, name):
        """The entries of a pinned map (whatever its layout version), by bpftool."""
        pins = sorted(self.bpf_dir.glob(f"**/{name}_v*"))
        if not pins:
            raise Failed(f"{self.name}: no pin of map {name} in {self.bpf_dir}")
        return json.loads(run("bpftool", "-j", "map", "dump", "pinned", pins[-1]))

    def drops(self):
        """Drop reason -> count, as `tortie drops` tells them."""
        return {row["reason"]: int(row["count"]) for row in self.tortie_json("drops")}

    def reset(self):
        """`tortie reset`; it finds by the configuration what a dead agent cannot tell."""
        return self.tortie("reset", "--yes", "--bpf-dir", self.bpf_dir, "-c", self.config_file)

    def established(self):
        """How many BGP sessions are Established, as `tortie node status` tells."""
        return sum(row["session"] == "Established" for row in self.tortie_json("node", "status"))

    def pins(self):
        return sorted(str(p.relative_to(self.bpf_dir)) for p in self.bpf_dir.glob("**/*")
                      if not p.is_dir())


class Lab:
    """Everything of one test: see the head of this file."""

    def __init__(self, tag="t", keep=False, base=None):
        remove_leftovers()
        self.tag = tag
        self.prefix = f"{PREFIX}{tag}-{os.getpid()}"
        self.dir = (base or BASE) / f"{tag}-{os.getpid()}"
        self.hosts = []
        self.nodes = []
        self.processes = []
        self.lan = None
        self.tor = None
        self.outside = None
        if self.dir.exists():
            remove_directory(self.dir)
        self.dir.mkdir(parents=True)
        self.dir.chmod(0o755)
        if keep:
            (self.dir / "keep").write_text("made with KEEP=1\n")
        self.bpffs = self.dir / "bpf"
        self.bpffs.mkdir()
        run("mount", "-t", "bpf", "bpf", self.bpffs)
        self.bpffs.chmod(0o700)

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        self.close()

    def start(self, argv, log, stdout=None, env=None):
        log = Path(log)
        with open(log, "ab") as log_file:
            process = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stderr=log_file,
                                       stdout=stdout or log_file, env=env, text=True,
                                       start_new_session=True)
        pid_file = self.dir / f"{process.pid}.harness-pid"
        pid_file.write_text(f"{process.pid} {process_start_time(process.pid)}")
        self.processes.append(process)
        return process

    def add_lan(self):
        """The switch: a bridge in a namespace of its own."""
        self.lan = Host(self, "lan")
        self.lan.ip("link", "add", "br0", "type", "bridge", "stp_state", "0", "mcast_snooping", "0")
        self.lan.ip("link", "set", "br0", "up")
        return self.lan

    def plug(self, host, device, addresses):
        """Connect host to the LAN by a veth pair."""
        if not self.lan:
            self.add_lan()
        port = f"p-{host.name}"[:15]
        self.lan.ip("link", "add", port, "type", "veth", "peer", "name", device,
                    "netns", host.netns)
        self.lan.ip("link", "set", port, "master", "br0", "up")
        for address in addresses:
            host.ip("addr", "add", address, "dev", device, "nodad")
        host.ip("link", "set", device, "up")

    def add_node(self, number, **options):
        node = Node(self, number, **options)
        self.nodes.append(node)
        return node

    def add_tor(self):
        """Top of rack: a router with BIRD 2, and an outside host behind it."""
        self.tor = Host(self, "tor")
        self.outside = Host(self, "out")
        for host in (self.tor, self.outside):  # no waiting for duplicate address detection here
            host.sysctl("net.ipv6.conf.default.accept_dad", 0)
        self.plug(self.tor, "lan0", [f"{LAN4}.1/24", f"{LAN6}1/64"])
        self.tor.sysctl("net.ipv4.ip_forward", 1)
        self.tor.sysctl("net.ipv6.conf.all.forwarding", 1)
        self.tor.ip("link", "add", "out0", "type", "veth", "peer", "name", "eth0",
                    "netns", self.outside.netns)
        for host, device, last in ((self.tor, "out0", 1), (self.outside, "eth0", 2)):
            host.ip("addr", "add", f"{OUT4}.{last}/24", "dev", device)
            host.ip("addr", "add", f"{OUT6}{last}/64", "dev", device, "nodad")
            host.ip("link", "set", device, "up")
        self.outside.ip("route", "add", "default", "via", f"{OUT4}.1")
        self.outside.ip("-6", "route", "add", "default", "via", f"{OUT6}1")
        return self.tor

    def start_bird(self, nodes, own_as=64999, node_as=64512):
        """BIRD as eBGP peer of every node, IPv4 and IPv6 on one session."""
        directory = self.dir / "tor"
        directory.mkdir(exist_ok=True)
        peers = "".join(f"""
protocol bgp {node.name} {{
    local {LAN4}.1 as {own_as};
    neighbor {node.ip4} as {node_as};
    connect delay time 1; connect retry time 1; error wait time 1, 2;
    graceful restart on;
    ipv4 {{ import all; export none; }};
    ipv6 {{ import all; export none; next hop address {LAN6}1; }};
}}""" for node in nodes)
        (directory / "bird.conf").write_text(f"""
log stderr all;
router id {LAN4}.1;
protocol device {{ scan time 1; }}
protocol direct {{ ipv4; ipv6; }}
protocol kernel kernel4 {{ ipv4 {{ export where source = RTS_BGP; }}; }}
protocol kernel kernel6 {{ ipv6 {{ export where source = RTS_BGP; }}; }}
{peers}
""")
        bird = self.tor.start(["bird", "-f", "-c", directory / "bird.conf", "-s",
                               directory / "bird.ctl", "-P", directory / "bird.pid"],
                              directory / "bird.log")
        wait_until((directory / "bird.ctl").exists, "BIRD's control socket")
        return bird

    def birdc(self, *command):
        return self.tor.run("birdc", "-s", self.dir / "tor" / "bird.ctl", *command)

    def peer_config(self, node):
        """The bgp: part that makes node a peer of BIRD and of the mesh of self.nodes."""
        return {"as": 64512, "restart_time": 15, "mesh": [n.ip4 for n in self.nodes],
                "peers": [{"address": f"{LAN4}.1", "as": 64999}] if self.tor else []}

    def start_all(self, bgp=True):
        for node in self.nodes:
            if bgp:
                node.config["bgp"] = self.peer_config(node)
            node.start_agent(wait=False)
        for node in self.nodes:
            node.wait_ready()
        if bgp:
            for node in self.nodes:
                node.start_bgpd()
            if self.tor:
                self.start_bird(self.nodes)

    def configure_routes(self):
        """routes: of every node to the others' blocks: a network without BGP."""
        for node in self.nodes:
            node.config["routes"] = [route for other in self.nodes if other is not node for route in
                                     ({"prefix": other.block4, "via": other.ip4},
                                      {"prefix": other.block6, "via": other.ip6})]

    def wait_routes(self, deadline=20.0):
        """Every node knows every other node's blocks, by map and kernel."""
        for node in self.nodes:
            for other in self.nodes:
                if other is not node:
                    wait_until(lambda n=node, o=other: n.ip("route", "show", o.block4).strip() and
                               n.ip("-6", "route", "show", o.block6).strip(),
                               f"{node.name}: routes to {other.name}\n"
                               f"{node.log('tortie-bgpd')[-1500:]}", deadline)

    def return_routes(self):
        """Static routes at the top of the rack to every node's blocks, where no BGP tells them."""
        for node in self.nodes:
            self.tor.ip("route", "replace", node.block4, "via", node.ip4)
            self.tor.ip("-6", "route", "replace", node.block6, "via", node.ip6)

    def start_pair(self):
        """Two nodes with static routes to each other, below a top of the rack that knows both."""
        pair = self.add_node(1), self.add_node(2)
        self.add_tor()
        self.return_routes()
        self.configure_routes()
        self.start_all(bgp=False)
        return pair

    def close(self):
        for process in reversed(self.processes):
            if process.poll() is None:
                process.kill()
        for process in self.processes:
            process.wait(timeout=10)
            if process.stdout:
                process.stdout.close()
        for host in list(self.hosts):
            host.delete()
        remove_directory(self.dir)
