"""markdown: the report for a ticket, a chat or a pull request. Several targets make one table."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Final

from grpcdoctor.model.conclusions import milliseconds
from grpcdoctor.model.facts.grpc import SecondOpinionFacts
from grpcdoctor.model.finding import Evidence, Fix, Verdict
from grpcdoctor.model.observation import Observations, Outcome
from grpcdoctor.model.report import Cause, Report
from grpcdoctor.model.rule import Severity
from grpcdoctor.report import clean, glance, hops
from grpcdoctor.report.blocks import note_of, place, says
from grpcdoctor.report.ladder import Rung, ladder
from grpcdoctor.report.layout import Page
from grpcdoctor.report.marks import glyph_of, mark_of
from grpcdoctor.report.pictures import picture, same_ways
from grpcdoctor.report.style import Style
from grpcdoctor.report.tally import Tally
from grpcdoctor.report.wording import in_words

# Escaped everywhere: what a peer sent must not become a link, an image, a tag, a mention or a cell.
_PICTURE_WIDTH: Final = 120
_SPECIAL: Final = re.compile(r"([\\`*_{}\[\]<>|#~!@])")


def render(report: Report, style: Style) -> str:
    inspected = report.command in ("inspect", "envoy") and report.scope is not None
    lines = [f"# {mark_of(report.verdict, style)} {escape(report.name)}: {report.verdict.value}", ""]
    for number, cause in enumerate(report.causes, 1):
        lines += _cause(cause, number, style)
    lines += _paths(report, style)
    lines += _blind_spots(report)
    if not inspected:
        lines += _ladder(report, style)
        lines += _facts(report)
    lines += _notes(report)
    if style.verbose:
        lines += _observations(report)
    lines.append(f"grpcdoctor, {report.started_at}, {milliseconds(report.duration_ms)}")
    return style.fit("\n".join(lines) + "\n")


class Many:
    """A table with a row a target, then the counts."""

    def __init__(self, endpoints: Sequence[str], style: Style) -> None:
        self._style = style
        self._tally = Tally()

    def head(self) -> str:
        return "| | Endpoint | Verdict | Cause | Rule | Time |\n|---|---|---|---|---|---|\n"

    def line(self, report: Report) -> str:
        self._tally.add(report)
        cause = report.first_cause
        cells = (
            mark_of(report.verdict, self._style),
            escape(report.name),
            report.verdict.value,
            escape(cause.title) if cause else _undecided(report),
            f"{cause.code} {cause.name}" if cause else "",
            milliseconds(report.duration_ms),
        )
        return self._style.fit("| " + " | ".join(cells) + " |\n")

    def tail(self) -> str:
        return f"\n{self._tally.counts()}\n" if self._tally.total else ""


def escape(text: str) -> str:
    return _SPECIAL.sub(r"\\\1", clean.line(text))


def _cause(cause: Cause, number: int, style: Style) -> list[str]:
    likely = "" if cause.confidence >= 0.995 else f", confidence {cause.confidence:.0%}"
    lines = [f"## {number}. {escape(cause.title)}", ""]
    lines += [f"`{cause.code} {cause.name}`, {cause.severity.value}{likely}", ""]
    where = place(cause.root.subject)
    if where:
        lines += [f"**Where:** {escape(where)}", ""]
    if cause.explanation:
        lines += [f"**Why:** {escape(cause.explanation)}", ""]
    lines += ["**Seen:**", "", *(f"- {_evidence(item)}" for item in cause.evidence), ""]
    if cause.fixes:
        lines += ["**Fix:**", ""]
        for fix in cause.fixes:
            lines += _fix(fix)
        lines.append("")
    for other in cause.root.alternatives:
        lines += [f"**Or** `{other.name}`: {escape(other.why)}", ""]
        if other.decide:
            lines += [*_fenced(other.decide, "sh"), ""]
    return lines


def _evidence(item: Evidence) -> str:
    if item.ref is None or item.detail.lower().startswith(item.ref.lower()):
        return escape(item.detail)
    return f"{escape(item.ref)}: {escape(item.detail)}"


def _fix(fix: Fix) -> list[str]:
    lines = [f"- {escape(fix.summary)}"]
    change = fix.command or fix.patch
    if change:
        lines += ["", *(f"  {line}" for line in _fenced(change, "sh" if fix.command else "")), ""]
    return lines


def _fenced(text: str, language: str) -> list[str]:
    """A code block whose fence is longer than any in the text."""
    longest = max((len(run) for run in re.findall(r"`+", text)), default=0)
    fence = "`" * max(3, longest + 1)
    return [fence + language, *clean.block(text).rstrip("\n").split("\n"), fence]


def _blind_spots(report: Report) -> list[str]:
    if not report.blind_spots:
        return []
    lines = ["## Not looked at", ""]
    for spot in report.blind_spots:
        lines.append(f"- {escape(spot.what)}, because {escape(spot.why)}")
        if spot.decide:
            lines += ["", *(f"  {line}" for line in _fenced(spot.decide, "sh"))]
    return [*lines, ""]


def _paths(report: Report, style: Style) -> list[str]:
    """The ways that break, and those of the host that was asked for, as pictures."""
    asked = report.scope is not None and report.scope.host is not None
    shown = [path for path in report.paths if asked or style.verbose or path.problem]
    if not shown:
        return []
    page = Page(replace(style, colour=False, width=_PICTURE_WIDTH))
    for first, *also in same_ways(shown):
        picture(page, first, also=also)
    return ["## Paths", "", *_fenced(page.text(), ""), ""]


def _ladder(report: Report, style: Style) -> list[str]:
    def row(rung: Rung) -> str:
        took = milliseconds(rung.ms) if rung.ms is not None else ""
        return f"| {glyph_of(rung.mark, style)} | {rung.name} | {took} | {escape(rung.note)} |"

    return ["## Layers", "", "| | Layer | Time | |", "|---|---|---|---|", *map(row, ladder(report)), ""]


def _facts(report: Report) -> list[str]:
    seen = Observations(report.observations)
    facts: Iterable[tuple[str, str | None]] = (
        ("TLS", glance.tls(seen)),
        ("HTTP/2", " · ".join(glance.http2(seen, verbose=True))),
        ("Health", glance.health(seen)),
        ("Services", ", ".join(glance.services(seen))),
        ("Call", glance.call(seen)),
        ("Tries", glance.tries(seen)),
        ("Hops", " ".join(hops.chain(report.hops))),
    )
    lines = [f"- **{label}:** {escape(text)}" for label, text in facts if text]
    lines += [f"- **Decided by:** {escape(hops.reason(hop.decided_by))}" for hop in report.hops if hop.decided_by]
    lines += [f"- **Second opinion:** {escape(says(item.facts))}" for item in report.observations
              if isinstance(item.facts, SecondOpinionFacts) and item.facts.client]  # fmt: skip
    return [*lines, ""] if lines else []


def _notes(report: Report) -> list[str]:
    infos = [f for f in report.findings if f.effective_severity is Severity.INFO]
    lines = [f"- {escape(note_of(finding))}" for finding in infos]
    for item in report.observations:
        if item.outcome is Outcome.BUG:
            error = escape(item.error or "no details")
            lines.append(f"- a bug in grpcdoctor: its {escape(item.probe)} probe failed: {error}; please report it")
    return ["## Notes", "", *lines, ""] if lines else []


def _observations(report: Report) -> list[str]:
    lines = ["## Observations", ""]
    for item in report.observations:
        error = f": {escape(item.error)}" if item.error else ""
        lines.append(f"- **{escape(item.probe)}** {item.outcome.value}{error} ({milliseconds(item.duration_ms)})")
        if item.facts is not None:
            lines += [f"  - {escape(text)}" for text in in_words(item.facts)]
    return [*lines, ""]


def _undecided(report: Report) -> str:
    spot = next((spot for spot in report.blind_spots if spot.blocks_verdict), None)
    return f"not looked at: {escape(spot.what)}" if spot and report.verdict is Verdict.INCONCLUSIVE else ""
