"""Lays text out for a terminal: words in roles, wrapped under a label, painted last.

rich is not used here on purpose: it breaks a long word in two, and a command that is broken cannot be pasted; and its
console costs a cold run 30 ms.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import groupby
from typing import Final

from grpcdoctor.report import clean
from grpcdoctor.report.style import Style

Span = tuple[str, str]
"""(text, role)."""

LABEL_COLUMN: Final = 9
"""Where the text beside a label starts: two blanks, six letters, one blank."""

_NARROWEST_COLUMN: Final = 20
_LEAST_GAP: Final = 2
NO_BREAK: Final = "\u00a0"
_BLANKS: Final = re.compile(r"[ \t\r\n]+")
_NO_BREAKS: Final = re.compile(NO_BREAK + "+")

# Role -> SGR parameters. Roles only underline what the words already say: without colour nothing is lost.
_SGR: Final = {
    "": "",
    "strong": "1",
    "good": "32",
    "bad": "1;31",
    "warn": "33",
    "label": "1",
    "code": "36",
    "dim": "2",
}


def cells(text: str) -> int:
    """How many columns `text` takes."""
    if text.isascii():
        return len(text)
    from rich.cells import cell_len

    return cell_len(text)


def width_of(spans: Iterable[Span]) -> int:
    return sum(cells(text) for text, _ in spans)


def paint(spans: Iterable[Span], style: Style) -> str:
    """One line: the characters that the stream can show, in colour if wanted."""
    fitted = [(style.fit(text), role) for text, role in spans]
    if not style.colour:
        return "".join(text for text, _ in fitted).rstrip()
    painted = ""
    for role, group in groupby(fitted, key=lambda span: span[1]):
        text = "".join(text for text, _ in group)
        painted += f"\x1b[{_SGR[role]}m{text}\x1b[0m" if _SGR[role] else text
    return painted.rstrip()


def clip(text: str, width: int, style: Style) -> str:
    """`text` in one line of at most `width` columns, an ellipsis where it was cut."""
    text = style.fit(clean.line(text))
    if cells(text) <= width:
        return text
    kept = text[: max(0, width - len(style.glyphs.ellipsis))]
    while kept and cells(kept) > width - len(style.glyphs.ellipsis):
        kept = kept[:-1]
    return kept.rstrip(" ,") + style.glyphs.ellipsis


def wrap(spans: Iterable[Span], width: int, gap: int = 1) -> list[list[Span]]:
    """The spans in lines of at most `width` columns. A longer word stands alone, whole.

    `gap` blanks stand between words. A no-break blank holds its neighbours together where they fit on a line, and is
    printed as a blank.
    """
    lines: list[list[Span]] = []
    used = 0
    for word in _words(spans, width):
        size = width_of(word)
        if lines and used + gap + size <= width:
            lines[-1] += [(" " * gap, word[0][1] if lines[-1][-1][1] == word[0][1] else ""), *word]
            used += gap + size
        else:
            lines.append(word)
            used = size
    return lines


def _words(spans: Iterable[Span], width: int) -> Iterator[list[Span]]:
    """What may not be broken: words, and words held together as far as they fit."""
    for raw in _split(spans, _BLANKS):
        word = [(clean.visible(text), role) for text, role in raw]
        fits = width_of(word) <= width
        for part in [word] if fits else _split(word, _NO_BREAKS):
            yield [(text.replace(NO_BREAK, " "), role) for text, role in part]


def _split(spans: Iterable[Span], blanks: re.Pattern[str]) -> Iterator[list[Span]]:
    """Words, each in one or more roles: `(` in one role and `text` in another, with no blank between, stay together."""
    word: list[Span] = []
    for text, role in spans:
        for number, piece in enumerate(blanks.split(text)):
            if number and word:
                yield word
                word = []
            if piece:
                word.append((piece, role))
    if word:
        yield word


@dataclass
class Page:
    """Collects the lines of one report."""

    style: Style
    lines: list[list[Span]] = field(default_factory=list)

    def blank(self) -> None:
        if self.lines and self.lines[-1]:
            self.lines.append([])

    def line(self, *spans: Span) -> None:
        self.lines.append(list(spans))

    def prose(self, label: str, spans: str | Iterable[Span], indent: int = LABEL_COLUMN, gap: int = 1) -> None:
        """Wrapped words beside a label (or under the last one, where the label is empty)."""
        words: list[Span] = [(spans, "")] if isinstance(spans, str) else list(spans)
        words = [(NO_BREAK.join(map(self.style.fit, text.split(NO_BREAK))), role) for text, role in words]
        for number, found in enumerate(wrap(words, max(self.style.width - indent, _NARROWEST_COLUMN), gap)):
            self._put(label if number == 0 else "", found, indent)

    def listed(self, label: str, items: Iterable[str | Iterable[Span]], indent: int = LABEL_COLUMN) -> None:
        """Prose for each, the label beside the first."""
        for number, item in enumerate(items):
            self.prose(label if number == 0 else "", item, indent)

    def heading(self, left: list[Span], right: str) -> None:
        """One line, `right` at the right edge."""
        gap = self.style.width - width_of(left) - cells(right)
        self.line(*left, (" " * max(_LEAST_GAP, gap), ""), (right, "dim"))

    def one_line(self, label: str, text: str, role: str = "") -> None:
        """Words that are cut where they would need a second line."""
        self._put(label, [(clip(text, self.style.width - LABEL_COLUMN, self.style), role)], LABEL_COLUMN)

    def columns(self, head: list[Span], text: str) -> None:
        """Fixed columns, then words that are wrapped in a last one, or below where that would be too narrow."""
        start = width_of(head) + 2
        beside = self.style.width - start >= _NARROWEST_COLUMN
        indent = start if beside else LABEL_COLUMN
        wrapped = wrap([(self.style.fit(text), "")], max(self.style.width - indent, _NARROWEST_COLUMN))
        if beside and wrapped:
            self.line(*head, ("  ", ""), *wrapped.pop(0))
        else:
            self.line(*head)
        for words in wrapped:
            self.line((" " * indent, ""), *words)

    def verbatim(self, text: str, indent: int = LABEL_COLUMN + 2) -> None:
        """A command or a patch, line by line, never wrapped: it is there to be pasted."""
        for row in clean.block(text).rstrip("\n").split("\n") if text else ():
            self.line((" " * indent, ""), (row, "code"))

    def text(self) -> str:
        return "\n".join(paint(line, self.style) for line in self.lines) + "\n"

    def _put(self, label: str, words: list[Span], indent: int) -> None:
        if not label:
            self.line((" " * indent, ""), *words)
            return
        self.line(("  ", ""), (label, "label"), (" " * max(1, indent - 2 - len(label)), ""), *words)
