# SPDX-License-Identifier: Apache-2.0
"""The rules that kube-proxy writes on a node, by hand, in the shape of v1.34's two modes.

Both translate in PREROUTING and OUTPUT, mark what must be masqueraded with 0x4000 and do so in
POSTROUTING. The iptables mode also drops what conntrack calls INVALID in FORWARD; its nftables mode
does not. A table of ours, `inet probe`, counts INVALID packets before anybody drops them.
"""
import re
from dataclasses import dataclass, field

from harness import POOL4, POOL6

MARK = "0x4000"


@dataclass
class Service:
    name: str
    number: int                 # of its ClusterIP: 10.96.0.N and fd96::N
    backends: list              # hosts with address(family)
    port: int = 80
    target: int = 8080
    node_port: int = 0
    is_local: bool = False      # externalTrafficPolicy: Local
    has_affinity: bool = False
    external: bool = False      # has the external address 203.0.113.N and 2001:db8:113::N
    protocols: tuple = field(default=("tcp", "udp"))

    def address(self, family):
        return f"10.96.0.{self.number}" if family == 4 else f"fd96::{self.number:x}"

    def external_address(self, family):
        return f"203.0.113.{self.number}" if family == 4 else f"2001:db8:113::{self.number:x}"

    def chain(self, kind, protocol, index=""):
        return f"KUBE-{kind}-{self.name.upper()}-{protocol.upper()}{index}"


def pool(family):
    return POOL4 if family == 4 else POOL6


def bracket(address, family):
    return address if family == 4 else f"[{address}]"


# --- iptables mode ---

def service_rules(service, protocol, family):
    """KUBE-SVC-, KUBE-SEP-, KUBE-EXT- and KUBE-SVL- chains of one port: (chains, rules)."""
    svc = service.chain("SVC", protocol)
    match = f"-p {protocol} -m {protocol} --dport {service.port}"
    address = service.address(family)
    chains = [svc]
    rules = [f"-A KUBE-SERVICES -d {address} {match} -j {svc}",
             f"-A {svc} ! -s {pool(family)} -d {address} {match} -j KUBE-MARK-MASQ"]
    if service.external:  # masqueraded, whoever asks
        ext = service.chain("EXT", protocol)
        chains.append(ext)
        rules += [f"-A {ext} -j KUBE-MARK-MASQ", f"-A {ext} -j {svc}",
                  f"-A KUBE-SERVICES -d {service.external_address(family)} {match} -j {ext}"]
    seps = [service.chain("SEP", protocol, f"-{i}") for i in range(len(service.backends))]
    if service.has_affinity:
        for sep in seps:
            rules.append(f"-A {svc} -m recent --name {sep} --rcheck --seconds 10800 --reap "
                         f"--rsource -j {sep}")
    for i, (sep, backend) in enumerate(zip(seps, service.backends)):
        left = len(seps) - i
        chance = f"-m statistic --mode random --probability {1 / left:.5f} " if left > 1 else ""
        address = backend.address(family)
        note = f"-m recent --name {sep} --set --rsource " if service.has_affinity else ""
        chains.append(sep)
        rules.append(f"-A {svc} {chance}-j {sep}")
        rules.append(f"-A {sep} -s {address} -j KUBE-MARK-MASQ")
        rules.append(f"-A {sep} -p {protocol} {note}-m {protocol} -j DNAT --to-destination "
                     f"{bracket(address, family)}:{service.target}")
    return chains, rules, svc


def node_port_rules(service, protocol, family, node, svc):
    ext = service.chain("EXT", protocol)
    chains, rules = [ext], []
    rules.append(f"-A KUBE-NODEPORTS -p {protocol} -m {protocol} --dport {service.node_port} "
                 f"-j {ext}")
    if not service.is_local:
        return chains, rules + [f"-A {ext} -j KUBE-MARK-MASQ", f"-A {ext} -j {svc}"]
    svl = service.chain("SVL", protocol)
    chains.append(svl)
    rules.append(f"-A {ext} -s {pool(family)} -j {svc}")
    rules.append(f"-A {ext} -m addrtype --src-type LOCAL -j KUBE-MARK-MASQ")
    rules.append(f"-A {ext} -m addrtype --src-type LOCAL -j {svc}")
    rules.append(f"-A {ext} -j {svl}")
    for i, backend in enumerate(service.backends):
        if backend.node is node:
            rules.append(f"-A {svl} -j {service.chain('SEP', protocol, f'-{i}')}")
    return chains, rules


def iptables_rules(node, services, family):
    chains = ["KUBE-SERVICES", "KUBE-NODEPORTS", "KUBE-POSTROUTING", "KUBE-MARK-MASQ"]
    rules = [
        "-A PREROUTING -j KUBE-SERVICES", "-A OUTPUT -j KUBE-SERVICES",
        "-A POSTROUTING -j KUBE-POSTROUTING",
        f"-A KUBE-MARK-MASQ -j MARK --or-mark {MARK}",
        f"-A KUBE-POSTROUTING -m mark ! --mark {MARK}/{MARK} -j RETURN",
        f"-A KUBE-POSTROUTING -j MARK --xor-mark {MARK}",
        "-A KUBE-POSTROUTING -j MASQUERADE --random-fully",
    ]
    for service in services:
        for protocol in service.protocols:
            more, new, svc = service_rules(service, protocol, family)
            chains += more
            rules += new
            if service.node_port:
                more, new = node_port_rules(service, protocol, family, node, svc)
                chains += more
                rules += new
    rules.append("-A KUBE-SERVICES -m addrtype --dst-type LOCAL -j KUBE-NODEPORTS")
    return ("*nat\n" + "".join(f":{chain} - [0:0]\n" for chain in dict.fromkeys(chains)) +
            "\n".join(rules) + "\nCOMMIT\n*filter\n:KUBE-FORWARD - [0:0]\n"
            "-A FORWARD -j KUBE-FORWARD\n"
            "-A KUBE-FORWARD -m conntrack --ctstate INVALID -j DROP\n"
            f"-A KUBE-FORWARD -m mark --mark {MARK}/{MARK} -j ACCEPT\n"
            "-A KUBE-FORWARD -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT\nCOMMIT\n")


# --- nftables mode ---

def nft_service(service, protocol, family, node):
    ip = "ip" if family == 4 else "ip6"
    name = f"{service.name}-{protocol}"
    lines, places, ports = [], [], []
    for i, backend in enumerate(service.backends):
        address = backend.address(family)
        remember = f"update @affinity-{name}-{i} {{ {ip} saddr }}" if service.has_affinity else ""
        lines.append(f"chain endpoint-{name}-{i} {{\n"
                     f"  {ip} saddr {address} jump mark-for-masquerade\n  {remember}\n"
                     f"  meta l4proto {protocol} dnat to "
                     f"{bracket(address, family)}:{service.target}\n}}")
        if service.has_affinity:
            lines.insert(0, f"set affinity-{name}-{i} {{ type {'ipv4' if family == 4 else 'ipv6'}"
                            "_addr; flags dynamic,timeout; timeout 3h; }")
    ends = ", ".join(f"{i} : goto endpoint-{name}-{i}" for i in range(len(service.backends)))
    known = "".join(f"  {ip} saddr @affinity-{name}-{i} goto endpoint-{name}-{i}\n"
                    for i in range(len(service.backends))) if service.has_affinity else ""
    lines.append(f"chain service-{name} {{\n"
                 f"  {ip} daddr {service.address(family)} {protocol} dport {service.port} "
                 f"{ip} saddr != {pool(family)} jump mark-for-masquerade\n{known}"
                 f"  numgen random mod {len(service.backends)} vmap {{ {ends} }}\n}}")
    places.append(f"{service.address(family)} . {protocol} . {service.port} : "
                  f"goto service-{name}")
    if service.external or (service.node_port and not service.is_local):
        lines.append(f"chain external-{name} {{\n  jump mark-for-masquerade\n"
                     f"  goto service-{name}\n}}")
    if service.external:
        places.append(f"{service.external_address(family)} . {protocol} . {service.port} : "
                      f"goto external-{name}")
    if service.node_port and service.is_local:
        mine = [i for i, backend in enumerate(service.backends) if backend.node is node]
        local = "".join(f"  goto endpoint-{name}-{i}\n" for i in mine)
        lines.append(f"chain external-{name} {{\n  {ip} saddr {pool(family)} goto service-{name}\n"
                     "  fib saddr type local jump mark-for-masquerade\n"
                     f"  fib saddr type local goto service-{name}\n{local}}}")
    if service.node_port:
        ports.append(f"{protocol} . {service.node_port} : goto external-{name}")
    return lines, places, ports


def nft_rules(node, services, family):
    ip = "ip" if family == 4 else "ip6"
    lines, places, ports = [], [], []
    for service in services:
        for protocol in service.protocols:
            for old, new in zip((lines, places, ports),
                                nft_service(service, protocol, family, node)):
                old += new
    chains = "\n".join(lines)
    ip_type = "ipv4" if family == 4 else "ipv6"
    return f"""table {ip} kube-proxy {{
map service-ips {{ type {ip_type}_addr . inet_proto . inet_service : verdict
  elements = {{ {', '.join(places)} }} }}
map service-nodeports {{ type inet_proto . inet_service : verdict
  elements = {{ {', '.join(ports)} }} }}
chain mark-for-masquerade {{ meta mark set meta mark | {MARK}
}}
{chains}
chain services {{
  {ip} daddr . meta l4proto . th dport vmap @service-ips
  {ip} daddr {node.address(family)} meta l4proto . th dport vmap @service-nodeports
}}
chain nat-prerouting {{ type nat hook prerouting priority dstnat; jump services
}}
chain nat-output {{ type nat hook output priority -100; jump services
}}
chain nat-postrouting {{ type nat hook postrouting priority srcnat
  meta mark & {MARK} == 0 return
  meta mark set meta mark ^ {MARK}
  masquerade fully-random
}}
}}
"""


def write(node, services, mode):
    """All rules of a node, in one of the two modes, and the table that counts INVALID packets."""
    for family in (4, 6):
        if mode == "iptables":
            node.run("iptables-restore" if family == 4 else "ip6tables-restore", "--noflush",
                     stdin=iptables_rules(node, services, family))
        else:
            node.run("nft", "-f", "-", stdin=nft_rules(node, services, family))
    node.run("nft", "-f", "-", stdin="table inet probe {\n chain forward {\n"
             "  type filter hook forward priority -10; policy accept;\n"
             "  ct state invalid counter log prefix \"tortie-invalid \"\n }\n}\n")


def invalid_packets(node):
    text = node.run("nft", "list", "table", "inet", "probe")
    return int(re.search(r"counter packets (\d+)", text).group(1))
