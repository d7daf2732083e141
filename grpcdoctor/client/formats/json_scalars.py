"""Scalars as JSON: a function by kind of field, in the two ways that grpcurl has."""

from __future__ import annotations

from binascii import b2a_base64
from math import isfinite, isnan
from typing import TYPE_CHECKING, Any

from grpcdoctor.client.formats import fields as kinds
from grpcdoctor.client.formats import go_floats
from grpcdoctor.client.formats.fields import Field, names_by_number
from grpcdoctor.client.formats.json_strings import quote

if TYPE_CHECKING:
    from collections.abc import Callable

    WriteScalar = Callable[[Any], str]


def scalar_writer(field: Field, linked: bool) -> WriteScalar:
    """`linked`: by the rules of compiled messages (floats as encoding/json writes them, NullValue as null)."""
    if field.kind == kinds.ENUM:
        return _enum_writer(field, linked)
    if field.kind in (kinds.DOUBLE, kinds.FLOAT):
        return float_writer(linked, field.kind == kinds.FLOAT)
    return _WRITERS[field.kind]


def _quoted_integer(value: int) -> str:
    return f'"{value}"'


def _bool(value: bool) -> str:
    return "true" if value else "false"


def base64_text(value: bytes) -> str:
    return f'"{b2a_base64(value, newline=False).decode("ascii")}"'


_WRITERS: dict[int, WriteScalar] = {
    **dict.fromkeys((kinds.INT32, kinds.UINT32, kinds.SINT32, kinds.FIXED32, kinds.SFIXED32), str),
    **dict.fromkeys((kinds.INT64, kinds.UINT64, kinds.SINT64, kinds.FIXED64, kinds.SFIXED64), _quoted_integer),
    kinds.BOOL: _bool,
    kinds.STRING: quote,
    kinds.BYTES: base64_text,
}


def _enum_writer(field: Field, linked: bool) -> WriteScalar:
    if linked and field.enum.full_name == "google.protobuf.NullValue":
        return lambda value: "null"
    names = {number: f'"{name}"' for number, name in names_by_number(field.enum).items()}
    return lambda value: names.get(value) or str(value)


def float_writer(linked: bool, single: bool) -> WriteScalar:
    form = go_floats.json_number if linked else go_floats.general

    def write(value: float) -> str:
        if isfinite(value):
            return form(value, single)
        if isnan(value):
            return '"NaN"'
        return '"Infinity"' if value > 0 else '"-Infinity"'

    return write
