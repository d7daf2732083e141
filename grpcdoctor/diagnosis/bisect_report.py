"""The reports of the hops as one: the target's, in which the cause at the first breaking hop comes first. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Final

from grpcdoctor.diagnosis.bisect import conclude
from grpcdoctor.diagnosis.bisect_plan import PlannedHop
from grpcdoctor.diagnosis.correlate import verdict_of
from grpcdoctor.model.bisection import BisectHop, Bisection, HopState, Outcome
from grpcdoctor.model.finding import BlindSpot, Evidence, Finding, Subject, Verdict
from grpcdoctor.model.report import Cause, Report
from grpcdoctor.model.rule import Severity

REF: Final = "bisect"
_WHERE: Final = {
    Outcome.BETWEEN: "It first breaks at {}.",
    Outcome.AT_SERVER: "It breaks at the innermost hop, {}.",
    Outcome.INWARD: "It breaks at {} or further in.",
    Outcome.SOME: "Calls that land on {} fail.",
}
# Where a hop breaks, those before it fail for that.
_EXPLAINING: Final = (Outcome.BETWEEN, Outcome.AT_SERVER, Outcome.INWARD)
_STATES: Final = {
    Verdict.HEALTHY: HopState.WORKS,
    Verdict.DEGRADED: HopState.WORKS,
    Verdict.BROKEN: HopState.FAILS,
    Verdict.INCONCLUSIVE: HopState.UNSEEN,
}


@dataclass(frozen=True, slots=True)
class Looked:
    """One hop with the report that it is judged by, where there is one."""

    hop: BisectHop
    report: Report | None = None


def state_of(report: Report) -> HopState:
    """A hop with mere warnings works: its calls go through."""
    return _STATES[report.verdict]


def unseen(hop: PlannedHop, why: str) -> Looked:
    """A hop that could not be looked at."""
    return Looked(BisectHop(hop.level, hop.role, hop.name, HopState.UNSEEN, _way(hop), detail=why))


def looked_at(hop: PlannedHop, report: Report) -> Looked:
    return Looked(_hop(hop.level, hop.role, hop.name, report, _way(hop)), report)


def looked_of(report: Report, role: str) -> Looked:
    """The outermost hop: the target itself."""
    return Looked(_hop(0, role, report.target.endpoint, report, ""), report)


def _way(hop: PlannedHop) -> str:
    return "port-forward" if hop.pod is not None else ""


def _hop(level: int, role: str, name: str, report: Report, way: str) -> BisectHop:
    state, cause = state_of(report), report.first_cause
    spot = next((spot for spot in report.blind_spots if spot.blocks_verdict), None)
    detail = ""
    if state is HopState.UNSEEN and spot is not None:
        detail = spot.why
    elif state is HopState.FAILS and cause is not None:
        detail = cause.title
    return BisectHop(
        level=level,
        role=role,
        name=name,
        state=state,
        way=way,
        speaks="TLS" if report.target.tls else "plaintext",
        cause=cause.name if cause is not None and state is HopState.FAILS else None,
        detail=detail,
        duration_ms=report.duration_ms,
    )


def bisected(report: Report, looked: Sequence[Looked], notes: Sequence[str]) -> Report:
    """The target's report with the conclusion, and the cause of the first breaking hop in front."""
    found = conclude([one.hop for one in looked])
    found = replace(found, notes=(*found.notes, *notes))
    causes = _causes(report, looked, found)
    spots = (*report.blind_spots, *_spots(looked, found))
    return replace(
        report,
        causes=causes,
        findings=(*report.findings, *_new(report, causes)),
        verdict=verdict_of(causes, spots),
        blind_spots=tuple(dict.fromkeys(spots)),
        bisection=found,
    )


def _causes(report: Report, looked: Sequence[Looked], found: Bisection) -> tuple[Cause, ...]:
    """A cause that the target's report has too is told once, there, with all that is known of it."""
    broken = next((one for one in looked if one.hop.title in found.breaks_at and one.report is not None), None)
    cause = broken.report.first_cause if broken is not None and broken.report is not None else None
    if broken is None or cause is None:
        return report.causes
    own = next((each for each in report.causes if cause.name in _names_of(each)), None)
    folded: tuple[Cause, ...] = ()
    if own is None:
        own = _of_hop(cause, broken.hop, found.outcome is Outcome.SOME)
        folded = _symptoms(report, looked, broken) if found.outcome in _EXPLAINING else ()
    told = replace(
        own,
        root=replace(own.root, explanation=f"{_WHERE[found.outcome].format(broken.hop.title)} {own.root.explanation}"),
        consequences=(*own.consequences, *(finding for one in folded for finding in (one.root, *one.consequences))),
        evidence=(*_evidence(looked), *own.evidence, *(_so_also(one) for one in folded)),
    )
    left = tuple(each for each in report.causes if each is not own and each not in folded)
    known = {name for each in (told, *left) for name in _names_of(each)}
    return (told, *_of_others(looked, found, known), *left)


def _of_hop(cause: Cause, hop: BisectHop, some: bool) -> Cause:
    """A cause that only the hop's own report has. `some`: others like it work, so some calls fail and not all."""
    root = replace(cause.root, message=f"{hop.title}: {cause.root.message}", subject=Subject(endpoint=hop.name))
    return replace(cause, root=replace(root, severity=Severity.WARNING) if some else root)


def _of_others(looked: Sequence[Looked], found: Bisection, known: set[str]) -> Iterator[Cause]:
    """What else is wrong: of several broken pods one each cause, and pods that fail beside others that work."""
    working = {one.hop.level for one in looked if one.hop.state is HopState.WORKS}
    for one in looked:
        cause = one.report.first_cause if one.report is not None else None
        if one.hop.state is not HopState.FAILS or cause is None or cause.name in known:
            continue
        if one.hop.title in found.breaks_at or one.hop.level in working:
            known.add(cause.name)
            yield _of_hop(cause, one.hop, one.hop.level in working)


def _symptoms(report: Report, looked: Sequence[Looked], broken: Looked) -> tuple[Cause, ...]:
    """What the hops before the breaking one said of it: on the wire, and by no object of the cluster."""
    before = {one.hop.cause for one in looked if one.hop.level < broken.hop.level}
    return tuple(each for each in report.causes if each.name in before and each.root.subject is None)


def _so_also(cause: Cause) -> Evidence:
    return Evidence(f"so also: {cause.title}", cause.root.evidence[0].source, cause.name)


def _names_of(cause: Cause) -> set[str]:
    return {cause.name, *(finding.rule.name for finding in cause.consequences)}


def _new(report: Report, causes: Sequence[Cause]) -> tuple[Finding, ...]:
    known = {finding.rule.name for finding in report.findings}
    return tuple(cause.root for cause in causes if cause.name not in known)


def _evidence(looked: Sequence[Looked]) -> tuple[Evidence, ...]:
    """One line for each state, so that fifty pods make no fifty lines."""
    lines = []
    for state, verb in ((HopState.FAILS, "fails"), (HopState.WORKS, "works")):
        names = [one.hop.title for one in looked if one.hop.state is state]
        if names:
            more = f" and {len(names) - 3} more" if len(names) > 3 else ""
            lines.append(Evidence(f"{verb} when probed from here: {', '.join(names[:3])}{more}", ref=REF))
    return tuple(lines)


def _spots(looked: Sequence[Looked], found: Bisection) -> tuple[BlindSpot, ...]:
    """They keep the verdict open only where nothing was found and the target itself says nothing."""
    return tuple(
        BlindSpot(one.hop.title, one.hop.detail, blocks_verdict=found.outcome is Outcome.UNDECIDED)
        for one in looked[1:]
        if one.hop.state is HopState.UNSEEN
    )
