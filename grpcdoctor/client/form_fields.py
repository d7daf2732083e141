"""How a field is asked for: what its type is called, what an answer may be, and the JSON value that it stands for."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from google.protobuf.descriptor import Descriptor, EnumDescriptor, FieldDescriptor, OneofDescriptor

ReadFile = Callable[[str], bytes]
"""A file's content by its path. Raises OSError."""

EMPTY: Final = '""'
"""How an empty string is written where an empty answer means "leave it out"."""

_TIME: Final = "2026-01-31T12:00:00Z"
# Well-known types that are one JSON value each (https://protobuf.dev/programming-guides/json/): an example of it.
_AS_STRING: Final = {
    "google.protobuf.Timestamp": _TIME,
    "google.protobuf.Duration": "1.5s",
    "google.protobuf.FieldMask": "name,price.amount",
}
_AS_JSON: Final = {
    "google.protobuf.Struct": '{"any": "JSON"}',
    "google.protobuf.Value": '"any JSON"',
    "google.protobuf.ListValue": '[1, "two"]',
    "google.protobuf.Any": '{"@type": "type.googleapis.com/…", …}',
}
_WRAPPERS: Final = frozenset(
    f"google.protobuf.{kind}Value"
    for kind in ("Double", "Float", "Int64", "UInt64", "Int32", "UInt32", "Bool", "String", "Bytes")
)
# FieldDescriptor.type -> its word in proto source.
_SCALARS: Final = {
    1: "double", 2: "float", 3: "int64", 4: "uint64", 5: "int32", 6: "fixed64", 7: "fixed32", 8: "bool", 9: "string",
    12: "bytes", 13: "uint32", 15: "sfixed32", 16: "sfixed64", 17: "sint32", 18: "sint64",
}  # fmt: skip

_ZERO_OF_SPECIAL: Final[dict[str, Any]] = {
    "google.protobuf.Timestamp": "1970-01-01T00:00:00Z",
    "google.protobuf.Duration": "0s",
    "google.protobuf.FieldMask": "",
    "google.protobuf.Value": None,
    "google.protobuf.ListValue": [],
    "google.protobuf.BoolValue": False,
    "google.protobuf.StringValue": "",
    "google.protobuf.BytesValue": "",
    **{f"google.protobuf.{kind}Value": 0 for kind in ("Double", "Float", "Int64", "UInt64", "Int32", "UInt32")},
}


class AnswerError(Exception):
    """An answer that cannot be taken; the message says why, for the user."""


@dataclass(frozen=True, slots=True)
class ValueKind:
    """Of one value, be it a field's, a list's element's or a map's value."""

    word: str
    """string, bool, shop.Kind, google.protobuf.Timestamp."""
    read: Callable[[str], Any]
    """An answer to a JSON value. Raises AnswerError; whether the value fits its field is the codec's to say."""
    choices: tuple[str, ...] = ()
    hint: str = ""


def value_kind(field: FieldDescriptor, read_file: ReadFile) -> ValueKind | None:
    """How to ask for one value of this field; None for a message that is filled in field by field."""
    if field.enum_type is not None:
        return _enum(field.enum_type)
    if field.message_type is None:
        return _scalar(_SCALARS[field.type], read_file)
    return special_kind(field.message_type, read_file)


def special_kind(message: Descriptor, read_file: ReadFile) -> ValueKind | None:
    """How to ask for a message that is one JSON value; None for one that is filled in field by field."""
    name = message.full_name
    if name in _AS_STRING:
        return ValueKind(name, str, hint=f"such as {_AS_STRING[name]}")
    if name in _AS_JSON:
        return ValueKind(name, _json, hint=f"JSON, such as {_AS_JSON[name]}")
    if name in _WRAPPERS:
        wrapped = _scalar(_SCALARS[message.fields_by_name["value"].type], read_file)
        return ValueKind(name, wrapped.read, wrapped.choices, wrapped.hint)
    return None


def _scalar(word: str, read_file: ReadFile) -> ValueKind:
    if word == "bool":
        return ValueKind(word, lambda answer: {"true": True, "false": False}.get(answer, answer), ("true", "false"))
    if word == "bytes":
        return ValueKind(word, lambda answer: _bytes(answer, read_file), hint="base64, or @FILE")
    if word == "string":
        return ValueKind(word, _text)
    return ValueKind(word, str)  # JSON takes numbers as strings too, and says what is wrong with them


def _enum(enum: EnumDescriptor) -> ValueKind:
    names = tuple(value.name for value in enum.values)
    numbers = {str(value.number): value.name for value in enum.values}
    return ValueKind(enum.full_name, lambda answer: numbers.get(answer, answer), names)


def _text(answer: str) -> str:
    """As it stands; in quotes as JSON has it, for an empty text, line breaks, blanks at the ends."""
    if len(answer) < 2 or answer[0] != '"' or answer[-1] != '"':
        return answer
    try:
        return str(json.loads(answer))
    except ValueError:
        return answer


def _bytes(answer: str, read_file: ReadFile) -> str:
    if answer == EMPTY:
        return ""
    if not answer.startswith("@"):
        return answer
    try:
        return base64.b64encode(read_file(answer[1:])).decode("ascii")
    except OSError as failed:
        raise AnswerError(f"cannot read {answer[1:]}: {failed.strerror or failed}") from failed


def _json(answer: str) -> Any:
    try:
        return json.loads(answer)
    except (ValueError, RecursionError) as wrong:
        raise AnswerError(f"no JSON: {wrong}") from wrong


def message_type(one: FieldDescriptor) -> Descriptor:
    """Of a field that is a message."""
    assert one.message_type is not None
    return one.message_type


def elements_of(descriptor: Descriptor) -> list[tuple[OneofDescriptor | None, list[FieldDescriptor]]]:
    """Fields and oneofs by their lowest numbers. A proto3 optional's oneof of its own is none."""
    from google.protobuf.descriptor_pb2 import DescriptorProto

    proto = DescriptorProto()
    descriptor.CopyToProto(proto)
    optional = {one.name for one in proto.field if one.proto3_optional}
    found: dict[str, tuple[OneofDescriptor | None, list[FieldDescriptor]]] = {}
    for one in sorted(descriptor.fields, key=lambda one: one.number):
        oneof = None if one.name in optional else one.containing_oneof
        found.setdefault(one.name if oneof is None else f"oneof {oneof.name}", (oneof, []))[1].append(one)
    return list(found.values())


def is_map(one: FieldDescriptor) -> bool:
    return one.message_type is not None and bool(one.message_type.GetOptions().map_entry)


def map_word(one: FieldDescriptor) -> str:
    key, value = (message_type(one).fields_by_name[name] for name in ("key", "value"))
    return f"map<{word_of(key)}, {word_of(value)}>"


def word_of(one: FieldDescriptor) -> str:
    """What the proto source calls its type: int32, shop.Item, map<string, int64>."""
    if is_map(one):
        return map_word(one)
    kind = value_kind(one, lambda _: b"")
    return kind.word if kind is not None else message_type(one).full_name


def default_of(one: FieldDescriptor) -> str:
    """What the server reads where nothing is sent, as JSON writes it."""
    if one.enum_type is not None:
        return next((value.name for value in one.enum_type.values if value.number == one.default_value), "")
    if isinstance(one.default_value, bytes):
        return json.dumps(one.default_value.decode("latin-1"))
    return json.dumps(one.default_value, ensure_ascii=False)


def zero_of(one: FieldDescriptor) -> Any:
    """A value that fits, for a place that must have one."""
    if one.message_type is not None:
        return empty_of(one.message_type)
    if one.enum_type is not None:
        return one.enum_type.values[0].name
    return one.default_value if not isinstance(one.default_value, bytes) else ""


def empty_of(message: Descriptor) -> Any:
    """An empty message as JSON has it."""
    return _ZERO_OF_SPECIAL.get(message.full_name, {})


def key_text(value: Any) -> str:
    """A map's key as JSON has it: always a string."""
    return json.dumps(value) if isinstance(value, bool) else str(value)
