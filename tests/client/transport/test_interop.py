"""Real grpc-go and grpc-java servers (grpcio's are in test_grpc_channel)."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from grpcdoctor.client.descriptors.reflection import ReflectionSource
from grpcdoctor.wire.deadline import Deadline
from tests.client.transport.calls import SECONDS, SERVING, answer_of, on_channel
from tests.lab.certificates import lab_certificates
from tests.lab.interop import PROGRAMS, interop_server

if TYPE_CHECKING:
    from grpcdoctor.client.call import Channel

# Neither has registered deflate.
REFUSED = {
    "grpc-go": 'UNIMPLEMENTED: grpc: Decompressor is not installed for grpc-encoding "deflate"',
    "grpc-java": "UNIMPLEMENTED: Can't find decompressor for deflate",
}
programs = pytest.mark.parametrize("program", [pytest.param(name, marks=pytest.mark.needs(name)) for name in PROGRAMS])


@programs
def test_calls_of_every_kind(program: str) -> None:
    async def body(channel: Channel) -> None:
        answers = await asyncio.gather(*(answer_of(channel) for _ in range(300)))
        assert {(answer.words, *answer.messages) for answer in answers} == {("OK", SERVING)}
        assert (await answer_of(channel, requests=(b"\x0a\x04nope",))).status.name == "NOT_FOUND"
        assert (await answer_of(channel, "/no.Such/Method")).status.name == "UNIMPLEMENTED"
        assert (await answer_of(channel, compress="gzip")).words == "OK"
        assert (await answer_of(channel, compress="deflate")).words == REFUSED[program]
        watched = await answer_of(channel, "/grpc.health.v1.Health/Watch", seconds=2.0)
        assert (watched.status.name, watched.messages) == ("DEADLINE_EXCEEDED", [SERVING])
        source = ReflectionSource(channel, (), Deadline.after(SECONDS))
        assert "grpc.health.v1.Health" in await source.list_services()
        assert (await source.find_symbol("grpc.health.v1.Health")).name == "Health"

    with interop_server(program) as server:
        on_channel(f"grpc://127.0.0.1:{server.port}", body)


@programs
def test_over_tls_with_client_certificates_and_few_streams(program: str) -> None:
    certificates = lab_certificates()

    async def body(channel: Channel) -> None:
        answers = await asyncio.gather(*(answer_of(channel) for _ in range(40)))
        assert {answer.words for answer in answers} == {"OK"}

    with interop_server(program, tls=True, client_certificates=True, max_concurrent_streams=3) as server:
        on_channel(
            f"grpcs://localhost:{server.port}",
            body,
            cacert=str(certificates.ca),
            cert=str(certificates.client.cert),
            key=str(certificates.client.key),
        )
