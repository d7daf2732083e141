"""The parts of the terminal report that say what is wrong: a cause, its evidence and fixes, what was not seen."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from grpcdoctor.model.facts.grpc import SecondOpinionFacts
from grpcdoctor.model.finding import Alternative, BlindSpot, Evidence, Finding, Fix, Subject
from grpcdoctor.model.observation import Observations
from grpcdoctor.model.report import Cause, Report
from grpcdoctor.model.rule import Severity
from grpcdoctor.report.layout import LABEL_COLUMN, Page, Span
from grpcdoctor.report.marks import ROLE_OF_SEVERITY

_FIXES_AT_ONCE: Final = 4
_EVIDENCE_AT_ONCE: Final = 6
_COMMAND_INDENT: Final = LABEL_COLUMN + 2


def cause_block(page: Page, report: Report, cause: Cause) -> None:
    """Where, Why, Seen, Fix, Or: all that a reader needs about the first cause."""
    where = place(cause.root.subject)
    if where:
        page.prose("Where", where)
    if cause.explanation:
        page.prose("Why", cause.explanation)
    _seen(page, report, cause)
    deciding = {alternative.decide for alternative in cause.root.alternatives if alternative.decide}
    fixes = [fix for fix in cause.fixes if fix.command is None or fix.command not in deciding]
    _fixes(page, fixes, cause.name)
    _alternatives(page, cause.root.alternatives)


def undecided_block(page: Page, report: Report) -> None:
    """What kept the verdict open, and the command that would close it."""
    spots = [spot for spot in report.blind_spots if spot.blocks_verdict]
    named_in_title = report.first_cause is None
    for number, spot in enumerate(spots):
        if number == 0 and named_in_title:
            page.prose("Why", spot.why)
        else:
            page.prose("Unseen", unseen_line(spot))
        if spot.decide:
            _decide(page, "Decide", spot.decide)


def blind_spots(page: Page, spots: Sequence[BlindSpot]) -> None:
    """What could not be looked at although the verdict stands."""
    shown = spots if page.style.verbose else spots[:2]
    for spot in shown:
        page.prose("Unseen", unseen_line(spot))
        if spot.decide:
            _decide(page, "", spot.decide)
    if len(spots) > len(shown):
        page.prose("", f"+{len(spots) - len(shown)} more not looked at; -v shows them")


def unseen_line(spot: BlindSpot) -> str:
    return f"not looked at: {spot.what}, because {spot.why}"


def also(page: Page, causes: Sequence[Cause]) -> None:
    """Further causes: what, the first thing that was seen, the first cure."""
    for cause in causes:
        page.blank()
        head: list[Span] = [
            (f"{cause.severity.value}: ", ROLE_OF_SEVERITY[cause.severity]),
            (cause.title, "strong"),
            (f" ({cause.code} {cause.name})", "dim"),
        ]
        page.prose("Also", head)
        if cause.evidence:
            page.prose("", f"seen: {cause.evidence[0].detail}")
        if cause.fixes:
            _fix(page, "", cause.fixes[0], "fix: ")


def remarks(page: Page, report: Report, unseen: Sequence[BlindSpot], room: int) -> None:
    """What is merely worth knowing, one short line each, as many as there is room for."""
    folded = {id(finding) for cause in report.causes for finding in (cause.root, *cause.consequences)}
    infos = [f for f in report.findings if f.effective_severity is Severity.INFO and id(f) not in folded]
    if page.style.verbose:
        for finding in infos:
            page.prose("Note", note_of(finding))
            page.prose("", [(finding.evidence[0].detail, "dim")])
        return
    lines = [("Unseen", unseen_line(spot)) for spot in unseen] + [("Note", note_of(finding)) for finding in infos]
    shown = lines if len(lines) <= room else lines[: max(room - 1, 0)]
    for label, text in shown:
        page.one_line(label, text)
    if len(lines) > len(shown) and room > 0:
        page.one_line("", f"+{len(lines) - len(shown)} more worth knowing; -v shows them", "dim")


def note_of(finding: Finding) -> str:
    return f"{finding.message} ({finding.rule.name})"


def place(subject: Subject | None) -> str:
    """`Service prod/greeter spec.ports[0].name (gateway.yaml:12)`; empty for an endpoint, which the header names."""
    if subject is None or not (subject.kind or subject.file):
        return ""
    named = "/".join(part for part in (subject.namespace, subject.name) if part)
    line = f":{subject.line}" if subject.line else ""
    file = f"({subject.file}{line})" if subject.file else ""
    return " ".join(part for part in (subject.kind, named, subject.field, file) if part)


def _seen(page: Page, report: Report, cause: Cause) -> None:
    shown = cause.evidence if page.style.verbose else cause.evidence[:_EVIDENCE_AT_ONCE]
    label = "Seen"
    for item in shown:
        page.prose(label, _evidence(item))
        label = ""
    opinion = Observations(report.observations).get(SecondOpinionFacts)
    spoke = opinion is not None and (opinion.code is not None or opinion.exit_signal is not None)
    if opinion is not None and spoke and not any("grpcio" in item.detail for item in cause.evidence):
        page.prose(label, says(opinion))
        label = ""
    if len(cause.evidence) > len(shown):
        page.prose(label, f"+{len(cause.evidence) - len(shown)} more; -v shows them")


def _evidence(item: Evidence) -> list[Span]:
    """The evidence, and in front of it where it comes from."""
    if item.ref is None or item.detail.lower().startswith(item.ref.lower()):
        return [(item.detail, "")]
    return [(f"{item.ref}: ", "dim"), (item.detail, "")]


def says(opinion: SecondOpinionFacts) -> str:
    """What grpcio reports about the same endpoint: the words that users paste."""
    if opinion.exit_signal is not None:
        return f"{opinion.client} died of signal {opinion.exit_signal}: this peer kills Python gRPC clients"
    return f'{opinion.client} says {opinion.code}: "{opinion.details}"'


def _fixes(page: Page, fixes: Sequence[Fix], rule: str) -> None:
    shown = fixes if page.style.verbose else fixes[:_FIXES_AT_ONCE]
    for number, fix in enumerate(shown):
        _fix(page, "Fix" if number == 0 else "", fix)
    if len(fixes) > len(shown):
        page.prose("", f"+{len(fixes) - len(shown)} more: grpcdoctor rule {rule}")


def _fix(page: Page, label: str, fix: Fix, prefix: str = "") -> None:
    page.prose(label, prefix + fix.summary)
    change = fix.command or fix.patch
    if change:
        page.verbatim(change, _COMMAND_INDENT)


def _alternatives(page: Page, alternatives: Sequence[Alternative]) -> None:
    for number, alternative in enumerate(alternatives):
        page.prose("Or" if number == 0 else "", [(f"{alternative.name}: ", "strong"), (alternative.why, "")])
        if alternative.decide:
            page.verbatim(alternative.decide, _COMMAND_INDENT)


def _decide(page: Page, label: str, decide: str) -> None:
    page.prose(label, "run this:")
    page.verbatim(decide, _COMMAND_INDENT)


