"""What goes through grpcio: the same calls with the same answers, and a clear word where it cannot."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from grpcdoctor.client.errors import ClientError, ConnectError
from grpcdoctor.client.options import ChannelOptions, Protocol
from grpcdoctor.client.transport.channel import open_channel
from grpcdoctor.model.target import parse_target
from grpcdoctor.wire.deadline import Deadline
from tests.client.transport.calls import SERVING, Answer, answer_of
from tests.lab.certificates import lab_certificates
from tests.lab.grpc_server import GrpcServer, grpc_server
from tests.lab.processes import free_port
from tests.patience import AT_ONCE

PLAIN = parse_target("grpc://localhost:1")


@pytest.fixture(scope="module")
def server() -> Iterator[GrpcServer]:
    with grpc_server() as running:
        yield running


def through_grpcio(port: int, **how: Any) -> Answer:
    tls = how.pop("tls", False)
    target = replace(PLAIN, tls=tls)
    options = ChannelOptions(target, grpcio_target=f"dns:///localhost:{port}", cacert=how.pop("cacert", None))

    async def run() -> Answer:
        channel = open_channel(options)
        try:
            return await answer_of(channel, **how)
        finally:
            await channel.close()

    return asyncio.run(run())


def test_a_call(server: GrpcServer) -> None:
    answer = through_grpcio(server.port, metadata=(("x-bin", "AQ=="), ("x", "1")))
    assert (answer.words, answer.messages, answer.trailers) == ("OK", [SERVING], ())
    assert (answer.call.bytes_sent, answer.call.bytes_received) == (5, 7)
    assert answer.call.sent_headers == (("x-bin", "AQ"), ("x", "1"))


def test_a_call_over_tls() -> None:
    with grpc_server(tls=True) as secure:
        assert through_grpcio(secure.port, tls=True, cacert=str(lab_certificates().ca)).words == "OK"


def test_an_error_and_a_deadline(server: GrpcServer) -> None:
    assert through_grpcio(server.port, path="/no.Such/Method").words == "UNIMPLEMENTED: Method not found!"
    watched = through_grpcio(server.port, path="/grpc.health.v1.Health/Watch", seconds=2.0, compress="gzip")
    assert (watched.status.name, watched.messages) == ("DEADLINE_EXCEEDED", [SERVING])


def test_the_status_is_the_servers_where_it_ends_a_call_that_is_still_being_sent(server: GrpcServer) -> None:
    async def run() -> set[str]:
        channel = open_channel(ChannelOptions(PLAIN, grpcio_target=f"dns:///localhost:{server.port}"))
        answers = [await answer_of(channel, "/no.Such/Method", [bytes(200_000)] * 20) for _ in range(30)]
        await channel.close()
        return {answer.words for answer in answers}

    assert asyncio.run(run()) == {"UNIMPLEMENTED: Method not found!"}


def test_requests_and_answers_alternate(server: GrpcServer) -> None:
    async def run() -> None:
        channel = open_channel(ChannelOptions(PLAIN, grpcio_target=f"dns:///localhost:{server.port}"))
        call = await channel.call("/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo")
        for _ in range(3):
            assert await call.send(b"\x3a\x00")  # list_services
            assert b"grpc.health.v1.Health" in (await call.receive() or b"")
        await call.close_sending()
        assert not await call.send(b"\x3a\x00")
        assert await call.receive() is None
        assert str(call.status) == "OK"
        await channel.close()

    asyncio.run(run())


def test_whoever_stops_waiting_for_an_answer_gives_up_the_call(server: GrpcServer) -> None:
    async def run() -> None:
        channel = open_channel(ChannelOptions(PLAIN, grpcio_target=f"dns:///localhost:{server.port}"))
        call = await channel.call("/grpc.health.v1.Health/Watch")
        with pytest.raises(asyncio.TimeoutError):
            await asyncio.wait_for(call.receive(), 0.2)
        assert str(call.status) == "CANCELLED: context canceled"
        assert await call.headers() == ()
        await channel.close()

    started = time.monotonic()
    asyncio.run(run())
    assert time.monotonic() - started < AT_ONCE


def test_a_cancelled_call(server: GrpcServer) -> None:
    async def run() -> None:
        channel = open_channel(ChannelOptions(PLAIN, grpcio_target=f"dns:///localhost:{server.port}"))
        call = await channel.call("/grpc.health.v1.Health/Watch")
        await call.send(b"")
        assert await call.receive() == SERVING
        call.cancel()
        assert await call.receive() is None
        assert str(call.status) == "CANCELLED: context canceled"
        assert not await call.send(b"")
        await channel.close()

    asyncio.run(run())


def test_no_connection_is_told_at_once_with_grpcios_words() -> None:
    async def run(port: int) -> None:
        channel = open_channel(ChannelOptions(PLAIN, grpcio_target=f"dns:///127.0.0.1:{port}"))
        started = time.monotonic()
        with pytest.raises(ConnectError, match="onnection refused"):
            await channel.call("/a/B", deadline=Deadline.after(8))
        assert time.monotonic() - started < AT_ONCE
        await channel.close()

    asyncio.run(run(free_port()))


def test_xds_without_a_bootstrap_says_what_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    for variable in ("GRPC_XDS_BOOTSTRAP", "GRPC_XDS_BOOTSTRAP_CONFIG"):
        monkeypatch.delenv(variable, raising=False)
    with pytest.raises(ClientError, match="set GRPC_XDS_BOOTSTRAP"):
        open_channel(ChannelOptions(PLAIN, grpcio_target="xds:///service"))


def test_xds_without_its_server_is_no_connection(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    bootstrap = tmp_path / "bootstrap.json"
    server = {"server_uri": f"127.0.0.1:{free_port()}", "channel_creds": [{"type": "insecure"}]}
    bootstrap.write_text(json.dumps({"xds_servers": [server], "node": {"id": "lab"}}))
    monkeypatch.setenv("GRPC_XDS_BOOTSTRAP", str(bootstrap))

    async def run() -> None:
        channel = open_channel(ChannelOptions(PLAIN, grpcio_target="xds:///service", connect_timeout=3.0))
        with pytest.raises(ConnectError, match="xds:///service"):
            await channel.connect()
        await channel.close()

    asyncio.run(run())


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"alts": True, "alts_handshaker_service": "x:1"}, "ALTS handshaker cannot be chosen"),
        ({"alts": True, "protocol": Protocol.CONNECT}, "speak gRPC only"),
        ({"grpcio_target": "dns:///x", "insecure": True}, "cannot leave certificates unverified"),
    ],
)
def test_what_grpcio_cannot_is_said_before_anything_is_tried(options: dict[str, Any], words: str) -> None:
    with pytest.raises(ClientError, match=words):
        open_channel(ChannelOptions(PLAIN, **options))


def test_alts_outside_of_google_cloud_is_no_connection() -> None:
    async def run(port: int) -> None:
        options = ChannelOptions(parse_target(f"grpc://127.0.0.1:{port}"), alts=True, connect_timeout=2.0)
        channel = open_channel(options._replace(alts_target_service_accounts=("a@b",)))
        with pytest.raises(ConnectError, match="grpcio"):
            await channel.connect()
        await channel.close()

    asyncio.run(run(free_port()))
