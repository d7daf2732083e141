"""Command lines as Go's `flag` package reads them: `-x`, `--x`, `-x=v`, `-x v`.

Booleans take a value only as `-x=false`. Reading stops at the first word that is no flag, or behind `--`
(https://pkg.go.dev/flag#hdr-Command_line_flag_syntax). The words of the errors are Go's.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from enum import Enum
from typing import Any, Final, NamedTuple

from grpcdoctor.cli.go_words import quoted


class FlagError(Exception):
    """A flag that is not known, or a value that does not fit."""


class HelpWanted(Exception):  # noqa: N818 - it was asked for
    """`-h` or `-help` where no such flag is defined."""


class Kind(Enum):
    """What a flag takes; the value is how usage calls it."""

    BOOL = ""
    STRING = "string"
    FLOAT = "float"
    INT = "int"
    DURATION = "duration"
    """In nanoseconds, as time.Duration."""
    STRINGS = "value"
    """One more each time it is given."""


class Flag(NamedTuple):
    name: str
    kind: Kind
    usage: str
    strconv_errors: bool = False
    """A flag.Value of the program's own passes the errors of strconv on, where the package has its own words."""


# strconv.ParseBool
_BOOLS: Final = {
    **dict.fromkeys(("1", "t", "T", "TRUE", "true", "True"), True),
    **dict.fromkeys(("0", "f", "F", "FALSE", "false", "False"), False),
}
# The patterns are compiled by the first flag of their kind: a command line without one would pay 3 ms for all.
# https://go.dev/ref/spec#Integer_literals, and a sign; a plain leading 0 means octal.
_INT: Final = r"[+-]?(?:0[xX](?:_?[0-9a-fA-F])+|0[bB](?:_?[01])+|0[oO]?(?:_?[0-7])+|0|[1-9](?:_?[0-9])*)"
_OLD_OCTAL: Final = r"^([+-]?)0(?=[0-7_])"
# https://go.dev/ref/spec#Floating-point_literals, and a sign.
_DIGITS: Final = "[0-9](?:_?[0-9])*"
_DECIMAL: Final = rf"[+-]?(?:{_DIGITS}\.?(?:{_DIGITS})?|\.{_DIGITS})(?:[eE][+-]?{_DIGITS})?"
_HEX_DIGITS: Final = "[0-9a-fA-F](?:_?[0-9a-fA-F])*"
_HEXADECIMAL: Final = rf"[+-]?0[xX](?:_?{_HEX_DIGITS}\.?(?:{_HEX_DIGITS})?|\.{_HEX_DIGITS})[pP][+-]?{_DIGITS}"
_NAMED_FLOAT: Final = r"[+-]?inf(?:inity)?|nan"
_INT_BITS: Final = 64
# https://pkg.go.dev/time#ParseDuration
_UNITS: Final = {
    "ns": 1, "us": 10**3, "µs": 10**3, "μs": 10**3, "ms": 10**6, "s": 10**9, "m": 60 * 10**9, "h": 3600 * 10**9,
}  # fmt: skip
_PART: Final = r"([0-9]+\.?[0-9]*|\.[0-9]+)(ns|us|µs|μs|ms|s|m|h)"
_DURATION: Final = rf"[+-]?(?:0|(?:{_PART})+)"


def parse(flags: Mapping[str, Flag], words: Sequence[str]) -> tuple[dict[str, Any], list[str]]:
    """The values of the flags that were given, by name, and the words behind them. Raises FlagError, HelpWanted."""
    values: dict[str, Any] = {}
    left = list(words)
    while left and len(left[0]) > 1 and left[0].startswith("-"):
        word = left.pop(0)
        if word == "--":
            break
        name, has_value, value = _split(word)
        flag = flags.get(name)
        if flag is None:
            if name in ("help", "h"):
                raise HelpWanted
            raise FlagError(f"flag provided but not defined: -{name}")
        if not has_value and flag.kind is not Kind.BOOL:
            if not left:
                raise FlagError(f"flag needs an argument: -{name}")
            value = left.pop(0)
        _take(flag, value if has_value or flag.kind is not Kind.BOOL else "true", values)
    return values, left


def _split(word: str) -> tuple[str, bool, str]:
    """-name=value -> name, whether it has a value, value. The first character of a name may not be `=`."""
    text = word[2:] if word.startswith("--") else word[1:]
    if not text or text[0] in "-=":
        raise FlagError(f"bad flag syntax: {word}")
    name, equals, value = text.partition("=")
    return name, bool(equals), value


def _take(flag: Flag, text: str, values: dict[str, Any]) -> None:
    if flag.kind is Kind.STRINGS:
        values.setdefault(flag.name, []).append(text)
    elif flag.kind is Kind.STRING:
        values[flag.name] = text
    elif flag.kind is Kind.BOOL:
        values[flag.name] = _bool(flag, text)
    else:
        try:
            values[flag.name] = _NUMBERS[flag.kind](text)
        except ValueError as wrong:
            raise FlagError(f"invalid value {quoted(text)} for flag -{flag.name}: {wrong}") from None


def _bool(flag: Flag, text: str) -> bool:
    if text not in _BOOLS:
        why = f"strconv.ParseBool: parsing {quoted(text)}: invalid syntax" if flag.strconv_errors else "parse error"
        raise FlagError(f"invalid boolean value {quoted(text)} for -{flag.name}: {why}")
    return _BOOLS[text]


def _int(text: str) -> int:
    """strconv.ParseInt(text, 0, 64). Raises ValueError."""
    if not re.fullmatch(_INT, text, re.ASCII):
        raise ValueError("parse error")
    number = int(re.sub(_OLD_OCTAL, r"\g<1>0o", text), 0)
    if not -(1 << _INT_BITS - 1) <= number < 1 << _INT_BITS - 1:
        raise ValueError("value out of range")
    return number


def _float(text: str) -> float:
    """strconv.ParseFloat(text, 64). Raises ValueError."""
    if re.fullmatch(_NAMED_FLOAT, text, re.IGNORECASE | re.ASCII):
        return float(text)
    try:
        if re.fullmatch(_DECIMAL, text, re.ASCII):
            number = float(text)
        elif re.fullmatch(_HEXADECIMAL, text, re.ASCII):
            number = float.fromhex(text.replace("_", ""))
        else:
            raise ValueError("parse error")
    except OverflowError:
        raise ValueError("value out of range") from None
    if number in (float("inf"), float("-inf")):
        raise ValueError("value out of range")
    return number


def _duration(text: str) -> int:
    """time.ParseDuration(text). Raises ValueError."""
    if not re.fullmatch(_DURATION, text, re.ASCII):
        raise ValueError("parse error")
    whole = sum(_nanoseconds(number, _UNITS[unit]) for number, unit in re.findall(_PART, text))
    if whole >= 1 << _INT_BITS - 1:
        raise ValueError("parse error")
    return -whole if text.startswith("-") else whole


def _nanoseconds(number: str, unit: int) -> int:
    whole, _, fraction = number.partition(".")
    parts: int = 10 ** len(fraction)
    return int(whole or 0) * unit + int(fraction or 0) * unit // parts


_NUMBERS: Final[dict[Kind, Callable[[str], int | float]]] = {
    Kind.INT: _int,
    Kind.FLOAT: _float,
    Kind.DURATION: _duration,
}
