"""Messages as JSON: the user's request to bytes, the server's responses to JSON values."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from google.protobuf.descriptor import Descriptor


class DataError(Exception):
    """The user's JSON does not fit the request type; the message says where."""


def to_bytes(descriptor: Descriptor, data: str) -> bytes:
    """JSON text to a serialized message. Raises DataError."""
    from google.protobuf.json_format import Parse, ParseError
    from google.protobuf.message import EncodeError
    from google.protobuf.message_factory import GetMessageClass

    message = GetMessageClass(descriptor)()
    if not data.lstrip().startswith("{") and descriptor.file.package != "google.protobuf":
        raise DataError(f"--data does not fit {descriptor.full_name}: a JSON object is wanted, such as {{}}")
    try:
        Parse(data, message)
    except (ParseError, RecursionError) as wrong:
        raise DataError(f"--data does not fit {descriptor.full_name}: {wrong}") from wrong
    try:
        return message.SerializeToString()
    except EncodeError as incomplete:  # required fields of proto2
        raise DataError(f"--data does not fit {descriptor.full_name}: {incomplete}") from incomplete


def to_json(descriptor: Descriptor, payload: bytes) -> Any:
    """A serialized message as a JSON value; None where the bytes are no such message."""
    from google.protobuf.json_format import Error, MessageToDict
    from google.protobuf.message import DecodeError
    from google.protobuf.message_factory import GetMessageClass

    message = GetMessageClass(descriptor)()
    try:
        message.ParseFromString(payload)
        return MessageToDict(message, preserving_proto_field_name=False)
    except (DecodeError, Error, TypeError, ValueError, RecursionError):
        return None
