#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""run.py [--long PART] [WORD...]: build and run the tests, one report (docs/testing.md).

Without --long: what finds regressions, in the order of what fails fastest. With --long: one of
faults, repeats, repeats-bgp, fuzz, clusters, kernels, all, or a part of clusters (CLUSTER_PARTS
below), each at most half an hour. WORDs: only test files whose path holds one of them.

Tests are found by wildcard, so a new file is a new test:
  build/tests/**/test_*       programs of tests/unit and tests/bpf (cmocka)
  tests/*/test_*.py           pytest; those marked `long` run with --long repeats,
                              those of tests/interop with --long repeats-bgp
  tests/*/test_*.sh           scripts
A program or script that exits with 77 is skipped, its last line is the reason. A skip is counted
as such and never as passed. Exit 0: nothing failed.
"""

import argparse
import glob
import json
import os
import re
import shlex
import signal
import subprocess
import sys
import tempfile
import time

LOGS = "build/test-logs"
SHOWN_LINES = 60  # of a failed test's output
PARTS = ("faults", "repeats", "repeats-bgp", "fuzz", "clusters", "kernels")
LONG_FOLDERS = {"faults", "kernels", "kube"}  # run with --long only
NOT_TESTS = {"bench", "fuzz", "tools"}
BGP_FOLDERS = {"interop"}  # their long tests are a part of their own
SANITIZED = ("unit/",)
SANITIZED_SCENARIOS = {"tests/interop/test_bad_input.py": "tortie-bgpd"}  # the program they test
KERNELS = ("newest-6.1", "newest-6.12")
# Kube-proxy's mode and the families of pods; each of both at least once.
IPV4 = {"KB_PROXY_MODE": "iptables", "KB_FAMILIES": "4"}
DUAL = {"KB_PROXY_MODE": "nftables", "KB_FAMILIES": "46"}
IPV6 = {"KB_PROXY_MODE": "nftables", "KB_FAMILIES": "6"}
CLUSTER_PARTS = {  # suites of tests/kube (test_*.py, *.sh), and what clusters they get
    "clusters-guide": (("guide", "connectivity", "objects"), (IPV4, DUAL, IPV6)),
    "clusters-pods": (("faq", "pods"), (IPV4, IPV6)),
    "clusters-services": (("services",), (IPV4, DUAL, IPV6)),
    "clusters-bgp": (("bgp",), (IPV4, DUAL, IPV6)),
    "clusters-install": (("node", "install"), (DUAL, IPV6)),
    "clusters-faults": (("faults",), ({**DUAL, "TORTIE_FAULT_MINUTES": "15"},)),
    "clusters-scale": (("scale",), ()),  # scripts make their clusters themselves
    "clusters-conformance": (("conformance",), ()),
}
UNIT_SECONDS = 300
FILE_SECONDS = 1200
LONG_SECONDS = 3 * 3600
STOP_SECONDS = 60  # for a test that is interrupted, to remove what it made
END_SECONDS = 3  # for processes that were told to end
LAB_FOLDER = os.environ.get("TORTIE_TEST_DIR", "/run/tortie-lab")  # as tests/net/harness.py

SANITIZER_ENVIRONMENT = {
    "ASAN_OPTIONS": "detect_leaks=1:abort_on_error=0:allocator_may_return_null=1",
    "UBSAN_OPTIONS": "print_stacktrace=1",
}


class Report:
    """Counts, and what to say at the end."""

    def __init__(self):
        self.ran = 0
        self.failures = []
        self.skips = []
        self.start = time.monotonic()

    def add(self, name, passed=0, failures=(), skips=(), seconds=0.0):
        """One line of progress; failures and skips are (name, words)."""
        self.ran += passed + len(failures)
        self.failures.extend(failures)
        self.skips.extend(skips)
        word = "FAILED" if failures else "ok" if passed else "skipped" if skips else "no tests"
        counts = [f"{passed} passed"]
        if failures:
            counts.append(f"{len(failures)} failed")
        if skips:
            counts.append(f"{len(skips)} skipped")
        print(f"  {word:<8} {name} ({', '.join(counts)}, {seconds:.1f} s)", flush=True)

    def end(self):
        for name, words in self.skips:
            print(f"skipped: {name}: {words}")
        for name, _ in self.failures:
            print(f"failed: {name}")
        print(f"{time.monotonic() - self.start:.0f} s")
        print(f"ran {self.ran}, failed {len(self.failures)}, skipped {len(self.skips)}")
        return 1 if self.failures or not self.ran else 0


def stop(process):
    """End a test that may have things to remove; what it says by then."""
    for number, patience in ((signal.SIGINT, STOP_SECONDS), (signal.SIGKILL, None)):
        os.killpg(process.pid, number)
        try:
            return process.communicate(timeout=patience)[0]
        except subprocess.TimeoutExpired:
            pass
    return ""


def left_behind(pid):
    """What a test with this pid made and did not remove: by the names, which carry the pid, of
    namespaces and of the test bed's folder, and by the session, which is its own."""
    mark = re.compile(rf"-{pid}(?![0-9])")
    things = [f"namespace {name}" for name in glob.glob(f"/run/netns/*-{pid}-*")]
    with open("/proc/mounts", encoding="utf-8") as mounts:
        things += [f"mount {line.split()[1]}" for line in mounts
                   if mark.search(line.split()[1]) and not line.startswith("nsfs")]
    things += [f"folder {path}" for path in glob.glob(f"{LAB_FOLDER}/*-{pid}")]
    for folder in glob.glob("/proc/[0-9]*"):
        try:
            with open(f"{folder}/cmdline", encoding="utf-8", errors="replace") as file:
                words = file.read().replace("\0", " ")
            with open(f"{folder}/stat", encoding="utf-8", errors="replace") as file:
                fields = file.read().rsplit(")", 1)[1].split()
        except OSError:
            continue  # ended meanwhile
        if fields[0] != "Z" and (fields[3] == str(pid) or f"{LAB_FOLDER}/" in words
                                 and mark.search(words)):
            things.append(f"process {os.path.basename(folder)} {words.strip()}")
    return things


def run(command, seconds, environment=None):
    """(exit status, output, seconds); status None: ended after that many seconds, or something was
    left behind. The test gets a session of its own, so that all it started can be found."""
    begin = time.monotonic()
    try:
        process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            text=True, errors="replace", start_new_session=True,
            env={**os.environ, **(environment or {})})
    except OSError as error:
        return 127, f"{error}\n", 0.0
    try:
        output, _ = process.communicate(timeout=seconds)
        status = process.returncode
    except subprocess.TimeoutExpired:
        output = f"{stop(process)}\nstill running after {seconds} s: stopped\n"
        status = None
    except KeyboardInterrupt:
        stop(process)
        raise
    deadline = time.monotonic() + END_SECONDS
    while left_behind(process.pid) and time.monotonic() < deadline:
        time.sleep(0.05)
    for thing in left_behind(process.pid):
        output += f"\nleft behind: {thing}"
        status = None
    return status, output, time.monotonic() - begin


def show(name, output):
    """The end of a failed test's output, and all of it in a file."""
    os.makedirs(LOGS, exist_ok=True)
    path = f"{LOGS}/{re.sub(r'[^A-Za-z0-9.]+', '_', name)}.log"
    with open(path, "w", encoding="utf-8") as file:
        file.write(output)
    lines = output.rstrip().split("\n")
    print(f"--- {name}: the last lines of {path}")
    print("\n".join(lines[-SHOWN_LINES:]))
    print("---", flush=True)


def last_line(output):
    lines = [line for line in output.split("\n") if line.strip()]
    return lines[-1].strip() if lines else "no reason given"


def step(title):
    print(f"== {title}", flush=True)


def make(report, name, *targets):
    status, output, seconds = run(
        ["make", "--no-print-directory", f"-j{os.cpu_count() or 1}", *targets], 1800)
    warnings = re.findall(r"^.*warning: .*$", output, flags=re.M)
    if status == 0 and not warnings:
        report.add(name, passed=1, seconds=seconds)
        return True
    show(name, output)
    report.add(name, failures=[(name, "does not build")], seconds=seconds)
    return status == 0


def lint(report):
    step("lint")
    for check in ("format", "style", "includes", "shell", "python"):
        name = f"lint {check}"
        status, output, seconds = run(["tools/dev/lint.sh", check], UNIT_SECONDS)
        if status == 0:
            report.add(name, passed=1, seconds=seconds)
            continue
        show(name, output)
        report.add(name, failures=[(name, "breaches")], seconds=seconds)


def cmocka(report, name, program, environment=None):
    """One test program: its cases are counted from what cmocka prints."""
    status, output, seconds = run([program], UNIT_SECONDS, environment)
    if status == 77:
        report.add(name, skips=[(name, last_line(output))], seconds=seconds)
        return
    passed = len(re.findall(r"^\[       OK \]", output, flags=re.M))
    # cmocka names each failed and each skipped case once as it ends, and again in its summary.
    cases = output.split("[==========]")
    body = cases[1] if len(cases) > 1 else output
    failed = re.findall(r"^\[  FAILED  \] (\w+)$", body, flags=re.M)
    skipped = re.findall(r"^\[  SKIPPED \] (\w+)$", body, flags=re.M)
    failures = [(f"{name}: {case}", "failed") for case in failed]
    if status != 0 and not failures:
        failures = [(name, f"ended with {status}")]
    if failures:
        show(name, output)
    report.add(name, passed, failures,
               [(f"{name}: {case}", skip_reason(output, case)) for case in skipped], seconds)


def skip_reason(output, case):
    """A case that skips prints "skip: REASON" before."""
    found = re.search(rf"^\[ RUN      \] {case}\n(?:.*\n)*?(?:skip: )(.*)$", output, flags=re.M)
    return found.group(1) if found else "skipped by the test"


def chosen(path, words):
    return not words or any(word in path for word in words)


def programs(top, words, kinds):
    for source in sorted(glob.glob("tests/unit/*/test_*.c") + glob.glob("tests/bpf/test_*.c")):
        path = source[len("tests/"):-2]
        if path.startswith(kinds) and chosen(source, words):
            yield path, f"{top}/tests/{path}"


def unit(report, words):
    step("unit tests")
    for name, program in programs("build", words, ("unit/",)):
        cmocka(report, name, program)


def packets(report, words):
    step("packet tests")
    for name, program in programs("build", words, ("bpf/",)):
        cmocka(report, name, program)


def sanitized(report, words):
    step("unit tests with address and undefined behaviour sanitizers")
    targets = [program for _, program in programs("build/san", words, SANITIZED)]
    if not targets or not make(report, "sanitizer build", "SAN=1", *targets):
        return
    for name, program in programs("build/san", words, SANITIZED):
        cmocka(report, f"san {name}", program, SANITIZER_ENVIRONMENT)


def corpora(report, words):
    """Every input that a fuzz target once kept, through the target again."""
    step("fuzz corpora")
    for source in sorted(glob.glob("tests/fuzz/fuzz_*.c")):
        if not chosen(source, words):
            continue
        target = os.path.basename(source)[:-2]
        name = f"corpus {target}"
        if not make(report, f"build {target}", f"build/fuzz/{target}"):
            continue
        status, output, seconds = run(["tests/fuzz/run.sh", "replay", target], UNIT_SECONDS)
        if status == 0:
            report.add(name, passed=1, seconds=seconds)
        else:
            show(name, output)
            report.add(name, failures=[(name, "an input fails")], seconds=seconds)


def pytest(report, path, marks, seconds_max, environment=None):
    with tempfile.TemporaryDirectory(prefix="tortie-test-") as folder:
        results = f"{folder}/results.json"
        command = ["/usr/bin/python3", "-m", "pytest", "-q", "-p", "no:cacheprovider",
                   "-p", "pytest_results", "--basetemp", f"{folder}/tmp", "-m", marks, path]
        status, output, seconds = run(command, seconds_max, {
            "PYTHONPATH": "tests", "TORTIE_RESULTS": results, **(environment or {})})
        cases = []
        if os.path.exists(results):
            with open(results, encoding="utf-8") as file:
                cases = [json.loads(line) for line in file]
    failures = [(case["name"], case["words"]) for case in cases if case["outcome"] == "failed"]
    skips = [(case["name"], case["words"]) for case in cases if case["outcome"] == "skipped"]
    passed = sum(case["outcome"] == "passed" for case in cases)
    if status not in (0, 5) and not failures:  # 5: no test collected
        failures = [(path, "pytest did not end well")]
    if failures:
        show(path, output)
    if failures or passed or skips or status != 5:
        report.add(path, passed, failures, skips, seconds)


def script(report, name, command, seconds_max, environment=None):
    status, output, seconds = run(command, seconds_max, environment)
    if status == 0:
        report.add(name, passed=1, seconds=seconds)
    elif status == 77:
        report.add(name, skips=[(name, last_line(output))], seconds=seconds)
    else:
        show(name, output)
        report.add(name, failures=[(name, f"ended with {status}")], seconds=seconds)


def folders():
    return sorted(os.path.basename(path.rstrip("/")) for path in glob.glob("tests/*/"))


def sanitized_scenario(report, path, marks, seconds_max, environment):
    """The program that path tests is built with the sanitizers, and in the place of the other."""
    if make(report, f"sanitizer build for {path}", "SAN=1",
            f"build/san/{SANITIZED_SCENARIOS[path]}"):
        pytest(report, path, marks, seconds_max, {
            **SANITIZER_ENVIRONMENT, "TORTIE_BUILD": os.path.abspath("build/san"),
            **(environment or {})})


def scenarios(report, words, names, marks, seconds_max, environment=None):
    for folder in names:
        for path in sorted(glob.glob(f"tests/{folder}/test_*.py")):
            if not chosen(path, words):
                continue
            if path in SANITIZED_SCENARIOS and marks != "long":
                sanitized_scenario(report, path, marks, seconds_max, environment)
            else:
                pytest(report, path, marks, seconds_max, environment)
        for path in sorted(glob.glob(f"tests/{folder}/test_*.sh")):
            if chosen(path, words) and marks != "long":
                script(report, path, [path], seconds_max, environment)


def short_run(report, words):
    step("build")
    if not make(report, "build", "WERROR=1", "test-programs"):
        return
    if not words:
        lint(report)
    unit(report, words)
    sanitized(report, words)
    packets(report, words)
    corpora(report, words)
    step("nodes, pods and runtimes")
    names = [name for name in folders() if name not in LONG_FOLDERS | NOT_TESTS]
    scenarios(report, words, names, "not long", FILE_SECONDS)


def fuzz(report, words):
    for source in sorted(glob.glob("tests/fuzz/fuzz_*.c")):
        target = os.path.basename(source)[:-2]
        if not chosen(source, words):
            continue
        if make(report, f"build {target}", f"build/fuzz/{target}"):
            script(report, f"fuzz {target}", ["tests/fuzz/run.sh", "fuzz", target], 1800)
            script(report, f"coverage {target}", ["tests/fuzz/run.sh", "coverage", target], 1800)


def kernels(report, words):
    for kernel in KERNELS:
        if os.path.exists("tests/kernels/boot.sh") and chosen(f"tests/kernels {kernel}", words):
            script(report, f"kernel {kernel}", ["tests/kernels/boot.sh", kernel], LONG_SECONDS)


def cluster(report, paths, settings):
    """A cluster of its own with these settings, and these suites on it; where KUBECONFIG names
    one, on that."""
    # What the caller has set is what he wants.
    settings = {key: os.environ.get(key, value) for key, value in settings.items()}
    name = " ".join(["cluster", *settings.values()])
    step(name)
    status, output, seconds = run(["tests/kube/cluster.py", "up"], LONG_SECONDS, settings)
    if status == 77:
        report.add(name, skips=[(name, last_line(output))], seconds=seconds)
        return
    exports = [shlex.split(line)[1] for line in output.split("\n") if line.startswith("export ")]
    if status == 0:
        environment = {**settings, **dict(text.split("=", 1) for text in exports)}
        for path in paths:
            failures = len(report.failures)
            pytest(report, path, "long or not long", LONG_SECONDS, environment)
            if len(report.failures) > failures:  # with the cluster they would be gone
                run(["tests/kube/cluster.py", "logs", f"{LOGS}/{name} {os.path.basename(path)}"
                     .replace(" ", "-")], 60, environment)
    else:
        show(name, output)
        report.add(name, failures=[(name, "no cluster")], seconds=seconds)
    status, output, seconds = run(["tests/kube/cluster.py", "down"], 300, settings)
    if status != 0:
        show(name, output)
        report.add(name, failures=[(name, "the cluster cannot be removed")], seconds=seconds)


def clusters(report, words, part):
    """One part of the suites on real clusters."""
    suites, kinds = CLUSTER_PARTS[part]
    if os.environ.get("KUBECONFIG"):
        kinds = ({},)
    elif not kinds:
        for path in (f"tests/kube/{suite}.sh" for suite in suites):
            if chosen(path, words):
                script(report, path, [path], LONG_SECONDS)
    paths = [path for path in (f"tests/kube/test_{suite}.py" for suite in suites)
             if os.path.exists(path) and chosen(path, words)]
    for settings in kinds if paths else ():
        cluster(report, paths, settings)


def long_run(report, words, part):
    step("build")
    if not make(report, "build", "WERROR=1", "test-programs"):
        return
    environment = {"TORTIE_LONG": "1"}
    for name in PARTS if part == "all" else (part,):
        step(name)
        before = report.ran + len(report.skips)
        if name == "fuzz":
            fuzz(report, words)
        elif name == "kernels":
            kernels(report, words)
        elif name == "clusters":
            for one in CLUSTER_PARTS:
                clusters(report, words, one)
        elif name in CLUSTER_PARTS:
            clusters(report, words, name)
        if name in ("repeats", "repeats-bgp"):
            short = [folder for folder in folders() if folder not in LONG_FOLDERS | NOT_TESTS
                     and (folder in BGP_FOLDERS) == (name == "repeats-bgp")]
            scenarios(report, words, short, "long", LONG_SECONDS, environment)
        elif name in LONG_FOLDERS:
            scenarios(report, words, [name], "long or not long", LONG_SECONDS, environment)
        if report.ran + len(report.skips) == before and not words:
            report.add(name, skips=[(name, "this version has no such tests")])


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--long", choices=(*PARTS, *CLUSTER_PARTS, "all"))
    parser.add_argument("words", nargs="*")
    arguments = parser.parse_args()
    os.chdir(os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
    if os.geteuid() != 0:
        sys.exit("run.py: the tests need root; use make test, which becomes root")
    report = Report()
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    # A shell's `make test &` has SIGINT ignored, and so would the tests that are to end by it.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        if arguments.long:
            long_run(report, arguments.words, arguments.long)
        else:
            short_run(report, arguments.words)
    except KeyboardInterrupt:
        report.failures.append(("the run", "interrupted"))
        print("interrupted", flush=True)
    sys.exit(report.end())


if __name__ == "__main__":
    main()
