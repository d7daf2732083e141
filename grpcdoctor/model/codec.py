"""Dataclasses of the model to JSON and back, by their annotations: no twin class for any of them."""

from __future__ import annotations

import types
from collections.abc import Hashable
from dataclasses import fields, is_dataclass
from enum import Enum
from functools import cache
from typing import Any, TypeVar, Union, cast, get_args, get_origin, get_type_hints

T = TypeVar("T")


class CodecError(ValueError):
    """The JSON does not fit the class; the message names the field."""


def encode(value: Any) -> Any:
    """Dataclasses become objects, tuples arrays, enums their value; everything else stays."""
    if value is None or isinstance(value, (str, bool, int, float)):
        return value.value if isinstance(value, Enum) else value
    if isinstance(value, (tuple, list)):
        return [encode(item) for item in value]
    if isinstance(value, dict):
        return {str(key): encode(item) for key, item in value.items()}
    if is_dataclass(value) and not isinstance(value, type):
        return {name: encode(getattr(value, name)) for name in _encoded_names(type(value))}
    raise CodecError(f"{type(value).__name__} has no JSON form")


def decode(kind: type[T], data: Any, where: str = "") -> T:
    """The inverse of `encode`. Absent fields take their default, unknown ones are an error. Raises CodecError."""
    place = where or kind.__name__
    if not isinstance(data, dict):
        raise CodecError(f"{place}: an object is wanted, not {type(data).__name__}")
    hints = _hints(cast("Hashable", kind))
    unknown = sorted(set(data) - set(hints))
    if unknown:
        raise CodecError(f"{place}: unknown field {unknown[0]!r}; known: {', '.join(hints)}")
    values = {name: _decode(hints[name], item, f"{place}.{name}") for name, item in data.items()}
    try:
        return kind(**values)
    except TypeError as missing:
        raise CodecError(f"{place}: {missing}") from missing


def _decode(kind: Any, data: Any, where: str) -> Any:
    if kind is Any:
        return data
    origin = get_origin(kind)
    if origin in (Union, types.UnionType):
        return _decode_union(get_args(kind), data, where)
    if origin is tuple:
        return _decode_tuple(get_args(kind), data, where)
    if isinstance(kind, type) and is_dataclass(kind):
        return decode(kind, data, where)
    return _decode_scalar(kind, data, where)


def _decode_union(kinds: tuple[Any, ...], data: Any, where: str) -> Any:
    if data is None and type(None) in kinds:
        return None
    present = [kind for kind in kinds if kind is not type(None)]
    return _decode(present[0], data, where)


def _decode_tuple(kinds: tuple[Any, ...], data: Any, where: str) -> Any:
    if not isinstance(data, list):
        raise CodecError(f"{where}: an array is wanted, not {type(data).__name__}")
    if len(kinds) == 2 and kinds[1] is Ellipsis:
        return tuple(_decode(kinds[0], item, f"{where}[{index}]") for index, item in enumerate(data))
    if len(data) != len(kinds):
        raise CodecError(f"{where}: {len(kinds)} items are wanted, not {len(data)}")
    return tuple(_decode(kind, item, f"{where}[{i}]") for i, (kind, item) in enumerate(zip(kinds, data, strict=True)))


def _decode_scalar(kind: Any, data: Any, where: str) -> Any:
    if isinstance(kind, type) and issubclass(kind, Enum):
        try:
            return kind(data)
        except ValueError as wrong:
            raise CodecError(f"{where}: {wrong}") from wrong
    if kind is float and isinstance(data, int) and not isinstance(data, bool):
        return float(data)
    if isinstance(kind, type) and (not isinstance(data, kind) or (kind is int and isinstance(data, bool))):
        raise CodecError(f"{where}: {kind.__name__} is wanted, not {type(data).__name__}")
    return data


@cache
def _hints(kind: Any) -> dict[str, Any]:
    hints = get_type_hints(kind)
    return {f.name: hints[f.name] for f in fields(kind) if f.init and not f.name.startswith("_")}


@cache
def _encoded_names(kind: Any) -> tuple[str, ...]:
    return tuple(f.name for f in fields(kind) if not f.name.startswith("_"))
