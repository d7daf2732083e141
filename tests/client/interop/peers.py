"""Servers of the kitchen that are not grpcio's."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

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


@dataclass(frozen=True)
class Peer:
    """A running server of the kitchen."""

    program: str
    address: str

    @property
    def detail(self) -> str:
        """A status' detail in a kitchen.v1.Plan, as JSON."""
        return _RAW_DETAIL if self.program == "grpc-js" else _DETAIL


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
