"""Points in time as logs write them, in seconds since 1970. A time without a zone is taken for UTC."""

from __future__ import annotations

import re
from datetime import datetime, timedelta, timezone
from functools import lru_cache
from typing import Final

_ISO: Final = re.compile(
    r"(\d{4})-(\d\d)-(\d\d)[T ](\d\d):(\d\d):(\d\d)(?:[.,](\d{1,9}))?\s?(Z|UTC|[+-]\d\d:?\d\d)?", re.ASCII
)
_COMMON_LOG: Final = re.compile(
    r"(\d\d)/([A-Z][a-z]{2})/(\d{4}):(\d\d):(\d\d):(\d\d)(?:\.(\d{1,9}))?(?: ([+-]\d{4}))?", re.ASCII
)
_MONTH_NAMES: Final = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_MONTHS: Final = dict(zip(_MONTH_NAMES, range(1, 13), strict=True))
# Seconds, milliseconds, microseconds, nanoseconds: told apart by their size (between 2001 and 2286).
_EPOCHS: Final = ((1e9, 1e10, 1.0), (1e12, 1e13, 1e3), (1e15, 1e16, 1e6), (1e18, 1e19, 1e9))
_EPOCH_TEXT: Final = re.compile(r"\d{10,19}(?:\.\d{1,9})?", re.ASCII)


def time_of(word: object) -> float | None:
    """Any spelling of a time: RFC 3339, the common log's, a count of (milli-, micro-, nano-)seconds."""
    if isinstance(word, str):
        if _EPOCH_TEXT.fullmatch(word):
            return _since_1970(float(word))
        return _written(word.strip("[]"))
    if isinstance(word, (int, float)) and not isinstance(word, bool):
        return _since_1970(word)
    return None


def _since_1970(value: float) -> float | None:
    for lowest, highest, parts in _EPOCHS:
        if lowest <= value < highest:
            return value / parts
    return None


def _written(text: str) -> float | None:
    found = _ISO.fullmatch(text)
    if found is not None:
        year, month, day, hour, minute, second, fraction, zone = found.groups()
        base = _second(int(year), int(month), int(day), int(hour), int(minute), int(second), zone or "Z")
    else:
        found = _COMMON_LOG.fullmatch(text)
        if found is None or found[2] not in _MONTHS:
            return None
        day, name, year, hour, minute, second, fraction, zone = found.groups()
        base = _second(int(year), _MONTHS[name], int(day), int(hour), int(minute), int(second), zone or "Z")
    if base is None:
        return None
    return base + float(f"0.{fraction}") if fraction else base


@lru_cache(maxsize=4096)
def _second(year: int, month: int, day: int, hour: int, minute: int, second: int, zone: str) -> float | None:
    offset = timedelta(0)
    if zone[0] in "+-":
        offset = timedelta(hours=int(zone[1:3]), minutes=int(zone[-2:]))
        offset = -offset if zone[0] == "-" else offset
    try:
        # A leap second is the second before it.
        moment = datetime(year, month, day, hour, minute, min(second, 59), tzinfo=timezone(offset))
    except ValueError:
        return None
    return moment.timestamp()


_minutes: dict[str, float] = {}
_MOST_MINUTES: Final = 10_000


def envoy_time(text: str) -> float | None:
    """Envoy's default, `2026-11-25T04:46:04.123Z`: the minute from memory, the seconds read."""
    if len(text) == 24 and text[23] == "Z":
        minute = _minutes.get(text[:16])
        if minute is not None:
            try:
                return minute + float(text[17:23])
            except ValueError:
                return None
        value = time_of(text)
        if value is not None:
            if len(_minutes) >= _MOST_MINUTES:
                _minutes.clear()
            _minutes[text[:16]] = round(value - float(text[17:23]))
        return value
    return time_of(text)
