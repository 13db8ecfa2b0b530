# SPDX-License-Identifier: Apache-2.0
"""The lint scripts find what they are there to find: a breach in a small tree of files is named,
with its line, and a clean tree passes."""

import pathlib
import subprocess

import pytest

DEV = pathlib.Path(__file__).resolve().parents[2] / "tools" / "dev"

HEAD = ("/* SPDX-License-Identifier: Apache-2.0 */\n/*\n * a.c: what it is for.\n *\n"
        " * The way of data through it.\n */\n")
FUNCTION = "int f(int a)\n{\n%s\treturn a;\n}\n"


def deep(levels):
    lines = ["\t" * (level + 1) + "if (a) {\n" for level in range(levels)]
    lines += ["\t" * (level + 1) + "}\n" for level in reversed(range(levels))]
    return "".join(lines)


STYLE = [
    ("bgp/a.c", HEAD + FUNCTION % "", None),
    ("bgp/a.c", HEAD + FUNCTION % deep(3), None),
    ("bgp/a.c", HEAD + FUNCTION % deep(4), "bgp/a.c:12: f: nested 4 deep"),
    ("bgp/a.c", HEAD + FUNCTION % ("\ta++;\n" * 76), None),
    ("bgp/a.c", HEAD + FUNCTION % ("\ta++;\n" * 77), "bgp/a.c:7: f: 81 lines"),
    ("bgp/a.c", HEAD + "int f(int a, int b, int c, int d,\n      int e)\n{\n\treturn 0;\n}\n",
     None),
    ("bgp/a.c", HEAD + "int f(int a, int b, int c, int d, int e, void (*g)(int, int))\n{\n}\n",
     "f: 6 parameters"),
    ("bgp/a.c", HEAD + FUNCTION % "#if 1\n\ta++;\n#endif\n", "bgp/a.c:9: f: #if inside"),
    ("bgp/a.c", HEAD + "typedef struct x {\n\tint a;\n} x;\n", "bgp/a.c:7: typedef"),
    ("bgp/a.c", "int a;\n", "bgp/a.c:1: first line must be"),
    ("bgp/a.c", "/* SPDX-License-Identifier: Apache-2.0 */\nint a;\n", "needs a head comment"),
    ("bpf/a.h", "/* SPDX-License-Identifier: Apache-2.0 */\n", "GPL-2.0-only OR BSD-2-Clause"),
    ("lib/a.h", "/* SPDX-License-Identifier: Apache-2.0 */\n#ifndef A_H\n#define A_H\n#endif\n",
     "guard must be LIB_A_H"),
    ("bgp/a.c", HEAD + "int a;\n" * 794, None),
    ("bgp/a.c", HEAD + "int a;\n" * 795, "801 lines; at most 800"),
    ("lib/a.c", HEAD + "int a;\n" * 395, "401 lines; at most 400"),
    ("bgp/a.c", HEAD + "/* " + "TO" + "DO: later */\n", "bgp/a.c:7: unfinished"),
    ("bgp/a.c", HEAD + "/* " + "x" * 95 + " */\n", "bgp/a.c:7: 101 columns"),
    ("bgp/a.c", HEAD + "\t/* " + "x" * 87 + " */\n", "bgp/a.c:7: 101 columns"),
    ("bgp/a.c", HEAD + "const char *a = \"" + "x" * 90 + "\";\n", None),
    ("bgp/a.c", HEAD + FUNCTION % ("\tputs(\"x\"); /* " + "x" * 76 + " */\n"), "101 columns"),
    ("bgp/a.c", HEAD + "int " + "a" * 84 + " = f(\"xxxx\");\n", "bgp/a.c:7: 101 columns"),
    ("tests/a.py", "# SPDX-License-Identifier: Apache-2.0\nA = \"" + "x" * 95 + "\"\nB = \"" +
     "x" * 95 + "\"\n", "tests/a.py:2: 101 columns; at most 100\ntests/a.py:3: 101 columns"),
    ("tests/a.sh", "# SPDX-License-Identifier: Apache-2.0\necho \"" + "x" * 94 + "\"\n",
     "tests/a.sh:2: 101 columns"),
    ("bgp/a.c", HEAD + FUNCTION % "\t/* if (x) { */\n\tputs(\"{{{{\");\n", None),
]

INCLUDES = [
    ("#include <errno.h>\n#include <stdio.h>\n\n#include \"bgp/b.h\"\n#include \"lib/b.h\"\n",
     None),
    ("#include \"loader/b.h\"\n", "bgp/a.c:1: \"loader/b.h\""),
    ("#include \"dataplane_abi.h\"\n", "knows no map"),
    ("#include <loader/b.h>\n", "loader/b.h"),
    ("#include <dataplane_abi.h>\n", "knows no map"),
    ("#include \"agent_protocol.h\"\n", None),
    ("#include <errno.h>\n#include \"lib/b.h\"\n#include <stdio.h>\n",
     "bgp/a.c:3: <stdio.h>: system headers come before ours"),
    ("#include <stdio.h>\n#include <errno.h>\n", "bgp/a.c:2: <errno.h> comes before <stdio.h>"),
]


def check(script, folder, path, text):
    for name in ("bgp/b.h", "loader/b.h", "lib/b.h", "include/dataplane_abi.h",
                 "include/agent_protocol.h"):
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).touch()
    (folder / path).parent.mkdir(exist_ok=True)
    (folder / path).write_text(text)
    return subprocess.run(["/usr/bin/python3", DEV / script, path], cwd=folder,
                          stdout=subprocess.PIPE, text=True, check=False)


def judge(result, words):
    if words is None:
        assert (result.returncode, result.stdout) == (0, "")
    else:
        assert result.returncode == 1
        assert words in result.stdout


@pytest.mark.parametrize("path, text, words", STYLE)
def test_style_breaches_are_named(tmp_path, path, text, words):
    judge(check("check_style.py", tmp_path, path, text), words)


@pytest.mark.parametrize("text, words", INCLUDES)
def test_forbidden_includes_are_named(tmp_path, text, words):
    judge(check("check_includes.py", tmp_path, "bgp/a.c", text), words)


def test_its_own_header_comes_first(tmp_path):
    (tmp_path / "bgp").mkdir()
    (tmp_path / "bgp" / "a.h").touch()
    result = check("check_includes.py", tmp_path, "bgp/a.c", "#include <errno.h>\n")
    judge(result, "its own header \"bgp/a.h\" comes first")
    result = check("check_includes.py", tmp_path, "bgp/a.c", "#include \"bgp/a.h\"\n")
    judge(result, None)
