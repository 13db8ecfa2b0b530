# SPDX-License-Identifier: Apache-2.0
"""What every benchmark tells with its figures: the machine; and where they are kept."""
import json
import os
import platform
import subprocess
import time


def machine():
    def read(path):
        with open(path, encoding="utf-8") as file:
            return file.read().strip()

    cpu = [line.split(":")[1].strip() for line in read("/proc/cpuinfo").splitlines()
           if line.startswith("model name")]
    commit = subprocess.run(["git", "describe", "--always", "--dirty", "--abbrev=12"],
                            capture_output=True, text=True).stdout.strip()
    return {"commit": commit or "unknown", "kernel": platform.release(),
            "cpu": cpu[0] if cpu else "", "cpus": os.cpu_count(),
            "congestion_control": "cubic", "load": read("/proc/loadavg"),
            "date": time.strftime("%Y-%m-%d", time.gmtime())}


def keep(result, folder, name, write_report):
    """All of it in FOLDER/NAME.json, the report of it in FOLDER/NAME.md and on the screen."""
    result["machine"]["load_after"] = machine()["load"]
    os.makedirs(folder, exist_ok=True)
    with open(f"{folder}/{name}.json", "w", encoding="utf-8") as file:
        json.dump(result, file, separators=(",", ":"))
    write_report(result, f"{folder}/{name}.md")
    with open(f"{folder}/{name}.md", encoding="utf-8") as file:
        print(file.read())
