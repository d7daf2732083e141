"""How a JSON value is read into a field, by the field's kind: prepared once a type."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final

from grpcdoctor.client.formats import fields as kinds
from grpcdoctor.client.formats.fields import Field, fields_of
from grpcdoctor.client.formats.misfit import MisfitError, wrong_kind
from grpcdoctor.client.formats.scalar_readers import ReadScalar, scalar_reader
from grpcdoctor.client.formats.unknown import add_unknown_enum

if TYPE_CHECKING:
    from google.protobuf.descriptor import Descriptor

    from grpcdoctor.client.formats.json_reader import JsonReader

# The reader, the message, the value. Raises MisfitError.
ReadInto = Callable[["JsonReader", Any, Any], None]

_KEPT: Final = 4096
_VALUE: Final = "google.protobuf.Value"
_LIST_TYPES: Final = frozenset({_VALUE, "google.protobuf.ListValue"})
_NULL: Final = "google.protobuf.NullValue"


@lru_cache(_KEPT)
def readers_by_key(descriptor: Descriptor) -> dict[str, ReadInto]:
    """Of all fields by their JSON names and, where those are not other fields', by their own."""
    declared = fields_of(descriptor).declared
    readers = {field.name: field_reader(field) for field in declared}
    by_json_name = {field.json_name or field.camel_name: readers[field.name] for field in declared}
    return {**readers, **by_json_name}


def field_reader(field: Field) -> ReadInto:
    if field.key is not None and field.value is not None:
        return _map_reader(field, field.key, field.value)
    if field.kind in (kinds.MESSAGE, kinds.GROUP):
        return _message_list_reader(field) if field.repeated else _message_reader(field)
    return _scalar_list_reader(field) if field.repeated else _scalar_reader(field)


def _scalar_reader(field: Field) -> ReadInto:
    convert = scalar_reader(field)
    put = _putter(field)
    null_is_value = field.kind == kinds.ENUM and field.enum.full_name == _NULL

    def read(reader: JsonReader, message: Any, value: Any) -> None:
        if type(value) is list:
            converted = [_element(convert, value, at) for at in range(len(value))]
            if converted:
                put(message, converted[-1])
        elif value is not None or null_is_value:
            put(message, convert(value))
        else:
            field.clear(message)

    return read


def _putter(field: Field) -> Callable[[Any, Any], None]:
    if field.is_closed_enum:
        return lambda message, value: _put_enum(message, field, value)
    if field.descriptor.is_extension:
        return field.put
    name = field.name
    return lambda message, value: setattr(message, name, value)


def _put_enum(message: Any, field: Field, value: int) -> None:
    """A closed enum takes only its own numbers. Others are sent all the same, as an unknown field."""
    if value in field.enum.values_by_number:
        field.put(message, value)
    else:
        field.clear(message)
        add_unknown_enum(message, field.number, value)


def _scalar_list_reader(field: Field) -> ReadInto:
    convert = scalar_reader(field)
    known = field.enum.values_by_number if field.is_closed_enum else None

    def read(reader: JsonReader, message: Any, value: Any) -> None:
        if value is None:
            field.clear(message)
            return
        values = _converted(convert, value) if type(value) is list else [convert(value)]
        target = field.of(message)
        if known is None:
            target.extend(values)
            return
        for number in values:
            if number in known:
                target.append(number)
            else:
                add_unknown_enum(message, field.number, number)

    return read


def _message_reader(field: Field) -> ReadInto:
    name = field.message_name
    takes_null, takes_list = name == _VALUE, name in _LIST_TYPES

    def read(reader: JsonReader, message: Any, value: Any) -> None:
        if type(value) is list and not value and not takes_list:
            value = None
        if value is None and not takes_null and not field.in_oneof:
            field.clear(message)
            return
        target = field.of(message)
        if type(value) is not list or takes_list:
            target.SetInParent()
            reader.read(target, value)
            return
        for at, element in enumerate(value):  # the last of a list counts
            target.Clear()
            target.SetInParent()
            _read_element(reader, target, element, at)

    return read


def _message_list_reader(field: Field) -> ReadInto:
    def read(reader: JsonReader, message: Any, value: Any) -> None:
        if value is None:
            field.clear(message)
            return
        target = field.of(message)
        if type(value) is not list:
            reader.read(target.add(), value)
            return
        for at, element in enumerate(value):
            _read_element(reader, target.add(), element, at)

    return read


def _map_reader(field: Field, key_field: Field, value_field: Field) -> ReadInto:
    read_key = scalar_reader(key_field)
    holds_messages = value_field.kind == kinds.MESSAGE
    read_value = None if holds_messages else scalar_reader(value_field)

    def read(reader: JsonReader, message: Any, value: Any) -> None:
        if value is None:
            field.clear(message)
            return
        target = field.of(message)
        if type(value) is not tuple:
            _read_entries(reader, field, target, value)
            return
        for at, (key, member) in enumerate(value):
            try:
                _put(reader, target, _read_key(read_key, key), member, read_value)
            except MisfitError as wrong:
                raise wrong.within(at, key) from None

    return read


def _read_key(read_key: ReadScalar, key: str) -> Any:
    try:
        return read_key(key)
    except MisfitError as wrong:
        wrong.at_key = True
        raise


def _put(reader: JsonReader, target: Any, key: Any, value: Any, read_value: ReadScalar | None) -> None:
    if read_value is not None:
        target[key] = read_value(value)
        return
    entry = target[key]
    entry.Clear()  # a key that stands twice
    reader.read(entry, value)


def _read_entries(reader: JsonReader, field: Field, target: Any, value: Any) -> None:
    """A map as a list of its entries, {"key": …, "value": …}."""
    from google.protobuf.message_factory import GetMessageClass

    if type(value) is not list:
        raise wrong_kind("an object (a map)", value)
    entry_class = GetMessageClass(field.message)
    for at, element in enumerate(value):
        entry: Any = entry_class()
        _read_element(reader, entry, element, at)
        if field.value is not None and field.value.kind == kinds.MESSAGE:
            target[entry.key].CopyFrom(entry.value)
        else:
            target[entry.key] = entry.value


def _read_element(reader: JsonReader, message: Any, element: Any, at: int) -> None:
    try:
        reader.read(message, element)
    except MisfitError as wrong:
        raise wrong.within(at, at) from None


def _converted(convert: ReadScalar, values: list[Any]) -> list[Any]:
    try:
        return [convert(value) for value in values]
    except MisfitError:  # once more, to see which
        return [_element(convert, values, at) for at in range(len(values))]


def _element(convert: ReadScalar, values: list[Any], at: int) -> Any:
    try:
        return convert(values[at])
    except MisfitError as wrong:
        raise wrong.within(at, at) from None
