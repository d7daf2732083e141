"""Required fields: what proto2 asks of a message before it is sent, and after it came."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from grpcdoctor.client.errors import RequestError
from grpcdoctor.client.formats.fields import fields_of

if TYPE_CHECKING:
    from google.protobuf.message import Message


def check_complete(message: Message) -> None:
    """The required fields of the outermost message: grpcurl looks no deeper. Raises RequestError."""
    missing = [field.name for field in fields_of(message.DESCRIPTOR).required if not message.HasField(field.name)]
    if missing:
        raise RequestError(f"some required fields missing: {', '.join(missing)}", missing[0])


def check_complete_inside(message: Message) -> None:
    """The required fields of the message and of all in it: grpcurl reads no response without them, and names those of
    the innermost message. Raises RequestError."""
    if message.IsInitialized():
        return
    described: Any = message  # the stubs lack the method
    paths = [path.rpartition(".") for path in described.FindInitializationErrors()]
    innermost = max((prefix for prefix, _, _ in paths), key=lambda prefix: prefix.count("."))
    missing = [name for prefix, _, name in paths if prefix == innermost]
    raise RequestError(f"some required fields missing: {', '.join(missing)}", missing[0])
