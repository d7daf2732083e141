"""ConnectCall: the Connect protocol: a bare message each way, or a stream of them that ends with a message of JSON."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from grpcdoctor.client.errors import ClientError
from grpcdoctor.client.status import Status
from grpcdoctor.client.transport.base_call import Start
from grpcdoctor.client.transport.compression import compress as pack
from grpcdoctor.client.transport.connect_errors import error_in, status_of_error
from grpcdoctor.client.transport.endings import EndedError, made_here, status_of_http
from grpcdoctor.client.transport.messages import MessageReader, Raw, frame_message, open_message, too_large
from grpcdoctor.client.transport.request_headers import user_agent, user_metadata
from grpcdoctor.client.transport.web_call import WebCall, shown
from grpcdoctor.model.codes import GrpcStatus
from grpcdoctor.model.redact import redact_text

if TYPE_CHECKING:
    from grpcdoctor.client.options import ChannelOptions
    from grpcdoctor.client.transport.dialects import Streaming
    from grpcdoctor.wire.deadline import Deadline
    from grpcdoctor.wire.streams import Headers

_UNARY: Final = "application/proto"
_STREAMING: Final = "application/connect+proto"
_JSON: Final = "application/json"
_ACCEPTED: Final = "gzip,deflate"
_TRAILER: Final = "trailer-"
_END_STREAM: Final = 0x2
_LONGEST_TIMEOUT: Final = 9_999_999_999
# An error's JSON is small; more of it is not read.
_ERROR_LIMIT: Final = 256 * 1024


class ConnectUnaryCall(WebCall):
    """The response's body is the message, or an error in JSON where the HTTP status is not 200."""

    def __init__(self, start: Start, deadline: Deadline | None, encoding: str | None, limit: int) -> None:
        super().__init__(start, deadline, encoding, limit)
        self._response_encoding = ""
        self._response_headers: Headers = ()
        self._response_trailers: Headers = ()
        self._requests = 0

    async def send(self, payload: bytes) -> bool:
        """The one request. Raises ClientError for a second: the body is the bare message."""
        self._requests += 1
        if self._requests > 1:
            raise ClientError("a unary call of Connect takes a single request")
        return await super().send(payload)

    def on_headers(self, headers: Headers, end: bool) -> None:
        if not self._note_head(headers):
            return
        self._foreign = self._content_type not in (_UNARY, _JSON)
        self._response_encoding = dict(headers).get("content-encoding", "")
        self._response_headers = tuple(pair for pair in shown(headers) if not pair[0].startswith(_TRAILER))
        self._response_trailers = tuple(
            (name.removeprefix(_TRAILER), value) for name, value in headers if name.startswith(_TRAILER)
        )
        if self.http_status == 200 and not self._foreign:
            self._headers = self._response_headers
            self._change.notify()
        if end:
            self.on_end()

    def on_data(self, data: bytes) -> None:
        if not self._takes(data):
            return
        self._body += data
        limit = self._limit if self.http_status == 200 else _ERROR_LIMIT
        if len(self._body) > limit:
            self._finish(too_large(len(self._body), limit))

    def on_trailers(self, headers: Headers) -> None:
        self.on_end()

    def on_end(self) -> None:
        if self._ending is not None:
            return
        if self._foreign or (self.http_status == 200 and self._content_type != _UNARY):
            self._finish_foreign()
            return
        flags = int(self._response_encoding not in ("", "identity"))
        if self.http_status == 200:
            self._enqueue([(flags, bytes(self._body))])
            self._finish(Status(GrpcStatus.OK), self._response_trailers)
            return
        try:
            text = open_message((flags, bytes(self._body)), self._response_encoding, _ERROR_LIMIT)
        except EndedError as broken:
            self._finish(broken.status)
            return
        self.body_excerpt = redact_text(text[:1024].decode("utf-8", "replace"))
        otherwise = status_of_http(self.http_status, "")
        # An error's metadata are all in the headers, as in gRPC's trailers-only answers.
        self._finish(status_of_error(error_in(text), otherwise), self._response_headers + self._response_trailers)

    def _frame(self, payload: bytes) -> bytes:
        return payload if self._encoding is None else pack(self._encoding, payload)

    def _open_message(self, raw: Raw) -> bytes:
        return open_message(raw, self._response_encoding, self._limit)


class ConnectStreamingCall(WebCall):
    """Enveloped messages; the last has a flag of its own and tells error and trailers in JSON."""

    def __init__(
        self, start: Start, deadline: Deadline | None, encoding: str | None, limit: int, alternates: bool = True
    ) -> None:
        super().__init__(start, deadline, encoding, limit, alternates)
        self._response_encoding = ""
        self._reader = MessageReader(limit)
        self._end: dict[str, Any] | None = None

    def on_headers(self, headers: Headers, end: bool) -> None:
        if not self._note_head(headers):
            return
        self._foreign = self.http_status != 200 or self._content_type != _STREAMING
        self._response_encoding = dict(headers).get("connect-content-encoding", "")
        if not self._foreign:
            self._headers = shown(headers)
            self._change.notify()
        if end:
            self.on_end()

    def on_data(self, data: bytes) -> None:
        if not self._takes(data):
            return
        found: list[Raw] = []
        try:
            self._reader.feed(data, found)
            for flags, body in (raw for raw in found if raw[0] & _END_STREAM):
                self._end = error_in(open_message((flags & ~_END_STREAM, body), self._response_encoding, _ERROR_LIMIT))
                if self._end is None:
                    raise EndedError(made_here(GrpcStatus.INTERNAL, "the end-stream message is no JSON object"))
        except EndedError as broken:
            self._finish(broken.status)
        self._enqueue([raw for raw in found if not raw[0] & _END_STREAM])

    def on_trailers(self, headers: Headers) -> None:
        self.on_end()

    def on_end(self) -> None:
        if self._foreign:
            self._finish_foreign()
        elif self._reader.unfinished:
            self._finish(made_here(GrpcStatus.INTERNAL, "unexpected EOF"))
        elif self._end is None:
            self._finish(made_here(GrpcStatus.INTERNAL, "server closed the stream without an end-stream message"))
        else:
            unknown = made_here(GrpcStatus.UNKNOWN, "the end-stream message has an error without a known code")
            error = self._end.get("error")
            status = Status(GrpcStatus.OK) if error is None else status_of_error(error, unknown)
            self._finish(status, _metadata_in(self._end.get("metadata")))

    def _frame(self, payload: bytes) -> bytes:
        return frame_message(payload, self._encoding)

    def _open_message(self, raw: Raw) -> bytes:
        return open_message(raw, self._response_encoding, self._limit)


def _metadata_in(found: Any) -> Headers:
    """Name to list of values."""
    if not isinstance(found, dict):
        return ()
    pairs = ((name, values) for name, values in found.items() if isinstance(values, list))
    return tuple((name.lower(), str(value)) for name, values in pairs for value in values)


def connect_headers(
    options: ChannelOptions, metadata: Headers, compress: str | None, deadline: Deadline | None, streaming: Streaming
) -> Headers:
    """The names of the encodings' headers differ where anything streams."""
    streams = any(streaming)
    prefix = "connect-" if streams else ""
    headers = [
        ("content-type", _STREAMING if streams else _UNARY),
        ("user-agent", user_agent(options)),
        ("connect-protocol-version", "1"),
        (f"{prefix}accept-encoding", _ACCEPTED),
    ]
    if compress is not None:
        headers.append((f"{prefix}content-encoding", compress))
    if deadline is not None:
        milliseconds = min(max(1, round(deadline.remaining * 1000)), _LONGEST_TIMEOUT)
        headers.append(("connect-timeout-ms", str(milliseconds)))
    return (*headers, *user_metadata(metadata))


def connect_call(
    start: Start, deadline: Deadline | None, compress: str | None, limit: int, streaming: Streaming
) -> WebCall:
    if not any(streaming):
        return ConnectUnaryCall(start, deadline, compress, limit)
    return ConnectStreamingCall(start, deadline, compress, limit, alternates=not streaming.requests)
