# SPDX-License-Identifier: Apache-2.0
"""What a node holds, counted in every place it can be held: for tests that look for leftovers."""
from harness import Failed, wait_until


def words(key):
    """The octets of a map key or value as bpftool gives them ("0x0a", ...)."""
    return bytes(int(octet, 16) for octet in key)


def pod_entries(node):
    """Addresses in map endpoint that belong to a pod (a link number is set)."""
    return [words(e["key"]) for e in node.map_dump("endpoint")
            if any(words(e["value"])[0:4])]


def link_routes(node, family):
    """The /32 or /128 routes to the pods."""
    routes = node.json(f"-{family}", "route", "show", "proto", "116")
    return [r for r in routes if r.get("dev", "").startswith("cali")]


def count(node):
    """Every kind of thing a pod has on its node, in numbers."""
    used = sum(int(row["used"]) for row in node.tortie_json("ipam", "show"))
    return {
        "links": len(node.cali_links()),
        "endpoints": len(node.tortie_json("get", "workloadendpoint")),
        "map entries": len(pod_entries(node)),
        "counters": len(node.map_dump("ep_slot")),
        "ipv4 routes": len(link_routes(node, 4)),
        "ipv6 routes": len(link_routes(node, 6)),
        "addresses": used,
    }


def expected(pods):
    """With one IPv4 and one IPv6 address a pod."""
    return {"links": pods, "endpoints": pods, "map entries": 2 * pods, "counters": pods,
            "ipv4 routes": pods, "ipv6 routes": pods, "addresses": 2 * pods}


def assert_exactly(node, pods, pins=None, deadline=5):
    """Nothing too many and nothing missing; links are deleted in batches, so wait for them."""
    try:
        wait_until(lambda: count(node) == expected(pods), "counts", deadline, 0.1)
    except Failed as error:
        raise AssertionError(f"{node.name}: {count(node)} instead of {expected(pods)}\n"
                             f"{node.log()[-2000:]}") from error
    if pins is not None:
        assert node.pins() == pins
