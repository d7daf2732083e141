"""The options of an element, by name: the standard ones, and the custom ones that the file can see."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from grpcdoctor.client.descriptors.symbols import file_of
from grpcdoctor.client.printing import tags

if TYPE_CHECKING:
    from google.protobuf.descriptor import FieldDescriptor
    from google.protobuf.descriptor_pb2 import UninterpretedOption
    from google.protobuf.message import Message

    from grpcdoctor.client.printing.schema import Schema


class Identifier(str):
    """A value that is written without quotes."""


class Number(float):
    """A floating-point value, which Python may have given as a whole number."""


@dataclass(frozen=True, slots=True)
class Option:
    """`value`: bool, int, Number, str, bytes, Identifier or Message."""

    name: str
    value: Any


Options = dict[int, list[Option]]
"""By field number; a repeated option has several. What is written like an option and is none has a negative number."""


def options_of(options: Message, schema: Schema, qualify: Callable[[str], str]) -> Options:
    """Of one *Options message. `qualify` gives the name to write for an extension's full name."""
    found: Options = {}
    for field, value in options.ListFields():
        if field.number == tags.UNINTERPRETED_OPTION:
            found[field.number] = [_uninterpreted(option) for option in value]
        elif not field.is_extension:
            found[field.number] = _options(field, field.name, value)
    extended = schema.parse_extensions(options)
    for field, value in extended.ListFields() if extended is not None else ():
        if not field.is_extension and field.message_type is not None and field.number != tags.UNINTERPRETED_OPTION:
            found[field.number] = _options(field, field.name, value)  # `features` has extensions of its own
        elif field.is_extension and file_of(field).name in schema.visible:
            found[field.number] = _options(field, f"({qualify(field.full_name)})", value)
    return {number: named for number, named in found.items() if named}


def by_name(options: Options) -> Iterator[tuple[int, tuple[bool, str]]]:
    """(number, what it is sorted by), in order: standard options first."""
    keys = {number: (named[0].name.startswith("("), named[0].name) for number, named in options.items()}
    return iter(sorted(keys.items(), key=lambda item: item[1]))


def is_repeated(field: FieldDescriptor) -> bool:
    return bool(field.is_repeated)


def enum_value_name(field: FieldDescriptor, number: int) -> str | None:
    """The first that has this number; None where none has."""
    enum = field.enum_type
    assert enum is not None, "it is asked for fields of enums alone"
    return next((value.name for value in enum.values if value.number == number), None)


def _options(field: FieldDescriptor, name: str, value: Any) -> list[Option]:
    """An enum's unknown value cannot be written, so it is left out."""
    values = value if is_repeated(field) else [value]
    written = (_value(field, single) for single in values)
    return [Option(name, single) for single in written if single is not None]


def _value(field: FieldDescriptor, value: Any) -> Any:
    if field.type == field.TYPE_ENUM:
        name = enum_value_name(field, value)
        return None if name is None else Identifier(name)
    return Number(value) if field.type in (field.TYPE_FLOAT, field.TYPE_DOUBLE) else value


def _uninterpreted(option: UninterpretedOption) -> Option:
    """As its author wrote it: the file never went through a compiler."""
    name = ".".join(f"({part.name_part})" if part.is_extension else part.name_part for part in option.name)
    if option.HasField("identifier_value"):
        return Option(name, Identifier(option.identifier_value))
    if option.HasField("string_value"):
        return Option(name, option.string_value.decode("utf-8", "surrogateescape"))
    if option.HasField("double_value"):
        return Option(name, Number(option.double_value))
    if option.HasField("positive_int_value"):
        return Option(name, option.positive_int_value)
    if option.HasField("negative_int_value"):
        return Option(name, option.negative_int_value)
    return Option(name, Identifier(f"{{ {option.aggregate_value} }}"))
