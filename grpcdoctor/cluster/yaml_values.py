"""YAML as Kubernetes reads it, built straight from the parser's events: no dates, no base 60, keys that are strings.

Without the node tree of PyYAML's own loaders it takes a fraction of their time and memory, knows the place of every
field when asked, and stops at what a hostile document would blow up.
"""

from __future__ import annotations

import math
import re
from typing import Any, Final

import yaml
from yaml import events

from grpcdoctor.cluster.fields import Step

DEEPEST: Final = 200
"""Levels of nesting; the deepest CRDs have about sixty."""
TOO_DEEP: Final = f"it is nested more than {DEEPEST} levels deep"
MOST_ALIASED: Final = 100_000
"""Values that aliases may add to one document."""

Places = dict[tuple[int, Step], int]
"""(id of the container, key or index) -> the offset in the text where that field begins."""

# libyaml's parser, ten times as fast, where PyYAML was built with it.
_PARSER: Final[Any] = getattr(yaml, "CSafeLoader", yaml.SafeLoader)

# The words of YAML 1.1 as sigs.k8s.io/yaml knows them (goyaml.v2/resolve.go), `y` and `n` among them.
_WORDS: Final[dict[str, bool | None]] = {
    **dict.fromkeys(("y", "Y", "yes", "Yes", "YES", "true", "True", "TRUE", "on", "On", "ON"), True),
    **dict.fromkeys(("n", "N", "no", "No", "NO", "false", "False", "FALSE", "off", "Off", "OFF"), False),
    **dict.fromkeys(("", "~", "null", "Null", "NULL"), None),
}
_OCTAL: Final = re.compile(r"[-+]?0[0-7]+")
_WHOLE: Final = re.compile(r"[-+]?(?:0|[1-9][0-9]*|0[xX][0-9a-fA-F]+|0[oO][0-7]+|0[bB][01]+)")
_FLOAT: Final = re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?")
_LONGEST_NUMBER: Final = 64
_TAGS: Final = "tag:yaml.org,2002:"
_RESOLVED_TAGS: Final = frozenset(_TAGS + name for name in ("bool", "float", "int", "null"))

# The strings that are kept to be shared; above it the memory of all that was read is let go.
_MOST_WORDS: Final = 500_000

_NO_KEY: Final = object()
_MERGE: Final = object()


class DocumentError(Exception):
    """Why a text is no YAML that Kubernetes would take, the offset in it, and where the thing begins that is wrong."""

    def __init__(self, why: str, offset: int, begin: int | None = None, is_character: bool = False) -> None:
        super().__init__(why)
        self.is_character = is_character
        """A character that no YAML may hold."""
        self.why, self.offset = why, offset
        self.begin = offset if begin is None else begin


def plain_value(text: str) -> Any:
    """What an unquoted scalar stands for."""
    if text in _WORDS:
        return _WORDS[text]
    return _number(text) if text[0] in "0123456789+-." else text


def _number(text: str) -> Any:
    digits = text if text[0] == "." else text.replace("_", "")
    if len(digits) > _LONGEST_NUMBER:
        return text
    if _OCTAL.fullmatch(digits):
        return int(digits, 8)
    if _WHOLE.fullmatch(digits):
        return int(digits, 0)
    if _FLOAT.fullmatch(digits) and math.isfinite(value := float(digits)):
        return value
    return text


class YamlReader:
    """Reads documents one after the other; equal strings in them are one string in memory."""

    def __init__(self) -> None:
        self._words: dict[str, Any] = {}

    def read(self, text: str, places: Places | None = None) -> tuple[Any, list[tuple[str, int]]]:
        """(the value, the keys that a mapping has twice with different values, with their offsets).

        The last of such keys counts, as for all readers that are not strict. Raises DocumentError.
        """
        if len(self._words) > _MOST_WORDS:
            self._words.clear()
        try:
            builder = _Builder(text, self._words, places)
            return builder.build(), builder.doubles
        except yaml.MarkedYAMLError as error:
            raise _problem_of(error) from error
        except (yaml.YAMLError, UnicodeEncodeError) as error:
            raise DocumentError(str(error).partition("\n")[0], 0, is_character=True) from error


def _problem_of(error: yaml.MarkedYAMLError) -> DocumentError:
    mark, begin = error.problem_mark or error.context_mark, error.context_mark
    offset = mark.index if mark is not None else 0
    why = error.problem or error.context or ""
    if "nesting depth" in why:  # libyaml looks ahead, and has a limit of its own
        why = TOO_DEEP
    return DocumentError(why, offset, begin.index if begin is not None else None)


class _Frame:
    """A container that is still open."""

    __slots__ = ("anchor", "container", "is_mapping", "key", "key_mark", "mark", "merged", "nodes")

    def __init__(self, is_mapping: bool, mark: Any, anchor: str | None, nodes: int) -> None:
        self.is_mapping = is_mapping
        self.container: Any = {} if is_mapping else []
        self.key: Any = _NO_KEY
        self.mark = self.key_mark = mark
        self.merged: list[Any] | None = None
        self.anchor, self.nodes = anchor, nodes


class _Builder:
    """Builds one document."""

    def __init__(self, text: str, words: dict[str, Any], places: Places | None) -> None:
        self._parser = _PARSER(text)
        self._words = words
        self._places = places
        self._root = self._frame = _Frame(False, None, None, 0)
        self._outer: list[_Frame] = []
        self._anchors: dict[str, tuple[Any, int]] = {}
        self._nodes = 0
        self._aliased = 0
        self.doubles: list[tuple[str, int]] = []

    def build(self) -> Any:
        next_event, scalar, others = self._parser.get_event, self._scalar, self._others()
        while True:
            event = next_event()
            kind = type(event)
            if kind is events.ScalarEvent:
                scalar(event)
            elif kind is events.StreamEndEvent:
                break
            elif kind in others:
                others[kind](event)
        return self._root.container[0] if self._root.container else None

    def _others(self) -> dict[type[Any], Any]:
        return {
            events.MappingStartEvent: lambda event: self._open(event, True),
            events.MappingEndEvent: self._close,
            events.SequenceStartEvent: lambda event: self._open(event, False),
            events.SequenceEndEvent: self._close,
            events.AliasEvent: self._alias,
            events.DocumentStartEvent: self._document,
        }

    def _document(self, event: Any) -> None:
        if self._root.container:
            raise DocumentError("a second document begins here without a line '---' before it", event.start_mark.index)

    def _scalar(self, event: Any) -> None:
        text = value = event.value
        if event.implicit[0]:
            try:
                value = self._words[text]
            except KeyError:
                value = self._words[text] = plain_value(text)
        elif event.tag in _RESOLVED_TAGS:
            value = plain_value(text)
        self._nodes += 1
        if event.anchor is not None:
            self._anchors[event.anchor] = (value, 1)
        frame = self._frame
        if frame.is_mapping and frame.key is _NO_KEY:
            frame.key_mark = event.start_mark
            frame.key = value if type(value) is str else _key(value, text)
            if text == "<<" and event.implicit[0]:
                frame.key = _MERGE
        else:
            self._add(value, event.start_mark)

    def _add(self, value: Any, mark: Any) -> None:
        """Put a finished value into the container that is open."""
        frame, places = self._frame, self._places
        container, key = frame.container, frame.key
        if not frame.is_mapping:
            if places is not None:
                places[id(container), len(container)] = mark.index
            container.append(value)
            return
        frame.key = _NO_KEY
        if key is _NO_KEY:
            raise DocumentError("a mapping or a list stands where a key has to be", mark.index)
        if key is _MERGE:
            self._merge(frame, value)
            return
        if places is not None:
            places[id(container), key] = frame.key_mark.index
        if key in container and container[key] != value:
            self.doubles.append((key, frame.key_mark.index))
        container[key] = value

    def _merge(self, frame: _Frame, value: Any) -> None:
        sources = value if isinstance(value, list) else [value]
        if not all(isinstance(source, dict) for source in sources):
            raise DocumentError("'<<' merges mappings, and this is none", frame.key_mark.index)
        frame.merged = [*(frame.merged or ()), *sources]

    def _open(self, event: Any, is_mapping: bool) -> None:
        if len(self._outer) >= DEEPEST:
            raise DocumentError(TOO_DEEP, event.start_mark.index)
        self._nodes += 1
        self._outer.append(self._frame)
        self._frame = _Frame(is_mapping, event.start_mark, event.anchor, self._nodes)

    def _close(self, event: Any) -> None:
        frame = self._frame
        container = frame.container
        for source in frame.merged or ():  # what the mapping says itself counts more, then the first that is merged
            for key, value in source.items():
                if key not in container:
                    container[key] = value
                    if self._places is not None:
                        self._places[id(container), key] = self._places[id(source), key]
        if frame.anchor is not None:
            self._anchors[frame.anchor] = (container, self._nodes - frame.nodes + 1)
        self._frame = self._outer.pop()
        self._add(container, frame.mark)

    def _alias(self, event: Any) -> None:
        if event.anchor not in self._anchors:
            raise DocumentError(f"*{event.anchor} has no &{event.anchor} before it to refer to", event.start_mark.index)
        value, nodes = self._anchors[event.anchor]
        self._nodes += nodes
        self._aliased += nodes
        if self._aliased > MOST_ALIASED:
            raise DocumentError(f"its aliases blow it up to more than {MOST_ALIASED:,} values", event.start_mark.index)
        if self._places is None:  # otherwise the places of the anchor are those of the alias
            value = self._copied(value, len(self._outer), event)
        self._add(value, event.start_mark)

    def _copied(self, value: Any, depth: int, event: Any) -> Any:
        """A copy of its own: an edit of one place must not show in the other."""
        if depth > DEEPEST:
            raise DocumentError(TOO_DEEP, event.start_mark.index)
        if isinstance(value, dict):
            return {key: self._copied(item, depth + 1, event) for key, item in value.items()}
        if isinstance(value, list):
            return [self._copied(item, depth + 1, event) for item in value]
        return value


def _key(value: Any, text: str) -> str:
    """A key that is no string, as JSON has to spell it."""
    return str(value).lower() if isinstance(value, bool) else text
