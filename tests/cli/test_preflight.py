# SPDX-License-Identifier: Apache-2.0
"""`tortie preflight` on nodes with something in the way; no agent runs."""
import json
import subprocess

import pytest

from harness import Lab, run


class Net:
    def __init__(self, lab):
        self.lab = lab
        self.node = lab.add_node(1)
        self.node.config["bgp"] = {"mesh": [self.node.ip4, "192.168.100.101"]}

    def preflight(self, *options):
        """Exit status and result lines."""
        self.node.write_config()
        done = subprocess.run(
            ["ip", "netns", "exec", self.node.netns, self.node.build / "tortie", "--run-dir",
             self.node.run_dir, "preflight", "-c", self.node.config_file, "--bpf-dir",
             self.node.bpf_dir, "-o", "json", *options],
            capture_output=True, text=True, timeout=30, check=False)
        assert done.stderr == ""
        return done.returncode, json.loads(done.stdout)["items"]

    def finds(self, level, check, *words):
        """A line of this check and level has the words; each line that is not ok has a mend."""
        status, lines = self.preflight()
        assert status == (1 if any(line["level"] == "problem" for line in lines) else 0)
        for line in lines:
            assert (line["mend"] != "") == (line["level"] != "ok"), line
        hits = [line for line in lines if line["level"] == level and line["check"] == check and
                all(word in line["text"] for word in words)]
        assert hits, lines
        return status


@pytest.fixture
def net():
    with Lab("fit") as lab:
        yield Net(lab)


def test_a_fit_node_has_no_problem_and_nothing_is_changed(net):
    before = (net.node.ip("link"), net.node.ip("route"), net.node.run("nft", "list", "ruleset"),
              net.node.sysctl("net.ipv4.ip_forward"), list(net.node.run_dir.iterdir()))
    status, lines = net.preflight()
    assert status == 0, lines
    checks = {line["check"] for line in lines}
    assert {"configuration", "bpffs", "bpf", "memory", "pod hook", "uplink hook", "nftables",
            "sysctls", "uplinks", "port", "users", "conflists", "leftovers", "groups",
            "firewall"} <= checks
    assert before == (net.node.ip("link"), net.node.ip("route"),
                      net.node.run("nft", "list", "ruleset"),
                      net.node.sysctl("net.ipv4.ip_forward"), list(net.node.run_dir.iterdir()))
    assert not net.node.bpf_dir.exists()


def test_a_broken_configuration_is_told_with_its_place(net):
    net.node.config["pools"][0]["cidr"] = "10.244.0.1/16"
    assert net.finds("problem", "configuration", "tortie.yaml:", "cidr") == 1


def test_an_uplink_that_is_not_there(net):
    net.node.config["node"]["uplinks"] = ["eth7"]
    assert net.finds("problem", "uplinks", "eth7", "no such link") == 1


def test_an_uplink_that_is_down(net):
    net.node.ip("link", "set", "up0", "down")
    assert net.finds("problem", "uplinks", "up0", "down") == 1


def test_a_node_address_on_no_link(net):
    net.node.config["node"]["addresses"] = ["192.168.100.7"]
    net.node.config["bgp"] = {"listen": []}
    assert net.finds("problem", "uplinks", "192.168.100.7", "no link") == 1


def test_a_port_that_somebody_holds(net):
    holder = net.node.start(
        ["/usr/bin/python3", "-c", "import signal, socket\n"
         f"s = socket.create_server(('{net.node.ip4}', 179))\n"
         "print('ready', flush=True)\nsignal.pause()"], net.lab.dir / "holder.log",
        stdout=subprocess.PIPE)
    assert "ready" in str(holder.stdout.readline())
    assert net.finds("problem", "port", net.node.ip4, "179") == 1


def test_conflists_of_others_before_and_behind_ours(net):
    (net.node.cni_dir / "05-cilium.conflist").write_text("{}\n")
    (net.node.cni_dir / "99-bridge.conf").write_text("{}\n")
    (net.node.cni_dir / "README").write_text("no conflist\n")
    assert net.finds("problem", "conflists", "05-cilium.conflist") == 1
    net.finds("warning", "conflists", "99-bridge.conf")


def test_a_conflist_of_ours_that_chains_the_bandwidth_plugin(net):
    path = net.node.cni_dir / "05-mine.conflist"
    path.write_text('{"plugins": [{"type": "tortie-cni"}, {"type": "bandwidth"}]}\n')
    assert net.finds("problem", "conflists", "05-mine.conflist", "bandwidth", "every pod") == 1
    path.write_text('{"plugins": [{"type": "tortie-cni"}, {"type": "portmap"}]}\n')
    net.finds("ok", "conflists", "05-mine.conflist", "tortie-cni")
    path.unlink()


def test_a_conflist_before_ours_with_cni_exclusive_is_told_what_becomes_of_it(net):
    (net.node.cni_dir / "05-cilium.conflist").write_text("{}\n")
    net.node.config["cni"]["exclusive"] = True
    assert net.finds("warning", "conflists", "05-cilium.conflist.tortie-off", "puts it back") == 0


def test_bandwidth_limits_of_another_network_are_named_as_lost(net):
    plugins = [{"type": "calico"}, {"type": "bandwidth", "capabilities": {"bandwidth": True}}]
    (net.node.cni_dir / "10-calico.conflist").write_text(
        json.dumps({"cniVersion": "0.3.1", "name": "k8s-pod-network", "plugins": plugins}))
    (net.node.cni_dir / "99-broken.conflist").write_text('{"plugins": [{"type": "bandwidth')
    net.finds("warning", "conflists", "10-calico.conflist", "bandwidth")
    _, lines = net.preflight()
    assert not any("99-broken" in line["text"] and "bandwidth" in line["text"] for line in lines)


def test_in_a_cluster_the_bgp_port_must_be_free_on_every_address(net):
    net.node.config = {"kubernetes": {}, "cni": net.node.config["cni"]}
    net.finds("ok", "port", "0.0.0.0", "179", "free")
    net.node.start(
        ["/usr/bin/python3", "-c", "import signal, socket\n"
         f"s = socket.create_server(('{net.node.ip4}', 179))\n"
         "print('ready', flush=True)\nsignal.pause()"], net.lab.dir / "bird.log",
        stdout=subprocess.PIPE).stdout.readline()
    assert net.finds("problem", "port", "179", "in use") == 1


def test_links_of_other_networks(net):
    net.node.ip("link", "add", "cni0", "type", "bridge")
    net.node.ip("link", "add", "cali0badcafe", "type", "bridge")
    assert net.finds("warning", "leftovers", "cni0") == 0
    net.finds("warning", "leftovers", "1 cali* links")


def test_a_link_in_a_group_of_ours(net):
    net.node.ip("link", "add", "mine0", "group", "11602", "type", "bridge")
    assert net.finds("problem", "groups", "mine0", "11602") == 1
    net.node.config["groups"] = {"creating": 21, "live": 22, "dying": 23}
    assert net.finds("ok", "groups", "nobody else") == 0


def test_a_firewall_that_drops_what_is_forwarded(net):
    net.node.run("nft", "-f", "-", stdin="add table ip filter\nadd chain ip filter FORWARD "
                 "{ type filter hook forward priority 0; policy drop; }\n")
    assert net.finds("warning", "firewall", "ip filter FORWARD") == 0
    _, lines = net.preflight()
    mend = next(line["mend"] for line in lines if line["check"] == "firewall")
    rule = 'nft insert rule ip filter FORWARD iifname "cali*" accept'
    assert rule in mend and "oifname" in mend and "forwarding: {accept: true}" in mend
    net.node.run(*rule.replace('"', "").replace("cali*", '"cali*"').split())  # it can be entered


def test_a_folder_on_no_bpffs(net):
    status, lines = net.preflight("--bpf-dir", str(net.lab.dir / "plain"))
    assert status == 1
    assert any(line["check"] == "bpffs" and "mount -t bpf" in line["mend"] for line in lines)


def test_the_environment_says_where_the_pins_are_unless_the_command_does(net):
    """As in the agent's container; in the test bed the option stands for the same."""
    plain = str(net.lab.dir / "plain")
    command = ["ip", "netns", "exec", net.node.netns, "env", f"TORTIE_BPF_DIR={plain}",
               net.node.build / "tortie", "preflight", "-c", net.node.config_file]
    net.node.write_config()
    for more, is_named in (([], True), (["--bpf-dir", net.node.bpf_dir], False)):
        done = subprocess.run([*command, *more], capture_output=True, text=True, timeout=30,
                              check=False)
        bpffs = [line for line in done.stdout.splitlines() if " bpffs " in line]
        assert (str(net.lab.dir) in bpffs[0] and "problem" in bpffs[0]) == is_named, done.stdout


def test_somebody_without_rights_is_told_so_and_not_lied_to(net):
    net.node.write_config()
    net.lab.dir.chmod(0o755)
    out = run("setpriv", "--reuid=65534", "--regid=65534", "--clear-groups",
              net.node.build / "tortie", "preflight", "-c", net.node.config_file, check=False)
    for check in ("bpf", "memory", "pod hook", "uplink hook"):
        assert any(line.startswith("warning") and f" {check} " in line and "needs root" in line
                   for line in out.splitlines()), out


def configuration_line(net, *made):
    """Of `tortie preflight` without a file, where /var/lib holds the files `made` and nothing."""
    script = ("mount -t tmpfs none /var/lib && for file in $FILES; do "
              "mkdir -p $(dirname $file) && echo $TEXT >$file; done; "
              "exec \"$TORTIE\" --run-dir /nowhere preflight -o json")
    done = subprocess.run(["unshare", "--mount", "env", f"FILES={' '.join(made)}", "TEXT={}",
                           f"TORTIE={net.node.build / 'tortie'}", "sh", "-c", script],
                          capture_output=True, text=True, timeout=30, check=False)
    assert done.stderr == ""
    return next(line for line in json.loads(done.stdout)["items"]
                if line["check"] == "configuration")


@pytest.mark.parametrize("made", ["/var/lib/tortie/cluster.yaml", "/var/lib/kubelet/config.yaml"])
def test_a_node_of_a_cluster_needs_no_file(net, made):
    line = configuration_line(net, made)
    assert line["level"] == "ok" and made in line["text"] and "cluster" in line["text"], line


def test_without_a_file_and_a_cluster_there_is_nothing(net):
    line = configuration_line(net)
    assert line["level"] == "problem" and "/etc/tortie/tortie.yaml" in line["text"], line
    assert "write one" in line["mend"]
