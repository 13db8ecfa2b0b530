# SPDX-License-Identifier: Apache-2.0
"""tortie(8) has each command, and each option that `tortie COMMAND --help` has, and no other."""
import re

from test_bad_input import ROOT, tortie

SHARED = {"--run-dir", "-h", "--help", "--kubeconfig", "--context", "--local", "-o", "--output"}
IN_THE_PODS = ("connectivity serve", "connectivity probe")  # told of with connectivity test
OPTION = re.compile(r"(?<![\w-])(--[a-z]+(?:-[a-z]+)*|-[a-zA-Z])(?![\w-])")


def paragraphs():
    """Those of the page, as plain words."""
    text = (ROOT / "docs/man/tortie.8").read_text(encoding="utf-8")
    for pattern, plain in ((r"\\f.", ""), (r"\\-", "-"), (r"\\ ", " "), (r"\\\(dq|\"", ""),
                           (r"^\.[BIR]+ ", "")):
        text = re.sub(pattern, plain, text, flags=re.M)
    return [re.sub(r"\s+", " ", part) for part in re.split(r"^\.(?:TP|SH .*)$", text, flags=re.M)]


def helped(tmp_path, command):
    """Options in the left column of the command's help."""
    out = tortie(tmp_path, *command.split(), "--help").stdout.split("options:\n")[1]
    return {option for line in out.splitlines() for option in OPTION.findall(line[:31])}


def test_the_manual_and_the_help_have_the_same_commands_and_options(tmp_path):
    page = paragraphs()
    commands = re.findall(r"^  ((?:[a-z-]+ )?[a-z-]+) +\S",
                          tortie(tmp_path, "--help").stdout.split("options of")[0], re.M)
    assert len(commands) >= 20
    options = {command: helped(tmp_path, command) for command in commands}
    for command in IN_THE_PODS:
        options["connectivity test"] |= options.pop(command)
    for command, there in options.items():
        part, = [part for part in page if part.startswith(f" {command} ")]
        assert set(OPTION.findall(part)) - SHARED == there - SHARED, command
    assert SHARED | {"-V", "--version"} <= set(OPTION.findall(" ".join(page)))
