"""Stream: one question on an HTTP/2 connection, and everything that came back on it."""

from __future__ import annotations

from time import monotonic
from typing import TYPE_CHECKING, Final

from grpcdoctor.model.redact import redact_headers, redact_text
from grpcdoctor.wire.http_stream import HttpStream
from grpcdoctor.wire.messages import decode_status_message, split_messages

if TYPE_CHECKING:
    from grpcdoctor.model.facts.grpc import Reply

Headers = tuple[tuple[str, str], ...]

# A reply is looked at, not collected: reflection answers and error pages fit, an endless stream does not.
BODY_LIMIT: Final = 4 * 1024 * 1024
_TEXT_KEPT: Final = 512
_HEX_KEPT: Final = 64
# A header value longer than this is shown cut.
_VALUE_KEPT: Final = 2048
_HEADERS_KEPT: Final = 128


class Stream(HttpStream):
    """Mutable while it runs; `reply` makes the immutable Reply of it."""

    def __init__(self, body: bytes = b"", window: int = 0) -> None:
        super().__init__(window)
        self.unsent = memoryview(body)
        self.end_wanted = True
        self.headers: Headers | None = None
        self.trailers: Headers = ()
        self.trailers_only = False
        self.deadline_ms: float | None = None
        self.body = bytearray()
        self.body_bytes = 0
        self.ended = False
        self.reset_code: int | None = None
        self.lost: str | None = None
        self._started = monotonic()
        self._first_byte: float | None = None
        self._finished: float | None = None
        self._split: tuple[int, tuple[list[bytes], bytes]] | None = None

    @property
    def closed(self) -> bool:
        return self._finished is not None

    @property
    def answered(self) -> bool:
        return self.headers is not None

    def window_to_give(self) -> int:
        """The WINDOW_UPDATE that is due; none once the stream is over, or there is enough of it to look at."""
        due = self._window - self._window_left
        if self.closed or due <= self._window // 4 or len(self.body) >= BODY_LIMIT:
            return 0
        self._window_left = self._window
        return due

    def receive_headers(self, headers: Headers, end_stream: bool) -> None:
        """The response, an interim 1xx response (dropped), or the trailers. What comes behind the end is not kept."""
        if self.ended:
            return
        if self.headers is None:
            status = next((value for name, value in headers if name == ":status"), "")
            if status.startswith("1") and len(status) == 3 and not end_stream:
                return
            self.headers = headers
            self.trailers_only = end_stream
            self._first_byte = monotonic()
        else:
            self.trailers = headers
        if end_stream:
            self._end()

    def receive_data(self, data: bytes, end_stream: bool) -> None:
        if self.ended:
            return
        self.body_bytes += len(data)
        if len(self.body) < BODY_LIMIT:
            self.body += data
        if end_stream:
            self._end()

    def reset(self, code: int) -> None:
        """RST_STREAM. After a complete answer it changes nothing (RFC 9113 §8.1 allows NO_ERROR there)."""
        if not self.ended:
            self.reset_code = code
        self._finish()

    def lose(self, why: str) -> None:
        self.lost = why
        self._finish()

    def _end(self) -> None:
        self.ended = True
        self._finish()

    def _finish(self) -> None:
        if self._finished is None:
            self._finished = monotonic()

    def reply(self, path: str) -> Reply:
        """What is known now."""
        from grpcdoctor.model.facts.grpc import Reply

        headers, trailers = self.headers or (), self.trailers
        messages, rest = self._messages_and_rest()
        status = _integer(_value(headers, ":status"))
        grpc_status = _value(trailers, "grpc-status") or _value(headers, "grpc-status")
        message = _value(trailers, "grpc-message") or _value(headers, "grpc-message") or ""
        is_text = bool(self.body) and (bool(rest) or not messages)
        return Reply(
            path=path,
            http_status=status if headers else None,
            headers=_shown(headers),
            trailers=_shown(trailers),
            trailers_only=self.trailers_only,
            grpc_status=_integer(grpc_status),
            grpc_message=redact_text(decode_status_message(message))[:_VALUE_KEPT],
            messages=len(messages),
            body_bytes=self.body_bytes,
            body=redact_text(bytes(self.body[:_TEXT_KEPT]).decode("utf-8", "replace")) if is_text else "",
            body_hex=bytes(self.body[:_HEX_KEPT]).hex(),
            ended=self.ended,
            reset_code=self.reset_code,
            lost=self.lost,
            first_byte_ms=None if self._first_byte is None else (self._first_byte - self._started) * 1000,
            duration_ms=((self._finished or monotonic()) - self._started) * 1000,
            deadline_ms=self.deadline_ms,
        )

    @property
    def messages(self) -> list[bytes]:
        """The payloads of the complete messages."""
        return self._messages_and_rest()[0]

    def _messages_and_rest(self) -> tuple[list[bytes], bytes]:
        """Split once for each length of the body: it may be megabytes, and is asked for several times."""
        if self._split is None or self._split[0] != len(self.body):
            self._split = len(self.body), split_messages(bytes(self.body))
        return self._split[1]


def _value(headers: Headers, name: str) -> str | None:
    return next((value for key, value in headers if key == name), None)


def _integer(text: str | None) -> int | None:
    if text is None or not text.isascii() or not text.isdigit():
        return None
    return int(text[:9])


def _shown(headers: Headers) -> Headers:
    kept = tuple((name, value[:_VALUE_KEPT]) for name, value in headers[:_HEADERS_KEPT] if name != ":status")
    return redact_headers(kept)
