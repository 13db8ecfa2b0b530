# SPDX-License-Identifier: Apache-2.0
"""Manual pages and completion name every option and key that the programs take."""
import os
import re
import subprocess
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
TORTIE = Path(os.environ.get("TORTIE_BUILD", ROOT / "build")) / "tortie"
COMPLETION = ROOT / "deploy/bash-completion/tortie"
IN_PODS = ("connectivity serve", "connectivity probe")  # nobody types them


def options_of(*command):
    """(short, long) of each option that --help lists; short may be empty."""
    text = subprocess.run([TORTIE, *command, "--help"], capture_output=True, text=True,
                          check=True, timeout=20).stdout
    return re.findall(r"^  (?:(-\w), |    )(--[\w-]+)", text, re.M)


def commands():
    text = subprocess.run([TORTIE, "--help"], capture_output=True, text=True, check=True,
                          timeout=20).stdout
    return re.findall(r"^  ([a-z-]+(?: [a-z]+)?)  ", text.split("options of")[0], re.M)


def page(name):
    """A manual page without its fonts and quotes."""
    text = (ROOT / "docs/man" / name).read_text(encoding="utf-8")
    text = text.replace("\\-", "-").replace("\\ ", " ")
    return re.sub(r"\\f.|^\.(?:[BI]R?|R[BI]|BI) |\"", "", text, flags=re.M)


def paragraphs_of(command):
    """Those of tortie(8) that are about @command, or about options of several."""
    before, rest = page("tortie.8").split(".SH COMMANDS\n")
    body = rest.split(".SH ")[0]
    noun = "connectivity test" if command in IN_PODS else command
    found = [part for part in body.split(".TP\n") if part.startswith(noun)]
    assert found, command
    return before + "".join(found)


def has_option(text, name):
    return re.search(rf"(?<![\w-]){name}(?![\w-])", text)


def test_the_manual_page_has_each_option():
    lacking = {}
    for command in commands():
        text = paragraphs_of(command)
        names = [name for pair in options_of(*command.split()) for name in pair if name]
        lacking[command] = [name for name in names if not has_option(text, name)]
    assert {command: names for command, names in lacking.items() if names} == {}


def test_bash_completes_each_option():
    typed = [command for command in commands() if command not in IN_PODS]
    script = [f'. "{COMPLETION}"']
    for command in typed:
        words = ["tortie", *command.split(), *(["node"] if command == "get" else []), "--"]
        script.append(f'COMP_WORDS=({" ".join(words)}) COMP_CWORD={len(words) - 1}; _tortie; '
                      'echo "${COMPREPLY[@]}"')
    done = subprocess.run(["bash", "-c", "\n".join(script)], capture_output=True, text=True,
                          check=True, timeout=20, env={"PATH": "/usr/bin:/bin"})
    lacking = {command: {long for _, long in options_of(*command.split())} - set(line.split())
               for command, line in zip(typed, done.stdout.splitlines(), strict=True)}
    assert {command: names for command, names in lacking.items() if names} == {}


def test_the_page_of_the_file_has_each_key():
    keys = set()
    for source in (ROOT / "lib").glob("config*.c"):
        keys |= set(re.findall(r'^\t\{ "([a-z_0-9]+)", (?:config_)?(?:read_|NULL)',
                               source.read_text(encoding="utf-8"), re.M))
    assert len(keys) > 70
    text = page("tortie.yaml.5")
    assert [key for key in sorted(keys) if not re.search(rf"(?<![\w]){key}(?!\w)", text)] == []
