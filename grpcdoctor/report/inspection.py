"""The text of an inspection: what is wrong, grouped by rule, worst first, each with the line of the manifest."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby
from typing import Final

from grpcdoctor.model.finding import BlindSpot, Finding, Fix, Source, Subject, Verdict
from grpcdoctor.model.report import Cause, HopPath, Report
from grpcdoctor.model.rule import Severity
from grpcdoctor.report import clean
from grpcdoctor.report.blocks import note_of, place, unseen_line
from grpcdoctor.report.layout import LABEL_COLUMN, Page, Span, cells, clip
from grpcdoctor.report.marks import ROLE_OF_SEVERITY, ROLE_OF_VERDICT, mark_of
from grpcdoctor.report.pictures import picture, same_ways
from grpcdoctor.report.style import Style

_PLACES_AT_ONCE: Final = 5
"""Findings of one rule that are shown in full; -v shows all."""
_PICTURES_AT_ONCE: Final = 3
_NOTES_AT_ONCE: Final = 5
_EVIDENCE_AT_ONCE: Final = 3
_SPOTS_AT_ONCE: Final = 3
_EXCERPT_INDENT: Final = LABEL_COLUMN + 2
_MIGRATION: Final = "proxyless-migration"


def render_inspection(report: Report, style: Style) -> str:
    """The whole page."""
    page = Page(style)
    _header(page, report)
    causes_blocks(page, report)
    _pictures(page, report)
    unseen_block(page, report.blind_spots)
    _proxyless(page, report)
    notes_block(page, report)
    _tail(page, report)
    return page.text()


def causes_blocks(page: Page, report: Report) -> None:
    """The causes, grouped by rule, worst first."""
    for _, found in groupby(report.causes, key=lambda cause: (cause.severity, cause.name)):
        page.blank()
        _group(page, list(found))


def counts(report: Report) -> str:
    """`3 errors, 1 warning`, or `nothing found`."""
    numbers = [(sum(1 for cause in report.causes if cause.severity is each), each) for each in Severity]
    words = [f"{count} {each.value}{'s' if count != 1 else ''}" for count, each in numbers if count]
    return ", ".join(words) or "nothing found"


def _header(page: Page, report: Report) -> None:
    style, role = page.style, ROLE_OF_VERDICT[report.verdict]
    scope = report.scope
    name = (scope.host or scope.input) if scope is not None else report.target.input
    right = counts(report)
    verdict = report.verdict.value.upper()
    room = style.width - cells(verdict) - cells(right) - cells(mark_of(report.verdict, style)) - 6
    left: list[Span] = [
        (mark_of(report.verdict, style), role),
        (" ", ""),
        (clip(name, max(room, 12), style), "strong"),
        ("  ", ""),
        (verdict, role),
    ]
    page.heading(left, right)
    page.prose("", [(_looked_at(report), "dim")], indent=2)


def _looked_at(report: Report) -> str:
    """`41 objects of context prod, namespaces a, b · 3 paths`."""
    scope = report.scope
    if scope is None:
        return ""
    parts = [_number(scope.objects, "object") + (f" in {scope.input}" if scope.host else "")]
    if scope.namespaces:
        parts.append(f"namespace{'s' if len(scope.namespaces) > 1 else ''} {', '.join(scope.namespaces)}")
    if report.paths:
        broken = sum(1 for path in report.paths if path.problem)
        parts.append(_number(len(report.paths), "path") + (f", {broken:,} broken" if broken else ""))
    return " · ".join(parts)


def _group(page: Page, causes: Sequence[Cause]) -> None:
    """One rule: its title and why it matters once, then every place."""
    first = causes[0]
    severity = first.severity
    many = f" × {len(causes)}" if len(causes) > 1 else ""
    page.line(
        (severity.value, ROLE_OF_SEVERITY[severity]), (" ", ""), (f"{first.code} {first.name}", "strong"), (many, "dim")
    )
    shown = causes if page.style.verbose else causes[:_PLACES_AT_ONCE]
    symptom = first.explanation
    if len(causes) > 1 and symptom and all(cause.explanation == symptom for cause in causes):
        page.prose("Why", symptom)
    for cause in shown:
        _place(page, cause, why=len(causes) == 1 or cause.explanation != symptom)
    if len(shown) < len(causes):
        page.prose("", f"+{len(causes) - len(shown):,} more of {first.name}; -v shows them")


def _place(page: Page, cause: Cause, why: bool) -> None:
    likely = "" if cause.confidence >= 0.995 else f" (likely, {cause.confidence:.0%})"
    page.prose("", [(clean.line(cause.title) + likely, "strong")], indent=2)
    _where(page, cause.root.subject)
    if why and cause.explanation:
        page.prose("Why", cause.explanation)
    # Of an object the first evidence is the field that "Where" has named; what an Envoy said stands nowhere else.
    seen = cause.evidence if cause.evidence[0].source is Source.ENVOY else cause.evidence[1:]
    evidence = seen if page.style.verbose else seen[:_EVIDENCE_AT_ONCE]
    page.listed("Seen", (item.detail for item in evidence))
    for number, fix in enumerate(cause.fixes if page.style.verbose else cause.fixes[:1]):
        _fix(page, "Fix" if number == 0 else "Or", fix)
    page.blank()


def _where(page: Page, subject: Subject | None) -> None:
    """Object and field, and below it the line of the manifest, underlined."""
    page.prose("Where", place(subject))
    if subject is None or not subject.text or subject.line is None:
        return
    text = clean.visible(subject.text.rstrip().replace("\t", "  "))
    number = f"{subject.line} │ "
    room = max(page.style.width - _EXCERPT_INDENT - cells(number), 20)
    shown = text if cells(text) <= room else text[: room - 1] + "…"
    body = shown.lstrip(" ")
    lead = " " * (len(shown) - len(body))
    page.line((" " * _EXCERPT_INDENT, ""), (number, "dim"), (shown, "code"))
    page.line((" " * (_EXCERPT_INDENT + cells(number)) + lead, ""), ("^" * min(cells(body), room), "bad"))


def _fix(page: Page, label: str, fix: Fix) -> None:
    page.prose(label, fix.summary)
    change = fix.command or fix.patch
    if change:
        page.verbatim(change, LABEL_COLUMN + 2)


def _pictures(page: Page, report: Report) -> None:
    """The ways that break; with a host all its ways, for that is what was asked."""
    asked = report.scope is not None and report.scope.host is not None
    chosen = report.paths if asked or page.style.verbose else tuple(path for path in report.paths if path.problem)
    ways = same_ways(chosen)
    shown = ways if page.style.verbose else ways[:_PICTURES_AT_ONCE]
    if not shown:
        return
    page.blank()
    host = None
    for first, *also in shown:
        picture(page, first, heading=first.host != host, also=also)
        host = first.host
    rest = sum(len(way) for way in ways[len(shown) :])
    if rest:
        page.prose("", [(f"+{_number(rest, 'more path')}; -v shows {'it' if rest == 1 else 'them'}", "dim")], indent=2)


def unseen_block(page: Page, spots: Sequence[BlindSpot]) -> None:
    if not spots:
        return
    page.blank()
    ordered = sorted(spots, key=lambda spot: not spot.blocks_verdict)
    shown = ordered if page.style.verbose else ordered[:_SPOTS_AT_ONCE]
    for number, spot in enumerate(shown):
        page.prose("Unseen" if number == 0 else "", unseen_line(spot))
        if spot.decide:
            page.verbatim(spot.decide)
    if len(shown) < len(spots):
        page.prose("", f"+{len(spots) - len(shown):,} more not looked at; -v shows them")


def _proxyless(page: Page, report: Report) -> None:
    """By workload, all that it would lose, keep and gain without its sidecar: it was asked for."""
    found = [finding for finding in _infos(report) if finding.rule.name == _MIGRATION]
    for workload, findings in groupby(found, key=lambda finding: finding.message.partition(": ")[0]):
        page.blank()
        page.line((f"{clean.line(workload)} without its sidecar", "strong"))
        for finding in findings:
            verdict, _, what = finding.message.partition(": ")[2].partition(": ")
            why = f"  {clean.line(finding.explanation)}"
            page.prose(verdict.capitalize(), [(f"{clean.line(what)}:", "strong"), (why, "")])
            if page.style.verbose:
                page.prose("", [(place(finding.subject), "dim")])


def _infos(report: Report) -> list[Finding]:
    return [finding for finding in report.findings if finding.effective_severity is Severity.INFO]


def notes_block(page: Page, report: Report) -> None:
    """What is merely worth knowing: one line each, how many of a rule."""
    infos = [finding for finding in _infos(report) if finding.rule.name != _MIGRATION]
    if not infos:
        return
    page.blank()
    if page.style.verbose:
        for finding in infos:
            page.prose("Note", note_of(finding))
            page.prose("", [(place(finding.subject), "dim")])
        return
    for number, (first, count) in enumerate(_by_rule(infos)[:_NOTES_AT_ONCE]):
        more = f", and {count - 1} more like it" if count > 1 else ""
        page.one_line("Note" if number == 0 else "", note_of(first) + more)
    rest = len(_by_rule(infos)) - _NOTES_AT_ONCE
    if rest > 0:
        page.one_line("", f"+{rest} more kinds of remarks; -v shows them", "dim")


def _by_rule(findings: Sequence[Finding]) -> list[tuple[Finding, int]]:
    """(the first finding, how many) of each rule."""
    found: dict[str, list[Finding]] = {}
    for finding in findings:
        found.setdefault(finding.rule.name, []).append(finding)
    return [(same[0], len(same)) for same in found.values()]


def _tail(page: Page, report: Report) -> None:
    if report.suppressed:
        total = sum(count for _, count in report.suppressed)
        listed = ", ".join(f"{count} × {name}" for name, count in report.suppressed)
        page.blank()
        page.prose("Hidden", f"{_number(total, 'finding')} that you do not want to see: {listed}")
    if report.causes:
        page.blank()
        page.prose("More", f"grpcdoctor rule {report.causes[0].name}")
    elif report.verdict is Verdict.HEALTHY and not _grpc_paths(report):
        page.blank()
        page.prose("Note", "none of these objects routes gRPC, as far as they tell")


def _grpc_paths(report: Report) -> tuple[HopPath, ...]:
    return tuple(path for path in report.paths if path.is_grpc)


def _number(count: int, word: str) -> str:
    return f"{count:,} {word}{'s' if count != 1 else ''}"
