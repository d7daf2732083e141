"""Safe ways into raw JSON: a field that is missing, null or of another type is simply not there.

Manifests are written by people, and nothing that they write may stop the analysis.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Final

Step = str | int
FieldPath = tuple[Step, ...]

_EMPTY_MAPPING: Final[dict[str, Any]] = {}
_EMPTY_LIST: Final[list[Any]] = []
_TEXT: Final = frozenset((str,))


def at(value: Any, *path: Step) -> Any:
    """The value at this path, or None."""
    return _walk(value, path)


def _walk(value: Any, path: FieldPath) -> Any:
    for step in path:
        if type(value) is dict:  # both readers make plain ones, and this is the innermost loop of everything
            value = value.get(step)
        elif type(value) is list and type(step) is int and 0 <= step < len(value):
            value = value[step]
        else:
            return None
    return value


def mapping_at(value: Any, *path: Step) -> dict[str, Any]:
    """The object at this path; an empty one where there is none. Not to be changed."""
    found = _walk(value, path)
    return found if isinstance(found, dict) else _EMPTY_MAPPING


def items_at(value: Any, *path: Step) -> list[Any]:
    """The list at this path; an empty one where there is none. Not to be changed."""
    return _walked_list(value, path)


def _walked_list(value: Any, path: FieldPath) -> list[Any]:
    found = _walk(value, path)
    return found if isinstance(found, list) else _EMPTY_LIST


def mappings_at(value: Any, *path: Step) -> Iterator[tuple[int, dict[str, Any]]]:
    """(index, item) of every object in the list at this path."""
    for index, item in enumerate(_walked_list(value, path)):
        if isinstance(item, dict):
            yield index, item


def text_at(value: Any, *path: Step) -> str:
    """The string at this path (a number as its digits, a boolean as YAML spells it); empty where there is none."""
    found = _walk(value, path)
    if type(found) is str:
        return found
    if found is None:
        return ""
    if isinstance(found, bool):
        return "true" if found else "false"
    return str(found) if isinstance(found, (int, float)) else ""


def texts_at(value: Any, *path: Step) -> tuple[str, ...]:
    """The strings of the list at this path."""
    return tuple(item for item in _walked_list(value, path) if isinstance(item, str))


def number_at(value: Any, *path: Step) -> int | None:
    """The whole number at this path; digits in quotes count as well."""
    found = _walk(value, path)
    if isinstance(found, bool):
        return None
    if isinstance(found, int):
        return found
    return int(found) if isinstance(found, str) and found.isascii() and found.isdigit() and len(found) < 19 else None


def flag_at(value: Any, *path: Step) -> bool | None:
    """The boolean at this path; "true" and "false" in quotes (annotations) count as well."""
    found = _walk(value, path)
    if isinstance(found, bool):
        return found
    return {"true": True, "false": False}.get(found.strip().lower()) if isinstance(found, str) else None


def string_map(value: Any, *path: Step) -> dict[str, str]:
    """Labels, annotations, selectors, a ConfigMap's data: the pairs whose values are scalars."""
    found = mapping_at(value, *path)
    if _TEXT.issuperset(map(type, found)) and _TEXT.issuperset(map(type, found.values())):
        return found
    return {str(key): text_at(found, key) for key, item in found.items() if isinstance(item, (str, int, float))}


def dotted(path: Sequence[Step]) -> str:
    """`spec.ports[0].name`; a key with a dot or a slash is quoted: `metadata.annotations["a.b/c"]`."""
    text = ""
    for step in path:
        if isinstance(step, int):
            text += f"[{step}]"
        elif "." in step or "/" in step:
            text += f'["{step}"]'
        else:
            text += f".{step}" if text else step
    return text
