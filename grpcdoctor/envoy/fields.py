"""Safe ways into Envoy's JSON: what is missing or of another type is simply not there, and yields a default.

Envoy's own admin API writes `snake_case`, istioctl `camelCase`: a path is spelled in snake_case and finds both. int64
comes as a string, a duration as "1.5s", an `Any` with its type in "@type" (protobuf's JSON mapping).
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Iterator, Mapping
from functools import lru_cache
from typing import Any, Final

Json = dict[str, Any]
Step = str | int

_EMPTY: Final[Json] = {}
_DURATION: Final = re.compile(r"(-?\d{1,12}(?:\.\d{1,9})?)s")
_LONGEST_NUMBER: Final = 20
_LARGEST: Final = 2**64 - 1
_WORDS: Final = {"true": True, "false": False}
_SECONDS_A_UNIT: Final = {"ns": 1e-9, "us": 1e-6, "ms": 1e-3, "m": 60.0, "h": 3600.0}


def at(value: Any, *path: Step) -> Any:
    """The value at this path, or None."""
    for step in path:
        if isinstance(value, dict):
            found = value.get(step)
            if found is None and isinstance(step, str):
                found = value.get(_camel(step))
            value = found
        elif isinstance(value, list) and isinstance(step, int) and 0 <= step < len(value):
            value = value[step]
        else:
            return None
    return value


@lru_cache(maxsize=1024)
def _camel(step: str) -> str:
    head, *rest = step.split("_")
    return head + "".join(word.capitalize() for word in rest)


def has(value: Any, *path: Step) -> bool:
    """Whether something is set here: an empty object counts (`"http2_protocol_options": {}`), null does not."""
    return at(value, *path) is not None


def mapping(value: Any, *path: Step) -> Json:
    """The object at this path; an empty one where there is none. Not to be changed."""
    found = at(value, *path)
    return found if isinstance(found, dict) else _EMPTY


def mappings(value: Any, *path: Step) -> Iterator[Json]:
    """Every object of the list at this path."""
    found = at(value, *path)
    for item in found if isinstance(found, list) else ():
        if isinstance(item, dict):
            yield item


def text(value: Any, *path: Step, default: str = "") -> str:
    """The string at this path (a number as its digits)."""
    found = at(value, *path)
    if isinstance(found, str):
        return found
    if isinstance(found, bool):
        return "true" if found else "false"
    return str(found) if isinstance(found, (int, float)) else default


def texts(value: Any, *path: Step) -> tuple[str, ...]:
    """The strings of the list at this path."""
    found = at(value, *path)
    return tuple(item for item in found if isinstance(item, str)) if isinstance(found, list) else ()


def number(value: Any, *path: Step) -> int | None:
    """The whole number at this path: int64 comes as a string, a percentage as a float."""
    return whole(at(value, *path))


def numbers(value: Any, *path: Step) -> tuple[int, ...]:
    """The whole numbers of the list at this path."""
    found = at(value, *path)
    kept = (whole(item) for item in found) if isinstance(found, list) else ()
    return tuple(item for item in kept if item is not None)


def whole(found: Any) -> int | None:
    """A JSON value as a whole number; none that 64 bits cannot hold."""
    if isinstance(found, bool):
        return None
    if isinstance(found, int):
        return found if abs(found) <= _LARGEST else None
    if isinstance(found, float):
        return int(found) if math.isfinite(found) and abs(found) <= _LARGEST else None
    if isinstance(found, str) and found.isascii() and len(found) <= _LONGEST_NUMBER:
        return int(found) if found.removeprefix("-").isdigit() else None
    return None


def flag(value: Any, *path: Step, default: bool = False) -> bool:
    """The boolean at this path."""
    found = at(value, *path)
    if isinstance(found, str):
        return _WORDS.get(found.lower(), default)
    return found if isinstance(found, bool) else default


def seconds(value: Any, *path: Step) -> float | None:
    """The duration at this path; `{"seconds": "1", "nanos": 5}` counts as well."""
    found = at(value, *path)
    if isinstance(found, str):
        match = _DURATION.fullmatch(found)
        return float(match[1]) if match else _go_duration(found)
    if isinstance(found, dict):
        whole_seconds, nanos = number(found, "seconds"), number(found, "nanos")
        if whole_seconds is not None or nanos is not None:
            return float(whole_seconds or 0) + (nanos or 0) / 1e9
    return None


def _go_duration(word: str) -> float | None:
    """`250ms` and `5m`, as people write into the bootstrap's YAML and older dumps repeat."""
    match = re.fullmatch(r"(\d{1,12}(?:\.\d{1,9})?)(ns|us|ms|m|h)", word)
    return float(match[1]) * _SECONDS_A_UNIT[match[2]] if match else None


def is_type(value: Any, name: str) -> bool:
    """Whether an `Any` is of this message: `RoutesConfigDump` is not `ScopedRoutesConfigDump`, so the dot counts."""
    kind = text(value, "@type")
    return kind.endswith("." + name)


def type_name(value: Any) -> str:
    """The last part of an `Any`'s type: `Cors`. Of a TypedStruct (Istio's wasm) that of what it wraps."""
    kind = text(value, "@type")
    if kind.endswith(".TypedStruct"):
        kind = text(value, "type_url") or kind
    return kind.rpartition("/")[2].rpartition(".")[2]


def string_map(value: Mapping[str, Any]) -> dict[str, str]:
    """The pairs whose values are scalars."""
    return {key: text(value, key) for key, item in value.items() if isinstance(item, (str, int, float))}


def first(values: Iterable[Any]) -> Any:
    """The first that is not None."""
    return next((value for value in values if value is not None), None)
