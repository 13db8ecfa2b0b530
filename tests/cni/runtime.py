# SPDX-License-Identifier: Apache-2.0
"""The runtime's side: the plugin with a chosen environment and input, in the node's namespace."""
import json
import os
import subprocess
import time
from pathlib import Path

FIXTURES = Path(__file__).resolve().parent / "fixtures"
PREFIX_RUN = ["ip", "netns", "exec"]


class Answer:
    """What the plugin said, checked for what always holds: nothing or one JSON document on stdout,
    and an error object exactly when the exit status is not 0."""

    def __init__(self, done, seconds):
        self.status = done.returncode
        self.stdout = done.stdout.decode()
        self.stderr = done.stderr.decode()
        self.seconds = seconds
        self.json = json.loads(self.stdout) if self.stdout else None
        if self.status != 0:
            assert isinstance(self.json, dict), f"exit {self.status}, stdout {self.stdout!r}"
            assert isinstance(self.json["code"], int) and self.json["msg"], self.stdout
            assert self.json["cniVersion"], self.stdout
        else:
            assert self.json is None or "code" not in self.json, self.stdout

    @property
    def code(self):
        return self.json["code"] if self.status else 0

    @property
    def words(self):
        return f"{self.json['msg']} {self.json.get('details', '')}" if self.status else ""


def plugin(node, env, stdin, timeout=30, program=None):
    """Run tortie-cni; env holds the CNI variables only."""
    variables = {k: v for k, v in os.environ.items() if not k.startswith("CNI_")}
    variables.update(env)
    if isinstance(stdin, str):
        stdin = stdin.encode()
    begin = time.monotonic()
    done = subprocess.run([*PREFIX_RUN, node.netns, *(program or [node.build / "tortie-cni"])],
                          input=stdin, env=variables, capture_output=True, timeout=timeout,
                          check=False)
    return Answer(done, time.monotonic() - begin)


def config(node, version="1.0.0", **keys):
    return {"cniVersion": version, "name": "testnet", "type": "tortie-cni",
            "runDir": str(node.run_dir), **keys}


def environment(pod, command, **changes):
    env = {"CNI_COMMAND": command, "CNI_CONTAINERID": pod.container_id, "CNI_IFNAME": pod.ifname,
           "CNI_NETNS": pod.netns_path, "CNI_PATH": str(pod.node.build)}
    env.update(changes)
    return {k: v for k, v in env.items() if v is not None}


def call(pod, command, version="1.0.0", env=None, timeout=30, **keys):
    """One request about pod, with our keys in the configuration."""
    return plugin(pod.node, environment(pod, command, **(env or {})),
                  json.dumps(config(pod.node, version, **keys)), timeout)


def add(pod, version="1.0.0", **keys):
    """ADD that must succeed; the pod remembers its result."""
    answer = call(pod, "ADD", version, **keys)
    assert answer.status == 0, answer.stdout
    pod.result = answer.json
    return answer.json


def delete(pod, **options):
    answer = call(pod, "DEL", **options)
    assert answer.status == 0 and answer.stdout == "", answer.stdout
    return answer


def status(node, version="1.1.0", **keys):
    return plugin(node, {"CNI_COMMAND": "STATUS"}, json.dumps(config(node, version, **keys)))


def recorded(name):
    """A recorded call of a runtime: its CNI variables and its input."""
    text = (FIXTURES / f"{name}.call").read_text().split("--- env\n", 1)[1]
    env = dict(line.split("=", 1) for line in text.splitlines() if line.startswith("CNI_"))
    return env, json.loads((FIXTURES / f"{name}.stdin").read_text())


def pod_end(result):
    """Index and entry of the pod's interface in a result."""
    return next((i, e) for i, e in enumerate(result["interfaces"]) if e.get("sandbox"))
