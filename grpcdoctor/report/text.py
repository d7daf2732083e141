"""text: the report for a reader at a terminal. Verdict and cause first, then why, what was seen, and what to change;
then the ladder and what was found; at the end what could not be looked at, further causes, and where to read on.
"""

from __future__ import annotations

from collections.abc import Sequence

from grpcdoctor.model.conclusions import milliseconds
from grpcdoctor.model.finding import Verdict
from grpcdoctor.model.observation import Observations, Outcome
from grpcdoctor.model.report import Cause, Report
from grpcdoctor.report import clean
from grpcdoctor.report.bisection import bisection, untold
from grpcdoctor.report.blocks import also, blind_spots, cause_block, remarks, undecided_block
from grpcdoctor.report.details import details
from grpcdoctor.report.found import found
from grpcdoctor.report.layout import Page, Span, cells, clip, paint, width_of
from grpcdoctor.report.marks import ROLE_OF_VERDICT, mark_of
from grpcdoctor.report.style import Style
from grpcdoctor.report.tally import Tally

HEALTHY_LINES = 12
"""A healthy endpoint never takes more."""
_REMARKS = 3
_NARROWEST_TITLE = 8
_BESIDE_ENDPOINT = 28
"""Columns that mark, verdict and code need in a line of many."""


def render(report: Report, style: Style) -> str:
    if report.command == "inspect":
        from grpcdoctor.report.inspection import render_inspection

        return render_inspection(report, style)
    if report.command == "explain":
        from grpcdoctor.report.explanation import render_explanation

        return render_explanation(report, style)
    if report.envoy is not None:
        from grpcdoctor.report.envoy import render_envoy

        return render_envoy(report, report.envoy, style)
    page = Page(style)
    seen = Observations(report.observations)
    _header(page, report)
    page.blank()
    bisection(page, report)
    _what_is_wrong(page, report)
    found(page, report, seen)
    blocking = report.verdict is Verdict.INCONCLUSIVE
    unseen = [spot for spot in untold(report) if not (blocking and spot.blocks_verdict)]
    _bugs(page, report)
    if report.verdict is Verdict.HEALTHY and not style.verbose:
        remarks(page, report, unseen, HEALTHY_LINES - len(page.lines))
    else:
        blind_spots(page, unseen)
        also(page, report.causes[1:])
        remarks(page, report, (), _REMARKS)
    if style.verbose:
        details(page, report)
    _more(page, report)
    return page.text()


def _what_is_wrong(page: Page, report: Report) -> None:
    """The first cause, and whatever kept the verdict open; nothing where all is well."""
    before = len(page.lines)
    if report.first_cause is not None:
        cause_block(page, report, report.first_cause)
    if report.verdict is Verdict.INCONCLUSIVE:
        undecided_block(page, report)
    if len(page.lines) > before:
        page.blank()


def _header(page: Page, report: Report) -> None:
    """Mark, endpoint, verdict and cause; the cause on a line of its own where the first has no room for it."""
    style, cause, role = page.style, report.first_cause, ROLE_OF_VERDICT[report.verdict]
    left: list[Span] = [
        (mark_of(report.verdict, style), role),
        (" ", ""),
        (clean.line(report.target.endpoint), "strong"),
        ("  ", ""),
        (report.verdict.value.upper(), role),
    ]
    right = f"{cause.code} {cause.name}" if cause else milliseconds(report.duration_ms)
    title = _title(report)
    room = style.width - width_of(left) - cells(right) - 4
    if title and cells(title) <= room:
        left += [("  ", ""), (title, "strong")]
        title = ""
    gap = style.width - width_of(left) - cells(right)
    if gap >= 2:
        page.heading(left, right)
    else:
        page.line(*left)
        page.prose("", [(right, "dim")], indent=2)
    if title:
        page.prose("", [(title, "strong")], indent=2)


def _title(report: Report) -> str:
    cause = report.first_cause
    if cause is not None:
        return clean.line(cause.title) + _likelihood(cause)
    spot = next((spot for spot in report.blind_spots if spot.blocks_verdict), None)
    if spot is not None and report.verdict is Verdict.INCONCLUSIVE:
        return f"not looked at: {clean.line(spot.what)}"
    return ""


def _likelihood(cause: Cause) -> str:
    """Certainty goes without saying."""
    if cause.confidence >= 0.995:
        return ""
    return f" (likely, {cause.confidence:.0%})" if cause.confidence >= 0.5 else f" (possible, {cause.confidence:.0%})"


def _bugs(page: Page, report: Report) -> None:
    for item in report.observations:
        if item.outcome is Outcome.BUG:
            page.prose("Bug", f"grpcdoctor itself failed in its {item.probe} probe: {item.error or 'no details'}. "
                              "What that probe would have seen is missing here; please report this.")  # fmt: skip


def _more(page: Page, report: Report) -> None:
    if report.first_cause is not None:
        page.prose("More", [("grpcdoctor rule ", ""), (report.first_cause.name, "")])


class Many:
    """Several targets: a line each as it finishes, in columns, and a summary."""

    def __init__(self, endpoints: Sequence[str], style: Style) -> None:
        self._style = style
        longest = max((cells(clean.line(endpoint)) for endpoint in endpoints), default=0)
        self._column = min(longest, max(20, style.width * 2 // 5), style.width - _BESIDE_ENDPOINT)
        self._tally = Tally()

    def head(self) -> str:
        return ""

    def line(self, report: Report) -> str:
        self._tally.add(report)
        return _row(report, self._style, self._column)

    def tail(self) -> str:
        page = Page(self._style)
        page.blank()
        page.line()
        for label, text in self._tally.lines():
            page.prose(label, text)
        return page.text() if self._tally.total else ""


def _row(report: Report, style: Style, column: int) -> str:
    """Mark, endpoint, verdict, the first cause by its rule's title, and the rule's code; the time where all is well."""
    mark, role = mark_of(report.verdict, style), ROLE_OF_VERDICT[report.verdict]
    marks = max(len(mark_of(verdict, style)) for verdict in Verdict)
    endpoint = clip(report.name, column, style)
    left: list[Span] = [
        (mark.ljust(marks), role),
        (" " + endpoint + " " * (column - cells(endpoint)) + "  ", ""),
        (report.verdict.value.upper().ljust(len("INCONCLUSIVE")), role),
        ("  ", ""),
    ]
    cause = report.first_cause
    right = f"  {cause.code}" if cause else f"  {milliseconds(report.duration_ms)}"
    room = style.width - width_of(left) - cells(right)
    if room < _NARROWEST_TITLE:
        return paint([*left, (right.strip(), "dim")], style) + "\n"
    title = clip(cause.root.rule.title if cause else _title(report), room, style)
    return paint([*left, (title + " " * (room - cells(title)), ""), (right, "dim")], style) + "\n"
