# SPDX-License-Identifier: Apache-2.0
"""The other end of tortie-kubed's socket, to see exactly what it says, and to refuse it.

What tortied does with it is tested with tortied itself (tests/net, tests/kube); this end has no
opinion. Numbers and layouts are those of include/agent_protocol.h.
"""
import array
import errno
import os
import queue
import socket
import struct
import threading

HEADER = struct.Struct("=IIII")
HELLO, HELLO_REPLY, ERROR, END = 1, 2, 3, 4
CLUSTER_BEGIN, CLUSTER_NOTICE, CLUSTER_OBJECT, CLUSTER_COMMIT = 48, 49, 50, 51
GET_STATUS, STATUS = 64, 65
GET_PEERS, PEER = 76, 77
STATUS_BODY = struct.Struct("=10I4Q4I4Q254s512s64s2x")
HELLO_REPLY_BODY = struct.Struct("=II64s64s254s2x")
ROLE_KUBED = 3
DEADLINE = 20.0


def text(octets):
    return octets.split(b"\0", 1)[0].decode()


class Transaction:
    def __init__(self):
        self.notices = []
        self.objects = {}
        self.policies = None
        self.document = None
        self.why_none = ""


class AgentSocket:
    """Listens; each finished transaction goes into a queue."""

    def __init__(self, path):
        self.path = str(path)
        self.is_ready = self.has_bgp_counts = True
        self.refusal, self.refusal_errno = None, errno.EINVAL
        self.connections = 0
        self.transactions = queue.Queue()
        self.stop = threading.Event()
        self.current = None
        self.listener = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.listener.bind(self.path)
        self.listener.listen()
        self.listener.settimeout(0.1)
        self.thread = threading.Thread(target=self.serve)
        self.thread.start()

    def serve(self):
        while not self.stop.is_set():
            try:
                self.current, _ = self.listener.accept()
            except TimeoutError:
                continue
            self.connections += 1
            with self.current:
                self.current.settimeout(0.1)
                try:
                    self.talk(self.current)
                except (BrokenPipeError, ConnectionResetError):
                    pass

    def talk(self, peer):
        transaction = None
        while not self.stop.is_set():
            try:
                data, ancillary, _, _ = peer.recvmsg(140000, socket.CMSG_SPACE(4))
            except TimeoutError:
                continue
            except OSError:
                return
            if not data:
                return
            kind, length, number, _ = HEADER.unpack_from(data)
            assert length == len(data)
            body = data[HEADER.size:]
            if kind == CLUSTER_BEGIN:
                transaction = Transaction()
            elif kind == CLUSTER_NOTICE:
                transaction.notices.append(text(body[8:]))
            elif kind == CLUSTER_OBJECT:
                size, = struct.unpack_from("=I", body, 64 + 254 + 2)
                assert len(body) - size == 64 + 254 + 2 + 8
                transaction.objects[text(body[:64]), text(body[64:])] = body[-size:].decode()
            elif kind == CLUSTER_COMMIT:
                self.commit(peer, transaction, body, ancillary, number)
            else:
                self.answer(peer, kind, body, number)

    def commit(self, peer, transaction, body, ancillary, number):
        transaction.policies, = struct.unpack_from("=I", body)
        transaction.why_none = text(body[8:])
        if ancillary:
            self.take_document(transaction, ancillary)
        if self.refusal:
            self.send(peer, ERROR, number, struct.pack(
                "=iI512s", self.refusal_errno, 0, self.refusal.encode()))
        else:
            self.send(peer, END, number)
        self.transactions.put(transaction)

    @staticmethod
    def take_document(transaction, ancillary):
        fds = array.array("i")
        fds.frombytes(ancillary[0][2][:4])
        transaction.document = os.pread(fds[0], 1 << 24, 0).decode()
        try:
            os.pwrite(fds[0], b"x", 0)
            raise AssertionError("the document can be changed")
        except PermissionError:
            os.close(fds[0])

    def answer(self, peer, kind, body, number):
        if kind == HELLO:
            version, role = struct.unpack_from("=II", body)
            assert role == ROLE_KUBED
            self.send(peer, HELLO_REPLY, number,
                      HELLO_REPLY_BODY.pack(version, 1, b"test", b"", b"n1"))
            return
        if kind == GET_STATUS:
            self.send(peer, STATUS, number, STATUS_BODY.pack(
                int(self.is_ready), 3, 0, 0, 0, 1, 1500, 0, 0, 1, 5, 6, 7, 100, 3, 0,
                int(self.has_bgp_counts), 0, 11, 12, 13, 14, b"n1", b"", b""))
        if kind == GET_PEERS:  # struct msg_peer, with BFD up that fell nine times
            self.send(peer, PEER, number, struct.pack("=16s16sIIIIqIIIIII128sII", bytes(16),
                                                      bytes(16), 64512, 1, 6, 179, 0, 1, 2, 3, 4,
                                                      90, 0, b"", 4, 9))
        self.send(peer, END, number)

    @staticmethod
    def send(peer, kind, number, body=b""):
        peer.send(HEADER.pack(kind, HEADER.size + len(body), number, 0) + body)

    def next(self, what=lambda transaction: True):
        while True:
            transaction = self.transactions.get(timeout=DEADLINE)
            if what(transaction):
                return transaction

    def hang_up(self):
        self.current.shutdown(socket.SHUT_RDWR)

    def close(self):
        self.stop.set()
        self.thread.join()
        self.listener.close()
        os.unlink(self.path)
