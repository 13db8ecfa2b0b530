#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Says who it is and who asked, over TCP and UDP, IPv4 and IPv6: answer_server.py NAME PORT...

TCP lines:  who    -> "NAME PEER PORT"           hold   -> nothing, until somebody says speak
            speak  -> "spoken" to all that hold  big N  -> N octets
UDP:        any datagram -> "NAME PEER PORT OCTETS", OCTETS of the datagram
"""
import selectors
import socket
import sys

name, ports = sys.argv[1], [int(port) for port in sys.argv[2:]]
waiting = selectors.DefaultSelector()
held = []


def plain(address):
    return address[0].replace("::ffff:", "")


def on_datagram(sock):
    data, peer = sock.recvfrom(70000)
    sock.sendto(f"{name} {plain(peer)} {peer[1]} {len(data)}".encode(), peer)


def on_line(sock, line):
    peer = sock.getpeername()
    if line == "hold":
        held.append(sock)
    elif line == "speak":
        for other in held:
            other.sendall(b"spoken\n")
        sock.sendall(f"{len(held)}\n".encode())
        held.clear()
    elif line.startswith("big "):
        sock.sendall(b"x" * int(line[4:]))
    else:
        sock.sendall(f"{name} {plain(peer)} {peer[1]}\n".encode())


def on_stream(sock):
    try:
        data = sock.recv(4096)
        for line in data.decode().splitlines():
            on_line(sock, line)
    except OSError:
        data = b""
    if not data:
        waiting.unregister(sock)
        if sock in held:
            held.remove(sock)
        sock.close()


def on_connection(sock):
    one, _ = sock.accept()
    waiting.register(one, selectors.EVENT_READ, on_stream)


for port in ports:
    for kind, handler in ((socket.SOCK_STREAM, on_connection), (socket.SOCK_DGRAM, on_datagram)):
        one = socket.socket(socket.AF_INET6, kind)
        one.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
        one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        one.bind(("::", port))
        if kind == socket.SOCK_STREAM:
            one.listen(64)
        waiting.register(one, selectors.EVENT_READ, handler)
print("listening", flush=True)
while True:
    for key, _ in waiting.select():
        key.data(key.fileobj)
