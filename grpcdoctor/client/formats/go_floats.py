"""Floating-point numbers as Go writes and reads them: the shortest digits that give the number back, in Go's forms.

Two forms, by who writes: strconv's 'g' (dynamic messages, and everything in text) and encoding/json's (well-known types
in JSON). https://pkg.go.dev/strconv#FormatFloat
"""

from __future__ import annotations

import math
import re
from struct import pack, unpack
from typing import Final

# The decimal exponents that are written without one: FormatFloat's 'g' with the shortest precision; encoding/json.
_GENERAL_PLAIN: Final = range(-4, 6)
_JSON_PLAIN: Final = range(-6, 21)
# Decimal digits that every float32 keeps (FLT_DIG), that tell any two apart, and the smallest normal number.
_FLOAT32_KEPT: Final = 6
_FLOAT32_NEEDED: Final = 9
_FLOAT32_NORMAL: Final = 2.0**-126

# The bits of Go's math.NaN.
_NAN: Final = unpack("<d", pack("<Q", 0x7FF8000000000001))[0]
# The patterns are compiled when they are first needed.
_SPECIAL: Final = r"[+-]?inf(?:inity)?|nan"
_DECIMAL: Final = r"[+-]?(?:[0-9][0-9_]*\.?[0-9_]*|\.[0-9][0-9_]*)(?:[eE][+-]?[0-9_]+)?"
_HEXADECIMAL: Final = r"[+-]?0[xX](?:[0-9a-fA-F_]+\.?[0-9a-fA-F_]*|\.[0-9a-fA-F_]+)[pP][+-]?[0-9]+"


def general(value: float, single: bool) -> str:
    """A finite number as FormatFloat(value, 'g', -1, 32 if single else 64) writes it: 100000, 1e+06, 1e-05."""
    digits, exponent = _shortest(abs(value), single)
    sign = "-" if math.copysign(1, value) < 0 else ""
    return sign + (_plain if exponent in _GENERAL_PLAIN else _scientific)(digits, exponent)


def json_number(value: float, single: bool) -> str:
    """A finite number as encoding/json writes it: 1000000, 1e+21, 0.000001, 1e-7."""
    digits, exponent = _shortest(abs(value), single)
    sign = "-" if math.copysign(1, value) < 0 else ""
    if exponent in _JSON_PLAIN:
        return sign + _plain(digits, exponent)
    return sign + _scientific(digits, exponent).replace("e-0", "e-")


def parse(text: str) -> float:
    """What strconv.ParseFloat reads; ValueError for what it refuses, a number beyond float64's range included."""
    if re.fullmatch(_SPECIAL, text, re.IGNORECASE):
        return _NAN if text[-1] in "nN" else float(text)
    if re.fullmatch(_DECIMAL, text):
        value = float(text)
    elif re.fullmatch(_HEXADECIMAL, text):
        value = float.fromhex(text.replace("_", ""))
    else:
        raise ValueError(text)
    if math.isinf(value):
        raise ValueError("out of range")
    return value


def _scientific(digits: str, exponent: int) -> str:
    mantissa = digits if len(digits) == 1 else f"{digits[0]}.{digits[1:]}"
    return f"{mantissa}e{'-' if exponent < 0 else '+'}{abs(exponent):02d}"


def _plain(digits: str, exponent: int) -> str:
    if exponent < 0:
        return f"0.{'0' * (-exponent - 1)}{digits}"
    whole = digits[: exponent + 1].ljust(exponent + 1, "0")
    fraction = digits[exponent + 1 :]
    return f"{whole}.{fraction}" if fraction else whole


def _shortest(value: float, single: bool) -> tuple[str, int]:
    """Digits without trailing zeros and the exponent of the first: 1500.0 is ("15", 3)."""
    mantissa, _, exponent = (_shortest_single(value) if single else repr(value)).partition("e")
    whole, _, fraction = mantissa.partition(".")
    digits = whole + fraction
    significant = digits.lstrip("0")
    if not significant:
        return "0", 0
    first = len(whole) - 1 - (len(digits) - len(significant))
    return significant.rstrip("0"), first + int(exponent or 0)


def _shortest_single(value: float) -> str:
    """The shortest decimal that float32 reads back as `value`, which is a float32."""
    wanted = pack("<f", value)
    fewest = _FLOAT32_KEPT if value >= _FLOAT32_NORMAL else 1
    power_of_two = math.frexp(value)[0] == 0.5
    for digits in range(fewest, _FLOAT32_NEEDED):
        text = f"{value:.{digits - 1}e}"
        if _reads_back(text, wanted):
            return text
        if power_of_two and _reads_back(above := _one_up(text), wanted):
            return above
    return f"{value:.{_FLOAT32_NEEDED - 1}e}"


def _reads_back(text: str, wanted: bytes) -> bool:
    try:
        return pack("<f", float(text)) == wanted
    except OverflowError:  # rounded up beyond the largest float32
        return False


def _one_up(text: str) -> str:
    """The next decimal of as many digits. Above a power of two float32's steps are twice as wide as below it, so that
    the nearest decimal may be too far below where the next one above still reads back."""
    mantissa, _, exponent = text.partition("e")
    whole, _, fraction = mantissa.partition(".")
    return f"{int(whole + fraction) + 1}e{int(exponent) - len(fraction)}"
