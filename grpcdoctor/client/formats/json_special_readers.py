"""google.protobuf's types from their special JSON forms: https://protobuf.dev/programming-guides/json/"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from grpcdoctor.client.formats import well_known
from grpcdoctor.client.formats.fields import fields_of
from grpcdoctor.client.formats.json_strings import without_surrogates
from grpcdoctor.client.formats.json_syntax import Number
from grpcdoctor.client.formats.misfit import MisfitError, wrong_kind
from grpcdoctor.client.formats.scalar_readers import read_bytes, read_string, scalar_reader

if TYPE_CHECKING:
    from collections.abc import Callable

    from grpcdoctor.client.formats.json_reader import JsonReader

    # The reader, an empty message of the type, the value. Raises MisfitError.
    ReadSpecial = Callable[[JsonReader, Any, Any], None]


def _wrapper(reader: JsonReader, message: Any, value: Any) -> None:
    if value is None:
        return
    (field,) = fields_of(message.DESCRIPTOR).declared
    message.value = scalar_reader(field)(value)


def _timestamp(reader: JsonReader, message: Any, value: Any) -> None:
    _parsed(message, value, "a timestamp", well_known.parse_timestamp)


def _duration(reader: JsonReader, message: Any, value: Any) -> None:
    _parsed(message, value, "a duration", well_known.parse_duration)


def _parsed(message: Any, value: Any, wanted: str, parse: Callable[[str], tuple[int, int]]) -> None:
    if value is None:
        return
    if type(value) is not str:
        raise wrong_kind(f"{wanted} as a string", value)
    try:
        message.seconds, message.nanos = parse(value)
    except ValueError as wrong:
        raise wrong_kind(str(wrong), value) from None


def _field_mask(reader: JsonReader, message: Any, value: Any) -> None:
    """The specification's string, or the object that grpcurl wants."""
    if type(value) is str:
        message.paths.extend(
            well_known.mask_path(path.strip()) for path in without_surrogates(value).split(",") if path.strip()
        )
    elif value is not None:
        reader.read_fields(message, value)


def _value(reader: JsonReader, message: Any, value: Any) -> None:
    if value is None:
        message.null_value = 0
    elif isinstance(value, bool):
        message.bool_value = value
    elif type(value) is Number:
        message.number_value = _read_double(value)
    elif type(value) is str:
        message.string_value = read_string(value)
    elif type(value) is list:
        message.list_value.SetInParent()
        _list(reader, message.list_value, value)
    else:
        message.struct_value.SetInParent()
        _struct(reader, message.struct_value, value)


def _struct(reader: JsonReader, message: Any, value: Any) -> None:
    if value is None:
        return
    if type(value) is not tuple:
        raise wrong_kind("an object", value)
    for at, (key, member) in enumerate(value):
        target = message.fields[without_surrogates(key)]
        target.Clear()  # a key that stands twice
        try:
            _value(reader, target, member)
        except MisfitError as wrong:
            raise wrong.within(at, key) from None


def _list(reader: JsonReader, message: Any, value: Any) -> None:
    if value is None:
        return
    if type(value) is not list:
        raise wrong_kind("a list", value)
    for at, element in enumerate(value):
        try:
            _value(reader, message.values.add(), element)
        except MisfitError as wrong:
            raise wrong.within(at, at) from None


def _any(reader: JsonReader, message: Any, value: Any) -> None:
    """{"@type": …} with the message's own fields, with "value" for a special form, or with the bytes of an unknown type
    as "@value", as they are printed."""
    if value is None or value == ():
        return
    if type(value) is not tuple:
        raise wrong_kind('an object with "@type" (google.protobuf.Any)', value)
    members = dict(value)
    url = members.get("@type")
    if type(url) is not str:
        raise MisfitError('"@type" is wanted: the name of the message that the Any holds, type.googleapis.com/the.Name')
    message.type_url = url = without_surrogates(url)
    name = url.rpartition("/")[2]
    descriptor = reader.types.find(name)
    if descriptor is None:
        if "@value" not in members:
            raise MisfitError(f"@type: the message type {name} is not known")
        message.value = read_bytes(members["@value"])
        return
    from google.protobuf.message_factory import GetMessageClass

    content = GetMessageClass(descriptor)()
    if name in well_known.SPECIAL:
        _special_content(reader, content, value)
    else:
        reader.read_fields(content, value, without="@type")
    message.value = content.SerializePartialToString()


def _special_content(reader: JsonReader, content: Any, members: tuple[tuple[str, Any], ...]) -> None:
    for at in reversed(range(len(members))):
        key, value = members[at]
        if key != "value":
            continue
        try:
            reader.read(content, value)
        except MisfitError as wrong:
            raise wrong.within(at, key) from None
        return
    raise MisfitError(f'"value" is wanted: a {content.DESCRIPTOR.full_name}')


def _read_double(value: Number) -> float:
    number = float(value)
    if abs(number) == float("inf"):
        raise MisfitError(f"a number is wanted, {value[:40]} is out of a double's range")
    return number


SPECIAL_READERS: dict[str, ReadSpecial] = {
    **dict.fromkeys(well_known.WRAPPERS, _wrapper),
    "google.protobuf.Any": _any,
    "google.protobuf.Duration": _duration,
    "google.protobuf.FieldMask": _field_mask,
    "google.protobuf.ListValue": _list,
    "google.protobuf.Struct": _struct,
    "google.protobuf.Timestamp": _timestamp,
    "google.protobuf.Value": _value,
}
