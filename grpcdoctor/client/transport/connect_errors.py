"""Connect's errors as gRPC's statuses (https://connectrpc.com/docs/protocol, "Error Codes", "Error End-Stream")."""

from __future__ import annotations

import base64
import binascii
import json
from typing import Any, Final

from grpcdoctor.client.status import Status
from grpcdoctor.model.codes import GrpcStatus
from grpcdoctor.wire.protobuf import field, integer_field

# Connect writes the names of gRPC's codes in lower case, and "canceled" with one l.
CODES: Final[dict[str, GrpcStatus]] = {
    **{code.name.lower(): code for code in GrpcStatus if code != GrpcStatus.OK},
    "canceled": GrpcStatus.CANCELLED,
}
_TYPE_PREFIX: Final = "type.googleapis.com/"
# google.rpc.Status: code = 1, message = 2, details = 3; google.protobuf.Any: type_url = 1, value = 2.
_CODE, _MESSAGE, _DETAILS = 1, 2, 3
_TYPE_URL, _VALUE = 1, 2


def error_in(text: bytes) -> Any:
    """The JSON of an error or of an end-stream message; None where it is no JSON object."""
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None


def status_of_error(error: Any, otherwise: Status) -> Status:
    """`error` has code, message and details; `otherwise` where it has no code that Connect knows."""
    code = CODES.get(str(error.get("code"))) if isinstance(error, dict) else None
    if code is None:
        return otherwise
    message = error.get("message")
    words = message if isinstance(message, str) else ""
    return Status(code, words, _details(code, words, error.get("details")))


def _details(code: int, message: str, details: Any) -> bytes:
    """As a google.rpc.Status; b"" where there are none."""
    packed = [_packed(each) for each in details] if isinstance(details, list) else []
    if not any(packed):
        return b""
    head = integer_field(_CODE, code) + field(_MESSAGE, message.encode())
    return head + b"".join(field(_DETAILS, each) for each in packed if each)


def _packed(detail: Any) -> bytes:
    """One detail as an Any: Connect gives the type's name, and the value in base64 without padding."""
    if not isinstance(detail, dict) or not isinstance(detail.get("type"), str):
        return b""
    value = detail.get("value", "")
    try:
        raw = base64.b64decode(str(value) + "=" * (-len(str(value)) % 4))
    except (binascii.Error, ValueError):
        return b""
    name = detail["type"]
    url = name if "/" in name else _TYPE_PREFIX + name
    return field(_TYPE_URL, url.encode()) + field(_VALUE, raw)
