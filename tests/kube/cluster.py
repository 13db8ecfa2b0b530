#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""cluster.py up | down | env | logs | e2e | api stop|start | run COMMAND...: a real cluster.

Where KUBECONFIG names a cluster that is the cluster: nothing is made and nothing removed, but for
one that was made here, which is known by its folder. Else one is made by the scripts in the folder
TORTIE_KUBE_MAKER (up.sh, down.sh, env.sh, build.sh, images.sh; default: shared/kube beside the
clone, when it exists): control plane and nodes in network namespaces of this machine. What is made
gets the image of build/ on its nodes and deploy/kubernetes/tortie.yaml by kubectl apply, as a user
does it.

up    make it and wait until every node is Ready; prints the variables of kube.py
down  remove it
env   print the variables again
logs  FOLDER: what the programs of control plane, nodes and pods wrote, before down removes it
e2e   NAME EXPRESSION: run those of Kubernetes' own tests and print a line for each
api   stop: kill the API server; start: start it again
run   up, COMMAND with these variables, down; KEEP=1 leaves it up
Exit status 77: there is no cluster and none can be made; the last line says why.

The maker's own settings pass through (KB_FAMILIES, KB_PROXY_MODE, KB_NODES, KB_CRI_BIN, KB_BIN,
KB_IMAGES, KB_TAG, KB_LAN, KB_LAN6, KB for its folder).
"""
import glob
import os
import shlex
import shutil
import signal
import subprocess
import sys
from pathlib import Path

TOP = Path(__file__).resolve().parents[2]
SKIPPED = 77
BUILD_SECONDS = 1500
UP_SECONDS = 300
E2E_SECONDS = 3600
NEXT_ABI = 99  # an image with other programs and another layout of the maps, for upgrades
NEXT_IMAGE = "docker.io/tortie/tortie:next"
IMAGES = [TOP / "build" / "tortie-image.tar",
          TOP / "build" / f"abi{NEXT_ABI}" / "tortie-image.tar"]
SETTINGS = {  # apart from what the maker itself takes, so that another cluster may be up
    "KB_TAG": "tk",
    "KB_LAN": "10.76.0",
    "KB_LAN6": "fd76:",
}


class NoCluster(Exception):
    """There is none and none can be made; the text says why."""


def maker():
    folder = os.environ.get("TORTIE_KUBE_MAKER")
    if folder and not Path(folder, "up.sh").exists():
        raise NoCluster(f"TORTIE_KUBE_MAKER={folder}: no up.sh in there")
    path = Path(folder) if folder else TOP.parent / "shared" / "kube"
    if not path.joinpath("up.sh").exists():
        raise NoCluster("needs a cluster: KUBECONFIG is not set, nor TORTIE_KUBE_MAKER")
    return path


def temporary():
    return Path(os.environ.get("TMPDIR", "/tmp"))


def state_folder():
    """Where a cluster of ours is, or would be; test_variables() tells it to later calls."""
    return (os.environ.get("KB") or os.environ.get("TORTIE_KUBE_STATE") or
            str(temporary() / "tortie-kube"))


def is_given():
    """Whether the cluster is somebody else's. One that was made here stays ours when its variables
    have been taken into the environment, KUBECONFIG among them."""
    return os.environ.get("KUBECONFIG") not in (None, "", kubeconfig(state_folder()))


def kubeconfig(folder):
    return f"{folder}/pki/admin.conf"


def settings():
    """The environment of the maker's scripts."""
    variables = {**SETTINGS, **os.environ, "KB": state_folder()}
    variables.pop("KUBECONFIG", None)
    # Programs and images take minutes to build: one copy for all clusters.
    variables.setdefault("KB_BIN", str(temporary() / "kb" / "bin"))
    variables.setdefault("KB_IMAGES", str(temporary() / "kb" / "images"))
    variables.setdefault("KB_CRI_BIN", variables["KB_BIN"])
    variables["TORTIE_KUBE_MAKER"] = str(maker())
    variables.setdefault("KB_CNI", str(Path(__file__).with_name("install_hook.sh")))
    policy = Path(__file__).with_name("audit-policy.yaml")
    variables.setdefault("KB_APISERVER_ARGS", f"--audit-log-path={audit_log(variables)} "
                         f"--audit-policy-file={policy}")
    variables["TORTIE_KUBE_IMAGES"] = " ".join(str(path) for path in IMAGES)
    return variables


def audit_log(variables):
    """What the API server notes of the requests of ours."""
    return Path(variables["KB"]) / "audit.log"


def call(command, variables, seconds):
    try:
        done = subprocess.run([str(word) for word in command], env=variables, timeout=seconds,
                              stdin=subprocess.DEVNULL, stdout=sys.stderr, check=False)
    except subprocess.TimeoutExpired as error:
        raise SystemExit(f"cluster.py: {command[0]}: no end within {seconds} s") from error
    if done.returncode:
        raise SystemExit(f"cluster.py: {command[0]} ended with {done.returncode}")


def prepare(variables):
    """The cluster's programs and images, where they are not there yet, and our image."""
    folder = maker()
    if not Path(variables["KB_BIN"], "e2e").exists():
        if not shutil.which("go"):
            raise NoCluster("needs Go to build Kubernetes, or KB_BIN with its programs")
        call([folder / "build.sh"], {**variables, "KB": str(temporary() / "kb")}, BUILD_SECONDS)
    if not Path(variables["KB_IMAGES"], "pause.tar").exists():
        call([folder / "images.sh"], {**variables, "KB": str(temporary() / "kb")}, 300)
    for make in (["image"], ["image", f"ABI_VERSION={NEXT_ABI}", f"IMAGE_NAME={NEXT_IMAGE}"]):
        call(["make", "-C", TOP, "--no-print-directory", *make], os.environ, 900)


def node_exec(variables):
    """A script that runs a command on a node: NAME COMMAND..."""
    path = Path(variables["KB"]) / "on-node"
    path.write_text(
        "#!/bin/sh\nname=$1; shift\n"
        f'exec nsenter -t "$(cat {variables["KB"]}/$name/holder.pid)" -n -m -u -- "$@"\n')
    path.chmod(0o755)
    return path


def test_variables():
    """What kube.py needs to know, as a dictionary."""
    if is_given():
        return {}
    variables = settings()
    inside = f"ip netns exec {variables['KB_TAG']}-m"
    return {
        "KUBECONFIG": kubeconfig(variables["KB"]),
        "KUBECTL": f"{inside} {variables['KB_BIN']}/kubectl",
        "TORTIE_NODE_EXEC": str(node_exec(variables)),
        "TORTIE_OUTSIDE_EXEC": inside,
        # Tests may take the network off the nodes and put it back: nobody else works here.
        "TORTIE_KUBE_OWN": "1",
        "TORTIE_KUBE_STATE": variables["KB"],
        "TORTIE_AUDIT_LOG": str(audit_log(variables)),
        "TORTIE_KUBE_NEXT": NEXT_IMAGE,
        "TORTIE_KUBE_CTR": f"{variables['KB_CRI_BIN']}/ctr -a /run/containerd/containerd.sock",
        "TORTIE_KUBE_API": shlex.join(["env", "-u", "KUBECONFIG", *(
            f"{name}={value}" for name, value in sorted(variables.items())
            if name.startswith(("KB", "TORTIE_KUBE_"))), str(Path(__file__).resolve()), "api"]),
    }


def up():
    if is_given():
        return
    variables = settings()
    if os.geteuid() != 0:
        raise NoCluster("needs root to make a cluster of namespaces")
    prepare(variables)
    call([maker() / "up.sh"], variables, UP_SECONDS)
    kubectl = shlex.split(test_variables()["KUBECTL"])
    call([*kubectl, "--kubeconfig", kubeconfig(variables["KB"]), "wait", "node", "--all",
          "--for=condition=Ready", "--timeout=120s"], variables, 150)


def api(verb):
    """The API server goes and comes; etcd and what it knows stay."""
    variables = settings()
    pid = Path(variables["KB"], "apiserver.pid")
    if verb == "stop":
        os.kill(int(pid.read_text()), signal.SIGKILL)
        pid.unlink()
    else:
        call([maker() / "up.sh"], {**variables, "KB_CNI": "none"}, UP_SECONDS)


def is_mounted(folder):
    """Whether something is mounted there in any mount namespace."""
    for path in glob.glob("/proc/[0-9]*/mounts"):
        try:
            if f" {folder} " in Path(path).read_text():
                return True
        except OSError:
            pass  # ended meanwhile
    return False


def end_shims(folder):
    """A containerd that was killed and started anew leaves some of its shims behind: they are told
    from others by what is mounted where they live."""
    for path in glob.glob("/proc/[0-9]*"):
        try:
            if "containerd-shim" in Path(path, "cmdline").read_text() and (
                    f"{folder}/" in Path(path, "mountinfo").read_text()):
                os.kill(int(Path(path).name), signal.SIGKILL)
        except OSError:
            pass  # ended meanwhile


def down():
    if not is_given():
        call([maker() / "down.sh", "clean"], settings(), 120)
        end_shims(state_folder())
        if not is_mounted("/var/lib/tortie"):  # by another cluster; see install_hook.sh
            Path("/var/lib/tortie/.mounted").unlink(missing_ok=True)
            if Path("/var/lib/tortie").is_dir() and not os.listdir("/var/lib/tortie"):
                os.rmdir("/var/lib/tortie")


def keep_logs(folder):
    """One file for each program, named by its path."""
    if is_given():
        return
    state = Path(state_folder())
    os.makedirs(folder, exist_ok=True)
    for pattern in ("log/*.log", "n*/log-*.txt", "n*/log/pods/*/*/*.log"):
        for path in state.glob(pattern):
            shutil.copyfile(path, Path(folder, str(path.relative_to(state)).replace("/", "+")))


def end_to_end(name, expression):
    variables = settings()
    call([maker() / "e2e.sh", name, expression], variables, E2E_SECONDS)
    print(Path(variables["KB"], "e2e", f"{name}.txt").read_text(encoding="utf-8"), end="")


def print_variables():
    for name, value in test_variables().items():
        print(f"export {name}={shlex.quote(value)}")


def run_in_cluster(command):
    try:
        up()
        status = subprocess.run(command, env={**os.environ, **test_variables()}, check=False)
    finally:
        if os.environ.get("KEEP") != "1":
            down()
    return status.returncode


def main(words):
    try:
        if words == ["up"]:
            up()
            print_variables()
        elif words == ["down"]:
            down()
        elif words in (["api", "stop"], ["api", "start"]):
            api(words[1])
        elif words == ["env"]:
            print_variables()
        elif words[:1] == ["logs"] and len(words) == 2:
            keep_logs(words[1])
        elif words[:1] == ["e2e"] and len(words) == 3:
            end_to_end(*words[1:])
        elif words[:1] == ["run"] and words[1:]:
            return run_in_cluster(words[1:])
        else:
            sys.exit(__doc__)
    except NoCluster as reason:
        print(reason)
        return SKIPPED
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
