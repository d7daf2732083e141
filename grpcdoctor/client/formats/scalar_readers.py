"""JSON values to scalars, as leniently as grpcurl: numbers as strings, enums by number, base64 in any of its forms."""

from __future__ import annotations

import re
from binascii import a2b_base64, b2a_base64
from collections.abc import Callable
from math import isinf
from typing import Any, Final

from grpcdoctor.client.formats import fields as kinds
from grpcdoctor.client.formats import go_floats
from grpcdoctor.client.formats.fields import Field
from grpcdoctor.client.formats.json_strings import without_surrogates
from grpcdoctor.client.formats.json_syntax import Number
from grpcdoctor.client.formats.misfit import MisfitError, shown, unknown_name, wrong_kind

# Raises MisfitError. null is the zero value.
ReadScalar = Callable[[Any], Any]

# The patterns are compiled when they are first needed.
_INTEGER: Final = r"[+-]?[0-9]+"
_DECIMAL: Final = r"[+-]?[0-9]+(?:\.[0-9]*)?(?:[eE][+-]?[0-9]{1,3})?"
_SPACE: Final = " \t\n\r"
_BASE64: Final = r"[A-Za-z0-9+/]*={0,2}"
_URL_SAFE: Final = str.maketrans("-_", "+/", "\r\n")
# Longer than any number that fits 64 bits, zeros in front of it included.
_DIGITS: Final = 400
# So long a text is shown as what it would be in base64.
_ENCODED: Final = 40


def scalar_reader(field: Field) -> ReadScalar:
    return _enum_reader(field) if field.kind == kinds.ENUM else _READERS[field.kind]


def _integer_reader(wanted: str, lowest: int, highest: int) -> ReadScalar:
    def read(value: Any) -> int:
        try:
            number = int(value) if type(value) is Number and len(value) < _DIGITS else _integer(wanted, value)
        except ValueError:  # 1.0, 1e3
            number = _integer(wanted, value)
        if lowest <= number <= highest:
            return number
        raise MisfitError(f"{wanted} is wanted, {value} is out of its range, {lowest} to {highest}")

    return read


def _integer(wanted: str, value: Any) -> int:
    """A whole number in whatever form; one that has too many digits for any type stays too large."""
    if value is None:
        return 0
    if not isinstance(value, str):
        raise wrong_kind(wanted, value)
    text = value.strip(_SPACE)
    if len(text) >= _DIGITS:
        raise MisfitError(f"{wanted} is wanted, found a number of {len(text)} characters")
    if re.fullmatch(_INTEGER, text):
        return int(text)
    if not re.fullmatch(_DECIMAL, text):
        raise wrong_kind(wanted, value)
    from decimal import Decimal

    number = Decimal(text)
    if number != number.to_integral_value():
        raise wrong_kind(wanted, value)
    return int(number)


def _float(value: Any) -> float:
    if value is None:
        return 0.0
    if type(value) is Number:
        number = float(value)
        if isinf(number):
            raise MisfitError(f"a number is wanted, {value[:_ENCODED]} is out of a double's range")
        return number
    if not isinstance(value, str):
        raise wrong_kind("a number", value)
    try:
        return go_floats.parse(value.strip(_SPACE))
    except ValueError:
        raise wrong_kind("a number", value) from None


def _bool(value: Any) -> bool:
    if value is True or value == "true":
        return True
    if value is False or value is None or value == "false":
        return False
    raise wrong_kind("true or false", value)


def read_string(value: Any) -> str:
    if type(value) is str:
        return without_surrogates(value)
    if value is None:
        return ""
    raise wrong_kind("a string", value)


def read_bytes(value: Any) -> bytes:
    if value is None:
        return b""
    if type(value) is not str:
        raise wrong_kind("bytes as a string of base64", value)
    text = value if re.fullmatch(_BASE64, value) else value.translate(_URL_SAFE)
    body = text.rstrip("=")
    if len(body) % 4 == 1 or not re.fullmatch(_BASE64, text):
        encoded = b2a_base64(value.encode("utf-8", "replace"), newline=False).decode() if len(value) < _ENCODED else ""
        advice = f' (the text itself would be "{encoded}")' if encoded else ""
        raise MisfitError(f"bytes as a string of base64 are wanted, found {shown(value)}{advice}")
    return a2b_base64(f"{body}{'=' * (-len(body) % 4)}")


def _enum_reader(field: Field) -> ReadScalar:
    enum = field.enum
    numbers = {value.name: value.number for value in enum.values}
    read_number = _integer_reader("an enum's number", -(2**31), 2**31 - 1)

    def read(value: Any) -> int:
        if type(value) is str:
            known = numbers.get(value)
            if known is not None:
                return known
            if not re.fullmatch(_INTEGER, value):
                raise unknown_name(f"the enum {enum.full_name} has no value", value, list(numbers))
        elif type(value) is not Number and value is not None:
            raise wrong_kind(f"a value of the enum {enum.full_name}", value)
        number: int = read_number(value)
        return number

    return read


_INT32 = _integer_reader("an integer (int32)", -(2**31), 2**31 - 1)
_INT64 = _integer_reader("an integer (int64)", -(2**63), 2**63 - 1)
_UINT32 = _integer_reader("an integer (uint32)", 0, 2**32 - 1)
_UINT64 = _integer_reader("an integer (uint64)", 0, 2**64 - 1)
_READERS: Final[dict[int, ReadScalar]] = {
    **dict.fromkeys((kinds.INT32, kinds.SINT32, kinds.SFIXED32), _INT32),
    **dict.fromkeys((kinds.INT64, kinds.SINT64, kinds.SFIXED64), _INT64),
    **dict.fromkeys((kinds.UINT32, kinds.FIXED32), _UINT32),
    **dict.fromkeys((kinds.UINT64, kinds.FIXED64), _UINT64),
    **dict.fromkeys((kinds.DOUBLE, kinds.FLOAT), _float),
    kinds.BOOL: _bool,
    kinds.STRING: read_string,
    kinds.BYTES: read_bytes,
}
