# SPDX-License-Identifier: Apache-2.0
"""tcx hooks by the bpf system call: Debian 12's bpftool and tc do not know them."""
import ctypes
import os
import struct
from pathlib import Path

from harness import LIBC, inside, run

TCX_INGRESS = 46  # enum bpf_attach_type
BPF_OBJ_GET, BPF_PROG_ATTACH, BPF_PROG_DETACH, BPF_PROG_QUERY = 7, 8, 9, 16
BPF_F_BEFORE = 8
SYS_BPF = {"x86_64": 321, "aarch64": 280}[os.uname().machine]


def bpf(command, octets):
    attributes = ctypes.create_string_buffer(octets, 128)
    result = LIBC.syscall(SYS_BPF, command, attributes, 128)
    if result < 0:
        raise OSError(ctypes.get_errno(), f"bpf({command})")
    return result, attributes.raw


def link_number(host, device):
    return host.json("link", "show", device)[0]["ifindex"]


def programs(host, device):
    """How many tcx programs run on device's ingress."""
    ids = (ctypes.c_uint32 * 64)()
    query = struct.pack("=IIIIQI", link_number(host, device), TCX_INGRESS, 0, 0,
                        ctypes.addressof(ids), 64)
    with inside(host.netns):
        _, answer = bpf(BPF_PROG_QUERY, query)
    return struct.unpack_from("=I", answer, 24)[0]


def open_pin(path):
    name = ctypes.create_string_buffer(os.fsencode(path))
    number, _ = bpf(BPF_OBJ_GET, struct.pack("=Q", ctypes.addressof(name)))
    return number


def attach(host, device, pin):
    """Put the pinned program in front of all others on device's ingress."""
    program = open_pin(pin)
    with inside(host.netns):
        bpf(BPF_PROG_ATTACH, struct.pack("=IIII", link_number(host, device), program, TCX_INGRESS,
                                         BPF_F_BEFORE))
    os.close(program)


def detach(host, device, pin):
    program = open_pin(pin)
    with inside(host.netns):
        bpf(BPF_PROG_DETACH, struct.pack("=III", link_number(host, device), program, TCX_INGRESS))
    os.close(program)


def load_foreign(lab):
    """A stranger's program that accepts everything, loaded; its pin."""
    source = Path(__file__).with_name("foreign_filter.bpf.c")
    built, pin = lab.dir / "foreign_filter.o", lab.bpffs / "foreign"
    run("clang", "-O2", "-g", "-target", "bpf", "-c", source, "-o", built)
    run("bpftool", "prog", "load", built, pin, "type", "classifier")
    return pin
