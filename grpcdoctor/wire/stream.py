"""ByteStream: a TCP (or unix) connection as asyncio hands it over, with reads that end at a deadline."""

from __future__ import annotations

import asyncio
from math import inf
from typing import Protocol

from grpcdoctor.wire.deadline import Deadline

# A peer that sends faster than we look is held back here; also the most that one connection keeps in memory.
BUFFER_LIMIT = 256 * 1024


class Duplex(Protocol):
    """What HTTP/2 runs over: a ByteStream, or TLS on top of one."""

    async def read(self, deadline: Deadline) -> bytes:
        """The next bytes; b"" at the end of the stream. Raises TimeoutError, OSError (reset), ssl.SSLError."""
        ...

    def write(self, data: bytes) -> None: ...

    async def drain(self) -> None:
        """Wait until most of what was written has gone out, or the connection is over."""
        ...

    def abort(self) -> None: ...


class ByteStream(asyncio.Protocol):
    """Buffers what arrives. Finished connections are aborted, never closed: a close may linger for seconds."""

    def __init__(self) -> None:
        self._pieces: list[bytes] = []
        self._buffered = 0
        self._ended = False
        self._error: OSError | None = None
        self._waiter: asyncio.Future[None] | None = None
        self._writable: asyncio.Future[None] | None = None
        """Pending while the socket takes no more."""
        self._transport: asyncio.Transport | None = None
        self.bytes_received = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        if self._ended:  # given up while it was being dialled
            transport.abort()

    def data_received(self, data: bytes) -> None:
        self._pieces.append(data)
        self._buffered += len(data)
        self.bytes_received += len(data)
        if self._buffered > BUFFER_LIMIT and self._transport is not None:
            self._transport.pause_reading()
        self._wake()

    def eof_received(self) -> bool:
        self._ended = True
        self._wake()
        return True  # keep our side open: what was not read yet must not be lost, and abort() ends it

    def connection_lost(self, exc: Exception | None) -> None:
        self._ended = True
        if isinstance(exc, OSError):
            self._error = exc
        self._wake()
        self.resume_writing()

    def pause_writing(self) -> None:
        self._writable = asyncio.get_running_loop().create_future()

    def resume_writing(self) -> None:
        if self._writable is not None and not self._writable.done():
            self._writable.set_result(None)
        self._writable = None

    async def drain(self) -> None:
        """Wait until most of what was written has gone out, or the connection is over."""
        if self._writable is not None:
            await asyncio.shield(self._writable)  # several may wait

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    @property
    def ended(self) -> bool:
        """The peer will send nothing more, or the connection is over."""
        return self._ended

    async def read(self, deadline: Deadline) -> bytes:
        """The next bytes, b"" at the end. Raises TimeoutError at the deadline and OSError after a reset."""
        while not self._pieces:
            if self._error is not None:
                raise self._error
            if self._ended:
                return b""
            await self._wait(deadline)
        data = self._pieces[0] if len(self._pieces) == 1 else b"".join(self._pieces)
        self._pieces.clear()
        self._buffered = 0
        if self._transport is not None and not self._ended:
            self._transport.resume_reading()
        return data

    async def _wait(self, deadline: Deadline) -> None:
        loop = asyncio.get_running_loop()
        self._waiter = waiter = loop.create_future()
        timer = None
        if deadline.at != inf:
            timer = loop.call_at(deadline.at, _expire, waiter)  # cheaper than wait_for: no task, no second future
        try:
            await waiter
        finally:
            if timer is not None:
                timer.cancel()
            self._waiter = None

    def unread(self, data: bytes) -> None:
        """Put back what was read too much: the next `read` returns it first."""
        if data:
            self._pieces.insert(0, data)
            self._buffered += len(data)

    def write(self, data: bytes) -> None:
        """Send; silently dropped once the connection is gone (the next read says so)."""
        if self._transport is not None and not self._transport.is_closing():
            self._transport.write(data)

    def abort(self) -> None:
        """Give the connection up at once."""
        self._ended = True
        if self._transport is not None:
            self._transport.abort()


def _expire(waiter: asyncio.Future[None]) -> None:
    if not waiter.done():
        waiter.set_exception(TimeoutError())
