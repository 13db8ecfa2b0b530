# SPDX-License-Identifier: Apache-2.0
"""What the agent asks of the kernel does not grow with the number of pods: counted, not timed.

    FEW and then MANY pods -- n1, its agent under strace for some more ADDs, and for a while without
"""
import re
import signal
from contextlib import contextmanager

from harness import wait_until

FEW, MANY, TRACED = 2, 120, 5
# The watch over hooks asks for links' filters by itself: not for an ADD.
OF_THE_WATCH = re.compile(r"RTM_GETTFILTER|0x2e\b")


@contextmanager
def traced(node, name, calls):
    """The agent's calls of these names, as a file that grows while the block runs."""
    trace, log = node.dir / f"{name}.strace", node.dir / f"{name}.strace-log"
    strace = node.start(["strace", "-f", "-e", f"trace={calls}", "-o", trace, "-p",
                         node.agent.pid], log)
    wait_until(lambda: "attached" in log.read_text(), "strace attached")
    try:
        yield trace
    finally:
        strace.send_signal(signal.SIGINT)
        strace.wait(timeout=10)


def have_pods(node, count):
    for number in range(len(node.pods), count):
        node.add_pod(f"a{number}")


def asked_by_an_add(node, name):
    """Datagrams to the kernel in the shortest of some ADDs. Each ADD is a connection: what lies
    between two belongs to the first."""
    with traced(node, name, "accept4,sendto") as trace:
        for number in range(TRACED + 1):
            node.add_pod(f"{name}{number}")
    adds = re.split(r"accept4\(.*\) = \d+", trace.read_text())[1:-1]
    assert len(adds) >= TRACED
    return min(sum("sendto(" in line and not OF_THE_WATCH.search(line)
                   for line in add.splitlines()) for add in adds)


def test_an_add_asks_as_much_of_the_kernel_with_many_pods_as_with_few(node):
    have_pods(node, FEW)
    few = asked_by_an_add(node, "few")
    assert 0 < few <= 6, "link, its index, pod's side, hooks, host's side, pod's link"
    have_pods(node, MANY)
    assert asked_by_an_add(node, "many") == few


def test_a_quiet_second_reads_the_filters_of_a_share_of_the_pods(node):
    """A round asks each link twice for tcx programs. Rounds after lost notifications, and one a
    minute, read everything: some round that does not is waited for."""
    have_pods(node, MANY)
    a_round = 2 * len(node.pods)

    def fewest_filters_of_a_round(trace):
        calls = [line for line in trace.read_text().splitlines()
                 if "BPF_PROG_QUERY" in line or OF_THE_WATCH.search(line)]
        queries = [at for at, line in enumerate(calls) if "BPF_PROG_QUERY" in line]
        return min((queries[at + a_round] - queries[at] - a_round
                    for at in range(len(queries) - a_round)), default=a_round)
    with traced(node, "quiet", "sendto,bpf") as trace:
        wait_until(lambda: fewest_filters_of_a_round(trace) < len(node.pods) / 2,
                   "a round that reads few links' filters", 15)
