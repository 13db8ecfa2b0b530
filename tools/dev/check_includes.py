#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""check_includes.py FILE...: who may include whom, and in which order.

Programs share include/ (contracts) and lib/ (helpers) and nothing else: never sideways, never
upward. A .c includes its own header first, then <system> headers, then ours, each group sorted.
Tests may include everything. Prints "FILE:LINE: what" and exits 1 when there is any.
"""

import os
import re
import sys

INCLUDE = re.compile(r'^\s*#\s*include\s+(<[^>]+>|"[^"]+")')

# Folder of the file -> folders whose headers it may include, written as "folder/header.h". Headers
# of include/ are written without their folder.
ALLOWED = {
    "include/": {"include/"},
    "lib/": {"include/", "lib/"},
    "bpf/": {"include/", "bpf/", "vmlinux/"},
    "loader/": {"include/", "lib/", "loader/", "skel/"},
    "cni/": {"include/", "lib/", "cni/"},
    "bgp/": {"include/", "lib/", "bgp/"},
    "kube/": {"include/", "lib/", "kube/"},
    "tools/": {"include/", "lib/", "tools/", "skel/"},
}

# Of include/, only these are for programs that do not touch the data plane.
NO_DATAPLANE = ("cni/", "bgp/", "kube/")
DATAPLANE = "dataplane_abi.h"


def folder_of(path, header):
    """The folder that a quoted header comes from."""
    if header == "tortie.skel.h":
        return "skel/"
    if "/" in header:
        top = header.split("/")[0] + "/"
        return top
    if os.path.exists(os.path.join(os.path.dirname(path), header)):
        return path.split("/")[0] + "/"
    if os.path.exists(os.path.join("include", header)):
        return "include/"
    if os.path.exists(os.path.join("vmlinux", header)):
        return "vmlinux/"
    return header


def is_ours(header):
    """<loader/agent.h> is found as "loader/agent.h" is."""
    return os.path.exists(header) or os.path.exists(os.path.join("include", header))


def check_direction(path, header):
    top = next((folder for folder in ALLOWED if path.startswith(folder)), None)
    if top is None:
        return None
    folder = folder_of(path, header)
    if folder not in ALLOWED[top]:
        return f'"{header}": {top} includes only {", ".join(sorted(ALLOWED[top]))}'
    if header == DATAPLANE and top in NO_DATAPLANE:
        return f'"{header}": {top} knows no map'
    return None


def own_header(path):
    header = path[:-2] + ".h"
    if not path.endswith(".c") or not os.path.exists(header):
        return None
    return (f'"{header}"', f'"{os.path.basename(header)}"')


def check_order(path, found):
    """found: (line, text) of each include, in order; returns (line, what) of breaches."""
    own = own_header(path)
    if own:
        if found and found[0][1] not in own:
            yield found[0][0], f"its own header {own[0]} comes first"
        found = found[1:]
    elif found and folder_of(path, found[0][1][1:-1]) == path.split("/")[0] + "/":
        found = found[1:]  # several files carry out one header of the folder
    ours = False
    for (_, before), (line, text) in zip(found, found[1:]):
        ours = ours or before.startswith('"')
        if ours and text.startswith("<"):
            yield line, f"{text}: system headers come before ours"
    for (line_before, before), (line, text) in zip(found, found[1:]):
        adjacent = line == line_before + 1 and before[0] == text[0]
        if adjacent and before > text:
            yield line, f"{text} comes before {before}: each group is sorted"


def check_file(path):
    found = []
    with open(path, encoding="utf-8") as file:
        for number, line in enumerate(file, 1):
            match = INCLUDE.match(line)
            if match:
                found.append((number, match.group(1)))
    breaches = []
    for number, text in found:
        ours = text.startswith('"') or is_ours(text[1:-1])
        what = check_direction(path, text[1:-1]) if ours else None
        if what is None and path.startswith("include/") and text.startswith("<"):
            what = None if text == "<linux/types.h>" else f"{text}: include/ needs types only"
        if what:
            breaches.append((number, what))
    if path.endswith(".h") and any(text == '"tortie.skel.h"' for _, text in found):
        breaches.append((1, "the skeleton is included by .c files only"))
    if not path.startswith(("tests/", "bpf/")):
        breaches.extend(check_order(path, found))
    for number, what in breaches:
        print(f"{path}:{number}: {what}")
    return len(breaches)


def main():
    sys.exit(1 if sum(check_file(path) for path in sys.argv[1:]) else 0)


if __name__ == "__main__":
    main()
