"""Where in a JSON text something stands: only worked out for the text of an error."""

from __future__ import annotations

import re
from json import JSONDecodeError, JSONDecoder
from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Sequence

_SPACE: Final = re.compile(r"[ \t\n\r]*")
_TOKEN: Final = r'[ \t\n\r]+|"(?:[^"\\]|\\.)*"|[{}\[\],:]|[^\s{}\[\],:"]+|.'
_DECODER: Final = JSONDecoder()


class Start(NamedTuple):
    """Where a text begins that is cut out of a longer one: counted from 0, lines and columns too."""

    offset: int = 0
    line: int = 0
    column: int = 0

    def after(self, text: str) -> Start:
        """Where `text` ends that begins here."""
        lines = text.count("\n")
        column = len(text) - text.rfind("\n") - 1 if lines else self.column + len(text)
        return Start(self.offset + len(text), self.line + lines, column)

    def __str__(self) -> str:
        if self.line:
            return f"line {self.line + 1}, column {self.column + 1}"
        return f"offset {self.offset}"


def offset_of(text: str, steps: Sequence[int], at_key: bool = False) -> int:
    """Where a value begins (or its key): `steps` counts the members of objects and lists on the way to it, each from 0.
    The text is JSON as far as it is walked."""
    at = _spaces(text, 0)
    for position, step in enumerate(steps):
        is_object = text[at] == "{"
        at = _spaces(text, at + 1)
        for _ in range(step):
            if is_object:
                at = _after_key(text, at)
            at = _spaces(text, _DECODER.raw_decode(text, at)[1])  # the value, then its comma
            at = _spaces(text, at + 1)
        if is_object and not (at_key and position == len(steps) - 1):
            at = _after_key(text, at)
    return at


def path_at(text: str, offset: int) -> str:
    """The path of the value that holds this offset, as far as the text before it can be told apart."""
    steps: list[str | int] = []
    key = ""
    for token in re.finditer(_TOKEN, text[:offset], re.DOTALL):
        found = token.group()
        if found == "{":
            steps.append("")
        elif found == "[":
            steps.append(0)
        elif found in ("}", "]"):
            if steps:
                steps.pop()
        elif found == "," and steps:
            last = steps[-1]
            steps[-1] = last + 1 if isinstance(last, int) else ""
        elif found == ":" and steps:
            steps[-1] = key
        elif found[0] == '"':
            key = _unquoted(found)
    return written(steps)


def written(steps: Sequence[str | int]) -> str:
    """order.lines[2].price"""
    path = ""
    for step in steps:
        if isinstance(step, int):
            path += f"[{step}]"
        elif step:
            path += f".{step}" if path else step
    return path


def _unquoted(string: str) -> str:
    try:
        return str(_DECODER.decode(string))
    except JSONDecodeError:  # cut off, or the broken one
        return ""


def _after_key(text: str, at: int) -> int:
    colon = _spaces(text, _DECODER.raw_decode(text, at)[1])
    return _spaces(text, colon + 1)


def _spaces(text: str, at: int) -> int:
    found = _SPACE.match(text, at)
    return found.end() if found else at
