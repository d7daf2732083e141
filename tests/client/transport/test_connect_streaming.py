"""Connect whose requests stream, against a real connect-go server."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any

import pytest

from grpcdoctor.client.errors import ClientError
from grpcdoctor.client.options import Protocol
from grpcdoctor.model.codes import GrpcStatus
from tests.client.transport.calls import on_channel
from tests.lab.certificates import lab_certificates
from tests.lab.connect_go import CHAT, COLLECT, connect_go, text

CONNECT: dict[str, Any] = {"protocol": Protocol.CONNECT, "http_version": "2"}


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    with connect_go() as running:
        yield running


async def collect(channel: Any, *asked: str, compress: str | None = None) -> Any:
    """The call, over, and its one message (or None)."""
    call = await channel.call(
        COLLECT, (("x-sent", "yes"),), compress=compress, client_streaming=True, server_streaming=False
    )
    for each in asked:
        await call.send(text(each))
    await call.close_sending()
    message = await call.receive()
    if message is not None:
        assert await call.receive() is None
    return call, message


@pytest.mark.parametrize("compress", [None, "gzip"])
@pytest.mark.parametrize("version", ["1.1", "2"])
def test_many_requests_and_one_response(port: int, version: str, compress: str | None) -> None:
    async def body(channel: Any) -> None:
        call, message = await collect(channel, "say a", "say " + "b" * 100_000, compress=compress)
        assert (str(call.status), message) == ("OK", text("a+" + "b" * 100_000))
        headers = dict(await call.headers())
        assert (headers["x-seen"], headers["x-protocol"]) == ("yes", "connect")
        assert ("x-trailer", "of a collection") in call.trailers
        assert (call.bytes_sent < 10_000) is (compress is not None)

    on_channel(f"grpc://localhost:{port}", body, protocol=Protocol.CONNECT, http_version=version)


def test_no_request_at_all(port: int) -> None:
    async def body(channel: Any) -> None:
        call, message = await collect(channel)
        assert (str(call.status), message) == ("OK", text(""))

    on_channel(f"grpc://localhost:{port}", body, **CONNECT)


def test_an_error_in_the_middle_of_the_requests_has_its_details(port: int) -> None:
    async def body(channel: Any) -> None:
        call, message = await collect(channel, "say a", "fail 5 gone", "say b")
        assert (str(call.status), message) == ("NOT_FOUND: gone", None)
        assert b"google.protobuf.Duration" in call.status.details
        assert ("x-trailer", "of an error") in call.trailers

    on_channel(f"grpc://localhost:{port}", body, **CONNECT)


def test_both_ways_each_answer_comes_before_the_next_request(port: int) -> None:
    async def body(channel: Any) -> None:
        call = await channel.call(CHAT, client_streaming=True, server_streaming=True)
        for word in ("one", "two", "three"):
            await call.send(text(f"say {word}"))
            assert await asyncio.wait_for(call.receive(), 5) == text(word)
        await call.close_sending()
        assert await call.receive() is None
        assert call.status.ok
        assert ("x-trailer", "of a chat") in call.trailers

    on_channel(f"grpc://localhost:{port}", body, **CONNECT)


def test_a_server_that_ends_the_conversation_wants_no_more_requests(port: int) -> None:
    async def body(channel: Any) -> None:
        call = await channel.call(CHAT, client_streaming=True, server_streaming=True)
        await call.send(text("fail 9 enough"))
        assert await asyncio.wait_for(call.receive(), 5) is None
        assert call.status.code == GrpcStatus.FAILED_PRECONDITION
        assert not await call.send(text("say more"))

    on_channel(f"grpc://localhost:{port}", body, **CONNECT)


@pytest.mark.parametrize("version", ["1.1", None])
def test_both_ways_at_once_is_refused_over_http_1(port: int, version: str | None) -> None:
    async def body(channel: Any) -> None:
        with pytest.raises(ClientError, match=r"both ways needs HTTP/2, .* connect over HTTP/1\.1; say --http 2"):
            await channel.call(CHAT, client_streaming=True, server_streaming=True)

    on_channel(f"grpc://localhost:{port}", body, protocol=Protocol.CONNECT, http_version=version)


def test_both_ways_over_what_alpn_gives() -> None:
    async def body(channel: Any) -> None:
        call = await channel.call(CHAT, client_streaming=True, server_streaming=True)
        await call.send(text("say hello"))
        assert await asyncio.wait_for(call.receive(), 5) == text("hello")
        call.cancel()

    with connect_go(tls=True) as secure:
        on_channel(
            f"grpcs://localhost:{secure}", body, protocol=Protocol.CONNECT, cacert=str(lab_certificates().ca)
        )
