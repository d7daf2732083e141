"""A stream is read while it comes, and never holds the program up."""

from __future__ import annotations

import asyncio
import io
import os
import time
from typing import Any

import pytest

from grpcdoctor.client.incoming import Incoming

SECONDS = 5.0


async def everything(incoming: Incoming) -> list[bytes]:
    chunks = []
    while chunk := await asyncio.wait_for(incoming.read(), SECONDS):
        chunks.append(chunk)
    return chunks


def test_all_bytes_come_and_then_the_end_however_often_it_is_asked_for() -> None:
    data = os.urandom(300_000)

    async def work() -> bytes:
        incoming = Incoming(io.BytesIO(data))
        read = b"".join(await everything(incoming))
        assert await incoming.read() == b""
        return read

    assert asyncio.run(work()) == data


def test_what_is_there_is_given_before_more_comes() -> None:
    reading, writing = os.pipe()

    async def work() -> list[bytes]:
        with os.fdopen(reading, "rb") as stream:
            incoming = Incoming(stream)
            os.write(writing, b"first")
            first = await asyncio.wait_for(incoming.read(), SECONDS)
            os.write(writing, b"second")
            os.close(writing)
            return [first, *await everything(incoming)]

    assert asyncio.run(work()) == [b"first", b"second"]


def test_one_chunk_is_read_ahead_and_no_more() -> None:
    class Endless(io.BytesIO):
        reads = 0

        def read1(self, size: int | None = -1) -> bytes:
            self.reads += 1
            return b"x" * (size or 1)

    async def work() -> int:
        stream = Endless()
        incoming = Incoming(stream)
        await incoming.read()
        await asyncio.sleep(0.1)
        return stream.reads

    assert asyncio.run(work()) == 2


def test_the_program_goes_on_while_nobody_types() -> None:
    reading, writing = os.pipe()

    async def work() -> None:
        incoming = Incoming(os.fdopen(reading, "rb"))
        with pytest.raises(asyncio.TimeoutError):
            await asyncio.wait_for(incoming.read(), 0.05)

    started = time.monotonic()
    asyncio.run(work())
    os.close(writing)
    assert time.monotonic() - started < SECONDS


def test_an_error_of_the_stream_is_the_readers() -> None:
    class Broken(io.BytesIO):
        def read1(self, size: int | None = -1) -> bytes:
            raise OSError(5, "Input/output error")

    async def work(incoming: Any) -> bytes:
        data: bytes = await incoming.read()
        return data

    async def twice() -> bytes:
        incoming = Incoming(Broken())
        with pytest.raises(OSError, match="Input/output error"):
            await incoming.read()
        return await work(incoming)

    assert asyncio.run(twice()) == b""
