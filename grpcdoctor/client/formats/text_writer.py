"""Messages in protobuf's text format, byte for byte as grpcurl prints them: the old style, with < and >.

grpcurl has two ways. Messages of the source's types are written field by number, and those of google.protobuf's special
types that stand inside of them on one line. A message of a special type that stands alone (an answer, a status detail)
is written as compiled code writes it, and the Any among them shows its message where grpcurl has its type compiled in.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final

from grpcdoctor.client.errors import FormatError
from grpcdoctor.client.formats import fields as kinds
from grpcdoctor.client.formats import well_known
from grpcdoctor.client.formats.compiled_text import compiled_text, on_one_line
from grpcdoctor.client.formats.fields import Field, fields_of
from grpcdoctor.client.formats.text_scalars import quoted, scalar_text
from grpcdoctor.client.formats.unknown import unknown_enum_numbers

if TYPE_CHECKING:
    from collections.abc import Callable

    from google.protobuf.descriptor import Descriptor, FieldDescriptor
    from google.protobuf.message import Message

    from grpcdoctor.client.formats.types import Types

    # The value, and the line break with the indentation of the line that it begins on: its lines.
    WriteField = Callable[[Any, str], Iterator[str]]

_STEP: Final = "  "
_KEPT: Final = 4096
_BYTES, _GROUP = 2, 3


def to_text(message: Message, types: Types) -> str:
    """Without a final line break; an empty message is "". Raises FormatError."""
    descriptor: Any = message.DESCRIPTOR
    try:
        if descriptor.full_name in well_known.SPECIAL:
            return compiled_text(message, types)
        return "\n".join(_members(message, "\n"))
    except RecursionError:
        raise FormatError(f"the {descriptor.full_name} is nested too deeply to be written") from None


class _TextTable:
    """How the fields of one type are written, by number."""

    def __init__(self, descriptor: Descriptor) -> None:
        self.fields = fields_of(descriptor)
        self.write = {field.number: _field_writer(field) for field in self.fields.declared}
        self.may_have_closed = self.fields.may_have_closed_enums

    def writer(self, descriptor: FieldDescriptor) -> WriteField:
        known = self.write.get(descriptor.number)
        if known is None:
            known = self.write[descriptor.number] = _field_writer(self.fields.extension(descriptor))
        return known


@lru_cache(_KEPT)
def _table_of(descriptor: Descriptor) -> _TextTable:
    return _TextTable(descriptor)


def _members(message: Any, newline: str) -> list[str]:
    """A text for each value of each field: by number, then the unknown ones."""
    table = _table_of(message.DESCRIPTOR)
    known = {field.number: list(table.writer(field)(value, newline)) for field, value in message.ListFields()}
    numbers = unknown_enum_numbers(message, table.fields) if table.may_have_closed else {}
    for field, values in numbers.items():
        if field.repeated or field.number not in known:
            texts = [f"{field.text_name}: {value}" for value in values]
            known.setdefault(field.number, []).extend(texts if field.repeated else texts[-1:])
    lines = [line for number in sorted(known) for line in known[number]]
    return lines + _unknown(message, newline, shown={field.number for field in numbers})


def _field_writer(field: Field) -> WriteField:
    if field.key is not None and field.value is not None:
        return _map_writer(field, field.key, field.value)
    write = _value_writer(field)
    if field.repeated:
        return lambda values, newline: (write(value, newline) for value in values)
    if field.drops_negative_zero:
        return lambda value, newline: iter([write(value, newline)] if value else [])
    return lambda value, newline: iter([write(value, newline)])


def _value_writer(field: Field) -> Callable[[Any, str], str]:
    name = field.text_name
    if field.kind not in (kinds.MESSAGE, kinds.GROUP):
        scalar = scalar_text(field)
        return lambda value, newline: f"{name}: {scalar(value)}"
    begin, end = (f"{name}{{", "}") if field.group else (f"{name}: <", ">")
    special = field.message_name in well_known.SPECIAL

    def write(value: Any, newline: str) -> str:
        inner = newline + _STEP
        body = on_one_line(value) if special else inner.join(_members(value, inner))
        return f"{begin}{inner}{body}{newline}{end}"

    return write


def _map_writer(field: Field, key_field: Field, value_field: Field) -> WriteField:
    write_key, write_value = _value_writer(key_field), _value_writer(value_field)
    zeroed = value_field.drops_negative_zero

    def write(entries: Any, newline: str) -> Iterator[str]:
        inner = newline + _STEP
        for key in sorted(entries):
            value = (entries[key] or 0.0) if zeroed else entries[key]
            yield f"{field.text_name}: <{inner}{write_key(key, inner)}{inner}{write_value(value, inner)}{newline}>"

    return write


def _unknown(message: Any, newline: str, shown: set[int]) -> list[str]:
    """By number, each number's in their order; those of closed enums were shown where they belong."""
    from google.protobuf.unknown_fields import UnknownFieldSet

    unknown = [one for one in UnknownFieldSet(message) if one.field_number not in shown]  # type: ignore[attr-defined]
    return [_unknown_field(one, newline) for one in sorted(unknown, key=lambda one: one.field_number)]


def _unknown_field(unknown: Any, newline: str) -> str:
    number = unknown.field_number
    if unknown.wire_type == _GROUP:
        inner = newline + _STEP
        return f"{number}{{{inner}{inner.join(_unknown_field(one, inner) for one in unknown.data)}{newline}}}"
    return f"{number}: {quoted(unknown.data) if unknown.wire_type == _BYTES else unknown.data}"
