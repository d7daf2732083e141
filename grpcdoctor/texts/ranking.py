"""Weighs what was recognised: many matches, each for several causes, to one ranking."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from grpcdoctor.texts.matching import Match

# A match counts in full when hardly another tells more, and less the more telling the best one is: an inner message
# decides over the wrappers around it.
_STEPS: Final = ((10, 1.0), (25, 0.55), (45, 0.25))
_REST: Final = 0.1
_LEAST: Final = 0.03
"""A cause below this share is not worth a line."""


@dataclass(frozen=True, slots=True)
class Ranked:
    """One cause with the share of belief in it, and the matches that speak for it."""

    rule: str
    share: float
    matches: tuple[Match, ...]


def rank(found: Sequence[Match]) -> tuple[Ranked, ...]:
    """The causes that these matches point to, the likeliest first."""
    if not found:
        return ()
    best = max(match.signature.weight for match in found)
    doubt: dict[str, float] = {}
    speaking: dict[str, list[Match]] = {}
    for match in found:
        strength = match.signature.weight / 100 * _discount(best - match.signature.weight)
        for rule, weight in match.signature.causes:
            doubt[rule] = doubt.get(rule, 1.0) * (1 - min(0.97, strength * weight))
            speaking.setdefault(rule, []).append(match)
    return _shares({rule: 1 - left for rule, left in doubt.items()}, speaking)


def _discount(behind: int) -> float:
    return next((factor for limit, factor in _STEPS if behind <= limit), _REST)


def _shares(scores: dict[str, float], speaking: dict[str, list[Match]]) -> tuple[Ranked, ...]:
    """Scores to shares of one, less what speaks for nothing at all."""
    total = sum(scores.values())
    if not total:
        return ()
    certain = max(scores.values())
    shares = ((rule, score / total * certain) for rule, score in scores.items())
    kept: Iterable[tuple[str, float]] = (pair for pair in shares if pair[1] >= _LEAST)
    ordered = sorted(kept, key=lambda pair: -pair[1])
    return tuple(Ranked(rule, round(share, 3), tuple(speaking[rule])) for rule, share in ordered)
