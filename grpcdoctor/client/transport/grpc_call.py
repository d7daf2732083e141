"""GrpcCall: a call of gRPC over HTTP/2 (PROTOCOL-HTTP2.md), its response read as grpc-go reads it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from grpcdoctor.client.transport.base_call import BaseCall, Start
from grpcdoctor.client.transport.endings import EndedError, made_here
from grpcdoctor.client.transport.grpc_response import Head, read_head, status_of, status_without_grpc
from grpcdoctor.client.transport.messages import PREFIX, MessageReader, Raw, frame_message, open_message
from grpcdoctor.client.transport.quoting import quote
from grpcdoctor.client.transport.request_headers import grpc_fields, user_metadata
from grpcdoctor.model.codes import GrpcStatus
from grpcdoctor.model.redact import redact_text

if TYPE_CHECKING:
    from grpcdoctor.client.options import ChannelOptions
    from grpcdoctor.client.status import Status
    from grpcdoctor.client.transport.dialects import Streaming
    from grpcdoctor.wire.deadline import Deadline
    from grpcdoctor.wire.streams import Headers

# grpc-go's nonGRPCDataMaxLen: so much of a body that is not gRPC's is in the status's message.
_EXCERPT: Final = 1024


class GrpcCall(BaseCall):
    """See BaseCall."""

    def __init__(self, start: Start, deadline: Deadline | None, encoding: str | None, limit: int) -> None:
        super().__init__(start, deadline)
        self._encoding = encoding
        self._limit = limit
        self._reader = MessageReader(limit)
        self._received_encoding = ""
        self._not_grpc: Head | None = None
        self._body = bytearray()

    def on_headers(self, headers: Headers, end: bool) -> None:
        if self._ending is not None:
            return
        self._committed()
        try:
            head = read_head(headers)
        except EndedError as broken:
            self._finish(broken.status)
            return
        self.http_status = head.http_status
        if self._headers is not None:
            words = "a HEADERS frame cannot appear in the middle of a stream"
            self._finish(made_here(GrpcStatus.INTERNAL, words))
        elif head.content_type_error:
            self._on_other_protocol(head, end)
        elif end:
            self._headers = ()
            self._finish(status_of(head), head.visible)
        else:
            self._received_encoding = head.encoding
            self._headers = head.visible
            self._change.notify()

    def _on_other_protocol(self, head: Head, end: bool) -> None:
        if head.http_status is not None and 100 <= head.http_status < 200:
            if end:
                words = f"informational header with status code {head.http_status} must not have END_STREAM set"
                self._finish(made_here(GrpcStatus.INTERNAL, f"protocol error: {words}"))
            return
        self._not_grpc, self.foreign_headers = head, head.visible
        if end:
            self._finish(status_without_grpc(head))

    def on_data(self, data: bytes) -> None:
        if self._ending is not None:
            return
        self.bytes_received += len(data)
        if self._not_grpc is not None:
            self._body += data[: _EXCERPT - len(self._body)]
            if len(self._body) >= _EXCERPT:
                self._finish_without_grpc(self._not_grpc)
            return
        found: list[Raw] = []
        try:
            self._reader.feed(data, found)
        except EndedError as broken:
            self._enqueue(found)
            self._finish(broken.status)
            return
        if found:
            self._enqueue(found)

    def on_trailers(self, headers: Headers) -> None:
        if self._not_grpc is not None:
            self._finish_without_grpc(self._not_grpc)
            return
        try:
            head = read_head(headers)
            status = status_of(head)
        except EndedError as broken:
            self._finish(broken.status)
            return
        self._finish(self._unless_cut(status), head.visible)

    def on_end(self) -> None:
        if self._not_grpc is not None:
            self._finish_without_grpc(self._not_grpc)
            return
        words = "server closed the stream without sending trailers"
        self._finish(self._unless_cut(made_here(GrpcStatus.INTERNAL, words)))

    def _unless_cut(self, status: Status) -> Status:
        """The end in the middle of a message is worse than any status (in the middle of a prefix, grpc-go takes it for
        none)."""
        cut = self._reader.unfinished >= PREFIX
        return made_here(GrpcStatus.INTERNAL, "unexpected EOF") if cut else status

    def _finish_without_grpc(self, head: Head) -> None:
        status = status_without_grpc(head)
        self.body_excerpt = redact_text(self._body.decode("utf-8", "replace"))
        words = f"{status.message}\ndata: {quote(redact_text(self._body.decode('utf-8', 'surrogateescape')))}"
        self._finish(made_here(status.code, words))

    def _frame(self, payload: bytes) -> bytes:
        return frame_message(payload, self._encoding)

    def _open_message(self, raw: Raw) -> bytes:
        return open_message(raw, self._received_encoding, self._limit)


def grpc_headers(
    options: ChannelOptions, metadata: Headers, compress: str | None, deadline: Deadline | None, streaming: Streaming
) -> Headers:
    """As grpc-go orders them; what streams makes no difference."""
    fields = grpc_fields(options, "application/grpc", (("te", "trailers"),), compress, deadline)
    return (*fields, *user_metadata(metadata))


def grpc_call(
    start: Start, deadline: Deadline | None, compress: str | None, limit: int, streaming: Streaming
) -> GrpcCall:
    return GrpcCall(start, deadline, compress, limit)
