"""ByteStream: what arrives is kept within bounds, and every end of a connection is told apart."""

from __future__ import annotations

import asyncio
import socket
import struct

import pytest

from grpcdoctor.wire.deadline import Deadline
from grpcdoctor.wire.dial import dial
from grpcdoctor.wire.stream import BUFFER_LIMIT, ByteStream
from tests.wire.peers import Handler, listening


async def connected(port: int) -> ByteStream:
    dialled = await dial("127.0.0.1", port, Deadline.after(5))
    assert dialled.stream is not None
    return dialled.stream


def test_bytes_come_in_order_and_the_end_is_empty() -> None:
    async def handler(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"one")
        await writer.drain()
        writer.write_eof()
        await asyncio.sleep(0.2)

    async def run() -> None:
        async with listening(handler) as port:
            stream = await connected(port)
            assert await stream.read(Deadline.after(5)) == b"one"
            assert await stream.read(Deadline.after(5)) == b""
            stream.abort()

    asyncio.run(run())


def test_silence_is_a_timeout() -> None:
    async def run() -> None:
        async with listening(_silent) as port:
            stream = await connected(port)
            with pytest.raises(TimeoutError):
                await stream.read(Deadline.after(0.05))
            stream.abort()

    asyncio.run(run())


def test_a_reset_is_raised_after_the_bytes_before_it() -> None:
    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1)
        raw: socket.socket = writer.get_extra_info("socket")
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))

    async def run() -> None:
        async with listening(handler) as port:
            stream = await connected(port)
            stream.write(b"x")
            with pytest.raises(ConnectionResetError):
                await stream.read(Deadline.after(5))
            stream.write(b"dropped, not raised")
            stream.abort()

    asyncio.run(run())


def test_a_peer_that_sends_faster_than_we_read_is_held_back() -> None:
    async def handler(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            writer.write(bytes(65536))
            await writer.drain()

    async def run() -> int:
        async with listening(handler) as port:
            stream = await connected(port)
            await asyncio.sleep(0.3)
            held = stream.bytes_received
            assert len(await stream.read(Deadline.after(1))) == held
            assert await stream.read(Deadline.after(5))  # reading goes on
            stream.abort()
            return held

    assert asyncio.run(run()) <= 3 * BUFFER_LIMIT


def test_what_was_read_too_much_can_be_put_back() -> None:
    async def run() -> bytes:
        stream = ByteStream()
        stream.data_received(b"world")
        stream.unread(b"hello ")
        return await stream.read(Deadline.after(1))

    assert asyncio.run(run()) == b"hello world"


def test_whoever_drains_waits_until_the_peer_reads_on() -> None:
    async def run() -> None:
        go_on = asyncio.Event()

        async def lazy(reader: asyncio.StreamReader, _: asyncio.StreamWriter) -> None:
            await go_on.wait()
            while await reader.read(1 << 20):
                pass

        async with listening(lazy) as port:
            stream = (await dial("127.0.0.1", port, Deadline.after(5))).stream
            assert stream is not None
            await stream.drain()
            stream.write(bytes(32 << 20))
            draining = [asyncio.ensure_future(stream.drain()) for _ in range(2)]
            done, _ = await asyncio.wait(draining, timeout=0.1)
            assert not done
            go_on.set()
            await asyncio.wait_for(asyncio.gather(*draining), 10)
            stream.write(bytes(32 << 20))
            draining = [asyncio.ensure_future(stream.drain())]
            stream.abort()
            await asyncio.wait_for(asyncio.gather(*draining), 10)

    asyncio.run(run())


def test_a_stream_given_up_while_dialled_is_aborted_when_it_connects() -> None:
    aborted: list[bool] = []

    class Transport(asyncio.Transport):
        def abort(self) -> None:
            aborted.append(True)

    stream = ByteStream()
    stream.abort()
    stream.connection_made(Transport())
    assert aborted == [True]


async def _silent(reader: asyncio.StreamReader, _: asyncio.StreamWriter) -> None:
    await reader.read()


SILENT: Handler = _silent
