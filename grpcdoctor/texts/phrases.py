"""Phrases: how a signature writes what a program prints, and how that is found in a text.

A phrase is the text itself, with three signs: `…` is anything of up to 160 characters (or nothing), `{name}` is one of
the placeholders below and is kept under its name, `{a|b}` is one of these words; `{{` is a brace. Case and the amount
of white space do not matter.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Final

GAP: Final = "…"
_GAP_PATTERN: Final = r"[^\n]{0,160}?"

# Every length is bounded: a text may be made to be slow.
PLACEHOLDERS: Final[dict[str, str]] = {
    "number": r"[0-9]{1,20}",
    "decimal": r"[0-9]{1,20}(?:\.[0-9]{1,20})?",
    "hex": r"(?:0x)?[0-9a-f]{1,64}",
    "word": r"[^\s\"',;:()\[\]{}]{1,120}",
    "name": r"[a-z0-9_.$-]{1,200}",
    "host": r"(?:\[[0-9a-f:]{2,45}\]|[a-z0-9_-]{1,63}(?:\.[a-z0-9_-]{1,63}){0,12})",
    "port": r"[0-9]{1,5}",
    "address": r"(?:\[[0-9a-f:%.]{2,60}\]|[a-z0-9_-]{1,63}(?:\.[a-z0-9_-]{1,63}){0,12}):[0-9]{1,5}",
    "size": r"[0-9]{1,20}",
    "http": r"[1-5][0-9]{2}",
    "h2code": r"(?:0x)?[0-9a-f]{1,2}|[a-z0-9]{1,20}(?:_[a-z0-9]{1,20}){1,4}",
    "path": r"/[^\s\"'?]{0,300}",
    "quoted": r"\"[^\"\n]{0,300}\"|'[^'\n]{0,300}'",
    "seconds": r"[0-9]{1,12}(?:\.[0-9]{1,12})?",
}
_SIGN = re.compile(r"\{\{|\}\}|…|\{([a-z]+\d?)\}|\{([^{}]*\|[^{}]*)\}")
_WORD = re.compile(r"\w")
_SHORTEST_NEEDLE: Final = 2


class PhraseError(ValueError):
    """A phrase that cannot be read: a mistake in the data."""


@dataclass(frozen=True)
class Phrase:
    """One way in which a program says it."""

    text: str
    needles: tuple[str, ...]
    """Its longest literal part in lower case, or the words of an alternative: where none is in a text, the phrase is
    not either."""
    _parts: tuple[str, ...] = field(repr=False)

    @cached_property
    def pattern(self) -> re.Pattern[str]:
        """Compiled when the needle was found, so that hundreds of phrases cost nothing at start."""
        start = r"(?<![a-z0-9])" if _WORD.match(self.text[:1]) else ""
        end = r"(?![a-z0-9])" if _WORD.match(self.text[-1:]) else ""
        return re.compile(start + "".join(self._parts) + end)

    def found_in(self, searched: str) -> re.Match[str] | None:
        """Where it stands in a text in lower case."""
        return self.pattern.search(searched) if any(needle in searched for needle in self.needles) else None


def phrase(text: str) -> Phrase:
    """Raises PhraseError for an unknown placeholder, or where no literal part is left to look for."""
    text = " ".join(text.split())
    parts: list[str] = []
    literals: list[str] = [""]
    position = 0
    for sign in _SIGN.finditer(text):
        _literal(text[position : sign.start()], parts, literals)
        position = sign.end()
        if sign[0] in ("{{", "}}"):
            _literal(sign[0][0], parts, literals)
            continue
        parts.append(_pattern_of(sign, text))
        literals.append("")
    _literal(text[position:], parts, literals)
    return Phrase(text, _needles(text, literals), tuple(parts))


def _needles(text: str, literals: Sequence[str]) -> tuple[str, ...]:
    literal = max((part.strip() for part in literals), key=len)
    if len(literal) >= _SHORTEST_NEEDLE:
        return (literal,)
    choices = (tuple(word.lower() for word in sign[2].split("|")) for sign in _SIGN.finditer(text) if sign[2])
    chosen = max(choices, key=lambda words: min(map(len, words)), default=())
    if not chosen or min(map(len, chosen)) < _SHORTEST_NEEDLE:
        raise PhraseError(f"{text!r} has no literal part to look for")
    return chosen


def _literal(text: str, parts: list[str], literals: list[str]) -> None:
    low = text.lower()
    literals[-1] += low
    parts.append(re.escape(low))


def _pattern_of(sign: re.Match[str], text: str) -> str:
    if sign[0] == GAP:
        return _GAP_PATTERN
    if sign[2] is not None:
        return "(?:" + "|".join(re.escape(word.lower()) for word in sign[2].split("|")) + ")"
    name = sign[1]
    kind = name.rstrip("0123456789")
    if kind not in PLACEHOLDERS:
        raise PhraseError(f"{text!r}: there is no placeholder {{{name}}}; there are: {', '.join(sorted(PLACEHOLDERS))}")
    return f"(?P<{name}>{PLACEHOLDERS[kind]})"
