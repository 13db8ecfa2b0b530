# SPDX-License-Identifier: Apache-2.0
"""A stand-in for tortie-kubed on the agent's socket: says exactly what a test wants said of a
cluster, as include/agent_protocol.h has it."""
import fcntl
import os
import struct

import yaml

from speaker import ROLE_BGPD, Refused, Speaker  # noqa: F401

ROLE_KUBED = 3
BGP_CONFIG = 40
BEGIN, NOTICE, OBJECT, COMMIT = range(48, 52)
GET_OBJECTS = 64 + 20
END = 4
STATUS_WARNING = 2
F_ADD_SEALS, SEAL_SEAL, SEAL_SHRINK, SEAL_GROW, SEAL_WRITE = 1033, 1, 2, 4, 8
ALL_SEALS = SEAL_SEAL | SEAL_SHRINK | SEAL_GROW | SEAL_WRITE


class PlainDumper(yaml.SafeDumper):
    """Without anchors and aliases, which a configuration may not have."""

    def ignore_aliases(self, data):
        return True


def yaml_text(document):
    return yaml.dump(document, Dumper=PlainDumper, sort_keys=False)


def memfd(text, seals=ALL_SEALS):
    fd = os.memfd_create("document", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
    os.write(fd, text.encode())
    fcntl.fcntl(fd, F_ADD_SEALS, seals)
    return fd


class Watcher(Speaker):
    def __init__(self, node):
        super().__init__(node, ROLE_KUBED)
        self.number = 100

    def begin(self):
        self.send(BEGIN)

    def notice(self, text, level=STATUS_WARNING):
        self.send(NOTICE, struct.pack("=II512s", level, 0, text.encode()))

    def object(self, kind, name, json):
        self.send(OBJECT, struct.pack("=64s254s2xII", kind.encode(), name.encode(), len(json), 0) +
                  json.encode())

    def send_commit(self, document, policies=0, seals=ALL_SEALS):
        """The number of the request whose answer is waited for by answer()."""
        text = document if isinstance(document, str) else yaml_text(document)
        fd = memfd(text, seals)
        self.number += 1
        try:
            self.send_fd(COMMIT, struct.pack("=II512s", policies, 0, b""), self.number, fd)
        finally:
            os.close(fd)

    def commit_none(self, why, notices=()):
        """One transaction without a document."""
        self.begin()
        for text in notices:
            self.notice(text)
        self.number += 1
        self.send(COMMIT, struct.pack("=II512s", 0, 0, why.encode()), self.number)
        self.answer()

    def answer(self):
        assert self.receive()[0] == END

    def commit(self, document, policies=0, notices=(), seals=ALL_SEALS):
        """One transaction; Refused with the agent's words when it is not taken."""
        self.begin()
        for text in notices:
            self.notice(text)
        self.send_commit(document, policies, seals)
        self.answer()
