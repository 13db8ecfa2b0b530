# SPDX-License-Identifier: Apache-2.0
"""What runs in the pods of `tortie connectivity test`: the server and the prober, here in one
network namespace with a loopback link."""
import os
import signal
import socket
import subprocess
from pathlib import Path

import pytest
from pyroute2 import NetNS
from pyroute2.netns import popns, pushns

ROOT = Path(__file__).resolve().parents[2]
TORTIE = Path(os.environ.get("TORTIE_BUILD", ROOT / "build")) / "tortie"
PORT = 8080
NAME = socket.gethostname()


class Pod:
    def __init__(self):
        self.netns = f"ttconn-{os.getpid()}"
        NetNS(self.netns).close()
        self.run("ip", "link", "set", "lo", "up")
        self.server = subprocess.Popen(
            ["ip", "netns", "exec", self.netns, TORTIE, "connectivity", "serve"],
            stdout=subprocess.PIPE, text=True)
        assert self.server.stdout.readline() == f"serving on port {PORT}, TCP and UDP\n"

    def run(self, *argv, check=True):
        return subprocess.run(["ip", "netns", "exec", self.netns, *argv], capture_output=True,
                              text=True, timeout=60, check=check)

    def probe(self, *targets, seconds=1):
        """Result lines as lists of words, by check and host."""
        done = self.run(TORTIE, "connectivity", "probe", "--timeout", str(seconds), *targets,
                        check=False)
        assert done.stderr == ""
        lines = [line.split(" ", 6) for line in done.stdout.splitlines()]
        assert len(lines) == len(targets) and all(line[0] == "tortie-result" for line in lines)
        assert (done.returncode == 0) == all(line[4] == "ok" for line in lines)
        return {(line[1], line[3]): (line[4], line[6]) for line in lines}

    def socket(self, family=socket.AF_INET, kind=socket.SOCK_STREAM):
        pushns(self.netns)
        try:
            made = socket.socket(family, kind)
        finally:
            popns()
        made.settimeout(10)
        return made

    def ask(self, data, address="127.0.0.1"):
        """All that the server answers by TCP until it closes."""
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        with self.socket(family) as client:
            client.connect((address, PORT))
            client.sendall(data)
            own = client.getsockname()
            answer = b""
            try:
                while piece := client.recv(65536):
                    answer += piece
            except ConnectionResetError:
                pass
        return answer, own


@pytest.fixture
def pod():
    made = Pod()
    try:
        yield made
    finally:
        made.server.send_signal(signal.SIGTERM)
        status = made.server.wait(timeout=10)
        subprocess.run(["ip", "netns", "del", made.netns], check=True)
    assert status == 0, "as process 1 of a container it must end by SIGTERM"


@pytest.mark.parametrize("address", ["127.0.0.1", "::1"])
def test_the_server_says_who_it_is_and_who_asks(pod, address):
    answer, own = pod.ask(b"whoami\n", address)
    assert answer.decode() == f"{NAME} {address} {own[1]}\n"
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with pod.socket(family, socket.SOCK_DGRAM) as client:
        client.connect((address, PORT))
        client.send(b"whoami\n")
        assert client.recv(1000).decode() == f"{NAME} {address} {client.getsockname()[1]}\n"
        client.send(b"echo\n" + b"x" * 1400)
        assert client.recv(65536) == b"echo\n" + b"x" * 1400


def test_the_server_answers_the_kubelets_probe(pod):
    answer, _ = pod.ask(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
    assert answer.startswith(b"HTTP/1.1 200 OK\r\n") and answer.endswith(b"\r\n\r\nok\n")


@pytest.mark.parametrize("data", [b"nonsense\n", b"\0" * 5000, b"whoami\nwhoami\n", b"\n"])
def test_nonsense_is_not_answered(pod, data):
    assert pod.ask(data)[0] == b""
    assert pod.ask(b"whoami\n")[0].startswith(NAME.encode()), "and harms nobody"


def test_more_connections_than_places_do_not_end_the_server(pod):
    silent = []
    for _ in range(200):
        client = pod.socket()
        client.connect(("127.0.0.1", PORT))
        silent.append(client)
    for client in silent:
        client.close()
    assert pod.ask(b"whoami\n")[0].startswith(NAME.encode())


def test_every_check_passes_where_all_is_well(pod):
    hosts = ["127.0.0.1", "::1"]
    targets = [f"{check},n1,{host},{PORT},{NAME}" for host in hosts for check in
               ("pod-tcp", "pod-udp", "large-tcp", "large-udp", "service-tcp", "service-udp")]
    targets += [f"headless,all,{host},{PORT},1" for host in hosts]
    targets += [f"service-name,n1,localhost,{PORT},{NAME}"]
    results = pod.probe(*targets, seconds=5)
    assert all(state == "ok" for state, _ in results.values()), results
    assert "in one packet of 65536" in results["large-udp", "::1"][1]  # lo's MTU


def test_refused_by_a_node_is_reached(pod):
    assert pod.probe("node,n1,127.0.0.1,10250,-")["node", "127.0.0.1"][0] == "ok"


def test_each_failure_says_what_was_wrong(pod):
    rows = {
        f"pod-tcp,n1,127.0.0.1,{PORT},another": f"{NAME} answered in place of another",
        "pod-tcp,n1,127.0.0.2,8081,-": "connect: Connection refused",
        "pod-udp,n1,127.0.0.3,8081,-": "no answer: Connection refused",
        "outside,x,192.0.2.1,80,-": "connect: Network is unreachable",
        f"headless,all,127.0.0.4,{PORT},2": "1 addresses, 2 pods'",
        f"service-name,n1,nobody.invalid,{PORT},-": "name is not found",
    }
    results = pod.probe(*rows)
    for target, words in rows.items():
        check, _, host, *_ = target.split(",")
        state, text = results[check, host]
        assert state == "failed" and words in text, (target, text)


def test_an_address_that_is_changed_on_the_way_is_a_failure(pod):
    pod.run("nft", "table ip nat { chain out { type nat hook postrouting priority 100; "
            f"meta l4proto {{ tcp, udp }} th dport {PORT} snat to 127.0.0.9; }}; }}")
    for check in ("pod-tcp", "pod-udp"):
        state, text = pod.probe(f"{check},n1,127.0.0.1,{PORT},{NAME}")[check, "127.0.0.1"]
        assert state == "failed" and "changed on the way" in text and "127.0.0.9" in text
    assert pod.probe(f"service-tcp,n1,127.0.0.1,{PORT},{NAME}")["service-tcp", "127.0.0.1"][0] == \
        "ok", "a Service may"


def test_packets_that_are_too_large_on_the_way_are_a_failure(pod):
    pod.run("nft", "table inet small { chain in { type filter hook input priority 0; "
            f"udp dport {PORT} meta length > 1400 drop; }}; }}")
    results = pod.probe(f"large-udp,n1,127.0.0.1,{PORT},-", f"pod-udp,n1,127.0.0.1,{PORT},{NAME}")
    state, text = results["large-udp", "127.0.0.1"]
    assert state == "failed" and "did not come back" in text
    assert results["pod-udp", "127.0.0.1"][0] == "ok"
