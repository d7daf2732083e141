"""Reads a text: the signatures in it, weighed together, to the causes that it points to."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from grpcdoctor.model.facts.text import Passage, Suspect, TextFacts
from grpcdoctor.texts.causes import causes
from grpcdoctor.texts.matching import Match, matches_in
from grpcdoctor.texts.normalise import normalise
from grpcdoctor.texts.ranking import Ranked, rank

MOST_SUSPECTS: Final = 6
_QUOTED: Final = 160


def read_text(text: str) -> TextFacts:
    """What a text says, the likeliest cause first."""
    clean = normalise(text)
    found = matches_in(clean)
    ranking = rank(found)[:MOST_SUSPECTS]
    return TextFacts(
        suspects=tuple(_suspect(ranked) for ranked in ranking),
        passages=tuple(_passage(match) for match in found),
        probe_needed=_undecided(found),
        cut=clean.cut,
    )


def _suspect(ranked: Ranked) -> Suspect:
    known = causes()[ranked.rule]
    return Suspect(
        rule=ranked.rule,
        confidence=ranked.share,
        title=known.title,
        why=known.why,
        because=tuple(dict.fromkeys(_quoted(match) for match in ranked.matches)),
        confirm=known.confirm,
        refute=known.refute,
        probes=known.probes,
        fix=known.fix,
        command=known.command,
        patch=known.patch,
    )


def _quoted(match: Match) -> str:
    words = match.words if len(match.words) <= _QUOTED else match.words[:_QUOTED] + "…"
    return f'"{words}": {match.signature.means}'


def _passage(match: Match) -> Passage:
    known = match.signature
    return Passage(known.id, match.words, known.means, known.library, known.speaker, known.layer, known.weight)


def _undecided(found: Sequence[Match]) -> bool:
    """Whether the best that was recognised is a text that many causes share."""
    return bool(found) and found[0].signature.undecided
