# SPDX-License-Identifier: Apache-2.0
"""What an ADD asks of the kernel does not grow with the number of pods: counted, not timed.

    FEW and then MANY pods -- n1, its agent under strace for some more ADDs
"""
import re
import signal

from harness import wait_until

FEW, MANY, TRACED = 2, 120, 5
# The watch over hooks asks for every link's filters once a second: not for an ADD.
OF_THE_WATCH = r"RTM_GETTFILTER|0x2e\b"


def asked_by_an_add(node, name):
    """Datagrams to the kernel and answers read in the shortest of some ADDs. Each ADD is a
    connection: what lies between two belongs to the first."""
    trace = node.dir / f"{name}.strace"
    strace = node.start(["strace", "-f", "-e", "trace=accept4,sendto", "-o", trace, "-p",
                         node.agent.pid], node.dir / "strace.log")
    wait_until(lambda: "attached" in (node.dir / "strace.log").read_text(), "strace attached")
    for number in range(TRACED + 1):
        node.add_pod(f"{name}{number}")
    strace.send_signal(signal.SIGINT)
    strace.wait(timeout=10)
    (node.dir / "strace.log").unlink()
    adds = re.split(r"accept4\(.*\) = \d+", trace.read_text())[1:-1]
    assert len(adds) >= TRACED
    return min(sum("sendto(" in line and not re.search(OF_THE_WATCH, line)
                   for line in add.splitlines()) for add in adds)


def test_an_add_asks_as_much_of_the_kernel_with_many_pods_as_with_few(node):
    for number in range(FEW):
        node.add_pod(f"a{number}")
    few = asked_by_an_add(node, "few")
    assert 0 < few <= 6, "link, its index, pod's side, hooks, host's side"
    for number in range(len(node.pods), MANY):
        node.add_pod(f"b{number}")
    assert asked_by_an_add(node, "many") == few
