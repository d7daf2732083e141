"""Flow control, limits of the server, keepalive: what a channel does to be neither held up nor flooded."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Any

import pytest

from grpcdoctor.client.options import Protocol
from grpcdoctor.client.transport import http2_link
from grpcdoctor.client.transport.connect_call import ConnectUnaryCall
from grpcdoctor.client.transport.grpc_call import GrpcCall
from grpcdoctor.wire.deadline import Deadline
from grpcdoctor.wire.frames import Frame
from grpcdoctor.wire.limits import CALLING
from tests.client.transport.answers import OK, answer, headers, in_turn
from tests.client.transport.calls import SERVING, Answer, answer_of, ask, on_channel
from tests.lab import fakes
from tests.lab.fake_http2 import Http2Peer, Request, sane
from tests.lab.fake_server import serve
from tests.lab.grpc_server import grpc_server
from tests.patience import AT_ONCE

if TYPE_CHECKING:
    from grpcdoctor.client.call import Call, Channel

KIB16 = 16 * 1024


async def _until_received(call: Call, size: int) -> None:
    for _ in range(500):
        if call.bytes_received >= size:
            return
        await asyncio.sleep(0.01)


def test_a_reader_that_takes_nothing_holds_the_server_back() -> None:
    sent: list[int] = []

    def pour(peer: Http2Peer, request: Request) -> None:
        """As much as the windows allow, which the fake does not keep account of: so it looks for WINDOW_UPDATEs."""
        peer.headers(request.stream, OK)
        message = b"\0" + (KIB16 - 5).to_bytes(4, "big") + bytes(KIB16 - 5)
        for _ in range(CALLING.stream_window // KIB16):
            peer.data(request.stream, message)
            sent.append(len(message))

    async def body(channel: Channel) -> tuple[int, int, str]:
        call = await channel.call("/a/B", deadline=Deadline.after(5))
        await call.send(b"")
        await call.close_sending()
        await _until_received(call, CALLING.stream_window)
        connection: Any = call
        exchange = connection._exchange
        untaken = exchange._window_left
        count = 0
        while count < CALLING.stream_window // KIB16:
            assert await call.receive() is not None
            count += 1
        taken = exchange._window_left
        call.cancel()
        return untaken, taken, str(call.status)

    with fakes.http2(pour) as server:
        untaken, taken, status = on_channel(f"grpc://127.0.0.1:{server.port}", body)
    assert untaken < CALLING.stream_window // 4, "no window for what nobody took"
    assert taken > CALLING.stream_window // 2, "window for what was taken"
    assert status == "CANCELLED: context canceled"


def test_data_beyond_the_window_ends_the_connection() -> None:
    def flood(peer: Http2Peer, request: Request) -> None:
        peer.headers(request.stream, OK)
        message = b"\0" + (KIB16 - 5).to_bytes(4, "big") + bytes(KIB16 - 5)
        for _ in range(CALLING.stream_window // KIB16 + 1):
            peer.data(request.stream, message)

    async def body(channel: Channel) -> str:
        call = await channel.call("/a/B", deadline=Deadline.after(5))
        await call.close_sending()
        ended: Any = call
        for _ in range(500):  # whoever takes a message gives the server a window for one more
            if ended._ending is not None:
                break
            await asyncio.sleep(0.01)
        while await call.receive() is not None:
            pass
        return str(call.status)

    with fakes.http2(flood) as server:
        assert "flow-control window" in on_channel(f"grpc://127.0.0.1:{server.port}", body)


def test_a_request_waits_for_the_servers_window() -> None:
    received: list[int] = []

    def count(peer: Http2Peer, request: Request) -> None:
        received.append(len(request.data))

    async def body(channel: Channel) -> None:
        call = await channel.call("/a/B", deadline=Deadline.after(0.5))
        assert await call.send(bytes(100_000))
        sending = asyncio.ensure_future(call.send(b"more"))
        done, _ = await asyncio.wait([sending], timeout=0.1)
        assert not done
        assert await call.receive() is None
        assert not await sending
        assert call.status is not None
        assert call.status.name == "DEADLINE_EXCEEDED"

    with fakes.http2(count, settings={4: 1000}) as server:
        on_channel(f"grpc://127.0.0.1:{server.port}", body)
    assert received[0] <= 1000


def test_a_server_that_allows_no_stream_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http2_link, "_ROOM_SECONDS", 0.1)
    with fakes.max_concurrent_streams(0) as server:
        assert ask(server.port, seconds=None).words == (
            "UNAVAILABLE: the server allows no streams: its MAX_CONCURRENT_STREAMS is 0"
        )
        assert ask(server.port, seconds=0.05).status.name == "DEADLINE_EXCEEDED"


def test_a_place_is_free_again_when_a_call_is_cancelled() -> None:
    async def body(channel: Channel) -> str:
        first = await channel.call("/a/B")
        await first.send(b"")
        waiting = asyncio.ensure_future(answer_of(channel))
        await asyncio.sleep(0.05)
        assert not waiting.done()
        first.cancel()
        return (await waiting).words

    def only_health(peer: Http2Peer, request: Request) -> None:
        if request.path != "/a/B":
            sane(peer, request)

    with fakes.http2(only_health, settings={3: 1}) as server:
        assert on_channel(f"grpc://127.0.0.1:{server.port}", body) == "OK"


def test_headers_larger_than_the_server_takes_are_not_sent() -> None:
    with fakes.header_limit(limit=500) as server:
        told = ask(server.port, metadata=(("x", "y" * 500),))
        assert told.words == "INTERNAL: header list size to send violates the maximum size (500 bytes) set by server"
        assert ask(server.port).words == "OK"


def test_a_deadline_that_is_over_sends_nothing() -> None:
    with fakes.healthy() as server:
        told = ask(server.port, seconds=-1)
        assert told.status.name == "DEADLINE_EXCEEDED"
        assert server.connections == 0


@pytest.mark.parametrize(
    ("respond", "progress"),
    [
        (lambda peer, request: None, "the server did not answer in time"),
        (headers(*OK), "response headers came, but no message in time"),
        (in_turn(headers(*OK), lambda peer, request: peer.data(request.stream, b"\0\0")), "not complete in time"),
    ],
)
def test_a_deadline_tells_how_far_the_call_had_come(respond: Any, progress: str) -> None:
    with fakes.http2(respond) as server:
        assert progress in ask(server.port, seconds=0.2).words


def test_the_server_that_ends_a_call_at_its_deadline_may_be_first() -> None:
    def late(peer: Http2Peer, request: Request) -> None:
        time.sleep(0.3)
        peer.reset(request.stream, 8)

    with fakes.http2(late) as server:
        assert ask(server.port, seconds=0.2).status.name == "DEADLINE_EXCEEDED"


def test_keepalive_ends_a_connection_that_is_dead_and_no_other(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http2_link, "_LEAST_KEEPALIVE", 0.1)

    def dead(stream: Any, number: int) -> None:
        peer = Http2Peer(stream)
        peer.greet({})
        time.sleep(3)

    with serve(dead) as server:
        told = ask(server.port, seconds=5.0, keepalive=0.1)
    assert told.words == "UNAVAILABLE: keepalive ping failed to receive ACK within timeout"
    patient = {"grpc.http2.min_ping_interval_without_data_ms": 1, "grpc.http2.max_ping_strikes": 0}
    with grpc_server(arguments=patient) as alive:
        told = ask(alive.port, "/grpc.health.v1.Health/Watch", seconds=2.0, keepalive=0.1)
    assert (told.status.name, told.messages) == ("DEADLINE_EXCEEDED", [SERVING])


def test_a_flood_that_nobody_reads_the_answers_of_ends_at_the_deadline() -> None:
    def flood(stream: Any, number: int) -> None:
        peer = Http2Peer(stream)
        peer.greet({})
        ping = Frame(6, 0, 0, bytes(8)).encode() * 5000
        while True:
            stream.sendall(ping)

    started, before = time.monotonic(), time.process_time()
    with serve(flood) as server:
        assert ask(server.port, seconds=0.5).status.name == "DEADLINE_EXCEEDED"
    assert time.monotonic() - started < AT_ONCE
    assert time.process_time() - before < AT_ONCE


@pytest.mark.parametrize("protocol", [Protocol.GRPC, Protocol.CONNECT])
def test_a_fault_of_ours_ends_the_call_and_shows(monkeypatch: pytest.MonkeyPatch, protocol: Protocol) -> None:
    def broken(*_: object) -> None:
        raise KeyError("a bug")

    monkeypatch.setattr(GrpcCall, "on_headers", broken)
    monkeypatch.setattr(ConnectUnaryCall, "on_headers", broken)
    with fakes.healthy() if protocol is Protocol.GRPC else fakes.http1() as server:
        words = ask(server.port, protocol=protocol).words
    assert words == "INTERNAL: grpcdoctor stumbled over the answer: KeyError: 'a bug'"


def test_keepalive_pings_no_more_often_than_grpc_gos_does() -> None:
    assert http2_link._LEAST_KEEPALIVE == 10.0


def test_the_largest_message_may_be_larger_than_the_window() -> None:
    size = CALLING.stream_window + KIB16
    body = b"\0" + size.to_bytes(4, "big") + bytes(size)
    pieces = [body[start : start + KIB16] for start in range(0, len(body), KIB16)]

    def patient(peer: Http2Peer, request: Request) -> None:
        """The fake ignores windows, so it must give the client time to widen them."""
        peer.headers(request.stream, OK)
        for number, piece in enumerate(pieces):
            peer.data(request.stream, piece)
            if number % 64 == 63:
                time.sleep(0.02)
        peer.headers(request.stream, (("grpc-status", "0"),), end=True)

    with fakes.http2(patient) as server:
        told: Answer = ask(server.port, max_message_bytes=size)
    assert (told.words, [len(message) for message in told.messages]) == ("OK", [size])


def test_a_stream_that_the_server_ends_early_ends_the_request_too() -> None:
    resets: list[int] = []

    class Watching(Http2Peer):
        def _handle(self, frame: Any) -> Request | None:
            if type(frame).__name__ == "RstStreamFrame":
                resets.append(frame.error_code)
            return super()._handle(frame)

    def handler(stream: Any, number: int) -> None:
        peer = Watching(stream)
        if peer.greet({}):
            peer.serve(answer())

    async def body(channel: Channel) -> None:
        call = await channel.call("/a/B")
        assert await call.send(b"")
        assert await call.receive() is not None
        assert await call.receive() is None
        assert call.status is not None
        assert call.status.ok
        assert not await call.send(b"more")
        await asyncio.sleep(0.05)

    with serve(handler) as server:
        on_channel(f"grpc://127.0.0.1:{server.port}", body)
    assert resets == [0]
