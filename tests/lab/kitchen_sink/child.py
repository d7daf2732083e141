"""The child process of the kitchen: one grpcio server for each variant, their ports as one JSON line.

It ends when its standard input does.
"""

from __future__ import annotations

import json
import os
import signal
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import grpc
from google.protobuf.descriptor_pool import DescriptorPool
from grpc_reflection.v1alpha import reflection

from tests.lab.kitchen_sink.behaviours import all_handlers
from tests.lab.kitchen_sink.raw_reflection import RawReflection
from tests.lab.kitchen_sink.schema import served_files
from tests.lab.kitchen_sink.variants import VARIANTS, Variant
from tests.lab.processes import LOOPBACK

WORKERS = 8
# Not in the order of the alphabet, so that it shows who sorts.
SERVICES = (
    "kitchen.v1.Script",
    "pantry.v2.Pantry",
    "kitchen.v1.Echo",
    "kitchen.v1.Silent",
    "BareService",
    "kitchen.v1.Raw",
    "kitchen.v1.Adorned",
)
VERSIONS = {"both": ("v1", "v1alpha"), "v1": ("v1",), "v1alpha": ("v1alpha",)}


def main(wishes: dict[str, Any]) -> None:
    """Serves until standard input ends or SIGTERM comes."""
    files = served_files(Path(wishes["protoset"]).read_bytes())
    pool = DescriptorPool()
    for file in files:
        pool.Add(file)
    handlers = all_handlers(pool)
    started = {}
    for name, variant in VARIANTS.items():
        server = grpc.server(
            ThreadPoolExecutor(WORKERS),
            options=[("grpc.so_reuseport", 0), ("grpc.max_receive_message_length", -1)],
            handlers=[*handlers, *_reflection(variant, files)],
        )
        if variant.reflection == "stock":
            make: Any = reflection.ReflectionServicer
            _add_stock(server, make([*SERVICES, reflection.SERVICE_NAME], pool))
        started[name] = server, _listen(server, variant, wishes)
        server.start()
    signal.signal(signal.SIGTERM, lambda *_: os._exit(0))
    print(json.dumps({name: port for name, (_, port) in started.items()}), flush=True)
    sys.stdin.buffer.read()
    os._exit(0)


def _reflection(variant: Variant, files: list[Any]) -> list[Any]:
    versions = VERSIONS.get(variant.reflection, ())
    known = [file for file in files if file.name not in variant.missing]
    if not variant.json_names:
        known = [_without_json_names(file) for file in known]
    own = [f"grpc.reflection.{version}.ServerReflection" for version in versions]
    listed = [*SERVICES, *own] if variant.listed else []
    servicer = RawReflection(known, listed, variant.reflection_token)
    return [servicer.handler(version) for version in versions]


def _without_json_names(file: Any) -> Any:
    copy = type(file).FromString(file.SerializeToString())
    messages = list(copy.message_type)
    while messages:
        message = messages.pop()
        messages += message.nested_type
        for field in message.field:
            field.ClearField("json_name")
    return copy


def _add_stock(server: grpc.Server, servicer: Any) -> None:
    from grpc_reflection.v1alpha import reflection_pb2_grpc

    add: Any = reflection_pb2_grpc.add_ServerReflectionServicer_to_server
    add(servicer, server)


def _listen(server: grpc.Server, variant: Variant, wishes: dict[str, Any]) -> int | str:
    if variant.unix:
        server.add_insecure_port(f"unix:{wishes['socket']}")
        return str(wishes["socket"])
    if not variant.certificate:
        return server.add_insecure_port(f"{LOOPBACK}:0")
    key, cert = (Path(path).read_bytes() for path in wishes["certificates"][variant.certificate])
    required = variant.client_certificates
    ca = Path(wishes["ca"]).read_bytes() if required else None
    return server.add_secure_port(f"{LOOPBACK}:0", grpc.ssl_server_credentials([(key, cert)], ca, required))


if __name__ == "__main__":
    main(json.loads(sys.argv[1]))
