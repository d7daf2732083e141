"""JSON to messages: everything that grpcurl accepts, with the same result, and the specification's forms besides.

grpcurl's dialect: a scalar for a list and a list for a scalar (its last element counts), numbers and enums as strings,
durations as Go writes them, a key that stands twice is merged, null for a message in a oneof makes it empty. From
https://protobuf.dev/programming-guides/json/: whole numbers with a fraction or exponent, base64 of every alphabet, a
FieldMask as a string, null for scalars in oneofs.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from grpcdoctor.client.errors import RequestError
from grpcdoctor.client.formats.completeness import check_complete
from grpcdoctor.client.formats.fields import extension_named, fields_of
from grpcdoctor.client.formats.json_fields import ReadInto, field_reader, readers_by_key
from grpcdoctor.client.formats.json_positions import Start, offset_of, written
from grpcdoctor.client.formats.json_special_readers import SPECIAL_READERS
from grpcdoctor.client.formats.json_syntax import parse
from grpcdoctor.client.formats.misfit import MisfitError, unknown_name, wrong_kind

if TYPE_CHECKING:
    from google.protobuf.descriptor import Descriptor
    from google.protobuf.message import Message

    from grpcdoctor.client.formats.types import Types

_LIST_HINT: Final = "; several messages are written one after the other, without [ ] and commas"


def read_json(
    text: str, message: Message, types: Types, *, allow_unknown: bool = False, start: Start | None = None
) -> None:
    """Read one JSON value into an empty message. `start`: where it begins in all that the user gave.

    Raises RequestError, and TypeNeededError where `types` was not settled (the message is then to be thrown away).
    """
    start = start or Start()
    value = parse(text, start)
    reader = JsonReader(types, allow_unknown)
    try:
        reader.read(message, value)
    except MisfitError as wrong:
        raise _located(wrong, text, start) from None
    except RecursionError:
        raise RequestError("the data is nested too deeply") from None
    check_complete(message)


class JsonReader:
    """What is the same for all messages inside of one."""

    def __init__(self, types: Types, allow_unknown: bool) -> None:
        self.types = types
        self.allow_unknown = allow_unknown

    def read(self, message: Any, value: Any) -> None:
        """Any message, in its special form if it has one."""
        special = SPECIAL_READERS.get(message.DESCRIPTOR.full_name)
        if special is not None:
            special(self, message, value)
        elif value is not None:
            self.read_fields(message, value)

    def read_fields(self, message: Any, value: Any, without: str | None = None) -> None:
        """An object as the fields of a message; the key `without` is none of them."""
        if type(value) is not tuple:
            hint = _LIST_HINT if type(value) is list and value and type(value[0]) is tuple else ""
            wanted = f"an object ({message.DESCRIPTOR.full_name})"
            raise MisfitError(f"{wrong_kind(wanted, value).why}{hint}")
        table = readers_by_key(message.DESCRIPTOR)
        for at, (key, member) in enumerate(value):
            try:
                read = table.get(key) or self._other_field(message.DESCRIPTOR, key, without)
                if read is not None:
                    read(self, message, member)
            except MisfitError as wrong:
                raise wrong.within(at, key) from None

    def _other_field(self, descriptor: Descriptor, key: str, without: str | None) -> ReadInto | None:
        """An extension, or what is to be passed over."""
        if key == without:
            return None
        extension = extension_named(descriptor, key)
        if extension is not None:
            return field_reader(extension)
        if self.allow_unknown:
            return None
        declared = fields_of(descriptor).declared
        known = [name for field in declared for name in (field.json_name or field.name, field.name)]
        raise unknown_name(f"{descriptor.full_name} has no field", key, known, at_key=True)


def _located(wrong: MisfitError, text: str, start: Start) -> RequestError:
    steps = list(reversed(wrong.steps))
    at = offset_of(text, [number for number, _ in steps], wrong.at_key)
    names = [name for _, name in (steps[:-1] if wrong.at_key else steps)]
    path = written(names)
    place = start.after(text[:at])
    return RequestError(f"{f'{path}: ' if path else ''}{wrong.why} ({place})", path, place.offset, wrong.suggestions)
