"""Documents: a file's text cut where one document ends and the next begins, each read alone, so that a broken one loses
only itself."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any, Final

from grpcdoctor.cluster.breakages import Breakage, of_json, of_yaml
from grpcdoctor.cluster.fields import FieldPath, text_at
from grpcdoctor.cluster.positions import Document, JsonDocument, Source, YamlDocument, skip
from grpcdoctor.cluster.yaml_values import DEEPEST, TOO_DEEP, DocumentError, YamlReader


@dataclass(frozen=True, slots=True)
class Parsed:
    """A value that was read, and where in the document it lies."""

    document: Document
    raw: Any
    prefix: FieldPath = ()
    doubles: tuple[tuple[str, int], ...] = ()
    """The keys that a mapping in it has twice, and their offsets in the file."""


# A line of three dashes or dots ends a document wherever it stands (YAML 1.2, 9.1.2), be it in a quoted string.
_MARKER: Final = re.compile(r"^\ufeff?(?:(---)(?=[ \t]+[^ \t\n])|(?:(---)|\.\.\.)(?=[ \t]|$)[ \t]*)", re.MULTILINE)
# A line that is more than a comment, a marker or a directive.
_CONTENT: Final = re.compile(r"^(?!\ufeff?(?:---)?[ \t]*(?:#|$)|%)", re.MULTILINE)
_DIRECTIVE: Final = re.compile(r"^%", re.MULTILINE)

_JSON: Final = re.compile(r"(?:---[ \t]*\n)?[ \t\n]*(?=[{\[])")
_STRICT_JSON: Final = re.compile(r"\[\s*[\[{\"\]]|\{\s*[\"}]")
_NEXT_JSON_LINE: Final = re.compile(r"\n(?=\{)")
_DECODER: Final = json.JSONDecoder()

_ITEMS: Final = re.compile(r"^items:[ \t]*(?:#.*)?\n", re.MULTILINE)
_LINE: Final = re.compile(r"^[ \t]*[^ \t\n#]", re.MULTILINE)
_ITEM: Final = re.compile(r"( *)-[ \n]")


def read_documents(source: Source, reader: YamlReader) -> Iterator[Parsed | Breakage]:
    """What every document of a file holds, or why it cannot be read; offsets are those of the file."""
    for start, end in stretches(source.text):
        opening = _JSON.match(source.text, start, end)
        if opening is not None:
            yield from _read_json(source, opening.end(), end, reader)
        else:
            yield from _read_yaml(source, start, end, reader)


def stretches(text: str) -> Iterator[tuple[int, int]]:
    """Begin and end of the documents of a file; those without content are left out."""
    start = 0
    for marker in _MARKER.finditer(text):
        if _CONTENT.search(text, start, marker.start()):
            yield start, marker.start()
        elif (marker[1] or marker[2]) and _DIRECTIVE.search(text, start, marker.start()):
            continue  # %YAML and %TAG belong to the document that begins here
        start = marker.start(1) if marker[1] else marker.end()  # what stands beside the dashes belongs to the document
    if _CONTENT.search(text, start):
        yield start, len(text)


def _read_yaml(source: Source, start: int, end: int, reader: YamlReader) -> Iterator[Parsed | Breakage]:
    cut = _cut_list(source.text, start, end, reader)
    if cut is None:
        yield _read_stretch(source, start, end, reader)
        return
    head, pieces = cut
    found = [_read_stretch(source, *piece, reader, is_item=True) for piece in pieces]
    if not all(isinstance(item, Parsed) for item in found):
        whole = _read_stretch(source, start, end, reader)
        if isinstance(whole, Parsed):  # an item needs its neighbours: an alias, a string over several lines
            yield whole
            return
    for item in found:
        if isinstance(item, Parsed):
            complete_items([item.raw], head)
        yield item


def _read_stretch(
    source: Source, start: int, end: int, reader: YamlReader, is_item: bool = False
) -> Parsed | Breakage:
    text = source.text[start:end]
    try:
        raw, doubles = reader.read(text)
        if is_item and (not isinstance(raw, list) or len(raw) != 1):
            raise DocumentError("this is no item of a list", 0)
    except DocumentError as problem:
        return _moved(of_yaml(text, problem), start)
    places = tuple((key, start + offset) for key, offset in doubles)
    document = YamlDocument(source, start, end)
    return Parsed(document, raw[0], (0,), places) if is_item else Parsed(document, raw, (), places)


def _cut_list(
    text: str, start: int, end: int, reader: YamlReader
) -> tuple[dict[str, Any], list[tuple[int, int]]] | None:
    """(a List without its items, begin and end of each item); None for anything that is not clearly a List.

    An item ends where a line begins no deeper than its dash. That is not so where a quoted string or a bracket goes on
    to such a line; but then the item that is cut short cannot be read, and the whole is read instead.
    """
    key = _ITEMS.search(text, start, end)
    line = _LINE.search(text, key.end(), end) if key is not None else None
    first = _ITEM.match(text, line.start(), end) if line is not None else None
    if key is None or first is None:
        return None
    begins_item, ends_list = _patterns(len(first[1]))
    after = ends_list.search(text, first.start(), end)
    stop = after.start() if after is not None else end
    starts = [item.start() for item in begins_item.finditer(text, first.start(), stop)]
    try:
        head, _ = reader.read(f"{text[start : key.start()]}items: []\n{text[stop:end]}")
    except DocumentError:
        return None
    if not isinstance(head, dict) or not text_at(head, "kind").endswith("List"):
        return None
    return head, list(zip(starts, [*starts[1:], stop], strict=True))


@lru_cache(maxsize=16)
def _patterns(indent: int) -> tuple[re.Pattern[str], re.Pattern[str]]:
    """(the begin of an item, the begin of what follows the list) for items whose dash stands in this column."""
    item = rf" {{{indent}}}-(?=[ \n])"
    return (
        re.compile(rf"^{item}", re.MULTILINE),
        re.compile(rf"^(?!{item}| {{{indent + 1}}}|[ \t]*(?:#|$))", re.MULTILINE),
    )


def complete_items(items: list[Any], head: dict[str, Any]) -> None:
    """The items of a `PodList`, as the API server gives it, do not say that they are Pods."""
    kind, version = text_at(head, "kind").removesuffix("List"), text_at(head, "apiVersion")
    for item in items if kind and version else ():
        if isinstance(item, dict) and "kind" not in item:
            item.update(kind=kind, apiVersion=version)


def _read_json(source: Source, start: int, end: int, reader: YamlReader) -> Iterator[Parsed | Breakage]:
    """One JSON value or several, one after the other. What is not quite JSON may still be YAML."""
    found, at, problem = _json_values(source, start, end)
    yield from found
    if problem is not None and not found:
        whole = _read_stretch(source, start, end, reader)
        if isinstance(whole, Parsed) or not _STRICT_JSON.match(source.text, start):
            yield whole
            return
    while problem is not None:  # go on with the next line that begins a value
        stop = _next_json_line(source.text, at, end)
        yield _moved(of_json(source.text[at:stop], problem), at)
        at, problem = stop, None
        while at < end and problem is None:
            found, at, problem = _json_values(source, at, _next_json_line(source.text, at, end))
            yield from found


def _next_json_line(text: str, at: int, end: int) -> int:
    following = _NEXT_JSON_LINE.search(text, at, end)
    return following.end() if following is not None else end


def _json_values(source: Source, start: int, end: int) -> tuple[list[Parsed], int, DocumentError | None]:
    """(the values of this part, the offset where it ends or cannot be read, why not).

    Of a text of its own: the decoder counts the lines before a mistake, and those of the whole file may be many.
    """
    text, at, found = source.text[start:end], 0, list[Parsed]()
    while at < len(text):
        try:
            raw, after = _decode(text, at)
        except DocumentError as problem:
            return found, start + at, problem
        found.append(Parsed(JsonDocument(source, start + at), raw))
        at = skip(text, after)
    return found, end, None


def _decode(text: str, at: int) -> tuple[Any, int]:
    """(the value that begins here, where it ends). Raises DocumentError."""
    try:
        raw, end = _DECODER.raw_decode(text, at)
    except json.JSONDecodeError as error:
        raise DocumentError(f"it is no JSON: {error.msg}", error.pos - at) from error
    except ValueError as error:
        raise DocumentError(f"it is no JSON: {error}", 0) from error  # a number of thousands of digits
    except RecursionError as error:
        raise DocumentError(TOO_DEEP, 0) from error
    if _is_too_deep(raw):
        raise DocumentError(TOO_DEEP, 0)
    return raw, end


def _is_too_deep(raw: Any) -> bool:
    """Level by level: whoever would recurse here would fail first."""
    level: list[Any] = [[raw]]
    for _ in range(DEEPEST + 1):
        level = [
            child
            for item in level
            for child in (item.values() if type(item) is dict else item)
            if isinstance(child, (dict, list))
        ]
        if not level:
            return False
    return True


def _moved(found: Breakage, by: int) -> Breakage:
    return replace(found, offset=found.offset + by)
