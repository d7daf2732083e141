"""Positions: the file and line of every field, worked out only for a document that a finding points at."""

from __future__ import annotations

import json
import re
from array import array
from bisect import bisect_left
from typing import Any, Final, Protocol

from grpcdoctor.cluster.fields import FieldPath, Step
from grpcdoctor.cluster.lazy import lazy
from grpcdoctor.cluster.yaml_values import DocumentError, Places, YamlReader

LONGEST_LINE: Final = 1000
"""Longer ones (JSON on one line, an annotation with a manifest in it) help no reader."""

_DECODER: Final = json.JSONDecoder()
_SPACE: Final = re.compile(r"[ \t\n\r]*")


class Source:
    """A file's text, with `\\n` for every line break and without a byte order mark. Lines count from 1."""

    def __init__(self, name: str, text: str) -> None:
        self.name, self.text = name, text

    @lazy
    def _breaks(self) -> array[int]:
        """The offset of every line break."""
        return array("L", (found.start() for found in re.finditer("\n", self.text)))

    def line_at(self, offset: int) -> int:
        return bisect_left(self._breaks, offset) + 1

    def line(self, number: int) -> str | None:
        """The text of a line; None where there is no such line or nobody could read it."""
        breaks = self._breaks
        if not 1 <= number <= len(breaks) + 1:
            return None
        start = breaks[number - 2] + 1 if number > 1 else 0
        end = breaks[number - 1] if number <= len(breaks) else len(self.text)
        return self.text[start:end] if end - start <= LONGEST_LINE else None


class Document(Protocol):
    """A stretch of a file that was parsed by itself."""

    source: Source

    def offset_of(self, path: FieldPath) -> int:
        """Where this field begins in the file's text, or the nearest parent that is there."""


class YamlDocument:
    """A YAML document or a piece of one; parsed a second time, with places, when a line is first asked for."""

    def __init__(self, source: Source, start: int, end: int) -> None:
        self.source, self.start, self.end = source, start, end

    @property
    def text(self) -> str:
        return self.source.text[self.start : self.end]

    @lazy
    def _placed(self) -> tuple[Any, Places]:
        places: Places = {}
        try:
            value, _ = YamlReader().read(self.text, places)
        except DocumentError:  # it was read before; if not, the document's first line is the place of everything
            return None, {}
        return value, places

    def offset_of(self, path: FieldPath) -> int:
        value, places = self._placed
        place = _first(value, places)
        for step in path:
            found = places.get((id(value), step))
            if found is None:
                break
            place, value = found, value[step]
        return self.start + place


class JsonDocument:
    """One JSON value in a file. Only the containers on the way to a field are scanned, each once."""

    def __init__(self, source: Source, start: int) -> None:
        self.source, self.start = source, start
        self._known: dict[int, dict[Step, tuple[int, int]]] = {}

    def offset_of(self, path: FieldPath) -> int:
        place = value = self.start
        for step in path:
            if value not in self._known:
                self._known[value] = _children(self.source.text, value)
            found = self._known[value].get(step)
            if found is None:
                break
            place, value = found
        return place


class Position:
    """The Origin of an object: a document, and where in it the object lies."""

    __slots__ = ("document", "prefix")

    def __init__(self, document: Document, prefix: FieldPath = ()) -> None:
        self.document, self.prefix = document, prefix

    @property
    def file(self) -> str:
        return self.document.source.name

    def line(self, path: FieldPath) -> int:
        return self.document.source.line_at(self.document.offset_of((*self.prefix, *path)))

    def text(self, line: int) -> str | None:
        return self.document.source.line(line)


def _first(value: Any, places: Places) -> int:
    """Where a document's content begins, after its comments."""
    step: Step | None = next(iter(value), None) if isinstance(value, dict) else 0
    return places.get((id(value), step), 0) if step is not None else 0


def _children(text: str, offset: int) -> dict[Step, tuple[int, int]]:
    """key or index -> (offset of the key or element, offset of the value) of the JSON container that begins here.

    The text is known to be JSON.
    """
    found: dict[Step, tuple[int, int]] = {}
    if text[offset] not in "{[":
        return found
    at = skip(text, offset + 1)
    while text[at] not in "}]":
        start, step = at, len(found)
        key: Step = step
        if text[offset] == "{":
            key, at = _DECODER.raw_decode(text, at)
            at = skip(text, skip(text, at) + 1)
        found[key] = start, at
        _, at = _DECODER.raw_decode(text, at)
        at = skip(text, at)
        if text[at] == ",":
            at = skip(text, at + 1)
    return found


def skip(text: str, offset: int) -> int:
    """The first offset from here that is not white space."""
    found = _SPACE.match(text, offset)
    return found.end() if found else offset
