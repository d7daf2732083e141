"""Http1Reader: one HTTP/1.1 response as it comes, sans I/O and bounded (RFC 9112)."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Final, Protocol

if TYPE_CHECKING:
    from grpcdoctor.wire.streams import Headers

# A head is a few hundred bytes; trailers and the lines of chunks are smaller still.
HEAD_LIMIT: Final = 64 * 1024
_LINE_LIMIT: Final = 4096
_INTERIM_LIMIT: Final = 100
_NO_BODY: Final = (204, 304)


class Http1Error(Exception):
    """The bytes are no HTTP/1.x response, or it is cut; the message says which."""


class Sink(Protocol):
    """Who reads it (see client/transport/exchange.py's Listener)."""

    def on_headers(self, headers: Headers, end: bool) -> None: ...

    def on_data(self, data: bytes) -> None: ...

    def on_trailers(self, headers: Headers) -> None: ...

    def on_end(self) -> None: ...


class Http1Reader:
    """`feed` what comes, `close` at the end of the connection; `done` once the response is complete."""

    def __init__(self, sink: Sink) -> None:
        self.done = False
        self.reusable = False
        """The connection may carry another request."""
        self._sink = sink
        self._buffer = bytearray()
        self._step: Callable[[], bool] = self._read_head
        self._left: int | None = 0
        """Bytes of the body or chunk that are still to come; None where it ends with the connection."""
        self._persistent = False
        self._interim = 0
        self._trailers: list[tuple[str, str]] = []

    def feed(self, data: bytes) -> None:
        """Raises Http1Error."""
        self._buffer += data
        while not self.done and self._step():
            pass
        if self.done and self._buffer:
            self.reusable = False  # nobody asked for more

    def close(self) -> None:
        """The connection has ended. Raises Http1Error where that cuts the response."""
        if self.done:
            return
        if self._step == self._read_body and self._left is None:
            self._finish()
            return
        raise Http1Error("EOF" if self._step == self._read_head and not self._buffer else "unexpected EOF")

    # --- the steps: each reads one thing, and tells whether there may be another ----------------------------------

    def _read_head(self) -> bool:
        end = self._buffer.find(b"\r\n\r\n")
        if not self._buffer.startswith(b"HTTP/1."[: len(self._buffer)]):
            raise Http1Error("not HTTP/1.1")
        if end < 0 or end > HEAD_LIMIT:
            if len(self._buffer) > HEAD_LIMIT:
                raise Http1Error(f"a response head of more than {HEAD_LIMIT:,} bytes")
            return False
        first, *lines = bytes(self._buffer[:end]).split(b"\r\n")
        del self._buffer[: end + 4]
        words = first.split(b" ", 2)
        if len(words) < 2 or len(words[1]) != 3 or not words[1].isdigit():
            raise Http1Error(f"no status line: {first[:80].decode('latin-1')}")
        status = int(words[1])
        fields = tuple(_field(line) for line in lines)
        headers = ((":status", str(status)), *fields)
        if 100 <= status < 200:
            self._interim += 1
            if self._interim > _INTERIM_LIMIT or status == 101:
                raise Http1Error(f"HTTP {status} instead of a response")
            self._sink.on_headers(headers, False)
            return True
        self._frame_body(words[0], status, fields)
        self._sink.on_headers(headers, False)
        if self._left == 0 and self._step == self._read_body:
            self._finish()
        return True

    def _frame_body(self, version: bytes, status: int, fields: Headers) -> None:
        """How the body ends (RFC 9112 §6.3)."""
        encoding = _joined(fields, "transfer-encoding")
        lengths = {part.strip() for part in _joined(fields, "content-length").split(",") if part.strip()}
        self._persistent = version == b"HTTP/1.1" and "close" not in _joined(fields, "connection")
        self._step = self._read_body
        if encoding:
            if not encoding.endswith("chunked"):
                raise Http1Error(f"transfer-encoding {encoding[:80]!r}")
            self._step = self._read_chunk_line
        elif status in _NO_BODY:
            self._left = 0
        elif lengths:
            length = lengths.pop()
            if lengths or not length.isascii() or not length.isdigit() or len(length) > 18:
                raise Http1Error("a content-length that is no number")
            self._left = int(length)
        else:
            self._left = None
            self._persistent = False

    def _read_body(self) -> bool:
        if not self._take():
            return False
        if self._left == 0:
            self._finish()
        return True

    def _read_chunk_line(self) -> bool:
        line = self._line()
        if line is None:
            return False
        size = line.split(b";", 1)[0].strip()
        try:
            self._left = int(size, 16) if size.isalnum() and len(size) <= 15 else -1
        except ValueError:
            self._left = -1
        if self._left < 0:
            raise Http1Error("a chunk without a size")
        self._step = self._read_chunk if self._left else self._read_trailer
        return True

    def _read_chunk(self) -> bool:
        if self._left:
            return self._take()
        line = self._line()
        if line is None:
            return False
        if line:
            raise Http1Error("a chunk longer than it says")
        self._step = self._read_chunk_line
        return True

    def _read_trailer(self) -> bool:
        line = self._line()
        if line is None:
            return False
        if not line:
            self._finish()
            return True
        self._trailers.append(_field(line))
        if len(self._trailers) > HEAD_LIMIT // 64:
            raise Http1Error("trailers without end")
        return True

    # --- within ---------------------------------------------------------------------------------------------------

    def _take(self) -> bool:
        """Hand on what there is of the body or chunk; False where there is nothing."""
        if not self._buffer:
            return False
        data = bytes(self._buffer if self._left is None else self._buffer[: self._left])
        del self._buffer[: len(data)]
        if self._left is not None:
            self._left -= len(data)
        self._sink.on_data(data)
        return True

    def _line(self) -> bytes | None:
        end = self._buffer.find(b"\n", 0, _LINE_LIMIT)
        if end < 0:
            if len(self._buffer) >= _LINE_LIMIT:
                raise Http1Error("a line without end")
            return None
        line = bytes(self._buffer[:end]).rstrip(b"\r")
        del self._buffer[: end + 1]
        return line

    def _finish(self) -> None:
        self.done = True
        self.reusable = self._persistent
        if self._trailers:
            self._sink.on_trailers(tuple(self._trailers))
        else:
            self._sink.on_end()


def _field(line: bytes) -> tuple[str, str]:
    name, colon, value = line.partition(b":")
    if not colon or not name or name != name.strip():
        raise Http1Error(f"a header line without a name: {line[:80].decode('latin-1')}")
    return name.decode("latin-1").lower(), value.strip().decode("utf-8", "replace")


def _joined(fields: Headers, name: str) -> str:
    return ",".join(value for key, value in fields if key == name).lower()
