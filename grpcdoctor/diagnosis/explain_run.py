"""explain --run: what the probes answered, put beside what the text says. Pure."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Final

from grpcdoctor.diagnosis.correlate import verdict_of
from grpcdoctor.model.facts.text import TextFacts
from grpcdoctor.model.finding import BlindSpot, Evidence, Fix, Source, Verdict
from grpcdoctor.model.observation import Observation, Observations
from grpcdoctor.model.report import Cause, Report
from grpcdoctor.model.rule import Layer
from grpcdoctor.texts.causes import causes
from grpcdoctor.texts.reading import different

_CONFIRMED: Final = 0.97
_REFUTED: Final = 0.15
"""What is left of a suspicion that a healthy answer speaks against."""
# A probe that gets its answer has passed these layers.
_PASSED_BY_HEALTHY: Final = (Layer.REACH, Layer.TLS, Layer.HTTP2)


# What has a place left to fill, or asks a cluster or an Envoy, is the user's to run.
_RUNNABLE: Final = re.compile(
    r"grpcdoctor probe (?!HOST)\S+"
    r"(?: --plaintext| --(?:timeout|count|authority|servername) [^\s{}]+| --call (?!SERVICE)\S+)*$"
)


@dataclass(frozen=True, slots=True)
class Ran:
    """One of the probes, as it was run."""

    command: str
    report: Report

    @property
    def said(self) -> str:
        """`grpcdoctor probe h:1: broken, the port speaks TLS (plaintext-expected-tls-found)`."""
        cause = self.report.first_cause
        why = f", {cause.title} ({cause.name})" if cause else ""
        return f"{self.command}: {self.report.verdict.value}{why}"


def answered(report: Report, ran: Sequence[Ran]) -> Report:
    """The explanation after these probes: what they confirm comes first, what they refute last."""
    seen = tuple(Evidence(one.said, Source.WIRE, "probe") for one in ran)
    healthy = any(one.report.verdict is Verdict.HEALTHY for one in ran)
    found = {cause.name: cause for one in ran for cause in reversed(one.report.causes)}
    ids = {known.id for name in found if (known := causes().get(name)) is not None}
    ranked = [_judged(cause, found, ids, healthy, seen) for cause in report.causes]
    if not any(cause.confidence >= _CONFIRMED for cause in ranked):
        ranked += list(_unsuspected(ran, {cause.name for cause in ranked}, seen))
    ordered = tuple(sorted(ranked, key=lambda cause: -cause.confidence))
    decided = bool(ordered) and ordered[0].confidence >= _CONFIRMED
    spots = (*report.blind_spots, *(spot for one in ran for spot in one.report.blind_spots))
    return replace(
        report,
        target=ran[0].report.target if ran else report.target,
        addresses=ran[0].report.addresses if ran else (),
        causes=ordered,
        findings=tuple(cause.root for cause in ordered),
        verdict=verdict_of(ordered, spots),
        observations=_observations(report, ran, decided),
        hops=next((one.report.hops for one in ran if one.report.hops), ()),
        blind_spots=tuple(dict.fromkeys(spots)),
    )


def _judged(
    cause: Cause, found: dict[str, Cause], ids: set[str], healthy: bool, seen: tuple[Evidence, ...]
) -> Cause:
    """A suspicion in the light of the probes."""
    if cause.name in found or (cause.root.cause_id or "") in ids:
        shown = found.get(cause.name)
        fixes = shown.fixes if shown is not None and shown.fixes else cause.fixes
        return _with(cause, _CONFIRMED, (*seen, *(shown.root.evidence if shown else ())), fixes=fixes)
    if healthy and cause.root.rule.layer in _PASSED_BY_HEALTHY:
        return _with(cause, cause.confidence * _REFUTED, seen)
    return _with(cause, cause.confidence, seen)


def _with(cause: Cause, confidence: float, seen: tuple[Evidence, ...], fixes: tuple[Fix, ...] | None = None) -> Cause:
    root = replace(cause.root, confidence=round(confidence, 3))
    evidence = (*seen, *cause.evidence)
    return replace(cause, root=root, evidence=evidence, fixes=cause.fixes if fixes is None else fixes)


def _unsuspected(ran: Sequence[Ran], known: Iterable[str], seen: tuple[Evidence, ...]) -> Iterable[Cause]:
    """What the probes found and the text did not point to, where no probe got through."""
    if any(one.report.verdict is Verdict.HEALTHY for one in ran):
        return ()
    firsts = {one.report.first_cause.name: one.report.first_cause for one in ran if one.report.first_cause}
    new = (cause for name, cause in firsts.items() if name not in known)
    return tuple(_known(replace(cause, evidence=(*cause.evidence, *seen))) for cause in new)


def _known(cause: Cause) -> Cause:
    """With the id by which texts know this cause, where they do."""
    entry = causes().get(cause.name)
    return cause if entry is None else replace(cause, root=replace(cause.root, cause_id=entry.id))


def _observations(report: Report, ran: Sequence[Ran], decided: bool) -> tuple[Observation, ...]:
    text = Observations(report.observations).get(TextFacts) or TextFacts()
    first = replace(report.observations[0], facts=replace(text, probe_needed=text.probe_needed and not decided))
    return (first, *(item for one in ran for item in one.report.observations))


def runnable(facts: TextFacts) -> tuple[str, ...]:
    """Two probes that tell the suspects apart, as far as they can be run from here and now."""
    if not facts.target:
        return ()
    endpoint = shlex.quote(facts.target)
    usual = (f"grpcdoctor probe {endpoint}", f"grpcdoctor probe {endpoint} --plaintext")
    suggested = [probe for suspect in facts.suspects for probe in suspect.probes]
    return different(probe for probe in (*facts.splits, *suggested, *usual) if _RUNNABLE.match(probe))


def no_target(report: Report) -> Report:
    """The explanation, with what kept the probes from being run."""
    why = "the text names no endpoint; say which with --target HOST:PORT"
    return replace(report, blind_spots=(*report.blind_spots, BlindSpot("what a probe says", why, blocks_verdict=False)))
