"""A gRPC response's headers and trailers, read as grpc-go reads them (http2_client.go, operateHeaders)."""

from __future__ import annotations

import base64
import binascii
import re
from typing import TYPE_CHECKING, Final, NamedTuple

from grpcdoctor.client.status import Status
from grpcdoctor.client.transport.endings import EndedError, made_here, status_of_http
from grpcdoctor.client.transport.quoting import quote
from grpcdoctor.client.transport.request_headers import RESERVED
from grpcdoctor.model.codes import GrpcStatus, name_of
from grpcdoctor.wire.messages import decode_status_message
from grpcdoctor.wire.protobuf import ProtobufError, bytes_of, integer_of

if TYPE_CHECKING:
    from grpcdoctor.wire.streams import Headers

_DETAILS: Final = "grpc-status-details-bin"
_BASE64: Final = r"[A-Za-z0-9+/]*"
_INT32: Final = range(-(2**31), 2**31)
_NOT_SHOWN: Final = RESERVED - {"content-type", "user-agent"}


class Head(NamedTuple):
    """One block of headers, read."""

    visible: Headers
    """What a user sees of it."""
    encoding: str
    code: int | None
    """grpc-status; None where none came."""
    message: str
    http_status: int | None
    content_type_error: str
    """"" where it is gRPC's."""


def read_head(headers: Headers) -> Head:
    """Raises EndedError."""
    encoding, code, message, status = "", None, "", None
    content_type_error = "malformed header: missing HTTP content-type"
    visible: list[tuple[str, str]] = []
    for name, value in headers:
        if name == "content-type":
            content_type_error = "" if is_grpc(value) else unexpected_content_type(value)
            if not content_type_error:
                visible.append((name, value))
        elif name == ":status":
            status = _http_status(value)
        elif name == "grpc-status":
            code = _grpc_status(value)
        elif name == "grpc-message":
            message = decode_status_message(value)
        elif name == "grpc-encoding":
            encoding = value
        elif name not in _NOT_SHOWN and (not name.startswith(":") or name == ":authority"):
            visible.append((name, _shown(name, value)))
    return Head(tuple(visible), encoding, code, message, status, content_type_error)


def is_grpc(content_type: str) -> bool:
    """application/grpc, alone or with +subtype or ;parameters."""
    return content_type == "application/grpc" or content_type.startswith(("application/grpc+", "application/grpc;"))


def unexpected_content_type(value: str) -> str:
    return f"transport: received unexpected content-type {quote(value)}"


def status_of(head: Head) -> Status:
    """The status that these trailers tell. No grpc-status is UNKNOWN, as with grpc-go."""
    code = GrpcStatus.UNKNOWN if head.code is None else head.code
    from_peer = head.code is not None
    sent = [value for name, value in head.visible if name == _DETAILS]
    if len(sent) != 1:
        return Status(code, head.message, from_peer=from_peer)
    details = base64.b64decode(sent[0])
    try:
        inner, message = integer_of(details, 1), b"".join(list(bytes_of(details, 2))[-1:])
    except ProtobufError:  # probably no google.rpc.Status
        return Status(code, head.message, from_peer=from_peer)
    if inner != code:
        words = (
            f"grpc-status-details-bin mismatch: grpc-status={name_of(GrpcStatus, code)}, "
            f"grpc-message={quote(head.message)}, the code in grpc-status-details-bin is {name_of(GrpcStatus, inner)}"
        )
        return made_here(GrpcStatus.INTERNAL, words)
    return Status(code, message.decode("utf-8", "replace"), details, from_peer)


def status_without_grpc(head: Head) -> Status:
    """Of a response that is not gRPC's."""
    return status_of_http(head.http_status, head.content_type_error)


def _http_status(value: str) -> int:
    if not value.isascii() or not value.isdigit():
        words = f"transport: malformed http-status: strconv.Atoi: parsing {quote(value)}: invalid syntax"
        raise EndedError(made_here(GrpcStatus.INTERNAL, words))
    return int(value[:9])


def _grpc_status(value: str) -> int:
    digits = value[1:] if value.startswith(("+", "-")) else value
    number = int(value[:32]) if digits.isascii() and digits.isdigit() else None
    if number is not None and number in _INT32:
        return number & 0xFFFFFFFF
    why = "invalid syntax" if number is None else "value out of range"
    words = f"transport: malformed grpc-status: strconv.ParseInt: parsing {quote(value)}: {why}"
    raise EndedError(made_here(GrpcStatus.UNKNOWN, words))


def _shown(name: str, value: str) -> str:
    """`-bin` values as standard base64 with padding, however they came."""
    if not name.endswith("-bin"):
        return value
    try:
        raw = base64.b64decode(value + "=" * (-len(value) % 4), validate=True)
    except (binascii.Error, ValueError) as broken:
        words = f"transport: malformed {name}: illegal base64 data at input byte {_offset_in_base64(value)}"
        raise EndedError(made_here(GrpcStatus.INTERNAL, words)) from broken
    return base64.b64encode(raw).decode()


def _offset_in_base64(value: str) -> int:
    """Where it is wrong: the first character that has no place in base64, else the last, unfinished quantum."""
    legal = re.match(_BASE64, value)
    end = legal.end() if legal is not None else 0
    return end if end < len(value) else len(value) // 4 * 4
