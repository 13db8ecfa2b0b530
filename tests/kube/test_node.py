# SPDX-License-Identifier: Apache-2.0
"""What the programs of a node are there: shut in, watched by their probes, and in step with the
plugins that are chained. On a node of a cluster, with a runtime's own seccomp profile around them.
"""
import json

import pytest

import kube

BGPD_RESTART_SECONDS = 240  # 15 to notice, three probes 20 apart, 15 of grace, a busy machine
CAP_NET_BIND_SERVICE, CAP_NET_ADMIN, CAP_BPF = 10, 12, 39
RIGHTS = {  # user and capabilities of each
    "tortied": (0, {CAP_NET_BIND_SERVICE, CAP_NET_ADMIN, CAP_BPF}),
    "tortie-bgpd": (61117, set()),
    "tortie-kubed": (61118, set()),
}
CONFLIST = "/etc/cni/net.d/10-tortie.conflist"
PORTMAP = "/opt/cni/bin/portmap"


@pytest.fixture(scope="module", name="nodes", autouse=True)
def nodes_of_tortie():
    kube.need_node_exec()
    kube.need_tortie()
    return kube.worker_nodes()[:2]


def status_of(node, process):
    """/proc/PID/status by field."""
    text = kube.on_node(node.name, "cat", f"/proc/{process.pid}/status").stdout
    return {key: value.strip() for key, value in
            (line.split(":", 1) for line in text.splitlines() if ":" in line)}


def capabilities(mask):
    return {number for number in range(64) if int(mask, 16) >> number & 1}


def one_process(node, name):
    found = kube.processes(node.name, name)
    if len(found) != 1:
        raise kube.Failed(f"{name} of {node.name}: {found}")
    return found[0]


@pytest.mark.parametrize("name", RIGHTS)
def test_each_program_has_its_user_and_capabilities_and_no_more(nodes, name):
    user, wanted = RIGHTS[name]
    for node in nodes:
        status = status_of(node, one_process(node, name))
        assert status["Uid"].split() == [str(user)] * 4
        for field in ("CapInh", "CapPrm", "CapEff", "CapAmb"):
            assert capabilities(status[field]) <= wanted, (field, status[field])
        assert capabilities(status["CapEff"]) == wanted
        assert status["NoNewPrivs"] == "1" and status["Seccomp"] == "2"


def test_every_layer_of_the_speakers_sandbox_holds(nodes):
    """Its own filter comes on top of the runtime's."""
    for node in nodes:
        status = status_of(node, one_process(node, "tortie-bgpd"))
        assert int(status["Seccomp_filters"]) >= 2, status["Seccomp_filters"]
        assert not capabilities(status["CapBnd"])
        log = kube.kubectl("-n", kube.SYSTEM, "logs", kube.agent_pod(node.name), "-c", "bgp")
        assert "going on without" not in log, log


def conflist(node):
    return json.loads(kube.on_node(node, "cat", CONFLIST).stdout)


def portmap_versions(node):
    done = kube.on_node(node, "env", "CNI_COMMAND=VERSION", PORTMAP,
                        stdin='{"cniVersion":"1.0.0"}')
    return json.loads(done.stdout)["supportedVersions"]


def test_the_conflist_names_the_versions_that_the_chained_portmap_knows(nodes):
    for node in nodes:
        assert [plugin["type"] for plugin in conflist(node.name)["plugins"]] == \
            ["tortie-cni", "portmap"]
        named = "1.1.0" in conflist(node.name).get("cniVersions", [])
        assert named == ("1.1.0" in portmap_versions(node.name))


def restarts(node):
    item = kube.get("pod", "-n", kube.SYSTEM, kube.agent_pod(node.name))
    return next(status["restartCount"] for status in item["status"]["containerStatuses"]
                if status["name"] == "bgp")


def test_a_speaker_that_hangs_is_started_anew_by_its_probe(nodes):
    """And one that answers is not: tortied and the pod stay what they are."""
    kube.need_own_cluster()
    node = nodes[0]
    before, pod = restarts(node), kube.agent_pod(node.name)
    agent, speaker = one_process(node, "tortied"), one_process(node, "tortie-bgpd")
    kube.on_node(node.name, "kill", "-STOP", str(speaker.pid))
    kube.wait_until(lambda: restarts(node) > before, "the kubelet to start the speaker anew",
                    BGPD_RESTART_SECONDS, 1)
    kube.kubectl("-n", kube.SYSTEM, "wait", f"pod/{pod}", "--for=condition=Ready",
                 "--timeout=120s", timeout=130)
    assert one_process(node, "tortie-bgpd").pid != speaker.pid
    assert one_process(node, "tortied").pid == agent.pid
    events = [event["message"] for event in kube.get(
        "events", "-n", kube.SYSTEM, "--field-selector",
        f"involvedObject.name={pod},reason=Unhealthy")["items"]]
    assert any("does not answer: it hangs" in text for text in events), events
