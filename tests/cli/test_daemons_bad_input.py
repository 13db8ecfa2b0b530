# SPDX-License-Identifier: Apache-2.0
"""What tortied and tortie-bgpd do with a bad command line or configuration: exit status, words.

The table of tests/unit/lib/test_config.c has the parser's rows; here the programs end before they
have made anything, and say file, line and column as an editor reads them.
"""
import os
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
BUILD = Path(os.environ.get("TORTIE_BUILD", ROOT / "build"))
PROGRAMS = ("tortied", "tortie-bgpd")
NODE = "node: {addresses: [192.0.2.1]}\n"

# (arguments, exit status, words that stderr must have)
COMMAND_LINE = [
    ("--frobnicate", 2, ["--frobnicate", "unknown option", "--help)"]),
    ("-x", 2, ["-x", "unknown option"]),
    ("-c", 2, ["-c", "needs a value"]),
    ("--config", 2, ["--config", "needs a value"]),
    ("--config=", 2, ["--config", "empty"]),
    ("--run-dir", 2, ["--run-dir", "needs a value"]),
    ("--run-dir=", 2, ["--run-dir", "empty"]),
    ("--version=3", 2, ["--version", "takes no value"]),
    ("--help=me", 2, ["--help", "takes no value"]),
    ("start", 2, ["start", "takes no operands", "--help"]),
    ("-- -c", 2, ["takes no operands"]),
    ("-c /nonexistent.yaml", 1, ["/nonexistent.yaml: No such file", "tortie.yaml(5)"]),
    ("-c /", 1, ["/: "]),
    ("-c /dev/null", 1, ["/dev/null", "not a regular file"]),
    ("-c /dev/zero", 1, ["/dev/zero", "not a regular file"]),
]

# (the file's text, where the error is, words that stderr must have)
CONFIGURATION = [
    ("", "", ["empty"]),
    (b"\0", "", ["bad.yaml"]),
    (b"\xff\xfe", "", ["bad.yaml"]),
    ("[]\n", ":1:1", ["must be a map"]),
    ("node: [\n", "", ["not YAML"]),
    ("node: {adresses: [192.0.2.1]}\n", ":1:8", ["unknown key", "adresses"]),
    ("node: {addresses: [pod]}\n", ":1:20", ["node.addresses[0]", "pod"]),
    (NODE + "mtu: many\n", ":2:6", ["mtu", "1280 to 65535"]),
    (NODE + "mtu: 99999999999999999999\n", ":2:6", ["mtu"]),
    (NODE + "log_level: loud\n", ":2:12", ["log_level", "loud"]),
    (NODE + "pools: [{name: p, cidr: 10.1.0.0/33}]\n", ":2:25", ["pools[0].cidr"]),
    (NODE + "bgp: {as: 0}\n", ":2:11", ["bgp.as"]),
    (NODE + "bgp: {as: 64512, mesh: [192.0.2.1.5]}\n", ":2:25", ["192.0.2.1.5"]),
    (NODE + "kube_proxy: ipvs\n", ":2:13", ["kube_proxy", "beside none"]),
    (NODE + "a: &a [*a]\n", ":2:", ["bad.yaml"]),
    (NODE + "x: " + "[" * 5000 + "\n", ":2:", ["nested too deeply"]),
    (NODE + "log_level: \"\x1b]0;pwned\x07\"\n", ":2:", ["bad.yaml"]),
    (NODE + "# " + "x" * (1 << 20) + "\n", "", ["larger than 1 MiB"]),
]


def start(program, tmp_path, *argv):
    return subprocess.run([BUILD / program, *argv], cwd=tmp_path, capture_output=True,
                          stdin=subprocess.DEVNULL, text=True, timeout=20, check=False)


@pytest.mark.parametrize("program", PROGRAMS)
@pytest.mark.parametrize("row", COMMAND_LINE, ids=lambda row: row[0])
def test_a_bad_command_line_has_a_status_and_words(tmp_path, program, row):
    arguments, status, words = row
    done = start(program, tmp_path, *arguments.split())
    assert done.returncode == status, done.stderr
    assert all(word in done.stderr for word in words), done.stderr
    assert program in done.stderr and done.stdout == ""
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("program", PROGRAMS)
@pytest.mark.parametrize("row", CONFIGURATION, ids=range(len(CONFIGURATION)))
def test_a_bad_configuration_is_refused_by_line_and_column(tmp_path, program, row):
    text, place, words = row
    file = tmp_path / "bad.yaml"
    file.write_bytes(text if isinstance(text, bytes) else text.encode())
    done = start(program, tmp_path, "-c", "bad.yaml", "--run-dir", tmp_path / "run")
    assert done.returncode == 1, done.stderr
    assert f"bad.yaml{place}" in done.stderr, done.stderr
    assert all(word in done.stderr for word in words), done.stderr
    assert "\x1b" not in done.stderr and len(done.stderr.splitlines()) == 1, done.stderr
    assert list(tmp_path.iterdir()) == [file], "nothing was made"


@pytest.mark.parametrize("program", PROGRAMS)
def test_help_and_version_need_no_configuration(tmp_path, program):
    assert "--run-dir" in start(program, tmp_path, "--help").stdout
    version = (ROOT / "VERSION").read_text(encoding="utf-8").strip()
    assert start(program, tmp_path, "--version").stdout == f"{program} {version}\n"
