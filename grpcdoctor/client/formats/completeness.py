"""Required fields: what proto2 asks of a message before it is sent."""

from __future__ import annotations

from typing import TYPE_CHECKING

from grpcdoctor.client.errors import RequestError
from grpcdoctor.client.formats.fields import fields_of

if TYPE_CHECKING:
    from google.protobuf.message import Message


def check_complete(message: Message) -> None:
    """The required fields of the outermost message: grpcurl looks no deeper. Raises RequestError."""
    missing = [field.name for field in fields_of(message.DESCRIPTOR).required if not message.HasField(field.name)]
    if missing:
        raise RequestError(f"some required fields missing: {', '.join(missing)}", missing[0])
