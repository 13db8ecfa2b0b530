# SPDX-License-Identifier: Apache-2.0
"""The CRDs have every field that Calico's kinds have, and take the objects of its documentation.

The fields are those of projectcalico/calico, api/pkg/apis/projectcalico/v3 (2026-08).
"""
import ipaddress
import re
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]
CRDS = {crd["spec"]["names"]["kind"]: crd for crd in yaml.safe_load_all(
    (ROOT / "deploy/kubernetes/crds.yaml").read_text("utf-8"))}
OBJECTS = list(yaml.safe_load_all(
    (Path(__file__).parent / "calico_objects.yaml").read_text("utf-8")))

FIELDS = {
    "IPPool":
        "cidr vxlanMode ipipMode natOutgoing disabled disableBGPExport blockSize nodeSelector "
        "namespaceSelector allowedUses assignmentMode",
    "BGPConfiguration":
        "logSeverityScreen nodeToNodeMeshEnabled asNumber serviceLoadBalancerIPs "
        "serviceExternalIPs serviceClusterIPs serviceLoadBalancerAggregation communities "
        "prefixAdvertisements listenPort nodeMeshPassword nodeMeshMaxRestartTime bindMode "
        "ignoredInterfaces localWorkloadPeeringIPV4 localWorkloadPeeringIPV6 "
        "programClusterRoutes ipv4NormalRoutePriority ipv6NormalRoutePriority",
    "BGPPeer":
        "node nodeSelector peerIP asNumber localASNumber peerSelector keepOriginalNextHop "
        "nextHopMode password sourceAddress maxRestartTime keepaliveTime "
        "numAllowedLocalASNumbers ttlSecurity reachableBy filters localWorkloadSelector "
        "reversePeering",
    "BGPFilter": "exportV4 importV4 exportV6 importV6",
    "IPReservation": "reservedCIDRs",
}


def schema_of(kind):
    version, = CRDS[kind]["spec"]["versions"]
    return version["schema"]["openAPIV3Schema"]


@pytest.mark.parametrize("kind", FIELDS)
def test_names_and_fields_are_calicos(kind):
    crd = CRDS[kind]["spec"]
    assert crd["group"] == "projectcalico.org" and crd["scope"] == "Cluster"
    assert [version["name"] for version in crd["versions"]] == ["v3"]
    assert crd["names"]["plural"] == kind.lower() + "s"
    assert CRDS[kind]["metadata"]["name"] == f"{crd['names']['plural']}.projectcalico.org"
    assert set(schema_of(kind)["properties"]["spec"]["properties"]) == set(FIELDS[kind].split())


def nodes(schema):
    yield schema
    for child in [*schema.get("properties", {}).values(),
                  *([schema["items"]] if "items" in schema else [])]:
        yield from nodes(child)


@pytest.mark.parametrize("kind", CRDS)
def test_schemas_are_structural_and_fit_old_servers(kind):
    """apiextensions v1: every value has a type (or is int-or-string), objects have properties."""
    for schema in nodes(schema_of(kind)):
        assert "type" in schema or schema.get("x-kubernetes-int-or-string")
        assert "default" not in schema and "x-kubernetes-validations" not in schema
        if schema.get("type") == "array":
            assert "items" in schema
        if schema.get("type") == "string" and "enum" not in schema and "format" not in schema:
            if schema not in [schema_of(kind)["properties"][k] for k in ("apiVersion", "kind")]:
                assert schema["maxLength"] <= 32768, "bounded"


def check(schema, value, path):
    """What the API server checks, as far as the schemas go."""
    kind = schema.get("type")
    if schema.get("x-kubernetes-int-or-string"):
        assert isinstance(value, (int, str)) and not isinstance(value, bool), path
        if isinstance(value, int):
            assert schema["minimum"] <= value <= schema["maximum"], path
    elif kind == "object":
        for key, child in value.items():
            if "properties" in schema:
                assert key in schema["properties"], f"{path}.{key}: pruned, strict apply refuses"
                check(schema["properties"][key], child, f"{path}.{key}")
        assert set(schema.get("required", [])) <= set(value), path
    elif kind == "array":
        assert len(value) <= schema.get("maxItems", len(value)), path
        for i, child in enumerate(value):
            check(schema["items"], child, f"{path}[{i}]")
    else:
        assert isinstance(value, {"string": str, "integer": int, "boolean": bool}[kind]), path
        assert value in schema.get("enum", [value]), path
    if isinstance(value, str):
        assert len(value) <= schema.get("maxLength", len(value)), path
        if schema.get("format") == "cidr":
            ipaddress.ip_network(value, strict=False)
        if "pattern" in schema:
            pattern = schema["pattern"].replace("^(?i)", "(?i)^")  # Python wants flags in front
            assert re.search(pattern, value), path


@pytest.mark.parametrize("obj", OBJECTS, ids=lambda obj: f"{obj['kind']} {obj['metadata']['name']}")
def test_a_calico_users_objects_are_taken_whole(obj):
    assert obj["apiVersion"] == "projectcalico.org/v3"
    check(schema_of(obj["kind"]), obj, obj["kind"])


def test_what_is_wrong_in_more_than_one_field_is_left_to_tortie():
    """Host bits, peers that cannot be, selectors: taken by the server, named by `tortie status`."""
    for kind, spec in (("IPPool", {"cidr": "10.1.2.3/16"}), ("BGPPeer", {"peerIP": "nonsense"}),
                       ("BGPPeer", {"nodeSelector": "has(", "peerIP": "0.0.0.0"})):
        check(schema_of(kind)["properties"]["spec"], spec, kind)
