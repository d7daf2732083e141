"""Calls to real grpcio servers: every kind, many at once, over TLS, a unix socket, and a connection that was lost."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from grpcdoctor.client.options import ChannelOptions
from grpcdoctor.client.transport.channel import open_channel
from grpcdoctor.model.target import parse_target
from grpcdoctor.wire.deadline import Deadline
from tests.client.transport.calls import HEALTH, SECONDS, SERVING, answer_of, ask, on_channel
from tests.lab.certificates import lab_certificates
from tests.lab.grpc_server import GrpcServer, grpc_server

if TYPE_CHECKING:
    from grpcdoctor.client.call import Channel

NO_SUCH_SERVICE = b"\x0a\x04nope"


@pytest.fixture(scope="module")
def server() -> Iterator[GrpcServer]:
    with grpc_server() as running:
        yield running


def test_a_unary_call_gives_headers_message_and_status(server: GrpcServer) -> None:
    answer = ask(server.port)
    assert (answer.messages, str(answer.status), answer.trailers) == ([SERVING], "OK", ())
    assert ("content-type", "application/grpc") in answer.headers
    assert (answer.call.bytes_sent, answer.call.bytes_received) == (5, 7)


def test_an_error_without_a_message_is_trailers_only(server: GrpcServer) -> None:
    answer = ask(server.port, "/no.Such/Method")
    assert (answer.headers, answer.messages, answer.words) == ((), [], "UNIMPLEMENTED: Method not found!")
    assert answer.status.from_peer
    assert ("content-type", "application/grpc") in answer.trailers
    assert not {"grpc-status", "grpc-message"} & {name for name, _ in answer.trailers}


def test_what_is_sent_is_told_with_the_deadline(server: GrpcServer) -> None:
    metadata = (("x-a", "1"), ("x-a", "2"), ("x-bin", "AQ=="), ("te", "dropped"), ("grpc-timeout", "dropped"))
    sent = ask(server.port, metadata=metadata, seconds=3.0, user_agent="me/1").call.sent_headers
    assert [pair for pair in sent if pair[0].startswith("x-")] == [("x-a", "1"), ("x-a", "2"), ("x-bin", "AQ")]
    assert ("user-agent", "me/1") in sent
    (timeout,) = (value for name, value in sent if name == "grpc-timeout")
    assert timeout.endswith("u")
    assert 2_000_000 < int(timeout[:-1]) <= 3_000_000


def test_a_thousand_calls_share_one_connection(server: GrpcServer) -> None:
    async def body(channel: Channel) -> set[str]:
        await channel.connect()
        before = channel.connection
        answers = await asyncio.gather(*(answer_of(channel) for _ in range(1000)))
        assert before is not None
        assert channel.connection == before
        return {str(answer.status) for answer in answers}

    assert on_channel(f"grpc://127.0.0.1:{server.port}", body) == {"OK"}


def test_more_calls_than_the_server_allows_at_once_wait_for_each_other() -> None:
    async def body(channel: Channel) -> set[str]:
        answers = await asyncio.gather(*(answer_of(channel) for _ in range(50)))
        return {str(answer.status) for answer in answers}

    with grpc_server(max_concurrent_streams=2) as limited:
        assert on_channel(f"grpc://127.0.0.1:{limited.port}", body) == {"OK"}


def test_a_server_that_ends_connections_gets_a_new_one_for_the_next_call() -> None:
    async def body(channel: Channel) -> None:
        for _ in range(4):
            assert (await answer_of(channel)).status.ok
            await asyncio.sleep(0.15)

    arguments = {"grpc.max_connection_age_ms": 100, "grpc.max_connection_age_grace_ms": 50}
    with grpc_server(arguments=arguments) as impatient:
        on_channel(f"grpc://127.0.0.1:{impatient.port}", body)


def test_a_watch_is_a_stream_until_it_is_cancelled(server: GrpcServer) -> None:
    async def body(channel: Channel) -> None:
        call = await channel.call("/grpc.health.v1.Health/Watch")
        await call.send(b"")
        await call.close_sending()
        assert await call.receive() == SERVING
        assert call.status is None
        call.cancel()
        assert await call.receive() is None
        assert str(call.status) == "CANCELLED: context canceled"
        assert not await call.send(b"")

    on_channel(f"grpc://127.0.0.1:{server.port}", body)


def test_requests_and_answers_alternate_on_a_bidirectional_stream(server: GrpcServer) -> None:
    async def body(channel: Channel) -> None:
        path = "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo"
        call = await channel.call(path, deadline=Deadline.after(SECONDS))
        for _ in range(3):
            assert await call.send(b"\x3a\x00")  # list_services
            answer = await call.receive()
            assert answer is not None
            assert b"grpc.health.v1.Health" in answer
        await call.close_sending()
        assert await call.receive() is None
        assert call.status is not None
        assert call.status.ok

    on_channel(f"grpc://127.0.0.1:{server.port}", body)


def test_a_silent_server_ends_at_the_deadline() -> None:
    with grpc_server(stuck=True) as stuck:
        answer = ask(stuck.port, seconds=0.3)
    assert answer.status.name == "DEADLINE_EXCEEDED"
    assert not answer.messages


def test_a_compressed_request_is_understood(server: GrpcServer) -> None:
    for encoding in ("gzip", "deflate"):
        answer = ask(server.port, requests=(NO_SUCH_SERVICE,), compress=encoding)
        assert answer.status.name == "NOT_FOUND"
        assert ("grpc-encoding", encoding) in answer.call.sent_headers


def test_tls_with_a_name_apart_from_the_authority_and_a_client_certificate() -> None:
    certificates = lab_certificates()
    with grpc_server(tls=True, client_certificates=True) as server:
        target = parse_target(f"grpcs://127.0.0.1:{server.port}")

        async def run() -> None:
            from dataclasses import replace

            named = replace(target, authority="any.thing:1", server_name="grpc.example.test")
            options = ChannelOptions(
                named,
                cacert=str(certificates.ca),
                cert=str(certificates.client.cert),
                key=str(certificates.client.key),
            )
            channel = open_channel(options)
            assert (await answer_of(channel)).status.ok
            facts = channel.connection
            assert facts is not None
            assert facts.handshake is not None
            assert (facts.handshake.server_name, facts.handshake.selected) == ("grpc.example.test", "h2")
            assert facts.certificates[0].names
            await channel.close()

        asyncio.run(run())


def test_a_unix_socket_is_called_localhost(tmp_path: Path) -> None:
    path = tmp_path / "s"
    with grpc_server(unix=str(path)):

        async def run() -> None:
            channel = open_channel(ChannelOptions(parse_target(f"unix:{path}", plaintext=True)))
            answer = await answer_of(channel)
            assert answer.status.ok
            assert channel.connection is not None
            assert channel.connection.address == f"unix:{path}"
            await channel.close()

        asyncio.run(run())


def test_a_message_larger_than_allowed_is_refused_in_grpc_gos_words(server: GrpcServer) -> None:
    answer = ask(server.port, HEALTH, max_message_bytes=1)
    assert answer.words == "RESOURCE_EXHAUSTED: grpc: received message larger than max (2 vs. 1)"
