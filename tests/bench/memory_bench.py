# SPDX-License-Identifier: Apache-2.0
"""Memory of a node with 100 pods and 10,000 remote blocks learnt by BGP, and of its maps in the
kernel."""
import json
import os
import subprocess

import paths
import tortie_paths

PODS, BLOCKS = 100, 10000
TABLE_WAIT_S = 60


def status_kib(pid, key):
    with open(f"/proc/{pid}/status", encoding="utf-8") as file:
        return next(int(line.split()[1]) for line in file if line.startswith(key + ":"))


def process_row(pid):
    return {"rss_kib": status_kib(pid, "VmRSS"), "anon_kib": status_kib(pid, "RssAnon")}


def program_pid(process, name):
    """The program's own pid: the test bed starts it through `ip netns exec`, which execs."""
    with open(f"/proc/{process.pid}/comm", encoding="utf-8") as file:
        comm = file.read().strip()
    if comm != name[:15]:
        raise RuntimeError(f"process {process.pid} is {comm}, not {name}")
    return process.pid


def start_route_source(lab, node):
    """A BIRD on the wire that announces BLOCKS /26 out of the pool, its own address as next hop."""
    source = lab.nodes[1]
    folder = lab.dir / "source"
    folder.mkdir()
    routes = "".join(f"  route 10.{64 + n // 1024}.{n // 4 % 256}.{n % 4 * 64}/26 blackhole;\n"
                     for n in range(BLOCKS))
    (folder / "bird.conf").write_text(
        f"log stderr all;\nrouter id {source.ip4};\nprotocol device {{}}\n"
        f"protocol static {{ ipv4; \n{routes}}}\n"
        f"protocol bgp {{ local {source.ip4} as 64512; neighbor {node.ip4} as 64512; "
        "connect delay time 1; connect retry time 1;\n"
        "  ipv4 { import none; export all; next hop self; }; }\n")
    return source.start(["bird", "-f", "-c", folder / "bird.conf", "-s", folder / "bird.ctl",
                         "-P", folder / "bird.pid"], folder / "bird.log")


def map_octets(node):
    """Kernel memory of the pinned maps, as the kernel charges it."""
    total = 0
    for pin in node.bpf_dir.glob("**/*"):
        done = subprocess.run(["bpftool", "-j", "map", "show", "pinned", str(pin)],
                              capture_output=True, text=True)
        if done.returncode == 0 and "bytes_memlock" in done.stdout:
            total += int(json.loads(done.stdout)["bytes_memlock"])
    return total


def measure():
    lab = tortie_paths.WireLab("benchmem")
    try:
        for number in (1, 2):
            lab.add_node(number)
        node = lab.nodes[0]
        node.config["pools"][0].update(cidr="10.0.0.0/8", blocks=["10.244.1.0/24"])
        node.config["bgp"] = {"as": 64512, "mesh": [lab.nodes[0].ip4, lab.nodes[1].ip4]}
        node.start_agent()
        idle = process_row(program_pid(node.agent, "tortied"))
        node.start_bgpd()
        for number in range(PODS):
            node.add_pod(f"p{number}")
        start_route_source(lab, node)
        tortie_paths.harness.wait_until(
            lambda: len(node.ip("route", "show", "proto", "116").splitlines()) >= BLOCKS,
            f"{BLOCKS} routes in the kernel", TABLE_WAIT_S)
        agent = process_row(program_pid(node.agent, "tortied"))
        speaker = process_row(program_pid(node.bgpd, "tortie-bgpd"))
        with open("/sys/devices/system/cpu/possible", encoding="utf-8") as file:
            possible = int(file.read().strip().rsplit("-", maxsplit=1)[-1]) + 1
        return {"tortied": agent, "tortie-bgpd": speaker, "tortied_idle": idle,
                "both_rss_kib": agent["rss_kib"] + speaker["rss_kib"],
                "map_octets": map_octets(node), "possible_cpus": possible}
    finally:
        lab.close()


if __name__ == "__main__":
    os.chdir(paths.__file__.rsplit("/", 3)[0])
    print(json.dumps(measure(), indent=1))
