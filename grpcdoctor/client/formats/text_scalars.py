"""Scalars in protobuf's text format, as Go writes them."""

from __future__ import annotations

from collections.abc import Callable
from math import isfinite, isnan
from typing import Any, Final

from grpcdoctor.client.formats import fields as kinds
from grpcdoctor.client.formats import go_floats
from grpcdoctor.client.formats.fields import Field, names_by_number

WriteText = Callable[[Any], str]

# By byte: what is no printable ASCII stands in three octal digits.
_ESCAPES: Final = {
    **{byte: f"\\{byte:03o}" for byte in range(256) if not 0x20 <= byte < 0x7F},
    ord("\n"): "\\n",
    ord("\r"): "\\r",
    ord("\t"): "\\t",
    ord('"'): '\\"',
    ord("\\"): "\\\\",
}


def scalar_text(field: Field) -> WriteText:
    """How values of this field are written."""
    if field.kind == kinds.ENUM:
        names = names_by_number(field.enum)
        return lambda value: names.get(value) or str(value)
    if field.kind in (kinds.DOUBLE, kinds.FLOAT):
        single = field.kind == kinds.FLOAT
        return lambda value: _float(value, single)
    return _WRITERS.get(field.kind, str)


def quoted(value: str | bytes) -> str:
    data = value.encode("utf-8", "surrogateescape") if isinstance(value, str) else value
    return f'"{data.decode("latin-1").translate(_ESCAPES)}"'


def _float(value: float, single: bool) -> str:
    if isfinite(value):
        return go_floats.general(value, single)
    if isnan(value):
        return "nan"
    return "inf" if value > 0 else "-inf"


def _bool(value: bool) -> str:
    return "true" if value else "false"


_WRITERS: Final[dict[int, WriteText]] = {kinds.BOOL: _bool, kinds.STRING: quoted, kinds.BYTES: quoted}
