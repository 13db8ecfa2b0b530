#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""What a systemd unit leaves its program, without systemd: setpriv's options, and its filters of
system calls, loaded by libseccomp just before the program is executed.

    unit_rights.py FILTERS.json PROGRAM [ARGUMENT...]

A filter is a default action and rules; as with systemd each directive is a filter of its own, and
the kernel takes the strictest answer. What needs a mount namespace (ProtectSystem= and its like) is
left out, and so are LockPersonality=, and Protect...= whose calls no list of the units lets pass.
"""
import ctypes
import errno
import json
import os
import re
import socket
import subprocess
import sys
from pathlib import Path

OLDEST = Path(__file__).resolve().parent / "systemd-252-calls.txt"
ALLOW, KILL_PROCESS, ERRNO = 0x7fff0000, 0x80000000, 0x00050000
# enum scmp_compare of seccomp.h, and SCMP_FLTATR_CTL_NNP
EQ, GT, MASKED_EQ = 4, 6, 7
CTL_NNP = 3
WRITE, EXEC, SHM_EXEC = 2, 4, 0o100000
# sched.h: CLONE_NEW... of time, mount, cgroup, uts, ipc, user, pid, net
NAMESPACES = (0x80, 0x20000, 0x2000000, 0x4000000, 0x8000000, 0x10000000, 0x20000000, 0x40000000)
SCHED_PLAIN = (0, 3, 5)  # OTHER, BATCH, IDLE
SET_ID_BITS = (0o4000, 0o2000)
MODE_AT = {"chmod": 1, "fchmod": 1, "fchmodat": 2, "mkdir": 1, "mkdirat": 2, "mknod": 1,
           "mknodat": 2, "open": 2, "openat": 3, "creat": 1}


def directives(text):
    """Name -> values, in order; an empty value takes back those before it, as systemd does."""
    values = {}
    for name, value in re.findall(r"^(\w+)=(.*)$", text, re.M):
        values[name] = [*values.get(name, []), value.strip()] if value.strip() else [""]
    return values


def oldest_groups():
    """Group -> names, of systemd 252."""
    text = re.sub(r"^#.*\n", "", OLDEST.read_text(encoding="utf-8"), flags=re.M)
    return {words[0]: set(words[1:]) for words in
            (paragraph.split() for paragraph in re.split(r"\n(?=@)", text))}


def installed_group(name):
    done = subprocess.run(["systemd-analyze", "syscall-filter", name], capture_output=True,
                          text=True)
    if done.returncode:
        raise ValueError(f"the installed systemd knows no {name}: {done.stderr}")
    return {line.strip() for line in done.stdout.splitlines()
            if line.startswith("    ") and not line.strip().startswith("#")}


def expand(name, groups, of_installed):
    """The calls of a group, with those of its groups, or one call."""
    if not name.startswith("@"):
        if not any(name in calls for calls in groups.values()):
            raise ValueError(f"systemd 252 knows no system call {name}")
        return {name}
    if name not in groups:
        raise ValueError(f"systemd 252 knows no {name}")
    members = installed_group(name) if of_installed else groups[name]
    return set().union(*({member} if not member.startswith("@") else
                         expand(member, groups, of_installed) if member in groups else
                         set() for member in members))


def allowed_calls(lines, of_installed):
    """What SystemCallFilter= lets pass, by the groups of systemd 252 or of the installed one."""
    groups = oldest_groups()
    if not lines or lines[0].startswith("~"):
        raise ValueError("SystemCallFilter= is not a list of what is allowed")
    calls = expand("@default", groups, of_installed)
    for line in lines:
        named = set().union(*(expand(name, groups, of_installed)
                              for name in line.lstrip("~").split()))
        calls = calls - named if line.startswith("~") else calls | named
    return calls


def rule(call, error, *arguments):
    """arguments: (number, comparison, value[, value of MASKED_EQ])"""
    return {"call": call, "action": ERRNO | getattr(errno, error), "arguments": arguments}


def has_bits(number, bits):
    return (number, MASKED_EQ, bits, bits)


def namespace_rules(_):
    return [rule("clone3", "ENOSYS"), rule("setns", "EPERM", (1, EQ, 0)),
            *(rule(call, "EPERM", has_bits(at, flag)) for flag in NAMESPACES
              for call, at in (("clone", 0), ("unshare", 0), ("setns", 1)))]


def memory_rules(_):
    return [rule("mmap", "EPERM", has_bits(2, WRITE | EXEC)),
            *(rule(call, "EPERM", has_bits(2, EXEC)) for call in ("mprotect", "pkey_mprotect")),
            rule("shmat", "EPERM", has_bits(2, SHM_EXEC))]


def set_id_rules(_):
    return [rule("openat2", "ENOSYS"),
            *(rule(call, "EPERM", has_bits(at, bit)) for call, at in MODE_AT.items()
              for bit in SET_ID_BITS)]


def realtime_rules(_):
    return [rule("sched_setscheduler", "EPERM", (1, EQ, policy)) for policy in range(1, 8)
            if policy not in SCHED_PLAIN]


def family_rules(names):
    kept = {getattr(socket, name) for name in names.split()}
    return [rule("socket", "EAFNOSUPPORT", (0, EQ, family)) for family in range(46)
            if family not in kept] + [rule("socket", "EAFNOSUPPORT", (0, GT, 45))]


RULES = {"RestrictNamespaces": namespace_rules, "MemoryDenyWriteExecute": memory_rules,
         "RestrictSUIDSGID": set_id_rules, "RestrictRealtime": realtime_rules,
         "RestrictAddressFamilies": family_rules}


def filters(unit):
    """Of a unit's directives; ValueError with what systemd 252 would not understand."""
    assert unit["SystemCallArchitectures"] == ["native"]  # what libseccomp's filters do by default
    lines = unit["SystemCallFilter"]
    calls = allowed_calls(lines, False) & allowed_calls(lines, True)
    number = unit.get("SystemCallErrorNumber")
    refused = ERRNO | getattr(errno, number[0]) if number else KILL_PROCESS
    made = [{"otherwise": ALLOW, "rules": make(unit[name][0])} for name, make in RULES.items()
            if name in unit]
    return made + [{"otherwise": refused, "rules": [
        {"call": call, "action": ALLOW, "arguments": ()} for call in sorted(calls)]}]


def setpriv(unit):
    """Options for the capabilities; who the user is, is the test's."""
    assert "AmbientCapabilities" not in unit and unit["NoNewPrivileges"] == ["yes"]
    kept = "".join(",+" + name.removeprefix("CAP_").lower()
                   for line in unit["CapabilityBoundingSet"] for name in line.split())
    return [f"--bounding-set=-all{kept}", "--inh-caps=-all", "--no-new-privs"]


# --- in the process that becomes the program ---

class Argument(ctypes.Structure):
    """struct scmp_arg_cmp"""
    _fields_ = [("number", ctypes.c_uint), ("comparison", ctypes.c_int),
                ("value", ctypes.c_uint64), ("masked", ctypes.c_uint64)]


def load(one):
    library = ctypes.CDLL("libseccomp.so.2", use_errno=True)
    library.seccomp_init.restype = ctypes.c_void_p
    context = ctypes.c_void_p(library.seccomp_init(ctypes.c_uint32(one["otherwise"])))
    library.seccomp_attr_set(context, CTL_NNP, 1)
    for each in one["rules"]:
        number = library.seccomp_syscall_resolve_name(each["call"].encode())
        if number < 0:  # another architecture's, or newer than the library: systemd does so too
            continue
        arguments = (Argument * len(each["arguments"]))(*(Argument(*a) for a in each["arguments"]))
        error = library.seccomp_rule_add_array(context, ctypes.c_uint32(each["action"]), number,
                                               len(arguments), arguments)
        if error:
            sys.exit(f"{each['call']}: {os.strerror(-error)}")
    error = library.seccomp_load(context)
    if error:
        sys.exit(f"seccomp_load: {os.strerror(-error)}")
    library.seccomp_release(context)


def main():
    with open(sys.argv[1], encoding="utf-8") as file:
        wanted = json.load(file)
    for one in wanted:
        load(one)
    os.execv(sys.argv[2], sys.argv[2:])


if __name__ == "__main__":
    main()
