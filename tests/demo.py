# SPDX-License-Identifier: Apache-2.0
"""The demo: the user's guide as a walk over three nodes, every step shown and checked.

Each step prints the commands as a person would type them, with their answers, and then checks
what it showed. A step that fails does not stop the walk; the last line says how many ran, failed
and were skipped, and the exit status is 1 when one failed.
"""
import json
import os
import re
import signal
import sys
import textwrap
import time
import traceback
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent / "net"))

import flows  # noqa: E402
import harness  # noqa: E402
from harness import Failed, Lab, run, wait_until  # noqa: E402

TAG = "demo"
BOLD, GREEN, RED, PLAIN = ("\033[1m", "\033[32m", "\033[31m", "\033[0m") \
    if sys.stdout.isatty() else ("",) * 4


def say(text=""):
    print(text, flush=True)


def show(where, command, output, lines=20):
    """One command and its answer, long answers cut in the middle."""
    say(f"  {BOLD}{where}# {command}{PLAIN}")
    text = output.rstrip("\n").splitlines()
    if len(text) > lines:
        text = [*text[:lines], f"... {len(text) - lines} more lines"]
    for line in text:
        say(f"    {line}")
    return output


def check(condition, claim):
    if not condition:
        raise Failed(claim)
    say(f"  {GREEN}ok{PLAIN}  {claim}")


def on(host, *argv, lines=20, **options):
    """Run a command on a host and show it under the host's short name."""
    return show(host.name, " ".join(str(a) for a in argv), host.run(*argv, **options), lines)


def tortie(node, *argv, lines=20):
    return show(node.name, "tortie " + " ".join(argv), node.tortie(*argv), lines)


class Walk:
    """The steps, in order; each is a method and its docstring is its heading."""

    def __init__(self, lab):
        self.lab = lab
        self.n1 = self.n2 = self.n3 = None
        self.a = self.b = self.c = self.d = None

    def nodes(self):
        """Three nodes, a top-of-rack router and an outside host come up"""
        for number in (1, 2, 3):
            self.lab.add_node(number, pods_nat=False)
        self.n1, self.n2, self.n3 = self.lab.nodes
        self.lab.add_tor()
        say(textwrap.indent(harness.__doc__.split("\n\n")[1], "  "))
        self.lab.start_all()
        show("n1", f"cat {self.n1.config_file}", self.n1.config_file.read_text(), 40)
        for node in self.lab.nodes:
            show(node.name, "tortie status --wait 20",
                 node.tortie("status", "--wait", "20"), 30 if node is self.n1 else 3)
        check(all(n.ready_file.exists() for n in self.lab.nodes), "three agents are ready")
        check((self.n1.cni_dir / "10-tortie.conflist").exists(), "the agent wrote the conflist")

    def preflight(self):
        """Is this machine fit? (tortie preflight, tortie version)"""
        out = show("n1", f"tortie preflight -c {self.n1.config_file}", self.n1.tortie(
            "preflight", "-c", self.n1.config_file, "--bpf-dir", self.n1.bpf_dir, check=False), 30)
        check(re.search(r"^ok ", out, re.M) and not re.search(r"^problem ", out, re.M),
              "preflight finds no problem")
        out = tortie(self.n1, "version")
        check(os.uname().release in out, "version names client, agent and kernel")

    def pods(self):
        """Pods a and b on n1, c on n2, d on n3, plugged in by the CNI plugin as a runtime does"""
        self.a = self.n1.add_pod("a")
        show("n1", f"CNI_COMMAND=ADD CNI_NETNS={self.a.netns_path} CNI_IFNAME=eth0 ... tortie-cni "
             "< netconf", json.dumps(self.a.result, indent=2), 40)
        self.b = self.n1.add_pod("b")
        self.c = self.n2.add_pod("c")
        self.d = self.n3.add_pod("d")
        for pod in (self.a, self.b, self.c, self.d):
            wanted = f"10.244.{pod.node.number}."
            check(pod.ip4.startswith(wanted),
                  f"{pod.name} has {pod.ip4} and {pod.ip6}, of its node's blocks")
        addresses = [p.ip4 for p in (self.a, self.b, self.c, self.d)]
        check(len(set(addresses)) == 4, "no address is given out twice")

    def addresses(self):
        """Addresses and routes, in the pod and on the host"""
        out = on(self.a, "ip", "addr", "show", "eth0")
        check(f"{self.a.ip4}/32" in out, "the pod holds its one address")
        out = on(self.a, "ip", "route")
        check("default via 169.254.1.1" in out, "its default route is 169.254.1.1")
        on(self.a, "ip", "-6", "route")
        self.lab.wait_routes()
        out = on(self.n1, "ip", "route")
        check(f"10.244.2.0/24 via {self.n2.ip4}" in out, "n1 reaches n2's block through n2")
        check(re.search(rf"{re.escape(self.a.ip4)} dev {self.a.host_ifname}", out),
              "n1 has a route to its own pod")
        out = on(self.n1, "ip", "-6", "route", "show", self.n2.block6)
        check(f"via {self.n2.ip6}" in out, "and the same for IPv6")

    def inventory(self):
        """What the network knows: tortie get, ipam show"""
        out = tortie(self.n1, "get", "workloadendpoint", "-o", "wide")
        check(self.a.ip4 in out and self.b.ip4 in out, "both pods of n1 are listed")
        out = tortie(self.n1, "get", "ippool", "-o", "wide")
        check("10.244.0.0/16" in out, "the pool is listed")
        out = tortie(self.n1, "ipam", "show", "--blocks")
        check("10.244.1.0/24" in out, "n1's block is listed")
        out = tortie(self.n1, "get", "route", "-o", "wide")
        check("10.244.2.0/24" in out and "10.244.3.0/24" in out, "the other nodes' blocks too")
        out = tortie(self.n1, "get", "node")
        check(self.n2.ip4 in out and self.n3.ip4 in out, "the other nodes are known")

    def sessions(self):
        """BGP: every node with every other, and with BIRD at the top of the rack"""
        wait_until(lambda: self.n1.established() == 3, "n1: three sessions established", 20)
        wait_until(lambda: sum(row["routes_in_ipv4"] for row in
                               self.n1.tortie_json("node", "status")) == 2, "two routes counted")
        tortie(self.n1, "node", "status")
        check(self.n1.established() == 3, "n1 has three sessions: n2, n3 and BIRD")
        blocks = [block for node in self.lab.nodes for block in (node.block4, node.block6)]

        def table_of_bird():
            out = self.lab.birdc("show", "route")
            return out if all(block in out for block in blocks) else None

        show("tor", "birdc show route",
             wait_until(table_of_bird, f"BIRD has {', '.join(blocks)}", 20), 24)
        check(len(blocks) == 6, "BIRD learnt all three nodes' blocks, IPv4 and IPv6")

    def pings(self):
        """Any pod reaches any pod, and the outside, by address"""
        ways = [(self.a, self.b, "same node"), (self.a, self.c, "across nodes"),
                (self.d, self.a, "across nodes, the other way")]
        for source, target, words in ways:
            answers = [source.ping(target.address(family)).splitlines()[1] for family in (4, 6)]
            show(source.name, f"ping -c 1 {target.ip4}; ping -c 1 {target.ip6}", "\n".join(answers))
            check(all("ttl=6" in line for line in answers),
                  f"{source.name} reaches {target.name} by IPv4 and IPv6 ({words})")
        out = on(self.a, "ping", "-c", 1, f"{harness.OUT4}.2", lines=3)
        check("1 received" in out, "a reaches the host outside")
        out = show("out", f"ping -c 1 {self.c.ip4}", self.lab.outside.ping(self.c.ip4), 3)
        check("1 received" in out, "the host outside reaches c")
        out = show("n1", f"ping -c 1 {self.a.ip4}", self.n1.ping(self.a.ip4), 3)
        check("1 received" in out, "the node reaches its own pod")

    def capture(self):
        """TCP across nodes, seen at the receiver: the source address is untouched"""
        dump = self.c.start(["tcpdump", "-ni", "eth0", "--immediate-mode", "-l", "-c", "4",
                             "tcp port 8080"], self.lab.dir / "tcpdump.log",
                            stdout=open(self.lab.dir / "tcpdump.out", "w"))
        wait_until(lambda: "listening on" in (self.lab.dir / "tcpdump.log").read_text(),
                   "tcpdump listens")
        server = self.c.start([sys.executable, "-c", textwrap.dedent(f"""
            import socket
            listener = socket.create_server(('{self.c.ip4}', 8080)); print('up', flush=True)
            link, peer = listener.accept(); link.sendall(f'you are {{peer[0]}}\\n'.encode())
            """)], self.lab.dir / "server.log", stdout=-1)
        server.stdout.readline()
        answer = self.a.run(sys.executable, "-c", textwrap.dedent(f"""
            import socket
            link = socket.create_connection(('{self.c.ip4}', 8080), timeout=5)
            print(link.makefile().readline().strip(), 'port', link.getsockname()[1])"""))
        show("n1-a", f"nc {self.c.ip4} 8080", answer)
        dump.wait(timeout=10)
        server.wait(timeout=10)
        port = answer.split()[-1]
        seen = (self.lab.dir / "tcpdump.out").read_text()
        show("n2-c", "tcpdump -ni eth0 tcp port 8080", seen)
        check(f"you are {self.a.ip4}" in answer, "the server sees the client's own address")
        check(f"{self.a.ip4}.{port} > {self.c.ip4}.8080" in seen,
              f"on the wire it is {self.a.ip4} port {port}: nothing was translated")

    def traceroute(self):
        """Traceroute: pod, node, node, pod"""
        out = wait_until(lambda: self.hops(4) and self.hops(4), "three hops", 10)
        show("n1-a", f"traceroute -n {self.c.ip4}", out)
        check(self.n1.ip4 in out and self.n2.ip4 in out, "the hops are n1, n2 and the pod")
        out = wait_until(lambda: self.hops(6) and self.hops(6), "three hops", 10)
        show("n1-a", f"traceroute -n {self.c.ip6}", out)
        check(self.n1.ip6 in out and self.n2.ip6 in out, "and the same for IPv6")

    def hops(self, family):
        out = self.a.run("traceroute", f"-{family}", "-n", "-q", "1", "-w", "1", "-m", "5",
                         self.c.address(family))
        return out if len(out.strip().splitlines()) == 4 and "*" not in out else ""

    def maps(self):
        """The BPF maps, readable by anybody's tools"""
        for name, lines in (("endpoint", 16), ("route", 16)):
            pin = sorted(self.n1.bpf_dir.glob(f"**/{name}_v*"))[-1]
            out = show("n1", f"bpftool map dump pinned {pin}",
                       run("bpftool", "map", "dump", "pinned", pin), lines)
            check(len(self.n1.map_dump(name)) >= (4 if name == "endpoint" else 4),
                  f"map {name} holds what the tables hold")
            check(out, f"bpftool reads map {name}")

    def explain(self):
        """Where does a packet go, and why? (tortie explain)"""
        out = tortie(self.n1, "explain", self.a.ip4, f"{self.c.ip4}:80", lines=16)
        check("up0" in out, "to a pod of n2: out of the uplink")
        out = tortie(self.n1, "explain", "default/a", f"{self.b.ip4}:80", lines=16)
        check(self.b.host_ifname in out, "to b: straight to its link")
        tortie(self.n1, "explain", "default/a", f"{self.n1.ip4}:22/tcp", lines=16)
        tortie(self.n1, "explain", "default/a", f"{harness.OUT4}.2:443", lines=16)

    def drops(self):
        """A pod that lies about its address is stopped, and the reason is counted"""
        self.a.ip("addr", "add", "10.244.1.250/32", "dev", "eth0")
        self.a.ping(self.c.ip4, 1, "-I", "10.244.1.250", check=False)
        self.a.ip("addr", "del", "10.244.1.250/32", "dev", "eth0")
        out = tortie(self.n1, "drops")
        check("SOURCE_UNKNOWN" in out or "source address belongs to no pod" in out,
              "the drop is counted with its reason")
        tortie(self.n1, "counters")

    def figures(self):
        """Throughput and latency (small; `make bench` measures properly)"""
        for words, target in (("same node", self.b), ("across nodes", self.c)):
            out = self.a.run("ping", "-q", "-n", "-c", "500", "-i", "0.001", target.ip4)
            times = re.search(r"= ([\d.]+)/([\d.]+)/", out)
            stream = flows.tcp_stream(self.lab, target, target.ip4, self.a, rate=0, seconds=600)
            time.sleep(1.5)  # how long the stream is measured
            counts = stream.stop()
            gbits = sum(c["received"] for c in counts) * 8 / counts[0]["seconds"] / 1e9
            say(f"    {words}: ping min/avg {times.group(1)}/{times.group(2)} ms, "
                f"TCP both ways together {gbits:.1f} Gbit/s, every octet checked")
            flows.assert_stream_whole(counts, words)
            check("500 received" in out, f"{words}: 500 of 500 pings answered, stream whole")

    def kill(self):
        """kill -9 of the agent and the BGP speaker under traffic: not one packet is lost"""
        near = flows.udp_pods(self.lab, self.a, self.b, port=7001)
        far = flows.udp_pods(self.lab, self.a, self.c, port=7002)
        far.wait_more(300)
        self.n1.kill_agent()
        self.n1.stop_bgpd(signal.SIGKILL)
        say("    n1: tortied and tortie-bgpd killed with SIGKILL, 2 x 2,000 packets/s running")
        far.wait_more(300)
        self.n1.start_agent()
        self.n1.start_bgpd()
        far.wait_more(500)
        for name, flow in (("same node", near), ("across nodes", far)):
            counts = flow.stop()
            sent = sum(c["sent"] for c in counts)
            check(flows.lost(counts) == 0, f"{name}: {sent} packets sent, {sent} received")
        out = tortie(self.n1, "get", "workloadendpoint")
        check(self.a.ip4 in out, "the new agent knows the pods")

    def leave(self):
        """Pods go, and `tortie reset` leaves nothing behind"""
        for pod in (self.a, self.b):
            pod.remove()
        wait_until(lambda: not self.n1.cali_links(), "n1: no cali* link is left")
        check(True, "the pods' links are gone")
        show("n1", "tortie reset --yes", self.n1.reset())
        self.n1.agent.wait(timeout=10)
        self.n1.stop_bgpd()
        check(not self.n1.pins(), "no pin is left")
        check("proto 116" not in self.n1.ip("route") and "tortie" not in self.n1.ip("route"),
              "no route of ours is left")
        check(not (self.n1.cni_dir / "10-tortie.conflist").exists(), "the conflist is gone")

    STEPS = [nodes, preflight, pods, addresses, inventory, sessions, pings, capture, traceroute,
             maps, explain, drops, figures, kill]


def walk(lab, keep):
    steps = list(Walk.STEPS) + ([] if keep else [Walk.leave])
    ran, failed, walker, started = 0, [], Walk(lab), time.monotonic()
    for number, step in enumerate(steps, 1):
        say(f"\n{BOLD}[{number}/{len(steps)}] {step.__doc__}{PLAIN}")
        ran += 1
        try:
            step(walker)
        except Exception as error:  # pylint: disable=broad-except
            failed.append(step.__name__)
            detail = str(error) if isinstance(error, (Failed, AssertionError)) \
                else traceback.format_exc()
            say(f"  {RED}FAILED{PLAIN} {step.__name__}: {detail}")
            if step in (Walk.nodes, Walk.pods):
                break
    skipped = len(steps) - ran
    say(f"\ndemo: {ran} ran, {len(failed)} failed{': ' + ', '.join(failed) if failed else ''}, "
        f"{skipped} skipped{' (the step before them failed)' if skipped else ''}, "
        f"{time.monotonic() - started:.0f} s")
    return 1 if failed else 0


def tell_how_to_enter(lab):
    say("\nLeft up (KEEP=1). Enter with:")
    for host in lab.hosts:
        say(f"  ip netns exec {host.netns} bash")
    node = lab.nodes[0]
    say(f"On n1: {node.build}/tortie --run-dir {node.run_dir} node status")
    say("Remove all of it: tests/demo.sh remove")


def remove():
    for directory in harness.BASE.glob(f"{TAG}-*"):
        owner = directory.name.rsplit("-", 1)[1]
        if harness.pid_is_alive(int(owner)):
            continue
        harness.remove_directory(directory)
    harness.remove_leftovers()
    say("demo: removed what was left")


def main():
    if sys.argv[1:] == ["remove"]:
        remove()
        return 0
    keep = os.environ.get("KEEP") == "1"
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    lab = Lab(TAG, keep=keep)
    try:
        status = walk(lab, keep)
    finally:
        if not keep:
            lab.close()
    if keep:
        tell_how_to_enter(lab)
    return status


if __name__ == "__main__":
    sys.exit(main())
