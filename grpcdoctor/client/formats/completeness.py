"""What is asked of a message as a whole before it is sent."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from grpcdoctor.client.errors import RequestError
from grpcdoctor.client.formats.fields import fields_of

if TYPE_CHECKING:
    from google.protobuf.message import Message

# A text with fewer brackets than this cannot be a message of more levels than protobuf writes.
DEEP: Final = 30


def check_complete(message: Message) -> None:
    """The required fields of the outermost message: grpcurl looks no deeper. Raises RequestError."""
    missing = [field.name for field in fields_of(message.DESCRIPTOR).required if not message.HasField(field.name)]
    if missing:
        raise RequestError(f"some required fields missing: {', '.join(missing)}", missing[0])


def serialized(message: Message) -> bytes:
    """Whether or not required fields are missing. Raises RequestError where protobuf does not write it."""
    from google.protobuf.message import EncodeError

    try:
        return message.SerializePartialToString()
    except EncodeError:
        raise RequestError("the data is nested too deeply: protobuf allows 100 messages inside of each other") from None
