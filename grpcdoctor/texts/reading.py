"""Reads a text: the signatures in it, weighed together, to the causes that it points to."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from grpcdoctor.model.facts.text import Passage, Suspect, TextFacts
from grpcdoctor.texts.causes import causes
from grpcdoctor.texts.clues import clues_in
from grpcdoctor.texts.matching import Match, matches_in
from grpcdoctor.texts.normalise import normalise
from grpcdoctor.texts.ranking import Ranked, rank
from grpcdoctor.texts.signals import Signals, signals_in

MOST_SUSPECTS: Final = 6
LEAST_WEIGHT: Final = 20
"""Of a match that counts as having recognised the text; below it is a mere clue."""
_CLEAR_WEIGHT: Final = 65
_CLOSE: Final = 1.7
"""Two shares whose quotient is below are not told apart by the text."""
_QUOTED: Final = 160
_PATIENCE: Final = re.compile(r" --(?:timeout|count) \S+")
"""Options that make a probe longer and ask nothing else."""


def read_text(text: str, target: str | None = None) -> TextFacts:
    """What a text says, the likeliest cause first. `target`: the endpoint, where the user names it."""
    clean = normalise(text)
    found = matches_in(clean)
    signals = signals_in(clean.flat)
    recognised = bool(found) and found[0].signature.weight >= LEAST_WEIGHT
    ranking = rank(found, signals, clues_in(clean, signals))[:MOST_SUSPECTS] if recognised else ()
    endpoint = target or signals.target
    suspects = tuple(_suspect(ranked, signals, endpoint) for ranked in ranking)
    return TextFacts(
        suspects=suspects,
        passages=tuple(_passage(match) for match in found),
        signals=tuple(signals.said()),
        recognised=recognised,
        probe_needed=recognised and _undecided(found, ranking),
        splits=_splits(suspects, endpoint) if suspects else (),
        readings=tuple(dict.fromkeys(_readings(found, signals))),
        target=endpoint,
        cut=clean.cut,
    )


def _suspect(ranked: Ranked, signals: Signals, target: str | None) -> Suspect:
    known = causes()[ranked.rule]
    return Suspect(
        rule=ranked.rule,
        cause=known.id,
        confidence=ranked.share,
        title=known.title,
        why=known.why,
        because=tuple(dict.fromkeys(_quoted(match) for match in ranked.matches)) + ranked.clues,
        confirm=known.confirm,
        refute=known.refute,
        probes=tuple(f"grpcdoctor {filled(probe, signals, target)}" for probe in known.probes),
        fix=known.fix,
        command=known.command and filled(known.command, signals, target),
        patch=known.patch and filled(known.patch, signals, target, quote=False),
    )


def filled(template: str, signals: Signals, target: str | None, quote: bool = True) -> str:
    """The command with what the text names; what it does not name stays as a word in capitals."""
    namespace, service = signals.service or ("NAMESPACE", "SERVICE")
    host = (target or "HOST").rpartition(":")[0] or (target or "HOST")
    values = {
        "target": target or "HOST:PORT",
        "host": host.strip("[]"),
        "namespace": namespace,
        "service": service,
        "method": signals.method or "SERVICE/METHOD",
    }
    for name, value in values.items():
        template = template.replace(f"{{{name}}}", shlex.quote(value) if quote else value)
    return template


def _quoted(match: Match) -> str:
    words = match.words.strip('" ')
    words = words if len(words) <= _QUOTED else words[:_QUOTED] + "…"
    return f'"{words}": {match.signature.means}'


def _passage(match: Match) -> Passage:
    known = match.signature
    return Passage(known.id, match.words, known.means, known.library, known.speaker, known.layer, known.weight)


def _undecided(found: Sequence[Match], ranking: Sequence[Ranked]) -> bool:
    """Whether the best that was recognised is a text that many causes share."""
    best = found[0].signature
    if best.undecided:
        return True
    close = len(ranking) > 1 and ranking[0].share < ranking[1].share * _CLOSE
    return close and best.weight < _CLEAR_WEIGHT


def _splits(suspects: Sequence[Suspect], target: str | None) -> tuple[str, ...]:
    """Two probes whose answers tell the suspects apart: the first that ask differently, and not just for longer."""
    endpoint = shlex.quote(target or "HOST:PORT")
    firsts = [probe for suspect in suspects for probe in suspect.probes[:1]]
    others = [probe for suspect in suspects for probe in suspect.probes[1:]]
    usual = [f"grpcdoctor probe {endpoint}", f"grpcdoctor probe {endpoint} --plaintext"]
    return different(probe for probe in (*firsts, *others, *usual) if probe.startswith("grpcdoctor probe "))


def different(probes: Iterable[str], most: int = 2) -> tuple[str, ...]:
    """The first of them that ask differently: another time-out or more tries make no other question."""
    chosen: dict[str, str] = {}
    for probe in probes:
        chosen.setdefault(_PATIENCE.sub("", probe), probe)
    return tuple(chosen.values())[:most]


def _readings(found: Sequence[Match], signals: Signals) -> Iterator[str]:
    """What depends on a version, for the signatures that were found."""
    versions = dict(signals.versions)
    for match in found:
        for reading in match.signature.versions:
            applies = reading.applies_to(versions.get(reading.program))
            if applies is not False:
                yield reading.note if reading.program in reading.note.lower() else f"{reading.span}: {reading.note}"
