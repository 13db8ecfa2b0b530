# SPDX-License-Identifier: Apache-2.0
"""deploy/kubernetes and deploy/helm: the same objects, and no more rights than are needed."""
import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml

TOP = Path(__file__).resolve().parents[2]
KUBERNETES = TOP / "deploy" / "kubernetes"
CHART = TOP / "deploy" / "helm" / "tortie"
HELM = "helm.sh/helm/v3/cmd/helm@v3.19.5"
VERSION = (TOP / "VERSION").read_text().strip()
SYSTEM = "tortie-system"

# What the programs use; what is added to the manifest is added here, with thought.
RULES = {
    ("", "nodes"): {"list", "watch"},
    ("", "nodes/status"): {"patch"},
    ("networking.k8s.io", "networkpolicies"): {"list", "watch"},
    ("projectcalico.org", "networkpolicies"): {"list", "watch"},
    ("projectcalico.org", "globalnetworkpolicies"): {"list", "watch"},
    ("crd.projectcalico.org", "networkpolicies"): {"list", "watch"},
    ("crd.projectcalico.org", "globalnetworkpolicies"): {"list", "watch"},
    ("policy.networking.k8s.io", "adminnetworkpolicies"): {"list", "watch"},
    ("policy.networking.k8s.io", "baselineadminnetworkpolicies"): {"list", "watch"},
    ("policy.networking.k8s.io", "clusternetworkpolicies"): {"list", "watch"},
    ("projectcalico.org", "ippools"): {"list", "watch"},
    ("projectcalico.org", "bgpconfigurations"): {"list", "watch"},
    ("projectcalico.org", "bgppeers"): {"list", "watch"},
    ("projectcalico.org", "bgpfilters"): {"list", "watch"},
    ("projectcalico.org", "ipreservations"): {"list", "watch"},
    ("", "services"): {"list", "watch"},
    ("discovery.k8s.io", "endpointslices"): {"list", "watch"},
}
CAPABILITIES = {
    "install": {"BPF", "NET_ADMIN", "PERFMON"},
    "agent": {"BPF", "NET_ADMIN", "NET_BIND_SERVICE", "PERFMON"},
    "bgp": set(),
    "kube": set(),
}


def objects(text):
    """By kind and name, as the API server sees them."""
    return {(item["kind"], item["metadata"]["name"]): item
            for item in yaml.safe_load_all(text) if item}


@pytest.fixture(name="manifest", scope="module")
def applied_manifest():
    return objects((KUBERNETES / "tortie.yaml").read_text())


@pytest.fixture(name="pod", scope="module")
def pod_of_daemonset(manifest):
    return manifest["DaemonSet", "tortie-node"]["spec"]["template"]["spec"]


@pytest.fixture(name="containers", scope="module")
def containers_by_name(pod):
    return {item["name"]: item for item in pod["initContainers"] + pod["containers"]}


@pytest.fixture(name="helm", scope="module")
def helm_program(tmp_path_factory):
    """The real one: installed, or built from its Go module in the long tests."""
    found = os.environ.get("HELM") or shutil.which("helm")
    if found:
        return found
    if not os.environ.get("TORTIE_LONG"):
        pytest.skip("no helm here; make test-long builds it where Go is")
    if not shutil.which("go"):
        pytest.skip("neither helm nor Go here")
    folder = tmp_path_factory.mktemp("helm")
    done = subprocess.run(["go", "install", "-trimpath", "-ldflags", "-s -w", HELM],
                          env={**os.environ, "GOBIN": str(folder), "GOFLAGS": "-p=2"},
                          capture_output=True, text=True, timeout=1500, check=False)
    if done.returncode:
        pytest.skip(f"helm does not build: {done.stderr.strip().splitlines()[-1]}")
    return str(folder / "helm")


def render(helm, *words):
    return objects(subprocess.run(
        [helm, "template", "tortie", CHART, "--namespace", SYSTEM, "--include-crds", *words],
        capture_output=True, text=True, timeout=60, check=True).stdout)


@pytest.mark.long
def test_the_chart_renders_the_manifest(helm, manifest):
    """All but the namespace, which helm makes itself."""
    chart = render(helm)
    assert set(manifest) - set(chart) == {("Namespace", SYSTEM)}
    assert not set(chart) - set(manifest)
    for key, item in chart.items():
        assert item == manifest[key], key


@pytest.mark.long
def test_values_of_the_chart_arrive(helm):
    chart = render(helm, "--set", "agentSeccomp=Unconfined", "--set", "paths.cniBin=/usr/lib/cni",
                   "--set", "paths.kubelet=/k", "--set", "image.tag=9", "--set", "config.mtu=1400")
    pod = chart["DaemonSet", "tortie-node"]["spec"]["template"]["spec"]
    agent = next(item for item in pod["containers"] if item["name"] == "agent")
    assert agent["securityContext"]["seccompProfile"] == {"type": "Unconfined"}
    assert agent["image"] == "docker.io/tortie/tortie:9"
    paths = {item["name"]: item.get("hostPath", {}).get("path") for item in pod["volumes"]}
    assert paths["cni-bin"] == "/usr/lib/cni" and paths["seccomp"] == "/k/seccomp"
    text = chart["ConfigMap", "tortie-config"]["data"]["tortie.yaml"]
    assert yaml.safe_load(text) == {"kubernetes": {}, "log_level": "info", "mtu": 1400}


def test_the_manifest_is_its_parts():
    """make manifests"""
    parts = [(KUBERNETES / name).read_text() for name in ("node.yaml", "crds.yaml")]
    assert (KUBERNETES / "tortie.yaml").read_text() == "---\n".join(parts)


def test_versions_are_that_of_the_project(containers):
    chart = yaml.safe_load((CHART / "Chart.yaml").read_text())
    assert (chart["version"], chart["appVersion"]) == (VERSION, VERSION)
    for item in containers.values():
        assert item["image"] == f"docker.io/tortie/tortie:{VERSION}"


def test_secrets_are_read_in_the_own_namespace_alone(manifest):
    role, binding = manifest["Role", "tortie-node"], manifest["RoleBinding", "tortie-node"]
    assert role["metadata"]["namespace"] == binding["metadata"]["namespace"] == SYSTEM
    assert role["rules"] == [{"apiGroups": [""], "resources": ["secrets"],
                              "verbs": ["list", "watch"]}]
    assert binding["roleRef"]["kind"] == "Role" and binding["roleRef"]["name"] == "tortie-node"
    assert binding["subjects"] == [{"kind": "ServiceAccount", "name": "tortie-node",
                                    "namespace": SYSTEM}]


def test_rights_in_the_cluster(manifest):
    found = {}
    for rule in manifest["ClusterRole", "tortie-node"]["rules"]:
        for group in rule["apiGroups"]:
            for resource in rule["resources"]:
                found[group, resource] = set(rule["verbs"])
    assert found == RULES


def test_rights_on_the_node(containers):
    assert set(containers) == set(CAPABILITIES)
    for name, wanted in CAPABILITIES.items():
        context = containers[name]["securityContext"]
        assert context["privileged"] is False and context["allowPrivilegeEscalation"] is False
        assert context["readOnlyRootFilesystem"] is True
        assert context["capabilities"]["drop"] == ["ALL"], name
        assert set(context["capabilities"].get("add", [])) == wanted, name
        assert context["seccompProfile"]["type"], name


def test_users_are_those_of_the_image(pod, containers):
    lines = (TOP / "deploy/image/passwd").read_text().splitlines()
    uid = {line.split(":")[0]: int(line.split(":")[2]) for line in lines}
    lines = (TOP / "deploy/image/group").read_text().splitlines()
    gid = {line.split(":")[0]: int(line.split(":")[2]) for line in lines}
    assert pod["securityContext"]["supplementalGroups"] == [gid["tortie"]]
    for name, user in (("install", "root"), ("agent", "root"), ("bgp", "tortie-bgpd"),
                       ("kube", "tortie-kubed")):
        context = containers[name]["securityContext"]
        assert (context["runAsUser"], context["runAsGroup"]) == (uid[user], gid[user]), name


def test_only_kube_has_the_token(pod, containers):
    assert pod["automountServiceAccountToken"] is False
    having = [name for name, item in containers.items()
              if "api-access" in [mount["name"] for mount in item["volumeMounts"]]]
    assert having == ["kube"]


def test_folders_of_the_node_by_container(containers):
    """The speaker and the watcher see the run folder alone, and cannot write it."""
    for name in ("bgp", "kube"):
        mounts = {mount["name"]: mount.get("readOnly", False)
                  for mount in containers[name]["volumeMounts"]}
        assert mounts.pop("run") is True and mounts.pop("config") is True
        assert set(mounts) <= {"api-access"}


def test_probes_do_not_end_the_agent_when_the_api_is_away(containers):
    agent = containers["agent"]
    assert agent["livenessProbe"]["exec"]["command"] == ["tortie", "version"]
    assert agent["startupProbe"]["exec"]["command"] == ["tortie", "version"]
    assert containers["bgp"]["livenessProbe"]["exec"]["command"] == ["tortie", "bgp", "alive"]
    for name in ("bgp", "kube"):
        assert "readinessProbe" in containers[name]
    for kind, path in (("livenessProbe", "/livez"), ("readinessProbe", "/readyz")):
        probe = containers["kube"][kind]["httpGet"]
        assert (probe["host"], probe["port"], probe["path"]) == ("127.0.0.1", 9099, path)


def test_the_seccomp_profile_is_one():
    profile = json.loads((TOP / "deploy/image/seccomp-agent.json").read_text())
    allowed = {name for rule in profile["syscalls"] if rule["action"] == "SCMP_ACT_ALLOW"
               for name in rule["names"]}
    assert profile["defaultAction"] == "SCMP_ACT_ERRNO" and "bpf" in allowed
    refused = {"mount", "umount2", "setns", "unshare", "ptrace", "init_module", "finit_module",
               "kexec_load", "reboot", "io_uring_setup", "keyctl", "perf_event_open", "userfaultfd"}
    assert not allowed & refused
