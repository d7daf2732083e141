"""Http2Connection: many questions at once, each with its own deadline, over any Duplex."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable

import pytest

from grpcdoctor.model.codes import Http2Error
from grpcdoctor.wire import connection as module
from grpcdoctor.wire import frames
from grpcdoctor.wire.connection import Http2Connection
from grpcdoctor.wire.deadline import Deadline
from grpcdoctor.wire.frames import Frame
from grpcdoctor.wire.http2 import Http2Client
from grpcdoctor.wire.limits import PROBING, Limits
from tests.patience import AT_ONCE
from tests.wire.peers import QUESTION, HandFed, Server


def opened(
    body: Callable[[Http2Connection, HandFed, Server], Awaitable[None]],
    settings: dict[int, int] | None = None,
    limits: Limits = PROBING,
) -> None:
    async def run() -> None:
        server = Server()
        duplex = HandFed(server.settings(settings) + server.ack())
        connection = Http2Connection(duplex, limits=limits)
        assert (await connection.open(Deadline.after(5))).spoken == "h2"
        try:
            await asyncio.wait_for(body(connection, duplex, server), 10)
        finally:
            connection.abort()
            assert duplex.aborted

    asyncio.run(run())


def first_bytes(*pieces: bytes | Exception | None) -> tuple[str, Http2Connection]:
    async def run() -> tuple[str, Http2Connection]:
        connection = Http2Connection(HandFed(*pieces))
        first = await connection.open(Deadline.after(0.4))
        connection.abort()
        return first.spoken, connection

    return asyncio.run(run())


@pytest.mark.parametrize(
    ("pieces", "spoken"),
    [
        ((), "nothing"),
        ((None,), "closed"),
        ((ConnectionResetError(),), "closed"),
        ((b"HTTP/1.1 400 Bad", b" Request\r\n\r\n", None), "http/1.1"),
        (tuple(bytes((byte,)) for byte in frames.settings({3: 1}).encode()), "h2"),
        ((b"\0",), "garbage"),
        ((b"SSH-2.0-OpenSSH\r\n",), "ssh"),
    ],
)
def test_the_first_bytes_tell_what_answers(pieces: tuple[bytes | Exception | None, ...], spoken: str) -> None:
    assert first_bytes(*pieces)[0] == spoken


def test_a_reset_is_told_from_an_end() -> None:
    assert first_bytes(ConnectionResetError())[1].reset_by_peer
    assert not first_bytes(None)[1].reset_by_peer


def test_questions_are_answered_in_any_order() -> None:
    async def body(connection: Http2Connection, duplex: HandFed, server: Server) -> None:
        asked = asyncio.gather(*(connection.ask(QUESTION, b"", Deadline.after(5)) for _ in range(3)))
        await asyncio.sleep(0.01)
        duplex.put(server.answer(5) + server.answer(1) + server.answer(3))
        assert [s.reply("/").grpc_status for s in await asked] == [0, 0, 0]

    opened(body)


def test_a_question_without_answer_ends_at_its_deadline_and_is_cancelled() -> None:
    async def body(connection: Http2Connection, duplex: HandFed, server: Server) -> None:
        stream = await connection.ask(QUESTION, b"", Deadline.after(0.05))
        assert stream.lost == "timeout"
        assert frames.rst_stream(stream.id, Http2Error.CANCEL).encode() in bytes(duplex.written)
        assert connection.usable

    opened(body)


def test_a_closed_connection_ends_every_question() -> None:
    for piece, why in ((None, "closed"), (ConnectionResetError(), "reset")):

        async def body(
            connection: Http2Connection,
            duplex: HandFed,
            server: Server,
            piece: Exception | None = piece,
            why: str = why,
        ) -> None:
            asked = asyncio.gather(*(connection.ask(QUESTION, b"", Deadline.after(5)) for _ in range(2)))
            await asyncio.sleep(0.01)
            duplex.put(piece)
            assert {s.lost for s in await asked} == {why}
            assert (await connection.ask(QUESTION, b"", Deadline.after(5))).lost == why
            assert await connection.ping(Deadline.after(5)) is None

        opened(body)


def test_a_limit_of_streams_is_honoured_and_zero_refuses() -> None:
    async def one_at_a_time(connection: Http2Connection, duplex: HandFed, server: Server) -> None:
        asked = asyncio.gather(*(connection.ask(QUESTION, b"", Deadline.after(5)) for _ in range(2)))
        await asyncio.sleep(0.01)
        assert connection.client.active == 1
        duplex.put(server.answer(1))
        await asyncio.sleep(0.01)
        duplex.put(server.answer(3))
        assert [s.reply("/").grpc_status for s in await asked] == [0, 0]

    async def none(connection: Http2Connection, duplex: HandFed, server: Server) -> None:
        assert (await connection.ask(QUESTION, b"", Deadline.after(5))).lost == "refused-by-limit"

    opened(one_at_a_time, {3: 1})
    opened(none, {3: 0})


def test_a_pong_that_came_unasked_is_no_round_trip() -> None:
    async def body(connection: Http2Connection, duplex: HandFed, server: Server) -> None:
        pong = Frame(6, frames.ACK, 0, module._PING_PAYLOAD).encode()
        duplex.put(pong)
        await asyncio.sleep(0.01)
        assert await connection.ping(Deadline.after(0.05)) is None
        pinging = asyncio.create_task(connection.ping(Deadline.after(5)))
        await asyncio.sleep(0.01)
        duplex.put(pong)
        measured = await pinging
        assert measured is not None
        assert measured > 0

    opened(body)


def test_a_bug_in_the_engine_is_raised_to_whoever_asks(monkeypatch: pytest.MonkeyPatch) -> None:
    async def body(connection: Http2Connection, duplex: HandFed, server: Server) -> None:
        def broken(*_: object) -> None:
            raise KeyError("a bug")

        monkeypatch.setattr(Http2Client, "receive", broken)
        asking = asyncio.create_task(connection.ask(QUESTION, b"", Deadline.after(5)))
        await asyncio.sleep(0.01)
        duplex.put(b"x")
        with pytest.raises(KeyError, match="a bug"):
            await asking

    opened(body)


def test_a_peer_that_sends_for_ever_is_given_up_and_it_is_said() -> None:
    async def body(connection: Http2Connection, duplex: HandFed, server: Server) -> None:
        asking = asyncio.create_task(connection.ask(QUESTION, b"", Deadline.after(5)))
        await asyncio.sleep(0.01)
        for _ in range(70):
            duplex.put(Frame(0xEE, 0, 0, bytes(16384)).encode())
        assert (await asking).lost == "protocol-error"
        facts = connection.facts("plaintext", "x")
        assert facts.violation is not None
        assert "floods" in facts.violation

    opened(body, limits=PROBING._replace(received=1 << 20))


def test_a_flood_cannot_outlast_the_deadline_of_a_question() -> None:
    async def body(connection: Http2Connection, duplex: HandFed, server: Server) -> None:
        async def flood() -> None:
            while True:
                duplex.put(server.data(1, b"x"))
                await asyncio.sleep(0)

        flooding = asyncio.create_task(flood())
        started = time.monotonic()
        stream = await connection.ask(QUESTION, b"", Deadline.after(0.2))
        flooding.cancel()
        assert time.monotonic() - started < AT_ONCE
        assert stream.lost is not None

    opened(body)
