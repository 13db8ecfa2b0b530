# SPDX-License-Identifier: Apache-2.0
"""An address that gets another owner: followed at once, although the data plane remembers what it
decided for the last packets.

    a, p or q -- n1 -- lan -- n2 -- c            n1's block has room for two pods
"""
import pytest

import packets
from harness import Failed, Lab, wait_until

ROUNDS = 10
PACKETS = 40


class Small:
    def __init__(self, lab):
        self.lab = lab
        self.n1, self.n2 = lab.add_node(1), lab.add_node(2)
        for node, third in ((self.n1, 1), (self.n2, 2)):
            node.block4, node.block6 = f"10.244.{third}.8/31", f"fd00:244:0:{third}::8/127"
            node.config["pools"][0]["blocks"] = [node.block4]
            node.config["pools"][1]["blocks"] = [node.block6]
        lab.configure_routes()
        lab.start_all(bgp=False)
        self.a = self.n1.add_pod("a")
        self.c = self.n2.add_pod("c")
        wait_until(lambda: self.a.reaches(self.c.ip4) and self.a.reaches(self.c.ip6), "a reaches c")


@pytest.fixture(scope="module")
def small():
    with Lab("small") as lab:
        yield Small(lab)


def send(tap, source, target, family, marker):
    for _ in range(PACKETS):
        tap.send(packets.udp(family, source, target, marker))


def arrived(tap, marker, count):
    seen = []
    try:
        wait_until(lambda: seen.extend(d for out, d in tap.waiting() if marker in d and not out) or
                   len(seen) >= count, "packets arrive", 2)
    except Failed:
        pass
    return len(seen)


@pytest.mark.parametrize("across", [False, True], ids=["same-node", "across"])
def test_a_reused_address_leads_to_its_new_owner_at_once(small, family, across):
    sender = small.c if across else small.a
    previous = None
    with packets.Tap(sender) as out:
        for number in range(ROUNDS):
            pod = small.n1.add_pod(f"owner{number}")
            address, marker = pod.address(family), f"for owner {number};".encode()
            with packets.Tap(pod) as seen:
                send(out, sender, address, family, marker)
                assert arrived(seen, marker, PACKETS) == PACKETS, number
            pod.remove()
            send(out, sender, address, family, b"for nobody")
            assert previous in (None, address), "the block has no other"
            previous = address


def test_a_pod_that_takes_over_an_address_may_send_from_it(small, family):
    """The source check belongs to the new link at once, and the answer finds it."""
    for number in range(ROUNDS):
        pod = small.n1.add_pod(f"talker{number}")
        assert "1 received" in pod.ping(small.a.address(family))
        assert "1 received" in pod.ping(small.c.address(family))
        pod.remove()


def test_a_full_block_says_so_and_harms_nobody(small):
    pod = small.n1.add_pod("last")
    with pytest.raises(Failed) as error:
        small.n1.add_pod("one-too-many")
    assert "default-ipv4" in str(error.value)
    assert small.a.reaches(pod.ip4) and small.c.reaches(pod.ip6)
    pod.remove()
