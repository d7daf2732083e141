"""The text of an explained log: how many requests ended well, then what went wrong, by cause."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from grpcdoctor.model.conclusions import milliseconds
from grpcdoctor.model.facts.log import LogFacts, LogGroup
from grpcdoctor.model.finding import Subject
from grpcdoctor.model.observation import Observations
from grpcdoctor.model.report import Cause, Report
from grpcdoctor.model.rule import Severity
from grpcdoctor.report import clean
from grpcdoctor.report.blocks import note_of, unseen_line
from grpcdoctor.report.layout import LABEL_COLUMN, Page, Span
from grpcdoctor.report.marks import ROLE_OF_SEVERITY, ROLE_OF_VERDICT, mark_of
from grpcdoctor.report.sparkline import sparkline
from grpcdoctor.report.style import Style

_CAUSES_AT_ONCE: Final = 5
_GROUPS_AT_ONCE: Final = 3
_TIME_COLUMN: Final = 20
"""`2026-11-25T03:00:00Z`."""


def render_log(report: Report, facts: LogFacts, style: Style) -> str:
    """The whole page."""
    page = Page(style)
    _header(page, report, facts)
    _over_time(page, "Load", facts.over_time, facts.first, facts.last)
    if any(facts.faults_over_time):
        _over_time(page, "Faults", facts.faults_over_time, "", "")
    shown = report.causes if style.verbose else report.causes[:_CAUSES_AT_ONCE]
    for cause in shown:
        page.blank()
        _cause(page, cause, _groups_of(facts, cause))
    if len(report.causes) > len(shown):
        page.blank()
        page.prose("", f"+{len(report.causes) - len(shown)} more causes; -v shows them")
    _notes(page, report, facts)
    if report.causes:
        page.blank()
        page.prose("More", f"grpcdoctor rule {report.causes[0].name}")
    return page.text()


def _header(page: Page, report: Report, facts: LogFacts) -> None:
    role = ROLE_OF_VERDICT[report.verdict]
    left: list[Span] = [
        (mark_of(report.verdict, page.style), role),
        (" ", ""),
        (report.verdict.value.upper(), role),
        ("  ", ""),
        (f"{facts.lines:,} lines, {facts.requests:,} requests", "strong"),
    ]
    well = dict(facts.outcomes).get("ok", 0)
    right = f"{well / facts.requests:.2%} ended well" if facts.requests else "no access log"
    page.heading(left, right)
    others = [f"{count:,} {outcome}" for outcome, count in facts.outcomes if count and outcome != "ok"]
    if others:
        page.prose("", [(" · ".join(others), "dim")], indent=2)


def _over_time(page: Page, label: str, values: Sequence[int], first: str, last: str) -> None:
    """A row of bars with its times."""
    room = page.style.width - LABEL_COLUMN - 2 * (_TIME_COLUMN + 1)
    bars = sparkline(values, max(room, 10), page.style)
    if len(values) > 1 and bars.strip():
        spans: list[Span] = [(first.ljust(_TIME_COLUMN), "dim"), (" ", ""), (bars, ""), (f" {last}", "dim")]
        page.line(("  ", ""), (label.ljust(LABEL_COLUMN - 2), "label"), *spans)


def _groups_of(facts: LogFacts, cause: Cause) -> list[LogGroup]:
    """The groups that were taken together for this cause, as its evidence has them: of one rule and one upstream."""
    about = (cause.name, (cause.root.subject or Subject()).name or "")
    return [g for g in facts.groups if g.suspects and (g.suspects[0].rule, g.upstream_cluster) == about]


def _cause(page: Page, cause: Cause, groups: Sequence[LogGroup]) -> None:
    head: list[Span] = [
        (cause.severity.value, ROLE_OF_SEVERITY[cause.severity]),
        (" ", ""),
        (f"{cause.code} {cause.name}", "strong"),
    ]
    page.line(*head)
    likely = "" if cause.confidence >= 0.995 else f" ({cause.confidence:.0%})"
    page.prose("", [(clean.line(cause.title) + likely, "strong")], indent=2)
    seen = cause.evidence if page.style.verbose else cause.evidence[:_GROUPS_AT_ONCE]
    page.listed("Seen", (item.detail for item in seen))
    first = groups[0] if groups else LogGroup()
    if first.p50_ms is not None:
        page.prose("Took", _latency(first))
    if first.first:
        page.prose("When", first.first if first.first == first.last else f"{first.first} to {first.last}")
    if first.kind == "messages":
        page.one_line("Says", clean.line(first.example))
    page.prose("Why", cause.explanation)
    others = [alternative for alternative in cause.root.alternatives if alternative.name != cause.name][:2]
    page.listed("Or", ([(f"{other.name}: ", "strong"), (other.why, "")] for other in others))
    suspect = next((each for group in groups for each in group.suspects[:1]), None)
    if suspect is not None and suspect.probes:
        page.prose("Run", "this tells:")
        page.verbatim(suspect.probes[0])
    for fix in cause.fixes[:1]:
        page.prose("Fix", fix.summary)
        if page.style.verbose and (fix.command or fix.patch):
            page.verbatim(fix.command or fix.patch or "")


def _latency(group: LogGroup) -> str:
    values = (("p50", group.p50_ms), ("p90", group.p90_ms), ("p99", group.p99_ms), ("longest", group.longest_ms))
    return " · ".join(f"{name} {milliseconds(value)}" for name, value in values if value is not None)


def _notes(page: Page, report: Report, facts: LogFacts) -> None:
    infos = [finding for finding in report.findings if finding.effective_severity is Severity.INFO]
    if infos or facts.folded or facts.left_out or report.blind_spots:
        page.blank()
    for finding in infos:
        page.prose("Note", note_of(finding))
        if page.style.verbose:
            for item in finding.evidence:
                page.prose("", [(item.detail, "dim")])
    if facts.folded:
        page.prose("Note", f"{facts.folded:,} requests of rare kinds are told by flags and status alone")
    if facts.left_out:
        page.prose("Note", f"{facts.left_out:,} lines were left out by --since, --host or --path")
    for spot in report.blind_spots:
        page.prose("Unseen", unseen_line(spot))


def log_facts(report: Report) -> LogFacts | None:
    """What the report has of a log, if it is of one."""
    return Observations(report.observations).get(LogFacts)
