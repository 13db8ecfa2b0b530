# SPDX-License-Identifier: Apache-2.0
"""tortie-bgpd against BIRD 2: sessions, both families, restart in both roles, passwords,
reflection.

    t1 (tortie-bgpd, 10.99.0.1) ---- LAN ---- b2, b3 ... (BIRD 2, 10.99.0.N)
"""
import re
import signal

import pytest

from bgp_lab import BgpLab, holds_for
from harness import wait_until

OWN4, OWN6 = "10.244.1.0/24", "fd00:244:0:1::/64"
REMOVED = r"node\S* > removed"  # how BIRD traces a route that is gone
FAR4, FAR6 = "10.244.2.0/24", "fd00:244:0:2::/64"


@pytest.fixture
def lab():
    with BgpLab("bird") as made:
        yield made


def speaker(lab, number=1, asn=64512, **bgp):
    return lab.speaker(number, asn, [f"10.244.{number}.0/24"], [f"fd00:244:0:{number}::/64"], **bgp)


def pair(lab, peer_as, bird_as, bird_lines=(), **peer):
    """t1 and b2, each configured for the other; not started."""
    node = speaker(lab, peers=[{"address": "10.99.0.2", "as": peer_as, **peer}])
    bird = lab.bird(2, bird_as).announce(FAR4, FAR6)
    bird.peer("node", "10.99.0.1", 64512, *bird_lines)
    return node, bird


@pytest.mark.parametrize("bird_as", [64512, 64999, 4200000001])
def test_both_families_travel_on_one_session(lab, bird_as):
    node, bird = pair(lab, bird_as, bird_as)
    bird.start()
    node.start()
    bird.wait_established("node")
    four = bird.wait_routes("node", [OWN4], 4)[OWN4]
    six = bird.wait_routes("node", [OWN6], 6)[OWN6]
    assert "BGP.next_hop: 10.99.0.1\n" in four
    assert "BGP.next_hop: fd99::1" in six
    path = "BGP.as_path: \n" if bird_as == 64512 else "BGP.as_path: 64512\n"
    assert path in four and path in six


def connected(lab, *arguments, **options):
    """pair(), started, with routes exchanged both ways; FAR routes go on to an observer o3."""
    node, bird = pair(lab, *arguments, **options)
    node.config["bgp"]["peers"].append({"address": "10.99.0.3", "as": 64999, "export": "all"})
    observer = lab.bird(3, 64999).peer("node", "10.99.0.1", 64512, "debug { routes }")
    for each in (bird, observer, node):
        each.start()
    bird.wait_established("node")
    bird.wait_routes("node", [OWN4], 4)
    bird.wait_routes("node", [OWN6], 6)
    observer.wait_routes("node", [OWN4, FAR4], 4)
    observer.wait_routes("node", [OWN6, FAR6], 6)
    return node, bird, observer


def test_routes_outside_the_pools_are_not_taken(lab):
    node, bird = pair(lab, 64999, 64999)
    bird.announce("192.0.2.0/24", "0.0.0.0/0", "10.244.1.128/25", "2001:db8::/32", "::/0")
    node.config["bgp"]["peers"].append({"address": "10.99.0.3", "as": 64998, "export": "all"})
    observer = lab.bird(3, 64998).peer("node", "10.99.0.1", 64512)
    for each in (bird, observer, node):
        each.start()
    observer.wait_routes("node", [OWN4, FAR4], 4)
    observer.wait_routes("node", [OWN6, FAR6], 6)


def test_import_all_and_export_all_pass_everything_on(lab):
    node, bird = pair(lab, 64999, 64999, **{"import": "all"})
    bird.announce("192.0.2.0/24", "0.0.0.0/0", "2001:db8::/32")
    node.config["bgp"]["peers"].append({"address": "10.99.0.3", "as": 64998, "export": "all"})
    observer = lab.bird(3, 64998).peer("node", "10.99.0.1", 64512)
    for each in (bird, observer, node):
        each.start()
    four = observer.wait_routes("node", [OWN4, FAR4, "192.0.2.0/24", "0.0.0.0/0"], 4)
    observer.wait_routes("node", [OWN6, FAR6, "2001:db8::/32"], 6)
    assert "BGP.as_path: 64512 64999\n" in four[FAR4]


def test_export_none_and_import_none_keep_silent(lab):
    node, bird = pair(lab, 64999, 64999, **{"import": "none", "export": "none"})
    node.config["bgp"]["peers"].append({"address": "10.99.0.3", "as": 64998, "export": "all"})
    observer = lab.bird(3, 64998).peer("node", "10.99.0.1", 64512)
    for each in (bird, observer, node):
        each.start()
    bird.wait_established("node")
    observer.wait_routes("node", [OWN4], 4)
    assert bird.routes("node", 4) == {} and bird.routes("node", 6) == {}


def test_a_withdrawn_route_is_withdrawn_everywhere(lab):
    node, bird, observer = connected(lab, 64512, 64512)
    bird.statics.remove(FAR4)
    bird.announce("10.244.9.0/24")
    bird.write_config()
    bird.birdc("configure")
    observer.wait_routes("node", [OWN4, "10.244.9.0/24"], 4)
    observer.wait_routes("node", [OWN6, FAR6], 6)
    wait_until(lambda: re.search(REMOVED, observer.log()), "the observer's log says so")


def test_a_peer_that_ends_with_cease_takes_its_routes_along(lab):
    node, bird, observer = connected(lab, 64512, 64512)
    bird.birdc("disable", "node", '"moving to another rack"')
    observer.wait_routes("node", [OWN4], 4)
    observer.wait_routes("node", [OWN6], 6)
    node.wait_log(r"session lost: received Cease/Administrative Shutdown: moving to another rack")


def test_without_graceful_restart_a_lost_session_takes_its_routes_along(lab):
    node, bird, observer = connected(lab, 64512, 64512, ["graceful restart off"])
    bird.kill()
    observer.wait_routes("node", [OWN4], 4)
    observer.wait_routes("node", [OWN6], 6)


def test_a_peer_that_falls_silent_is_dropped_after_the_hold_time(lab):
    node, bird, observer = connected(lab, 64512, 64512, ["hold time 3", "keepalive time 1"])
    bird.cut()
    node.wait_log("session lost: sent Hold Timer Expired", 8)
    observer.wait_routes("node", [OWN4], 4)
    observer.wait_routes("node", [OWN6], 6)


def test_a_speaker_of_two_octet_as_numbers_is_understood(lab):
    node, bird = pair(lab, 64999, 64999, ["enable as4 off"])
    node.config["bgp"]["peers"].append({"address": "10.99.0.3", "as": 4200000001, "export": "all"})
    wide = lab.bird(3, 4200000001).announce("10.244.3.0/24").peer("node", "10.99.0.1", 64512)
    node.config["bgp"]["peers"][0]["export"] = "all"
    for each in (bird, wide, node):
        each.start()
    route = bird.wait_routes("node", [OWN4, "10.244.3.0/24"], 4)["10.244.3.0/24"]
    assert "BGP.as_path: 64512 4200000001\n" in route or "BGP.as_path: 64512 23456\n" in route
    far = wide.wait_routes("node", [OWN4, FAR4], 4)[FAR4]
    assert "BGP.as_path: 64512 64999\n" in far


def test_a_peer_without_end_of_rib_does_not_hold_up_the_sync(lab):
    node, bird = pair(lab, 64512, 64512, ["graceful restart off"])
    bird.start()
    node.start()
    node.wait_log("routes: in sync: every peer told all its routes")


def test_a_restarting_peer_keeps_its_routes(lab):
    node, bird, observer = connected(lab, 64512, 64512, ["graceful restart time 60"])
    bird.kill()
    node.wait_log("it may be restarting")
    bird.start("-R")
    bird.wait_established("node")
    node.wait_log("graceful restart is over: End-of-RIB received")
    assert set(observer.routes("node", 4)) == {OWN4, FAR4}
    assert not re.search(REMOVED, observer.log())


def test_routes_of_a_peer_that_does_not_come_back_go_after_its_time(lab):
    node, bird, observer = connected(lab, 64512, 64512, ["graceful restart time 2"])
    bird.kill()
    node.wait_log("it may be restarting")
    assert set(observer.routes("node", 4)) == {OWN4, FAR4}
    observer.wait_routes("node", [OWN4], 4)
    observer.wait_routes("node", [OWN6], 6)


def test_a_route_not_told_again_is_swept_at_end_of_rib(lab):
    node, bird, observer = connected(lab, 64512, 64512, ["graceful restart time 60"])
    bird.kill()
    bird.statics.remove(FAR6)
    bird.start("-R")
    observer.wait_routes("node", [OWN6], 6)
    observer.wait_routes("node", [OWN4, FAR4], 4)


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_peers_keep_our_routes_while_we_restart(lab, number):
    node, bird, observer = connected(lab, 64512, 64512)
    for _ in range(3):
        mark = len(node.log())
        code = node.kill(number)
        assert code == (0 if number == signal.SIGTERM else -9)
        wait_until(lambda: not bird.is_established("node"), "BIRD sees the end")
        assert set(bird.routes("node", 4)) == {OWN4}
        assert set(bird.routes("node", 6)) == {OWN6}
        node.start()
        bird.wait_established("node")
        node.wait_log("routes: in sync: every peer told all its routes", after=mark)
        wait_until(lambda: "Graceful restart" not in bird.birdc("show", "protocols", "node"),
                   "restart over at BIRD")
        assert set(bird.wait_routes("node", [OWN4], 4)) == {OWN4}
        assert set(bird.wait_routes("node", [OWN6], 6)) == {OWN6}
        observer.wait_routes("node", [OWN4, FAR4], 4)


@pytest.mark.parametrize("passive", [True, False])
def test_md5_passwords_match_in_both_directions(lab, passive):
    secret = lab.dir / "secret"
    secret.write_text("a word between routers\n")
    node, bird = pair(lab, 64512, 64512, ['password "a word between routers"',
                                          "passive off" if passive else "passive on"],
                      password_file=str(secret), passive=passive)
    bird.start()
    node.start()
    bird.wait_established("node")
    bird.wait_routes("node", [OWN4], 4)
    assert "a word between" not in node.log()


def test_a_wrong_md5_password_gets_no_session(lab):
    secret = lab.dir / "secret"
    secret.write_text("another word\n")
    node, bird = pair(lab, 64512, 64512, ['password "a word between routers"'],
                      password_file=str(secret))
    bird.start()
    node.start()
    assert holds_for(lambda: not bird.is_established("node"), "no session", 3) is None


def test_a_wrong_as_is_told_apart(lab):
    node, bird = pair(lab, 64998, 64999)
    bird.start()
    node.start()
    node.wait_log("it says AS 64999, configured is 64998")
    wait_until(lambda: "Bad peer AS" in bird.birdc("show", "protocols", "all", "node"),
               "BIRD hears of it")


def test_both_sides_connecting_at_once_end_with_one_session(lab):
    node, bird = pair(lab, 64512, 64512)
    bird.start()
    node.start()
    bird.wait_established("node")
    for _ in range(5):
        bird.birdc("restart", "node")
        bird.wait_established("node")
        bird.wait_routes("node", [OWN4], 4)
    sockets = bird.run("ss", "-Htn", "state", "established", "( sport = :179 or dport = :179 )")
    assert len(sockets.splitlines()) == 1


def test_a_peer_of_a_range_may_connect_and_a_stranger_may_not(lab):
    node = speaker(lab, peers=[{"range": "10.99.0.0/30", "as": 64999}])
    inside = lab.bird(2, 64999).announce(FAR4).peer("node", "10.99.0.1", 64512)
    outside = lab.bird(9, 64999).peer("node", "10.99.0.1", 64512)
    for each in (node, inside, outside):
        each.start()
    inside.wait_established("node")
    inside.wait_routes("node", [OWN4], 4)
    node.wait_log(r"connection from 10\.99\.0\.9 refused: no peer has this address")
    assert not outside.is_established("node")
    inside.kill(signal.SIGTERM)
    node.wait_log("session lost")


@pytest.mark.parametrize("bird_lines", [("passive on",), ()], ids=["we connect", "either"])
def test_ttl_security_is_agreed_upon_with_bird(lab, bird_lines):
    """RFC 5082: both sides send 255 and take nothing less."""
    node, bird = pair(lab, 64999, 64999, ("direct", "ttl security on", *bird_lines),
                      ttl_security=1, passive=not bird_lines)
    node.start()
    bird.start()
    bird.wait_established("node")
    bird.wait_routes("node", [OWN4], 4)
    bird.wait_routes("node", [OWN6], 6)


def test_ttl_security_over_ipv6(lab):
    node = speaker(lab, peers=[{"address": "fd99::2", "as": 64999, "ttl_security": 1}])
    bird = lab.bird(2, 64999).announce(FAR4, FAR6)
    bird.peer("node", "fd99::1", 64512, "direct", "ttl security on", local="fd99::2")
    other = lab.bird(3, 64999).peer("node", "fd99::1", 64512, "direct", local="fd99::3")
    node.config["bgp"]["peers"].append({"address": "fd99::3", "as": 64999, "ttl_security": 1})
    for each in (node, bird, other):
        each.start()
    bird.wait_established("node")
    bird.wait_routes("node", [OWN6], 6)
    assert not other.is_established("node")


def test_ttl_security_refuses_who_does_not_send_255(lab):
    """BIRD sends TTL 1 to a direct external neighbour."""
    node, bird = pair(lab, 64999, 64999, ("direct",), ttl_security=1)
    node.config["bgp"]["peers"].append({"address": "10.99.0.3", "as": 64999})
    other = lab.bird(3, 64999).peer("node", "10.99.0.1", 64512, "direct")
    for each in (node, bird, other):
        each.start()
    other.wait_established("node")
    assert holds_for(lambda: not bird.is_established("node"), "no session", 3) is None


@pytest.mark.parametrize("source, address", [("node", "10.99.0.1"), ("route", "10.99.0.77")])
def test_the_source_of_our_connection(lab, source, address):
    """The route to the peer prefers another address of ours than the node's."""
    node, bird = pair(lab, 64999, 64999, source=source)
    node.ip("addr", "add", "10.99.0.77/32", "dev", "lan0")
    node.ip("route", "replace", "10.99.0.0/24", "dev", "lan0", "src", "10.99.0.77")
    bird.protocols.clear()
    bird.peer("node", address, 64512, "passive on")
    bird.start()
    node.start()
    bird.wait_established("node")
    bird.wait_routes("node", [OWN4], 4)


def test_a_peer_may_have_a_restart_time_of_its_own(lab):
    node, bird = pair(lab, 64999, 64999, restart_time=37)
    node.config["bgp"]["peers"].append({"address": "10.99.0.3", "as": 64999})
    other = lab.bird(3, 64999).peer("node", "10.99.0.1", 64512)
    for each, seconds in ((bird, 37), (other, 120)):
        each.start()
        if not node.process:
            node.start()
        each.wait_established("node")
        assert f"Restart time: {seconds}\n" in each.birdc("show", "protocols", "all", "node")


def test_a_session_over_ipv6_carries_both_families(lab):
    node = speaker(lab, peers=[{"address": "fd99::2", "as": 64512}])
    bird = lab.bird(2, 64512).announce(FAR4, FAR6)
    bird.peer("node", "fd99::1", 64512, local="fd99::2")
    bird.start()
    node.start()
    bird.wait_established("node")
    assert "BGP.next_hop: 10.99.0.1\n" in bird.wait_routes("node", [OWN4], 4)[OWN4]
    assert "BGP.next_hop: fd99::1" in bird.wait_routes("node", [OWN6], 6)[OWN6]


def test_a_reflector_passes_routes_between_its_clients(lab):
    peers = [{"address": f"10.99.0.{n}", "as": 64512, "reflector_client": True} for n in (2, 3)]
    peers.append({"address": "10.99.0.4", "as": 64512})
    node = lab.speaker(1, 64512, peers=peers)
    birds = {n: lab.bird(n, 64512).announce(f"10.244.{n}.0/24").peer("node", "10.99.0.1", 64512)
             for n in (2, 3, 4)}
    for bird in birds.values():
        bird.start()
    node.start()
    route = birds[2].wait_routes("node", ["10.244.3.0/24", "10.244.4.0/24"])["10.244.3.0/24"]
    birds[3].wait_routes("node", ["10.244.2.0/24", "10.244.4.0/24"])
    birds[4].wait_routes("node", ["10.244.2.0/24", "10.244.3.0/24"])
    assert "BGP.originator_id: 10.99.0.3" in route and "BGP.cluster_list: 10.99.0.1" in route
    assert "BGP.next_hop: 10.99.0.3" in route


def test_internal_routes_are_not_reflected_without_a_client(lab):
    peers = [{"address": f"10.99.0.{n}", "as": 64512, "export": "all"} for n in (2, 3)]
    node = speaker(lab, peers=peers)
    birds = [lab.bird(n, 64512).announce(f"10.244.{n}.0/24").peer("node", "10.99.0.1", 64512)
             for n in (2, 3)]
    for bird in birds:
        bird.start()
    node.start()
    for bird in birds:
        bird.wait_established("node")
        bird.wait_routes("node", [OWN4])


def test_route_refresh_sends_everything_again(lab):
    node, bird, _ = connected(lab, 64512, 64512)
    bird.birdc("reload", "in", "node")
    bird.wait_routes("node", [OWN4], 4)
    bird.wait_routes("node", [OWN6], 6)
    assert bird.is_established("node")


def test_two_tortie_speakers_mesh_and_restart(lab):
    mesh = ["10.99.0.1", "10.99.0.2", "10.99.0.3"]
    nodes = [speaker(lab, n, mesh=mesh) for n in (1, 2)]
    nodes[0].config["bgp"]["peers"] = [{"address": "10.99.0.9", "as": 64999, "export": "all"}]
    bird = lab.bird(9, 64999).peer("node", "10.99.0.1", 64512)
    for each in (bird, *nodes):
        each.start()
    bird.wait_routes("node", [OWN4, FAR4], 4)
    bird.wait_routes("node", [OWN6, FAR6], 6)
    nodes[1].kill()
    nodes[0].wait_log("peer 10.99.0.2: its 2 routes are kept")
    nodes[1].start()
    nodes[0].wait_log(r"peer 10.99.0.2: graceful restart is over: End-of-RIB received")
    assert set(bird.routes("node", 4)) == {OWN4, FAR4}
