"""Messages as JSON, byte for byte as grpcurl prints them.

grpcurl has three ways in one output, and so has this: messages in the order of their fields' numbers; the message
inside an Any in the alphabetical order of its keys; messages of types compiled into it (Types.is_linked) in the
order of declaration, with the numbers of encoding/json. The well-known types look the same everywhere.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, Final, Literal

from grpcdoctor.client.errors import FormatError
from grpcdoctor.client.formats import fields as kinds
from grpcdoctor.client.formats.fields import Field, MessageFields, fields_of
from grpcdoctor.client.formats.json_scalars import scalar_writer
from grpcdoctor.client.formats.json_special import SPECIAL_FORMS, STANDARD_FORMS
from grpcdoctor.client.formats.json_strings import quote
from grpcdoctor.client.formats.unknown import unknown_enum_numbers

if TYPE_CHECKING:
    from collections.abc import Callable

    from google.protobuf.descriptor import Descriptor, FieldDescriptor
    from google.protobuf.message import Message

    from grpcdoctor.client.formats.types import Types

    # One value, and the line break with the indentation of the line that it begins on.
    WriteValue = Callable[[Any, str], str]

JsonNames = Literal["given", "camel", "proto"]
"""Keys: the json_name that the descriptor gives, else the field's name (grpcurl); always camelCase; always the name."""

_INDENT: Final = "  "


def to_json(
    message: Message,
    types: Types,
    *,
    emit_defaults: bool = False,
    placeholder_any: bool = True,
    json_names: JsonNames = "given",
    compact: bool = False,
    standard: bool = False,
) -> str:
    """Pretty, two spaces a level, without a final line break; `compact` is one line. `standard` is the specification's
    JSON instead of grpcurl's: camelCase keys, a FieldMask as a string, the fields of an Any in their own order.

    `emit_defaults` writes the fields that are not set as well: scalars and lists with their defaults, messages as null,
    those of oneofs and extensions not. An Any of an unknown type is written with @error and its bytes as @value; with
    `placeholder_any` False it is an error. Raises FormatError, and TypeNeededError where `types` was not settled.
    """
    options = (emit_defaults, placeholder_any, json_names, compact, standard)
    writer = types.derived.get((to_json, options))
    if writer is None:
        writer = types.derived[to_json, options] = JsonWriter(types, *options)
    try:
        descriptor: Any = message.DESCRIPTOR
        text: str = writer.message_writer(descriptor)(message, "" if compact else "\n")
    except RecursionError:
        raise FormatError(f"the {message.DESCRIPTOR.full_name} is nested too deeply to be written") from None
    return text


class JsonWriter:
    """One set of options, and the tables of the types that were written with them."""

    def __init__(
        self,
        types: Types,
        emit_defaults: bool,
        placeholder_any: bool,
        json_names: JsonNames,
        compact: bool,
        standard: bool,
    ) -> None:
        self.types = types
        self.emit_defaults = emit_defaults
        self.placeholder_any = placeholder_any
        self.json_names = json_names
        self.standard = standard
        self.step = "" if compact else _INDENT
        self._writers: dict[tuple[Descriptor, bool], WriteValue] = {}
        self._tables: dict[tuple[Descriptor, bool], FieldTable] = {}

    def message_writer(self, descriptor: Descriptor, linked: bool = False) -> WriteValue:
        known = self._writers.get((descriptor, linked))
        if known is None:
            special = (STANDARD_FORMS if self.standard else SPECIAL_FORMS).get(descriptor.full_name)
            known = partial(special, self) if special else self.table(descriptor, linked).write
            self._writers[descriptor, linked] = known
        return known

    def table(self, descriptor: Descriptor, linked: bool) -> FieldTable:
        linked = linked or self.standard
        known = self._tables.get((descriptor, linked))
        if known is None:
            known = self._tables[descriptor, linked] = FieldTable(self, descriptor, linked)
        return known

    def object(self, members: list[str], newline: str) -> str:
        """Of `"key": value` texts."""
        if not members:
            return "{}"
        inner = newline + self.step
        return f"{{{inner}{(',' + (inner or ' ')).join(members)}{newline}}}"

    def array(self, values: list[str], newline: str) -> str:
        if not values:
            return "[]"
        inner = newline + self.step
        return f"[{inner}{(',' + (inner or ' ')).join(values)}{newline}]"


class FieldTable:
    """How the fields of one type are written, by number. Those of other types are made when they are first met, for a
    type may contain itself."""

    def __init__(self, writer: JsonWriter, descriptor: Descriptor, linked: bool) -> None:
        self._writer = writer
        self._linked = linked
        self._fields: MessageFields = fields_of(descriptor)
        order = self._fields.declared if linked else list(self._fields.by_number.values())
        self.keys = {field.number: self._key(field) for field in order}
        self._write_field = {field.number: self._field_writer(field) for field in order}
        self._order = {field.number: at for at, field in enumerate(order)}
        self._may_have_closed = self._fields.may_have_closed_enums
        self._defaults = self._written_defaults(order) if writer.emit_defaults else {}
        self._plain = not (linked or self._may_have_closed or writer.emit_defaults)

    def write(self, message: Message, newline: str) -> str:
        if not self._plain:
            return self._writer.object(list(self.members(message, newline).values()), newline)
        inner = newline + self._writer.step
        write_field = self._write_field
        members = []
        for field, value in message.ListFields():
            write = write_field.get(field.number) or self._extension_writer(field)
            member = write(value, inner)
            if member:
                members.append(member)
        return self._writer.object(members, newline)

    def members(self, message: Message, newline: str) -> dict[int, str]:
        """`"key": value` of every field that is written, by number, in order."""
        inner = newline + self._writer.step
        members = {}
        for field, value in message.ListFields():
            write = self._write_field.get(field.number) or self._extension_writer(field)
            if member := write(value, inner):
                members[field.number] = member
        if self._may_have_closed:
            self._add_unknown_enums(message, inner, members)
        members.update((number, text) for number, text in self._defaults.items() if number not in members)
        last = len(self._order)
        by_number = not self._linked
        return dict(
            sorted(members.items(), key=lambda one: (0 if by_number else self._order.get(one[0], last), one[0]))
        )

    def _add_unknown_enums(self, message: Message, newline: str, members: dict[int, str]) -> None:
        for field, values in unknown_enum_numbers(message, self._fields).items():
            write = self._write_field.get(field.number) or self._extension_writer(field.descriptor)
            if field.repeated and values:
                members[field.number] = write(list(field.of(message)) + values, newline)
            elif values and field.number not in members:
                members[field.number] = write(values[-1], newline)

    def _key(self, field: Field) -> str:
        if self._writer.json_names == "proto":
            name = field.name
        elif self._writer.json_names == "camel" or self._linked:
            name = field.camel_name
        else:
            name = field.json_name or field.name
        if field.descriptor.is_extension:
            return f"[{field.scope}.{name}]" if field.scope else f"[{name}]"
        return name

    def _field_writer(self, field: Field) -> WriteValue:
        key = f"{quote(self._key(field))}: "
        if field.key is not None and field.value is not None:
            write = self._map_writer(field.key, field.value)
        elif field.repeated:
            write = self._list_writer(field)
        elif field.kind in (kinds.MESSAGE, kinds.GROUP):
            write = self._message_writer(field)
        else:
            scalar = scalar_writer(field, self._linked)
            if field.drops_negative_zero and not self._linked:
                return lambda value, newline: key + scalar(value) if value else ""
            return lambda value, newline: key + scalar(value)
        return lambda value, newline: key + write(value, newline)

    def _extension_writer(self, descriptor: FieldDescriptor) -> WriteValue:
        field = self._fields.extension(descriptor)
        self.keys[field.number] = self._key(field)
        write = self._write_field[field.number] = self._field_writer(field)
        return write

    def _message_writer(self, field: Field) -> WriteValue:
        descriptor = field.message

        def write(value: Any, newline: str) -> str:
            return self._writer.message_writer(descriptor, self._linked)(value, newline)

        return write

    def _list_writer(self, field: Field) -> WriteValue:
        if field.kind not in (kinds.MESSAGE, kinds.GROUP):
            scalar = scalar_writer(field, self._linked)
            return lambda values, newline: self._writer.array([scalar(value) for value in values], newline)
        write = self._message_writer(field)

        def write_list(values: list[Any], newline: str) -> str:
            inner = newline + self._writer.step
            return self._writer.array([write(value, inner) for value in values], newline)

        return write_list

    def _map_writer(self, key: Field, value: Field) -> WriteValue:
        write = self._message_writer(value) if value.kind == kinds.MESSAGE else None
        scalar = str if write else scalar_writer(value, self._linked)
        zero = "0" if value.drops_negative_zero and not self._linked else None

        def write_map(entries: dict[Any, Any], newline: str) -> str:
            inner = newline + self._writer.step
            members = []
            for name in sorted(entries):
                entry = entries[name]
                text = write(entry, inner) if write else scalar(entry) if entry or not zero else zero
                members.append(f"{_map_key(name)}: {text}")
            return self._writer.object(members, newline)

        return write_map

    def _written_defaults(self, order: list[Field]) -> dict[int, str]:
        return {
            field.number: f"{quote(self._key(field))}: {self._default(field)}" for field in order if not field.in_oneof
        }

    def _default(self, field: Field) -> str:
        if field.key is not None:
            return "{}"
        if field.repeated:
            return "[]"
        if field.kind in (kinds.MESSAGE, kinds.GROUP) or (self._linked and field.has_presence):
            return "null"
        return scalar_writer(field, self._linked)(field.descriptor.default_value)


def _map_key(key: str | bool | int) -> str:
    if isinstance(key, str):
        return quote(key)
    return f'"{str(key).lower()}"'
