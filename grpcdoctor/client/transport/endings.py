"""How a call ended where no grpc-status says it: the statuses and the words of grpc-go.

grpc-go 1.83, internal/transport/http_util.go and http2_client.go, which follow "gRPC over HTTP/2", "Errors", and
doc/http-grpc-status-mapping.md.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from grpcdoctor.client.status import Status
from grpcdoctor.model.codes import STATUS_OF_HTTP, GrpcStatus, Http2Error, name_of

if TYPE_CHECKING:
    from grpcdoctor.model.facts.http2 import Goaway

_OF_RESET: Final[dict[int, GrpcStatus]] = {
    Http2Error.NO_ERROR: GrpcStatus.INTERNAL,
    Http2Error.PROTOCOL_ERROR: GrpcStatus.INTERNAL,
    Http2Error.INTERNAL_ERROR: GrpcStatus.INTERNAL,
    Http2Error.FLOW_CONTROL_ERROR: GrpcStatus.RESOURCE_EXHAUSTED,
    Http2Error.SETTINGS_TIMEOUT: GrpcStatus.INTERNAL,
    Http2Error.STREAM_CLOSED: GrpcStatus.INTERNAL,
    Http2Error.FRAME_SIZE_ERROR: GrpcStatus.INTERNAL,
    Http2Error.REFUSED_STREAM: GrpcStatus.UNAVAILABLE,
    Http2Error.CANCEL: GrpcStatus.CANCELLED,
    Http2Error.COMPRESSION_ERROR: GrpcStatus.INTERNAL,
    Http2Error.CONNECT_ERROR: GrpcStatus.INTERNAL,
    Http2Error.ENHANCE_YOUR_CALM: GrpcStatus.RESOURCE_EXHAUSTED,
    Http2Error.INADEQUATE_SECURITY: GrpcStatus.PERMISSION_DENIED,
    Http2Error.HTTP_1_1_REQUIRED: GrpcStatus.INTERNAL,
}
_LOSS_WORDS: Final = {
    "closed": "error reading from server: EOF",
    "reset": "error reading from server: connection reset by peer",
    "keepalive": "keepalive ping failed to receive ACK within timeout",
    "goaway": "the connection is draining",
}


class EndedError(Exception):
    """The call is over, with this status."""

    def __init__(self, status: Status) -> None:
        super().__init__(str(status))
        self.status = status


def made_here(code: int, message: str) -> Status:
    """A status that the client made of what it saw."""
    return Status(code, message, from_peer=False)


def stumbled(bug: Exception) -> Status:
    """A fault of ours while an answer was read: it shows, and ends the call."""
    return made_here(GrpcStatus.INTERNAL, f"grpcdoctor stumbled over the answer: {type(bug).__name__}: {bug}")


def status_of_reset(code: int) -> Status:
    """RST_STREAM with this code."""
    name = name_of(Http2Error, code) if code in _OF_RESET else f"unknown error code {code:#x}"
    words = f"stream terminated by RST_STREAM with error code: {name}"
    return made_here(_OF_RESET.get(code, GrpcStatus.UNKNOWN), words)


def status_of_loss(why: str, goaway: Goaway | None, violation: str | None, tls_alert: str | None) -> Status:
    """The connection ended, or the server went away (HttpStream.lose names the reasons)."""
    words = _LOSS_WORDS.get(why, f"error reading from server: {violation}")
    if why == "closed" and tls_alert is not None:
        words = f"error reading from server: {tls_alert}"
    if goaway is None:
        return made_here(GrpcStatus.UNAVAILABLE, words)
    code = f"code: {name_of(Http2Error, goaway.code)}"
    prior = f'{code}, debug data: "{goaway.debug}"' if goaway.debug else code
    if why == "goaway":
        silent = goaway.code == Http2Error.NO_ERROR and not goaway.debug
        return made_here(GrpcStatus.UNAVAILABLE, words if silent else f"{words} (GOAWAY, {prior})")
    return made_here(
        GrpcStatus.UNAVAILABLE,
        f'closing transport due to: connection error: desc = "{words}", received prior goaway: {prior}',
    )


def status_of_http(http_status: int | None, content_type_error: str) -> Status:
    """A response that is not gRPC's."""
    if http_status is None:
        return made_here(GrpcStatus.INTERNAL, f"malformed header: missing HTTP status; {content_type_error}")
    words = f"unexpected HTTP status code received from server: {http_status} ({http_reason(http_status)})"
    code = STATUS_OF_HTTP.get(http_status, GrpcStatus.UNKNOWN)
    return made_here(code, f"{words}; {content_type_error}" if content_type_error else words)


def http_reason(status: int) -> str:
    """The standard's words for an HTTP status; "" where it knows none."""
    from http import HTTPStatus

    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return ""
