"""Incoming: a stream's bytes while they come, for a program that does something else meanwhile."""

from __future__ import annotations

import asyncio
import threading
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from typing import BinaryIO

_CHUNK: Final = 64 * 1024


class Incoming:
    """Reads in a daemon thread, so that a terminal at which nobody types holds nothing up: neither responses that
    arrive nor the end of the program. One chunk is read ahead, however much there is."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream
        self._wanted = threading.Semaphore(0)
        self._chunks: asyncio.Queue[bytes | OSError] = asyncio.Queue()
        self._thread: threading.Thread | None = None
        self._ended = False

    async def read(self) -> bytes:
        """What came next; b"" at the end. Raises OSError."""
        if self._ended:
            return b""
        if self._thread is None:
            loop = asyncio.get_running_loop()
            self._thread = threading.Thread(target=self._work, args=(loop,), daemon=True, name="incoming")
            self._wanted.release()
            self._thread.start()
        self._wanted.release()
        chunk = await self._chunks.get()
        if isinstance(chunk, OSError):
            self._ended = True
            raise chunk
        self._ended = not chunk
        return chunk

    def _work(self, loop: asyncio.AbstractEventLoop) -> None:
        chunk: bytes | OSError = b"-"
        while chunk and not isinstance(chunk, OSError):
            self._wanted.acquire()
            try:
                chunk = _read_some(self._stream)
            except OSError as failed:
                chunk = failed
            except ValueError:  # closed
                chunk = b""
            try:
                loop.call_soon_threadsafe(self._chunks.put_nowait, chunk)
            except RuntimeError:  # the loop is closed: nobody reads any more
                return


def _read_some(stream: BinaryIO) -> bytes:
    """What is there, at least one byte unless it ended."""
    read_some = getattr(stream, "read1", None) or stream.read
    chunk: bytes = read_some(_CHUNK)
    return chunk
