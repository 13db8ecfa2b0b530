#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""check_style.py FILE...: the limits of the style that a formatter does not know.

C files: SPDX line and a head comment, guards named by path, function, file and line length,
nesting, number of parameters, no #if inside a function, no typedef of a struct. All files:
line length, no marks of unfinished work. Prints "FILE:LINE: what" and exits 1 when there is any.

The code is formatted by clang-format first, so a function begins with "{" and ends with "}" in the
first column. EXCEPTIONS names functions that may pass a limit, with the reason.
"""

import re
import sys

FILE_LINES = 800
FILE_LINES_LIB = 400
FUNCTION_LINES = 80
LINE_COLUMNS = 100
NESTING = 3
PARAMETERS = 5
HEAD_LINES = (3, 30)

EXCEPTIONS = {
    # Calls that mirror a system call's own parameters.
    ("lib/unix_socket.c", "unix_socket_receive", "parameters"),
    ("lib/agent_client.c", "agent_client_send", "parameters"),
    ("lib/options.c", "options_parse", "parameters"),
    # libmicrohttpd's own kind of handler.
    ("kube/health.c", "on_request", "parameters"),
}

LICENCES = {
    "bpf/": "GPL-2.0-only OR BSD-2-Clause",
    "include/": "GPL-2.0-only OR BSD-2-Clause",
    "vmlinux/": "GPL-2.0-only OR BSD-2-Clause",
}

NAME_BEFORE_PARENTHESIS = re.compile(r"(\w+)\s*\(")
UNFINISHED = re.compile(r"\b(TO" r"DO|FIX" r"ME|XX" r"X)\b")


class Report:
    def __init__(self):
        self.count = 0

    def say(self, path, line, text):
        print(f"{path}:{line}: {text}")
        self.count += 1


def blank(match):
    """A comment or literal as spaces, with its line ends."""
    return re.sub(r"[^\n]", " ", match.group(0))


def bare_code(text):
    """The text without comments, strings and characters; same lines, same columns."""
    return re.sub(
        r"/\*.*?\*/|//[^\n]*|\"(?:\\.|[^\"\\\n])*\"|'(?:\\.|[^'\\\n])*'", blank, text, flags=re.S
    )


def split_parameters(text):
    """The number of parameters in the outermost parentheses of a signature's end."""
    depth, count, start = 0, 0, None
    for i in range(len(text) - 1, -1, -1):
        if text[i] == ")":
            depth += 1
        elif text[i] == "(":
            depth -= 1
            if depth == 0:
                start = i
                break
        elif text[i] == "," and depth == 1:
            count += 1
    if start is None:
        return 0
    inside = text[start + 1:text.rindex(")")].strip()
    return 0 if inside in ("", "void") else count + 1


def check_function(report, path, lines, first, last):
    """lines[first] is "{" and lines[last] is "}", both in the first column."""
    start = first
    while start > 0 and lines[start - 1].strip() and not lines[start - 1].startswith(("#", "}")) \
            and not lines[start - 1].rstrip().endswith(";"):
        start -= 1
    signature = "\n".join(lines[start:first])
    signature = re.sub(r"__attribute__\s*\(\(.*?\)\)|SEC\([^)]*\)", "", signature, flags=re.S)
    found = NAME_BEFORE_PARENTHESIS.search(signature)
    if not found:
        return
    name = found.group(1)

    def allowed(what):
        return (path, name, what) in EXCEPTIONS

    length = last - start + 1
    if length > FUNCTION_LINES and not allowed("lines"):
        report.say(path, start + 1, f"{name}: {length} lines; at most {FUNCTION_LINES}")
    parameters = split_parameters(signature)
    if parameters > PARAMETERS and not allowed("parameters"):
        report.say(path, start + 1, f"{name}: {parameters} parameters; at most {PARAMETERS}")
    for i in range(first, last + 1):
        if re.match(r"\s*#\s*if", lines[i]):
            report.say(path, i + 1, f"{name}: #if inside a function")
    check_nesting(report, path, name, lines, first, last)


def check_nesting(report, path, name, lines, first, last):
    """Depth of statements by indentation, which clang-format made right: one tab a level. Lines
    that continue a statement are indented too, so only lines that begin a statement count: those
    after ";", "{", "}" or ":"."""
    previous = "{"
    worst, place = 0, first
    for i in range(first + 1, last):
        text = lines[i]
        stripped = text.strip()
        if not stripped:
            continue
        opens_block = re.match(r"(if|for|while|do|switch)\b", stripped)
        if opens_block and previous[-1] in ";{}:" and (path, name, "nesting") not in EXCEPTIONS:
            depth = len(text) - len(text.lstrip("\t"))
            if depth > worst:
                worst, place = depth, i
        previous = stripped
    if worst > NESTING:
        report.say(path, place + 1, f"{name}: nested {worst} deep; at most {NESTING}")


def check_functions(report, path, code):
    lines = code.split("\n")
    first = None
    for i, line in enumerate(lines):
        if line == "{":
            first = i
        elif line.startswith("}") and first is not None:
            check_function(report, path, lines, first, i)
            first = None


def columns(line):
    return len(line.expandtabs(8))


def one_literal(line):
    """A line of C whose last thing is a literal that passes the limit: what is said to a user is
    not cut where a search for it would fail, and clang-format leaves it alone too."""
    found = re.search(r"\"(?:\\.|[^\"\\])*\"[\s,;)]*$", line)
    return found is not None and columns(line[:found.start()]) < LINE_COLUMNS / 2


def check_lines(report, path, text):
    for number, line in enumerate(text.split("\n"), 1):
        if UNFINISHED.search(line):
            report.say(path, number, "unfinished work does not land; do it or leave it out")
        if columns(line) > LINE_COLUMNS and not (path.endswith((".c", ".h")) and one_literal(line)):
            report.say(path, number, f"{columns(line)} columns; at most {LINE_COLUMNS}")


def check_head(report, path, text):
    licence = next((v for k, v in LICENCES.items() if path.startswith(k)), "Apache-2.0")
    lines = text.split("\n")
    if lines[0] != f"/* SPDX-License-Identifier: {licence} */":
        report.say(path, 1, f"first line must be /* SPDX-License-Identifier: {licence} */")
        return
    if not path.endswith(".c"):
        return
    head = re.match(r"/\*\n(?: \*[^\n]*\n)+? \*/\n", "\n".join(lines[1:]))
    length = head.group(0).count("\n") - 2 if head else 0
    shortest = 1 if path.startswith("tests/") else HEAD_LINES[0]
    if not shortest <= length <= HEAD_LINES[1]:
        report.say(path, 2, "needs a head comment: what for, structures, way of data, what it "
                   f"leaves to others (has {length} lines)")


def check_guard(report, path, text):
    guard = re.sub(r"[^A-Za-z0-9]", "_", path).upper()
    if not re.search(rf"^#ifndef {guard}\n#define {guard}\n", text, flags=re.M):
        report.say(path, 1, f"guard must be {guard}")


def check_c(report, path, text):
    code = bare_code(text)
    limit = FILE_LINES_LIB if path.startswith("lib/") else FILE_LINES
    count = text.count("\n")
    if count > limit:
        report.say(path, count, f"{count} lines; at most {limit}")
    check_head(report, path, text)
    if path.endswith(".h"):
        check_guard(report, path, text)
    for found in re.finditer(r"^typedef\s+(struct|union|enum)\b", code, flags=re.M):
        report.say(path, code.count("\n", 0, found.start()) + 1, "typedef of a struct or enum")
    check_functions(report, path, code)


def main():
    report = Report()
    for path in sys.argv[1:]:
        with open(path, encoding="utf-8") as file:
            text = file.read()
        check_lines(report, path, text)
        if path.endswith((".c", ".h")):
            check_c(report, path, text)
        elif "# SPDX-License-Identifier: Apache-2.0" not in text.split("\n")[:2]:
            report.say(path, 1, "needs # SPDX-License-Identifier: Apache-2.0")
    sys.exit(1 if report.count else 0)


if __name__ == "__main__":
    main()
