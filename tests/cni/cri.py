# SPDX-License-Identifier: Apache-2.0
"""A client of the container runtime interface: what a kubelet asks about pods, over gRPC.

Field numbers are those of the published api.proto (k8s.io/cri-api, runtime.v1), of the fields that
are used here. A map is a repeated message of key and value on the wire, and is written as one.
"""
import os

os.environ.setdefault("GRPC_ENABLE_FORK_SUPPORT", "0")

import grpc  # noqa: E402
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory  # noqa: E402

PACKAGE = "runtime.v1"
TEXT, NUMBER, TRUTH = "string", "int32", "bool"
MESSAGES = {
    "Pair": {"key": (1, TEXT), "value": (2, TEXT)},
    "PodSandboxMetadata": {"name": (1, TEXT), "uid": (2, TEXT), "namespace": (3, TEXT),
                           "attempt": (4, "uint32")},
    "PortMapping": {"protocol": (1, NUMBER), "container_port": (2, NUMBER),
                    "host_port": (3, NUMBER), "host_ip": (4, TEXT)},
    "LinuxPodSandboxConfig": {"cgroup_parent": (1, TEXT)},
    "PodSandboxConfig": {"metadata": (1, "PodSandboxMetadata"), "hostname": (2, TEXT),
                         "log_directory": (3, TEXT), "port_mappings": (5, ["PortMapping"]),
                         "labels": (6, ["Pair"]), "annotations": (7, ["Pair"]),
                         "linux": (8, "LinuxPodSandboxConfig")},
    "RunPodSandboxRequest": {"config": (1, "PodSandboxConfig")},
    "RunPodSandboxResponse": {"pod_sandbox_id": (1, TEXT)},
    "StopPodSandboxRequest": {"pod_sandbox_id": (1, TEXT)},
    "StopPodSandboxResponse": {},
    "RemovePodSandboxRequest": {"pod_sandbox_id": (1, TEXT)},
    "RemovePodSandboxResponse": {},
    "PodIP": {"ip": (1, TEXT)},
    "PodSandboxNetworkStatus": {"ip": (1, TEXT), "additional_ips": (2, ["PodIP"])},
    "PodSandboxStatus": {"id": (1, TEXT), "state": (3, NUMBER),
                         "network": (5, "PodSandboxNetworkStatus")},
    "PodSandboxStatusRequest": {"pod_sandbox_id": (1, TEXT), "verbose": (2, TRUTH)},
    "PodSandboxStatusResponse": {"status": (1, "PodSandboxStatus"), "info": (2, ["Pair"])},
    "PodSandbox": {"id": (1, TEXT)},
    "ListPodSandboxRequest": {},
    "ListPodSandboxResponse": {"items": (1, ["PodSandbox"])},
    "RuntimeCondition": {"type": (1, TEXT), "status": (2, TRUTH), "reason": (3, TEXT),
                         "message": (4, TEXT)},
    "RuntimeStatus": {"conditions": (1, ["RuntimeCondition"])},
    "StatusRequest": {"verbose": (1, TRUTH)},
    "StatusResponse": {"status": (1, "RuntimeStatus"), "info": (2, ["Pair"])},
}
SCALARS = {TEXT: 9, NUMBER: 5, TRUTH: 8, "uint32": 13}  # FieldDescriptorProto.Type
MESSAGE_TYPE, OPTIONAL, REPEATED = 11, 1, 3


def message_classes():
    file = descriptor_pb2.FileDescriptorProto(name="cri.proto", package=PACKAGE, syntax="proto3")
    for name, fields in MESSAGES.items():
        message = file.message_type.add(name=name)
        for field, (number, kind) in fields.items():
            is_repeated = isinstance(kind, list)
            kind = kind[0] if is_repeated else kind
            entry = message.field.add(name=field, number=number,
                                      type=SCALARS.get(kind, MESSAGE_TYPE),
                                      label=REPEATED if is_repeated else OPTIONAL)
            if kind not in SCALARS:
                entry.type_name = f".{PACKAGE}.{kind}"
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    make = getattr(message_factory, "GetMessageClass", None) or \
        message_factory.MessageFactory(pool).GetPrototype
    return {name: make(pool.FindMessageTypeByName(f"{PACKAGE}.{name}")) for name in MESSAGES}


CLASSES = message_classes()


class Client:
    """Calls by name: client.call("Status", verbose=True)."""

    def __init__(self, socket):
        self.channel = grpc.insecure_channel(f"unix:{socket}")

    def call(self, method, timeout=60, **fields):
        stub = self.channel.unary_unary(
            f"/{PACKAGE}.RuntimeService/{method}",
            request_serializer=CLASSES[f"{method}Request"].SerializeToString,
            response_deserializer=CLASSES[f"{method}Response"].FromString)
        return stub(CLASSES[f"{method}Request"](**fields), timeout=timeout)

    def close(self):
        self.channel.close()
