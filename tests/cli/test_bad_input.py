# SPDX-License-Identifier: Apache-2.0
"""What the command line does with bad input: arguments, exit status, words that must appear.

No agent is needed: status 2 is decided before one is asked, and the rows with status 1 are about an
agent that is not there.
"""
import json
import os
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
TORTIE = Path(os.environ.get("TORTIE_BUILD", ROOT / "build")) / "tortie"
NO_AGENT = "no agent listens"

# (arguments, exit status, words that stderr must have)
TABLE = [
    ("", 2, ["no command", "--help"]),
    ("help nope", 2, ["nope: unknown command", "--help"]),
    ("frobnicate", 2, ["frobnicate", "unknown command"]),
    ("--frobnicate status", 2, ["--frobnicate", "unknown option"]),
    ("-x", 2, ["-x", "unknown option"]),
    ("--run-dir", 2, ["--run-dir", "needs a value"]),
    ("status --run-dir=", 2, ["--run-dir", "empty"]),
    ("node", 2, ["node: needs one more word", "tortie node status"]),
    ("node start", 2, ["node start", "unknown command"]),
    ("ipam", 2, ["ipam: needs one more word", "tortie ipam show, check"]),
    ("get", 2, ["get: operand missing: KIND [NAME] (tortie get --help)"]),
    ("node status --frob", 2, ["--frob: unknown option (tortie node status --help)"]),
    ("get pasta", 2, ["pasta", "workloadendpoint, route, node, ippool", "bgppeer"]),
    ("get node --local --context x", 2, ["--local", "--context", "one of them"]),
    ("get node --kubeconfig=", 2, ["--kubeconfig", "empty"]),
    ("get node --kubeconfig /nonexistent", 1, ["kubeconfig /nonexistent: No such file"]),
    ("bgp routes 10.0.0.1/8", 2, ["10.0.0.1/8", "bits are set beyond", "10.0.0.0/8"]),
    ("bgp routes fd00::1/64", 2, ["fd00::1/64", "bits are set beyond", "(fd00::/64,"]),
    ("bgp routes 10.0.0.0/33", 2, ["10.0.0.0/33", "neither PREFIX/LENGTH nor an address"]),
    ("bgp dump /nonexistent/rib", 1, ["/nonexistent/rib: No such file", "where you may write"]),
    ("bgp dump -", 2, ["bgp dump: -:", "name a FILE"]),
    ("get node -n x --kubeconfig /nonexistent", 1, ["No such file"]),
    ("connectivity", 2, ["connectivity test, serve, probe"]),
    ("connectivity check", 2, ["connectivity check", "unknown command"]),
    ("connectivity test extra", 2, ["too many words", "extra"]),
    ("connectivity test --timeout 1", 2, ["--timeout", "10 to 3600"]),
    ("connectivity test", 1, ["no kubeconfig", "--kubeconfig"]),
    ("connectivity probe", 2, ["TARGET"]),
    ("connectivity probe a,b", 2, ["a,b", "CHECK,TO,HOST,PORT,EXPECT"]),
    ("connectivity probe --timeout 0 a", 2, ["--timeout", "not a number"]),
    ("connectivity serve --port 65536", 2, ["--port", "1 to 65535"]),
    ("install-node extra", 2, ["too many words", "extra"]),
    ("install-node --host=", 2, ["--host", "empty"]),
    ("reset --yes --all=1", 2, ["--all", "takes no value"]),
    ("preflight --accept-no-policy=1", 2, ["takes no value"]),
    ("get node a b", 2, ["too many words", "b"]),
    ("get node -o xml", 2, ["xml", "wide, json or yaml"]),
    ("get node -o", 2, ["-o", "needs a value"]),
    ("status extra", 2, ["too many words", "extra"]),
    ("status --wait -1", 2, ["--wait", "-1", "0 to 86400"]),
    ("status --wait 1.5", 2, ["--wait", "1.5"]),
    ("status --wait 99999999999999999999", 2, ["--wait", "not a number"]),
    ("status --wait=", 2, ["--wait", "not a number"]),
    ("drops --follow=yes", 2, ["--follow", "takes no value"]),
    ("drops --count 3", 2, ["--count", "--follow"]),
    ("drops --follow --count 0", 2, ["--count", "not a number"]),
    ("explain", 2, ["explain", "FROM[:PORT] TO[:PORT]"]),
    ("explain 10.244.1.2", 2, ["explain", "FROM[:PORT] TO[:PORT]"]),
    ("explain a b c", 2, ["too many words"]),
    ("explain a 10.244.2.20:0", 2, ["10.244.2.20:0", "1 to 65535"]),
    ("explain a 10.244.2.20:99999", 2, ["not a port"]),
    ("explain a 10.244.2.20:80/icmp", 2, ["icmp has no ports"]),
    ("explain a 10.244.2.20:80/gre", 2, ["unknown protocol", "tcp, udp"]),
    ("explain a [fd00::1", 2, ["[ADDRESS]:PORT"]),
    ("explain a fd00::1:2:3:4:5:6:7:8:9", 2, ["[ADDRESS]:PORT"]),
    ("explain a:80 10.244.2.20", 2, ["port of FROM", "one of TO"]),
    ("explain 10.244.1.2 fd00::1", 2, ["IPv4", "IPv6"]),
    ("explain a 10.0.0.1 --length 19", 2, ["--length", "20 to 65535"]),
    ("explain a 10.0.0.1 --ttl 256", 2, ["--ttl", "1 to 255"]),
    ("explain a " + "b" * 254, 2, ["too long"]),
    ("ipam show --ip nonsense", 2, ["nonsense", "not an address"]),
    ("ipam show --ip 10.244.1.300", 2, ["10.244.1.300", "not an address"]),
    ("reset extra --yes", 2, ["too many words", "extra"]),
    ("reset", 2, ["--yes"]),
    ("reset --yes -c /nonexistent.yaml", 1, ["/nonexistent.yaml: No such file", "-c names"]),
    ("status", 1, ["agent.sock", NO_AGENT, "start tortied"]),
    ("node status -o json", 1, [NO_AGENT]),
    ("get pods", 1, [NO_AGENT]),
    ("counters", 1, [NO_AGENT]),
    ("drops --follow", 1, [NO_AGENT]),
    ("explain 10.244.1.2 10.244.2.20:80", 1, [NO_AGENT]),
    ("ipam show", 1, [NO_AGENT]),
    ("ipam check", 1, [NO_AGENT]),
    ("ipam check extra", 2, ["ipam check: too many words", "extra"]),
    ("status --run-dir /" + "x" * 120, 1, ["too long"]),
]


def tortie(tmp_path, *argv):
    return subprocess.run([TORTIE, "--run-dir", tmp_path, *argv], capture_output=True,
                          stdin=subprocess.DEVNULL, text=True, timeout=20, check=False,
                          env={"PATH": "/usr/bin", "HOME": str(tmp_path)})


@pytest.mark.parametrize("row", TABLE, ids=lambda row: row[0][:60] or "nothing")
def test_bad_input_has_a_status_and_words(tmp_path, row):
    arguments, status, words = row
    done = tortie(tmp_path, *arguments.split())
    assert done.returncode == status, done.stderr
    for word in words:
        assert word in done.stderr, done.stderr
    line, = done.stderr.splitlines()
    assert line.startswith("tortie: "), "the line names the program"
    assert status == 1 or "unknown option" not in line or "--help)" in line, "and the mend"
    assert done.stdout == "", "what failed writes nothing to stdout"


def test_the_table_has_enough_rows():
    assert len(TABLE) >= 20


@pytest.mark.parametrize("command", ["version", "status", "node status", "get", "counters", "drops",
                                     "explain", "ipam show", "ipam check", "preflight", "reset",
                                     "connectivity test", "connectivity serve",
                                     "connectivity probe", "install-node", "bgp peers", "bgp peer",
                                     "bgp routes", "bgp dump", "bgp alive"])
def test_each_command_explains_itself(tmp_path, command):
    done = tortie(tmp_path, *command.split(), "--help")
    assert done.returncode == 0 and done.stderr == ""
    assert f"tortie [--run-dir DIR] {command}" in done.stdout
    assert "--run-dir" in done.stdout and "-h, --help" in done.stdout
    assert command in tortie(tmp_path, "--help").stdout
    assert tortie(tmp_path, "help", *command.split()).stdout == done.stdout


@pytest.mark.parametrize("noun", ["bgp", "connectivity", "ipam", "node"])
def test_a_word_that_needs_another_lists_what_may_follow(tmp_path, noun):
    def rows(*argv):
        lines = tortie(tmp_path, *argv).stdout.splitlines()
        return [line for line in lines if line.startswith(f"  {noun} ")]
    assert rows("--help")
    for option in ("--help", "-h"):
        assert tortie(tmp_path, noun, option).returncode == 0
        assert rows(noun, option) == rows("--help")
    assert rows("help", noun) == rows("--help")


def test_the_version_is_told_without_an_agent(tmp_path):
    version = (ROOT / "VERSION").read_text(encoding="utf-8").strip()
    done = tortie(tmp_path, "--version")
    assert (done.returncode, done.stdout) == (0, f"tortie {version}\n")
    done = tortie(tmp_path, "version", "-o", "json")
    assert done.returncode == 1 and json.loads(done.stdout) == {"client": version}
    assert NO_AGENT in done.stderr


@pytest.mark.parametrize("argv", [("get", "{}"), ("--{}",), ("status", "--wait", "{}"),
                                  ("get", "node", "-o", "{}"), ("-{}",), ("{}",)],
                         ids=lambda argv: " ".join(argv))
def test_control_characters_in_arguments_do_not_reach_the_terminal(tmp_path, argv):
    done = tortie(tmp_path, *[word.format("\x1b]0;pwned\x07") for word in argv])
    assert done.returncode == 2 and done.stderr
    assert "\x1b" not in done.stderr and "\x07" not in done.stderr


def test_waiting_for_an_agent_ends_in_time(tmp_path):
    done = tortie(tmp_path, "status", "--wait", "1")
    assert done.returncode == 1 and NO_AGENT in done.stderr


@pytest.mark.parametrize("command", ["--version", "--help", "get --help",
                                     "preflight -c /nonexistent"])
def test_output_that_cannot_be_written_is_a_failure(command):
    with open("/dev/full", "w", encoding="utf-8") as full:
        done = subprocess.run([TORTIE, *command.split()], stdout=full, stderr=subprocess.PIPE,
                              text=True, timeout=20, check=False)
    assert done.returncode == 1 and "standard output" in done.stderr
