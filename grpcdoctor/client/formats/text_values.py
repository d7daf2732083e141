"""Tokens of text format to scalars."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any, Final

from grpcdoctor.client.formats import fields as kinds
from grpcdoctor.client.formats import go_floats
from grpcdoctor.client.formats.fields import Field
from grpcdoctor.client.formats.json_strings import displayed
from grpcdoctor.client.formats.misfit import MisfitError, unknown_name
from grpcdoctor.client.formats.text_tokens import Kind, Token, unquoted

_BOOLS: Final = {
    **dict.fromkeys(("true", "True", "t", "1"), True),
    **dict.fromkeys(("false", "False", "f", "0"), False),
}
_RANGES: Final = {
    **dict.fromkeys((kinds.INT32, kinds.SINT32, kinds.SFIXED32, kinds.ENUM), (-(2**31), 2**31 - 1)),
    **dict.fromkeys((kinds.INT64, kinds.SINT64, kinds.SFIXED64), (-(2**63), 2**63 - 1)),
    **dict.fromkeys((kinds.UINT32, kinds.FIXED32), (0, 2**32 - 1)),
    **dict.fromkeys((kinds.UINT64, kinds.FIXED64), (0, 2**64 - 1)),
}
_INTEGER: Final = re.compile(r"0[xX][0-9a-fA-F]+|[0-9]+")
# Longer than any number that fits 64 bits, zeros in front of it included.
_DIGITS: Final = 400
_SHOWN: Final = 60


def read_scalar(field: Field, tokens: Sequence[Token], negative: bool) -> Any:
    """`tokens` is one, or several strings side by side. Raises MisfitError."""
    token = tokens[0]
    if field.kind in (kinds.STRING, kinds.BYTES):
        return _string(field, tokens, negative)
    if field.kind in (kinds.DOUBLE, kinds.FLOAT):
        return _float(token, negative)
    if field.kind == kinds.BOOL:
        if negative or token.kind is Kind.STRING or token.text not in _BOOLS:
            raise _wrong("true or false", token)
        return _BOOLS[token.text]
    if field.kind == kinds.ENUM and token.kind is Kind.NAME and not negative:
        value = field.enum.values_by_name.get(token.text)
        if value is None:
            known = list(field.enum.values_by_name)
            raise unknown_name(f"the enum {field.enum.full_name} has no value", token.text, known)
        return value.number
    return _integer(field, token, negative)


def _string(field: Field, tokens: Sequence[Token], negative: bool) -> str | bytes:
    wanted = "a string" if field.kind == kinds.STRING else "bytes as a string"
    if negative or tokens[0].kind is not Kind.STRING:
        raise _wrong(f"{wanted} in quotes", tokens[0])
    try:
        value = b"".join(map(unquoted, tokens))
        return value.decode() if field.kind == kinds.STRING else value
    except UnicodeDecodeError:
        raise MisfitError("a string of UTF-8 is wanted, these bytes are none") from None
    except ValueError as wrong:
        raise MisfitError(str(wrong)) from None


def _float(token: Token, negative: bool) -> float:
    if token.kind not in (Kind.NUMBER, Kind.NAME):
        raise _wrong("a number", token)
    try:
        value = go_floats.parse(token.text.rstrip("fF") if token.kind is Kind.NUMBER else token.text)
    except ValueError:
        raise _wrong("a number", token) from None
    return -value if negative else value


def _integer(field: Field, token: Token, negative: bool) -> int:
    wanted = f"a value of the enum {field.enum.full_name}" if field.kind == kinds.ENUM else "an integer"
    if token.kind is not Kind.NUMBER or not _INTEGER.fullmatch(token.text) or len(token.text) > _DIGITS:
        raise _wrong(wanted, token)
    # A leading 0 is not octal: grpcurl reads numbers as decimal ones.
    number = int(token.text, 16) if token.text[1:2] in ("x", "X") else int(token.text)
    number = -number if negative else number
    lowest, highest = _RANGES[field.kind]
    if not lowest <= number <= highest:
        raise MisfitError(f"{wanted} is wanted, {number} is out of its range, {lowest} to {highest}")
    return number


def _wrong(wanted: str, token: Token) -> MisfitError:
    found = Kind.END.value if token.kind is Kind.END else token.text
    shown = found if token.kind is Kind.END else displayed(found[:_SHOWN])
    return MisfitError(f"{wanted} is wanted, found {shown}")
