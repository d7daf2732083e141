"""Values of options: https://protobuf.dev/reference/protobuf/textformat-spec/ in the layout of protoprint."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final

from grpcdoctor.client.descriptors.symbols import file_of
from grpcdoctor.client.printing.options import Identifier, Number, enum_value_name, is_repeated
from grpcdoctor.client.printing.quoting import float_text, quoted_bytes, quoted_string
from grpcdoctor.client.printing.writer import INDENT

if TYPE_CHECKING:
    from google.protobuf.descriptor import FieldDescriptor
    from google.protobuf.message import Message

    from grpcdoctor.client.printing.schema import Schema

# Longer ones, in bytes, are written one field a line.
_LONGEST_LINE: Final = 50
_COMPACT: Final = -1

Layout = Callable[[int], str]
"""A literal at this depth; in one line where it is negative."""


class Literals:
    """`qualify` gives the name to write for an extension's full name."""

    def __init__(self, schema: Schema, qualify: Callable[[str], str]) -> None:
        self._schema = schema
        self._qualify = qualify

    def option(self, value: Any, depth: int) -> str:
        """The value of an option that stands at `depth`."""
        return _scalar(value) if isinstance(value, (str, bytes, int, float)) else self._message(value, depth)

    def _message(self, message: Message, depth: int) -> str:
        """In one line where that is short or cannot be split."""

        def lay_out(depth: int) -> str:
            return self._any(message, depth) or _bracket("{}", self._fields(message), depth)

        return _shortest(lay_out, _cannot_be_split, depth)

    def _fields(self, message: Message) -> list[Layout]:
        return [
            self._field(field, value)
            for field, value in message.ListFields()
            if not field.is_extension or file_of(field).name in self._schema.visible
        ]

    def _field(self, field: FieldDescriptor, value: Any) -> Layout:
        name = f"[{self._qualify(field.full_name)}]" if field.is_extension else field.name
        return lambda depth: f"{name}: {self._value(field, value, depth)}"

    def _value(self, field: FieldDescriptor, value: Any, depth: int) -> str:
        if field.message_type is not None and field.message_type.GetOptions().map_entry:
            return self._map(field, value, depth)
        return self._list(field, value, depth) if is_repeated(field) else self._single(field, value, depth)

    def _single(self, field: FieldDescriptor, value: Any, depth: int) -> str:
        if field.message_type is not None:
            return self._message(value, depth)
        if field.type == field.TYPE_ENUM:
            return enum_value_name(field, value) or str(value)
        return _scalar(Number(value) if field.type in (field.TYPE_FLOAT, field.TYPE_DOUBLE) else value)

    def _list(self, field: FieldDescriptor, values: Any, depth: int) -> str:
        items: list[Layout] = [self._item(field, value) for value in values]
        return _shortest(lambda depth: _bracket("[]", items, depth), _cannot_be_split, depth)

    def _item(self, field: FieldDescriptor, value: Any) -> Layout:
        return lambda depth: self._single(field, value, depth)

    def _map(self, field: FieldDescriptor, values: Any, depth: int) -> str:
        """As the list of its entries, by key."""
        items: list[Layout] = [self._entry(field, key, values[key]) for key in sorted(values)]
        return _shortest(lambda depth: _bracket("[]", items, depth), lambda _: False, depth)

    def _entry(self, field: FieldDescriptor, key: Any, value: Any) -> Layout:
        entry = field.message_type
        assert entry is not None, "a map field has a type for its entries"
        names = entry.fields_by_name
        pairs = [(names["key"], key), (names["value"], value)]
        parts = [self._field(part, given) for part, given in pairs if part.has_presence or given]
        return lambda depth: _shortest(lambda depth: _bracket("{}", parts, depth), _cannot_be_split, depth)

    def _any(self, message: Message, depth: int) -> str | None:
        """The message in a google.protobuf.Any, where its type is known and it can be read."""
        from google.protobuf.message import DecodeError
        from google.protobuf.message_factory import GetMessageClass

        if message.DESCRIPTOR.full_name != "google.protobuf.Any":
            return None
        packed: Any = message
        url, value = packed.type_url, packed.value
        descriptor = self._schema.message(url.rpartition("/")[2])
        if descriptor is None:
            return None
        inner = GetMessageClass(descriptor)()
        try:
            inner.ParseFromString(value)
        except DecodeError:
            return None
        if not inner.IsInitialized():
            return None
        return _bracket("{}", [lambda depth: f"[{url}]: {self._message(inner, depth)}"], depth)


def _scalar(value: bool | int | float | str | bytes) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, Identifier):
        return value
    if isinstance(value, str):
        return quoted_string(value)
    if isinstance(value, bytes):
        return quoted_bytes(value)
    return float_text(value) if isinstance(value, Number) else str(value)


def _cannot_be_split(line: str) -> bool:
    """Counts what stands in strings too, as protoprint does."""
    return line.count(",") <= 1 and line.count("{") == 1


def _shortest(lay_out: Layout, fits: Callable[[str], bool], depth: int) -> str:
    if depth >= 0:
        line = lay_out(_COMPACT)
        if fits(line) or len(line.encode()) <= _LONGEST_LINE:
            return line
    return lay_out(depth)


def _bracket(brackets: str, items: list[Layout], depth: int) -> str:
    """`{ a: 1, b: 2 }`, or an item a line."""
    inner = depth + 1 if depth >= 0 else depth
    written = ",".join(_new_line(inner) + item(inner) for item in items)
    return f"{brackets[0]}{written}{_new_line(depth)}{brackets[1]}"


def _new_line(depth: int) -> str:
    return "\n" + INDENT * depth if depth >= 0 else " "
