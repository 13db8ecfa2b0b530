# SPDX-License-Identifier: Apache-2.0
"""Who connects to a listening socket before it has its MD5 keys and keeps SYNs (RFC 2385, 5082).

    t1 (tortie-bgpd, 10.99.0.1) ---- LAN ---- s2, s3, s4 (the test): a peer with a password, one
                                              with ttl_security, one with neither
"""
import socket

from bgp_lab import BgpLab, FakeAgent, Member
from bgp_wire import OPEN
from harness import inside


class EarlyAgent(FakeAgent):
    """Before tortie-bgpd gets the socket all members have connected to it."""

    def __init__(self, members, *arguments):
        self.members, self.early, self.is_asked = members, {}, False
        super().__init__(*arguments)

    def listen(self, number, address, port):
        self.is_asked = True
        super().listen(number, address, port)

    def send(self, kind, number, body=b"", fds=()):
        if self.is_asked and not self.early:
            for member in self.members:
                with inside(member.netns):
                    self.early[member] = socket.create_connection(("10.99.0.1", 179), 10)
        super().send(kind, number, body, fds)


def test_a_connection_older_than_its_keys_is_closed(tmp_path):
    secret = tmp_path / "secret"
    secret.write_text("a word between routers\n")
    with BgpLab("early") as lab:
        members = [Member(lab, f"s{number}", number) for number in (2, 3, 4)]
        peers = [{"address": member.ip4, "as": 64999, "passive": True} for member in members]
        peers[0]["password_file"] = str(secret)
        peers[1]["ttl_security"] = 1
        node = lab.speaker(1, 64512, peers=peers, listen=["10.99.0.1"])
        agent = EarlyAgent(members, node, str(node.dir / "run"))
        node.start("--run-dir", node.dir / "run")
        node.wait_log("connection is now")
        heard = []
        for member in members:
            try:
                heard.append(agent.early[member].recv(19)[18:19])
            except ConnectionResetError:
                heard.append(b"")
            agent.early[member].close()
        agent.stop()
    assert heard == [b"", b"", bytes([OPEN])]
