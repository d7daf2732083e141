"""Weighs what was recognised: many matches, each for several causes, to one ranking."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from grpcdoctor.texts.clues import Clue
from grpcdoctor.texts.matching import Match
from grpcdoctor.texts.signals import Signals

# A match counts in full when hardly another tells more, and less the more telling the best one is: an inner message
# decides over the wrappers around it.
_STEPS: Final = ((10, 1.0), (25, 0.55), (45, 0.25))
_REST: Final = 0.1
_LEAST: Final = 0.02
"""A cause that is that much less likely than the first is not worth a line."""
_SHARPNESS: Final = 2
"""Belief goes by this power of the scores: on threads with a known cause the first one is right in three of four."""


@dataclass(frozen=True, slots=True)
class Ranked:
    """One cause with the share of belief in it, and the matches that speak for it."""

    rule: str
    share: float
    matches: tuple[Match, ...]
    clues: tuple[str, ...] = ()
    """What shifted the odds towards it, as clauses."""


def rank(found: Sequence[Match], signals: Signals, clues: Sequence[Clue] = ()) -> tuple[Ranked, ...]:
    """The causes that these matches point to, the likeliest first."""
    if not found:
        return ()
    best = max(match.signature.weight for match in found)
    doubt: dict[str, float] = {}
    speaking: dict[str, list[Match]] = {}
    for match in found:
        strength = match.signature.weight / 100 * _discount(best - match.signature.weight)
        for rule, weight in _causes_of(match, signals):
            doubt[rule] = doubt.get(rule, 1.0) * (1 - min(0.97, strength * weight))
            speaking.setdefault(rule, []).append(match)
    scores = {rule: 1 - left for rule, left in doubt.items()}
    return _shares(_shifted(scores, clues), speaking, clues)


def _causes_of(match: Match, signals: Signals) -> tuple[tuple[str, float], ...]:
    """The signature's causes, or those of the version that the text names."""
    versions = dict(signals.versions)
    for reading in match.signature.versions:
        if reading.causes and reading.applies_to(versions.get(reading.program)):
            return reading.causes
    return match.signature.causes


def _shifted(scores: dict[str, float], clues: Sequence[Clue]) -> dict[str, float]:
    """By the odds, so that nothing becomes more than certain."""
    shifted = dict(scores)
    for clue in clues:
        for rule, factor in clue.factors:
            if rule in shifted:
                score = min(shifted[rule], 0.99)
                odds = score / (1 - score) * factor
                shifted[rule] = odds / (1 + odds)
    return shifted


def _discount(behind: int) -> float:
    return next((factor for limit, factor in _STEPS if behind <= limit), _REST)


def _shares(
    scores: dict[str, float], speaking: dict[str, list[Match]], clues: Sequence[Clue]
) -> tuple[Ranked, ...]:
    """Scores to shares of one, less what speaks for nothing at all."""
    powers = {rule: score**_SHARPNESS for rule, score in scores.items()}
    total = sum(powers.values())
    if not total:
        return ()
    certain, most = max(scores.values()), max(powers.values())
    kept = [(rule, power / total * certain) for rule, power in powers.items() if power >= _LEAST * most]
    ordered = sorted(kept, key=lambda pair: -pair[1])
    return tuple(Ranked(rule, round(share, 3), tuple(speaking[rule]), _towards(rule, clues)) for rule, share in ordered)


def _towards(rule: str, clues: Sequence[Clue]) -> tuple[str, ...]:
    return tuple(clue.note for clue in clues if dict(clue.factors).get(rule, 1.0) > 1)
