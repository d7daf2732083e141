"""A JSON value as an indented outline, for people: what matters of an error's details without quotes and braces."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from grpcdoctor.report import clean


def outline(value: Any, indent: int = 0) -> list[str]:
    """Lines. Text of a peer is made visible; a text of several lines goes on below itself."""
    return [f"{' ' * indent}{line}" for line in _lines(value)]


def _lines(value: Any) -> Iterator[str]:
    if isinstance(value, dict) and value:
        for key, member in value.items():
            yield from _labelled(f"{clean.visible(str(key))}:", member)
    elif isinstance(value, list) and value:
        for item in value:
            yield from _dashed(item)
    else:
        yield from _scalar(value)


def _labelled(label: str, value: Any) -> Iterator[str]:
    lines = list(_lines(value))
    if (isinstance(value, (dict, list)) and value) or len(lines) > 1:
        yield label
        yield from (f"  {line}" for line in lines)
    else:
        yield f"{label} {lines[0]}"


def _dashed(value: Any) -> Iterator[str]:
    for number, line in enumerate(_lines(value)):
        yield f"{'  ' if number else '- '}{line}"


def _scalar(value: Any) -> Iterator[str]:
    if isinstance(value, str) and value:
        yield from (clean.visible(line) for line in value.split("\n"))
    else:
        yield json.dumps(value)  # "", [], {}, null, true, numbers
