"""GrpcWebCall: gRPC-Web (PROTOCOL-WEB.md): the trailers are a frame of the body; as text, all of it is base64."""

from __future__ import annotations

import base64
import binascii
from functools import partial
from typing import TYPE_CHECKING, Final

from grpcdoctor.client.transport.base_call import Start
from grpcdoctor.client.transport.endings import EndedError, made_here
from grpcdoctor.client.transport.grpc_response import Head, read_head, status_of
from grpcdoctor.client.transport.messages import MessageReader, Raw, frame_message, open_message
from grpcdoctor.client.transport.request_headers import grpc_fields, user_agent, user_metadata
from grpcdoctor.client.transport.web_call import WebCall, shown
from grpcdoctor.model.codes import GrpcStatus

if TYPE_CHECKING:
    from grpcdoctor.client.options import ChannelOptions
    from grpcdoctor.client.transport.dialects import Streaming
    from grpcdoctor.wire.deadline import Deadline
    from grpcdoctor.wire.streams import Headers

_BINARY: Final = "application/grpc-web"
_TEXT: Final = "application/grpc-web-text"
_GRPC: Final = "application/grpc"
_TRAILERS: Final = 0x80
_TRAILERS_LIMIT: Final = 256 * 1024


class GrpcWebCall(WebCall):
    """See BaseCall."""

    def __init__(
        self, start: Start, deadline: Deadline | None, encoding: str | None, limit: int, as_text: bool
    ) -> None:
        super().__init__(start, deadline, encoding, limit)
        self._as_text = as_text
        self._reader = MessageReader(limit)
        self._quantum = b""
        self._head: Head | None = None
        self._end: Head | None = None

    def on_headers(self, headers: Headers, end: bool) -> None:
        if not self._note_head(headers):
            return
        if not self._content_type.startswith(_BINARY):
            self._foreign = True
            if end:
                self._finish_foreign()
            return
        self._as_text = self._content_type.startswith(_TEXT)
        try:
            self._head = _read(headers)
        except EndedError as broken:
            self._finish(broken.status)
            return
        if self._head.code is not None:  # trailers-only: the headers are the trailers
            self._end = self._head
        else:
            self._headers = shown(self._head.visible)
            self._change.notify()
        if end:
            self.on_end()

    def on_data(self, data: bytes) -> None:
        if not self._takes(data):
            return
        found: list[Raw] = []
        try:
            self._reader.feed(self._decoded(data) if self._as_text else data, found)
            trailers = [raw for raw in found if raw[0] & _TRAILERS]
            for flags, block in trailers:
                self._read_trailers((flags & ~_TRAILERS, block))
        except EndedError as broken:
            self._enqueue([raw for raw in found if not raw[0] & _TRAILERS])
            self._finish(broken.status)
            return
        self._enqueue([raw for raw in found if not raw[0] & _TRAILERS])

    def _decoded(self, data: bytes) -> bytes:
        """Base64 may be cut anywhere, and padded after every message."""
        text = self._quantum + data.translate(None, b"\r\n")
        whole = len(text) // 4 * 4
        self._quantum = text[whole:]
        try:
            return b"".join(
                base64.b64decode(part + b"=" * (-len(part) % 4), validate=True)
                for part in text[:whole].split(b"=")
                if part
            )
        except (binascii.Error, ValueError) as broken:
            words = f"grpc-web-text: the body is no base64 ({broken})"
            raise EndedError(made_here(GrpcStatus.INTERNAL, words)) from broken

    def _read_trailers(self, raw: Raw) -> None:
        """The block is HTTP/1.1's: name, colon, value, CRLF."""
        encoding = self._head.encoding if self._head is not None else ""
        block = open_message(raw, encoding, _TRAILERS_LIMIT)
        fields = []
        for line in block.replace(b"\r\n", b"\n").split(b"\n"):
            name, colon, value = line.partition(b":")
            if colon:
                fields.append((name.decode("latin-1").strip().lower(), value.decode("utf-8", "replace").strip()))
        self._end = read_head(tuple(fields))

    def on_trailers(self, headers: Headers) -> None:
        """gRPC-Web has none, but a proxy may leave gRPC's."""
        if self._end is None and any(name == "grpc-status" for name, _ in headers):
            try:
                self._end = read_head(headers)
            except EndedError as broken:
                self._finish(broken.status)
                return
        self.on_end()

    def on_end(self) -> None:
        if self._foreign:
            self._finish_foreign()
        elif self._reader.unfinished:
            self._finish(made_here(GrpcStatus.INTERNAL, "unexpected EOF"))
        elif self._end is None:
            self._finish_cut()
        else:
            self._finish(status_of(self._end), shown(self._end.visible))

    def _frame(self, payload: bytes) -> bytes:
        framed = frame_message(payload, self._encoding)
        return base64.b64encode(framed) if self._as_text else framed

    def _open_message(self, raw: Raw) -> bytes:
        return open_message(raw, self._head.encoding if self._head is not None else "", self._limit)


def _read(headers: Headers) -> Head:
    """As gRPC's headers, but for the content-type, which is known already to be gRPC-Web's. Raises EndedError."""
    sent = dict(headers)["content-type"]
    head = read_head(tuple((name, _GRPC if name == "content-type" else value) for name, value in headers))
    visible = tuple((name, sent if name == "content-type" else value) for name, value in head.visible)
    return head._replace(visible=visible)


def _headers(
    content_type: str,
    options: ChannelOptions,
    metadata: Headers,
    compress: str | None,
    deadline: Deadline | None,
    streaming: Streaming,
) -> Headers:
    extra = (("accept", content_type), ("x-grpc-web", "1"), ("x-user-agent", user_agent(options)))
    return (*grpc_fields(options, content_type, extra, compress, deadline), *user_metadata(metadata))


def _call(
    as_text: bool, start: Start, deadline: Deadline | None, compress: str | None, limit: int, streaming: Streaming
) -> GrpcWebCall:
    return GrpcWebCall(start, deadline, compress, limit, as_text)


grpc_web_headers = partial(_headers, f"{_BINARY}+proto")
grpc_web_text_headers = partial(_headers, f"{_TEXT}+proto")
grpc_web_call = partial(_call, False)
grpc_web_text_call = partial(_call, True)
