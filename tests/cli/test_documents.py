# SPDX-License-Identifier: Apache-2.0
"""tortie.yaml(5) names every key, and completion every option (tortie(8): test_manual.py)."""
import os
import re
import subprocess
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
TORTIE = Path(os.environ.get("TORTIE_BUILD", ROOT / "build")) / "tortie"
COMPLETION = ROOT / "deploy/bash-completion/tortie"
IN_PODS = ("connectivity serve", "connectivity probe")  # nobody types them


def options_of(*command):
    """The long name of each option that --help lists."""
    text = subprocess.run([TORTIE, *command, "--help"], capture_output=True, text=True,
                          check=True, timeout=20).stdout
    return set(re.findall(r"^  (?:-\w, |    )(--[\w-]+)", text, re.M))


def commands():
    text = subprocess.run([TORTIE, "--help"], capture_output=True, text=True, check=True,
                          timeout=20).stdout
    return re.findall(r"^  ([a-z-]+(?: [a-z]+)?)  ", text.split("options of")[0], re.M)


def test_bash_completes_each_option():
    typed = [command for command in commands() if command not in IN_PODS]
    script = [f'. "{COMPLETION}"']
    for command in typed:
        words = ["tortie", *command.split(), *(["node"] if command == "get" else []), "--"]
        script.append(f'COMP_WORDS=({" ".join(words)}) COMP_CWORD={len(words) - 1}; _tortie; '
                      'echo "${COMPREPLY[@]}"')
    done = subprocess.run(["bash", "-c", "\n".join(script)], capture_output=True, text=True,
                          check=True, timeout=20, env={"PATH": "/usr/bin:/bin"})
    lacking = {command: options_of(*command.split()) - set(line.split())
               for command, line in zip(typed, done.stdout.splitlines(), strict=True)}
    assert {command: names for command, names in lacking.items() if names} == {}


def test_the_page_of_the_file_has_each_key():
    keys = set()
    for source in (ROOT / "lib").glob("config*.c"):
        keys |= set(re.findall(r'^\t\{ "([a-z_0-9]+)", (?:config_)?(?:read_|NULL)',
                               source.read_text(encoding="utf-8"), re.M))
    assert len(keys) > 70
    text = (ROOT / "docs/man/tortie.yaml.5").read_text(encoding="utf-8")
    assert [key for key in sorted(keys) if not re.search(rf"(?<![\w]){key}(?!\w)", text)] == []
