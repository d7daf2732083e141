"""WebCall: what gRPC-Web and Connect have in common: first the request, then an answer that may not be theirs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from grpcdoctor.client.transport.base_call import BaseCall, Start
from grpcdoctor.client.transport.endings import made_here, status_of_http
from grpcdoctor.client.transport.quoting import quote
from grpcdoctor.model.codes import GrpcStatus
from grpcdoctor.model.redact import redact_text

if TYPE_CHECKING:
    from grpcdoctor.wire.deadline import Deadline
    from grpcdoctor.wire.streams import Headers

# As much as of a body that is not gRPC's (see grpc_call).
_EXCERPT: Final = 1024
# What an HTTP/1.1 connection says for itself; it is no metadata.
_HOP_BY_HOP: Final = frozenset(("connection", "keep-alive", "transfer-encoding", "content-length", "upgrade"))


class WebCall(BaseCall):
    """`alternates`: first the request, then the answer: it is complete as soon as an answer is waited for."""

    def __init__(
        self, start: Start, deadline: Deadline | None, encoding: str | None, limit: int, alternates: bool = True
    ) -> None:
        super().__init__(start, deadline)
        self._alternates = alternates
        self._encoding = encoding
        self._limit = limit
        self._content_type = ""
        self._foreign = False
        self._body = bytearray()
        self._head_fields: Headers = ()

    async def headers(self) -> Headers:
        """The response's headers; () where the call ended without any."""
        if self._alternates:
            await self.close_sending()
        return await super().headers()

    async def receive(self) -> bytes | None:
        """The next message; None when the call is over, and then `status` says how."""
        if self._alternates:
            await self.close_sending()
        return await super().receive()

    async def close_sending(self) -> None:
        if not self._sending_over:
            await super().close_sending()

    def _note_head(self, headers: Headers) -> bool:
        """Status and content-type of the response; False for an interim one."""
        found = dict(headers)
        status = found.get(":status", "")
        self.http_status = int(status) if status.isascii() and status.isdigit() and len(status) == 3 else None
        self._content_type = found.get("content-type", "")
        self._head_fields = shown(headers)
        self._committed()
        return self.http_status is None or self.http_status >= 200

    def _takes(self, data: bytes) -> bool:
        """Count the data. False where it is not to be read: the call is over, or the body not this protocol's."""
        if self._ending is not None:
            return False
        self.bytes_received += len(data)
        if self._foreign:
            self._keep_foreign(data)
        return not self._foreign

    def _keep_foreign(self, data: bytes) -> None:
        """Of a body that is not this protocol's."""
        self._body += data[: _EXCERPT - len(self._body)]
        if len(self._body) >= _EXCERPT:
            self._finish_foreign()

    def _finish_foreign(self) -> None:
        """In the words that grpc-go has for such an answer."""
        status = status_of_http(self.http_status, self._content_type_words())
        self.foreign_headers = self._head_fields
        self.body_excerpt = redact_text(self._body.decode("utf-8", "replace"))
        words = f"{status.message}\ndata: {quote(self.body_excerpt)}" if self._body else status.message
        self._finish(made_here(status.code, words))

    def _content_type_words(self) -> str:
        if not self._content_type:
            return "malformed header: missing HTTP content-type"
        return f"received unexpected content-type {quote(self._content_type)}"

    def _finish_cut(self) -> None:
        self._finish(made_here(GrpcStatus.INTERNAL, "server closed the stream without sending trailers"))


def shown(headers: Headers, hidden: frozenset[str] = frozenset()) -> Headers:
    """Headers that a user sees."""
    return tuple(
        (name, value)
        for name, value in headers
        if not name.startswith(":") and name not in _HOP_BY_HOP and name not in hidden
    )
