"""What a healthy grpcio server sends during one full probe, recorded, to be broken in every way."""

from __future__ import annotations

import asyncio
from functools import cache

from grpcdoctor.diagnosis.engine import diagnose
from grpcdoctor.model.options import ProbeOptions
from grpcdoctor.model.target import parse_target
from grpcdoctor.wire.frames import Frame, FrameSplitter
from grpcdoctor.wire.stream import ByteStream
from tests.lab.grpc_server import grpc_server


@cache
def healthy_pieces() -> tuple[bytes, ...]:
    """In the pieces in which it arrived: SETTINGS first, then the answers on streams 1, 3, 5 and 7."""
    pieces: list[bytes] = []
    receive = ByteStream.data_received

    def note(stream: ByteStream, data: bytes) -> None:
        pieces.append(bytes(data))
        receive(stream, data)

    ByteStream.data_received = note  # type: ignore[method-assign, assignment]
    try:
        with grpc_server() as server:
            target = parse_target(f"grpc://127.0.0.1:{server.port}")
            report = asyncio.run(diagnose(target, ProbeOptions(timeout=8, second_opinion=False)))
    finally:
        ByteStream.data_received = receive  # type: ignore[method-assign]
    assert report.verdict.value == "healthy"
    return tuple(pieces)


@cache
def healthy_frames() -> tuple[Frame, ...]:
    return tuple(FrameSplitter().feed(b"".join(healthy_pieces())))
