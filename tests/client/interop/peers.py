"""Servers of the kitchen that are not grpcio's."""

from __future__ import annotations

import base64
import contextlib
import json
from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING

from google.protobuf import any_pb2, json_format

from tests.lab.grpc_js import grpc_js_server
from tests.lab.interop import PROGRAMS, interop_server
from tests.lab.kitchen_sink.schema import compile_protos

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

ALL = (*PROGRAMS, "grpc-js")
# An Any with a Duration of one second; grpc-js has no Any (grpc_js_kitchen.proto), so it gets the fields of one.
_DETAIL = '{"@type": "type.googleapis.com/google.protobuf.Duration", "value": "1s"}'
_RAW_DETAIL = '{"type_url": "type.googleapis.com/google.protobuf.Duration", "value": "CAE="}'
# What services say why with: https://google.aip.dev/193
GOOGLE_DETAILS: tuple[dict[str, object], ...] = (
    {
        "@type": "type.googleapis.com/google.rpc.BadRequest",
        "fieldViolations": [{"field": "lines[0].price", "description": "is negative"}],
    },
    {
        "@type": "type.googleapis.com/google.rpc.ErrorInfo",
        "reason": "PRICE",
        "domain": "shop.example",
        "metadata": {"line": "0"},
    },
)


@dataclass(frozen=True)
class Peer:
    """A running server of the kitchen."""

    program: str
    address: str

    @property
    def detail(self) -> str:
        """A status' detail in a kitchen.v1.Plan, as JSON."""
        return _RAW_DETAIL if self.program == "grpc-js" else _DETAIL

    @property
    def google_details(self) -> str:
        """GOOGLE_DETAILS as the details of a kitchen.v1.Plan's failure."""
        return json.dumps([_raw(each) if self.program == "grpc-js" else each for each in GOOGLE_DETAILS])


def _raw(detail: dict[str, object]) -> dict[str, str]:
    import_module("google.rpc.error_details_pb2")  # json_format knows what is imported
    packed = json_format.ParseDict(detail, any_pb2.Any())
    return {"type_url": packed.type_url, "value": base64.b64encode(packed.value).decode()}


@contextlib.contextmanager
def serving(program: str, folder: Path, tls: bool = False, reflection: str = "both") -> Iterator[Peer]:
    """One of ALL, until the block ends. `folder`: for its files. grpc-js always has both versions of reflection."""
    if program == "grpc-js":
        with grpc_js_server(tls=tls, kitchen=True) as js:
            yield Peer(program, f"127.0.0.1:{js.port}")
        return
    protoset = folder / "kitchen.protoset"
    protoset.write_bytes(compile_protos())
    with interop_server(program, kitchen=str(protoset), tls=tls, reflection=reflection) as server:
        yield Peer(program, f"127.0.0.1:{server.port}")
