"""HTTP/1.x answers, parsed by the standard library and bounded; only read where a port speaks no HTTP/2."""

from __future__ import annotations

import asyncio
import io
from typing import Final

from grpcdoctor.model.facts.http2 import Http1Answer
from grpcdoctor.model.redact import redact_headers, redact_text
from grpcdoctor.wire.deadline import Deadline
from grpcdoctor.wire.stream import Duplex

READ_LIMIT: Final = 64 * 1024
BODY_KEPT: Final = 2048
_PATIENCE_FOR_BODY: Final = 0.3


class _Bytes:
    """The one method of a socket that HTTPResponse calls."""

    def __init__(self, data: bytes) -> None:
        self._data = data

    def makefile(self, _mode: str) -> io.BytesIO:
        return io.BytesIO(self._data)


def parse_answer(data: bytes) -> Http1Answer | None:
    """An answer from its first bytes (the body may be cut); None where they are no HTTP/1.x."""
    from http.client import HTTPException, HTTPResponse  # 8 ms that a healthy endpoint does not cost

    response = HTTPResponse(_Bytes(data))  # type: ignore[arg-type]
    try:
        response.begin()
    except (HTTPException, ValueError, OSError):
        status = data[9:12]
        return Http1Answer(status=int(status)) if data.startswith(b"HTTP/1.") and status.isdigit() else None
    try:
        body = response.read1(BODY_KEPT) if response.fp is not None else b""
    except (HTTPException, ValueError, OSError):  # cut in a chunk, or badly chunked
        body = b""
    headers = tuple((name.lower(), value.strip()) for name, value in response.getheaders())
    page = redact_text(body.decode("utf-8", "replace"))
    return Http1Answer(response.status, redact_text(response.reason), redact_headers(headers), page)


async def read_answer(stream: Duplex, deadline: Deadline, begun: bytes = b"") -> bytes:
    """Read until the peer pauses after the head, ends, or has sent enough; never longer than the deadline."""
    data = begun
    while len(data) < READ_LIMIT:
        has_head = b"\r\n\r\n" in data or b"\n\n" in data
        try:
            more = await stream.read(deadline.within(_PATIENCE_FOR_BODY) if has_head else deadline)
        except (TimeoutError, OSError, asyncio.IncompleteReadError):
            break
        if not more:
            break
        data += more
    return data[:READ_LIMIT]


def request(method: str, host: str, path: str = "/") -> bytes:
    """A plain request that asks for the connection to be closed."""
    lines = (f"{method} {path} HTTP/1.1", f"Host: {host}", "User-Agent: grpcdoctor", "Accept: */*", "Connection: close")
    return "\r\n".join((*lines, "", "")).encode()
