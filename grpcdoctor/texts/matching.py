"""Which signatures a text bears: all of them, each with where it was found."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from grpcdoctor.texts.normalise import Text
from grpcdoctor.texts.signature import Signature, signatures

_GRAM: Final = 3


@dataclass(frozen=True, slots=True)
class Match:
    """A signature found in a text."""

    signature: Signature
    words: str
    """What was found, as far as it identifies: for evidence."""
    start: int


def matches_in(text: Text, one_of_many: bool = False) -> tuple[Match, ...]:
    """The most telling first; of equal weight the one that stands further inside, for texts quote their cause last.

    `one_of_many`: a line of a log. An index is worth its making then.
    """
    candidates = _filed if one_of_many else _looked_for
    found = [match for signature in candidates(text.searched) if (match := _match(signature, text)) is not None]
    return tuple(sorted(found, key=lambda match: (-match.signature.weight, -match.start, match.signature.id)))


def _looked_for(searched: str) -> Iterable[Signature]:
    """Signatures of which some needle is in the text; by far the most are dropped here."""
    owners = _by_needle()
    return dict.fromkeys(signature for needle in owners if needle in searched for signature in owners[needle])


def _filed(searched: str) -> Iterable[Signature]:
    """The same, by the index."""
    owners, (short, by_gram) = _by_needle(), _by_gram()
    likely = (needle for gram in by_gram.keys() & _grams(searched) for needle in by_gram[gram])
    found = [needle for needle in (*short, *likely) if needle in searched]
    return dict.fromkeys(signature for needle in found for signature in owners[needle])


@lru_cache(maxsize=1)
def _by_gram() -> tuple[tuple[str, ...], dict[str, tuple[str, ...]]]:
    """(needles of less than three letters, three letters -> the needles to look for where a text has these).

    Thousands of needles are not looked for in every line of a log: each is filed under those three of its letters that
    the fewest others have.
    """
    needles = _by_needle()
    counts = Counter(gram for needle in needles for gram in _grams(needle))
    filed: dict[str, list[str]] = {}
    for needle in needles:
        if len(needle) >= _GRAM:
            filed.setdefault(min(_grams(needle), key=lambda gram: (counts[gram], gram)), []).append(needle)
    short = tuple(needle for needle in needles if len(needle) < _GRAM)
    return short, {gram: tuple(found) for gram, found in filed.items()}


def _grams(text: str) -> set[str]:
    return {text[at : at + _GRAM] for at in range(len(text) - _GRAM + 1)}


@lru_cache(maxsize=1)
def _by_needle() -> dict[str, tuple[Signature, ...]]:
    owners: dict[str, list[Signature]] = {}
    for signature in signatures():
        for says in signature.says:
            for needle in says.needles:
                owners.setdefault(needle, []).append(signature)
    return {needle: tuple(found) for needle, found in owners.items()}


def _match(signature: Signature, text: Text) -> Match | None:
    if any(phrase.found_in(text.searched) for phrase in signature.unless):
        return None
    for phrase in signature.says:
        found = phrase.found_in(text.searched)
        if found is not None:
            return Match(signature, _original(text, found.start(), found.end()), found.start())
    return None


def _original(text: Text, start: int, end: int) -> str:
    """The found words in the text's own case; in the copy with spaces for underscores they lie one text further."""
    length = len(text.flat)
    if start > length:
        start, end = start - length - 1, end - length - 1
    return text.flat[start:end]
