"""The special JSON forms of google.protobuf's own types: instants, spans of time, field masks.

https://protobuf.dev/programming-guides/json/ ; what is accepted and how it is written follows golang/protobuf's jsonpb.
"""

from __future__ import annotations

import re
from datetime import date
from typing import Final

WRAPPERS: Final = frozenset(
    f"google.protobuf.{name}Value"
    for name in ("Double", "Float", "Int64", "UInt64", "Int32", "UInt32", "Bool", "String", "Bytes")
)
# The types that jsonpb treats specially; what it finds in an Any of theirs stands under "value".
SPECIAL: Final = WRAPPERS | {
    f"google.protobuf.{name}" for name in ("Any", "Duration", "Empty", "ListValue", "Struct", "Timestamp", "Value")
}

_DAY: Final = 86400
_SECOND: Final = 10**9
_EPOCH: Final = date(1970, 1, 1).toordinal()
# The Gregorian calendar repeats every 400 years.
_ERA_YEARS: Final = 400
_ERA_DAYS: Final = 146_097
# More digits of an hour than can tell nanoseconds apart.
_HOUR_DIGITS: Final = 18
# duration.proto: within 10,000 years.
_DURATION_LIMIT: Final = 315_576_000_000

# The patterns are compiled when they are first needed.
_TIMESTAMP: Final = (
    r"([0-9]{4})-([0-9]{2})-([0-9]{2})[Tt]([0-9]{1,2}):([0-9]{2}):([0-9]{2})(?:[.,]([0-9]+))?"
    r"(?:[Zz]|([+-])([0-9]{2}):([0-9]{2}))"
)
_SPEC_DURATION: Final = r"([+-]?)([0-9]+)(?:\.([0-9]*))?s"
_GO_DURATION: Final = r"([0-9]*)(?:\.([0-9]*))?(ns|us|µs|μs|ms|s|m|h)"
_UNITS: Final = {
    "ns": 1,
    "us": 10**3,
    "µs": 10**3,
    "μs": 10**3,
    "ms": 10**6,
    "s": _SECOND,
    "m": 60 * _SECOND,
    "h": 3600 * _SECOND,
}


def timestamp_text(seconds: int, nanos: int) -> str:
    """RFC 3339 with 0, 3, 6 or 9 digits of a second. Raises ValueError for nanos that are none."""
    if not 0 <= nanos < _SECOND:
        raise ValueError(f"ns out of range [0, {_SECOND})")
    days, of_day = divmod(seconds, _DAY)
    era, day = divmod(days + _EPOCH - 1, _ERA_DAYS)
    of_era = date.fromordinal(day + 1)
    year = era * _ERA_YEARS + of_era.year
    written = f"{year:04d}" if year >= 0 else f"-{-year:04d}"
    hours, minutes = divmod(of_day // 60, 60)
    clock = f"{hours:02d}:{minutes:02d}:{of_day % 60:02d}"
    return f"{written}-{of_era.month:02d}-{of_era.day:02d}T{clock}{_fraction(nanos)}Z"


def parse_timestamp(text: str) -> tuple[int, int]:
    """(seconds, nanos). Raises ValueError."""
    found = re.fullmatch(_TIMESTAMP, text)
    if found is None:
        raise ValueError("an RFC 3339 time such as 2024-05-06T07:08:09Z")
    year, month, day, hour, minute, second = map(int, found.groups()[:6])
    if hour > 23 or minute > 59 or second > 59:
        raise ValueError("an RFC 3339 time with a time of day that exists")
    eras = 0 if year else 1  # date knows no year 0: 400 years later the calendar is the same
    try:
        days = date(year + eras * _ERA_YEARS, month, day).toordinal() - eras * _ERA_DAYS - _EPOCH
    except ValueError:
        raise ValueError("an RFC 3339 time with a day that exists") from None
    offset = 0
    if found[8]:
        offset = (int(found[9]) * 60 + int(found[10])) * 60 * (1 if found[8] == "+" else -1)
    return days * _DAY + hour * 3600 + minute * 60 + second - offset, _nanos(found[7])


def duration_text(seconds: int, nanos: int) -> str:
    """1.500s with 0, 3, 6 or 9 digits of a second. Raises ValueError for what duration.proto forbids."""
    if abs(seconds) > _DURATION_LIMIT:
        raise ValueError(f"seconds out of range {seconds}")
    if abs(nanos) >= _SECOND:
        raise ValueError(f"ns out of range (-{_SECOND}, {_SECOND})")
    if seconds * nanos < 0:
        raise ValueError("signs of seconds and nanos do not match")
    sign = "-" if seconds < 0 or nanos < 0 else ""
    return f"{sign}{abs(seconds)}{_fraction(abs(nanos))}s"


def parse_duration(text: str) -> tuple[int, int]:
    """(seconds, nanos) of the specification's form (1.5s) or Go's (1h2m3.5s, 250ms). Raises ValueError."""
    wanted = "a duration such as 1.5s, or in Go's way 1h30m, 250ms"
    spec = re.fullmatch(_SPEC_DURATION, text)
    if spec and (spec[2] or spec[3]):
        sign = -1 if spec[1] == "-" else 1
        seconds = int(spec[2] or "0")
        if seconds > _DURATION_LIMIT:
            raise ValueError(f"a duration of at most {_DURATION_LIMIT}s")
        return sign * seconds, sign * _nanos(spec[3])
    negative, rest = text[:1] == "-", text[1:] if text[:1] in ("-", "+") else text
    if rest == "0":
        return 0, 0
    total, at = 0, 0
    part = re.compile(_GO_DURATION)
    while found := part.match(rest, at):
        whole, fraction, unit = found.groups()
        if not whole and not fraction:
            break
        at = found.end()
        scale = _UNITS[unit]
        digits = (fraction or "0")[:_HOUR_DIGITS]
        total += int(whole or "0") * scale + int(digits) * scale // 10 ** len(digits)
    if not rest or at != len(rest):
        raise ValueError(wanted)
    if total > 2**63 - 1 + negative:  # time.Duration
        raise ValueError("a duration of at most 292 years in Go's way; 9300000000s is the specification's")
    seconds, nanos = divmod(total, _SECOND)
    return (-seconds, -nanos) if negative else (seconds, nanos)


def mask_path(path: str) -> str:
    """A path of a FieldMask written in JSON's camelCase, as the names of its fields: a.bC is a.b_c."""
    return re.sub("[A-Z]", lambda upper: f"_{upper.group().lower()}", path)


def camel_path(path: str) -> str:
    """The other way: a.b_c is a.bC."""
    return re.sub("_([a-z])", lambda lower: lower.group(1).upper(), path)


def _fraction(nanos: int) -> str:
    if not nanos:
        return ""
    digits = f".{nanos:09d}"
    for _ in range(2):
        digits = digits.removesuffix("000")
    return digits


def _nanos(digits: str | None) -> int:
    """Of the digits behind the point; those beyond nanoseconds are cut off, as Go does."""
    return int((digits or "")[:9].ljust(9, "0"))
