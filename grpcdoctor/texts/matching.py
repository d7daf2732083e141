"""Which signatures a text bears: all of them, each with where it was found and what was in its placeholders."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import lru_cache

from grpcdoctor.texts.normalise import Text
from grpcdoctor.texts.signature import Signature, signatures


@dataclass(frozen=True, slots=True)
class Match:
    """A signature found in a text."""

    signature: Signature
    words: str
    """What was found, as far as it identifies: for evidence."""
    start: int
    fields: dict[str, str] = field(default_factory=dict)


def matches_in(text: Text) -> tuple[Match, ...]:
    """The most telling first; of equal weight the one that stands further inside, for texts quote their cause last."""
    found = [match for signature in _candidates(text.searched) if (match := _match(signature, text)) is not None]
    return tuple(sorted(found, key=lambda match: (-match.signature.weight, -match.start, match.signature.id)))


def _candidates(searched: str) -> Iterable[Signature]:
    """Signatures of which some needle is in the text; by far the most are dropped here."""
    return dict.fromkeys(
        signature for needle, owners in _by_needle().items() if needle in searched for signature in owners
    )


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
            fields = {name: value for name, value in found.groupdict().items() if value is not None}
            return Match(signature, _original(text, found.start(), found.end()), found.start(), fields)
    return None


def _original(text: Text, start: int, end: int) -> str:
    """The found words in the text's own case; in the copy with spaces for underscores they lie one text further."""
    length = len(text.flat)
    if start > length:
        start, end = start - length - 1, end - length - 1
    return text.flat[start:end]
