"""Http1Exchange: an exchange that has an HTTP/1.1 connection for itself; the request goes out when it is complete."""

from __future__ import annotations

import asyncio
import ssl
from typing import TYPE_CHECKING, Final

from grpcdoctor.client.transport.endings import made_here, stumbled
from grpcdoctor.client.transport.exchange import Listener, Lost
from grpcdoctor.client.transport.signal import Signal
from grpcdoctor.model.codes import GrpcStatus
from grpcdoctor.wire.deadline import Deadline
from grpcdoctor.wire.first_bytes import spoken_by
from grpcdoctor.wire.http1_reader import Http1Error, Http1Reader

if TYPE_CHECKING:
    from collections.abc import Callable

    from grpcdoctor.client.status import Status
    from grpcdoctor.wire.stream import Duplex
    from grpcdoctor.wire.streams import Headers

_FOR_EVER: Final = Deadline(float("inf"))
# As much as HTTP/2's window would let come before anybody takes it.
_HELD_LIMIT: Final = 4 << 20
_SPOKEN_WORDS: Final = {
    "h2": "the server speaks HTTP/2, not HTTP/1.1",
    "tls": "the port speaks TLS, not plaintext",
    "ssh": "an SSH server answers",
}


class Http1Exchange:
    """`on_over` is told whether the connection may carry another request; otherwise it is ended."""

    def __init__(self, duplex: Duplex, headers: Headers, listener: Listener, on_over: Callable[[bool], None]) -> None:
        self._duplex = duplex
        self._headers = headers
        self._listener = listener
        self._on_over = on_over
        self._reader = Http1Reader(listener)
        self._body = bytearray()
        self._reading: asyncio.Task[None] | None = None
        self._over = False
        self._taken = Signal()

    async def send(self, data: bytes) -> bool:
        """Kept until the request is complete, for its length is told first."""
        if self._over or self._reading is not None:
            return False
        self._body += data
        return True

    def end_sending(self) -> None:
        if self._over or self._reading is not None:
            return
        self._duplex.write(_head_of(self._headers, len(self._body)) + self._body)
        self._reading = asyncio.get_running_loop().create_task(self._read())

    def took(self) -> None:
        self._taken.notify()

    def cancel(self, code: int) -> None:
        """HTTP/1.1 knows no other way than to end the connection."""
        if not self._reader.done and self._finish():
            self._duplex.abort()
            if self._reading is not None:
                self._reading.cancel()

    def _finish(self, reusable: bool = False) -> bool:
        """False where it was over already."""
        if self._over:
            return False
        self._over = True
        self._on_over(reusable)
        return True

    async def _read(self) -> None:
        reader, begun = self._reader, b""
        try:
            while not reader.done:
                data = await self._duplex.read(_FOR_EVER)
                begun = begun or data[:64]
                if data:
                    reader.feed(data)
                else:
                    reader.close()
                while self._listener.held > _HELD_LIMIT and not reader.done:
                    await self._taken.wait()
        except (Http1Error, OSError, ssl.SSLError) as broken:
            self._lose(made_here(GrpcStatus.UNAVAILABLE, f"error reading from server: {_words(broken, begun)}"))
            return
        except Exception as bug:
            self._lose(stumbled(bug))
            return
        self._finish(reader.reusable)
        if not reader.reusable:
            self._duplex.abort()

    def _lose(self, status: Status) -> None:
        if self._finish():
            self._duplex.abort()
            self._listener.on_lost(Lost(status))


def _words(broken: Exception, begun: bytes) -> str:
    if isinstance(broken, Http1Error):
        return _SPOKEN_WORDS.get(spoken_by(begun), str(broken)) if begun else str(broken)
    return "connection reset by peer" if isinstance(broken, ConnectionResetError) else str(broken)


def _head_of(headers: Headers, length: int) -> bytes:
    """The pseudo-headers become the request line and Host."""
    pseudo = {name: value for name, value in headers if name.startswith(":")}
    fields = [(name, value) for name, value in headers if not name.startswith(":")]
    lines = [
        f"{pseudo[':method']} {pseudo[':path']} HTTP/1.1",
        f"host: {pseudo[':authority']}",
        *(f"{name}: {value}" for name, value in fields),
        f"content-length: {length}",
    ]
    return "\r\n".join((*lines, "", "")).encode("utf-8")
