"""The part of the terminal report that shows a bisected way: its hops from the outermost, and where it first breaks."""

from __future__ import annotations

from itertools import groupby
from typing import Final

from grpcdoctor.model.bisection import BisectHop, HopState
from grpcdoctor.model.conclusions import milliseconds
from grpcdoctor.model.finding import BlindSpot
from grpcdoctor.model.report import Report
from grpcdoctor.report.layout import Page, Span
from grpcdoctor.report.style import Style

_ALIKE_AT_ONCE: Final = 4
_ROLES: Final = {HopState.WORKS: "good", HopState.FAILS: "bad", HopState.UNSEEN: "warn"}


def bisection(page: Page, report: Report) -> None:
    """A line a hop; of many that stand side by side and work, the first and how many more."""
    found = report.bisection
    if found is None:
        return
    label = "Way"
    told: set[str] = set()
    for _, group in groupby(found.hops, key=lambda hop: (hop.level, hop.state)):
        alike = list(group)
        shown = alike if page.style.verbose or len(alike) <= _ALIKE_AT_ONCE else alike[: _ALIKE_AT_ONCE - 1]
        for hop in shown:
            page.prose(label, _line(hop, page.style, told))
            label = ""
        if len(alike) > len(shown):
            more = f"+{len(alike) - len(shown)} more {alike[0].role}s alike; -v shows them"
            page.prose("", [(more, "dim")])
    page.prose("So", [(found.sentence, "strong")])
    for note in found.notes:
        page.prose("Note", note)
    page.blank()


def untold(report: Report) -> tuple[BlindSpot, ...]:
    """The blind spots that are no hop of the way, for the way shows its own."""
    if report.bisection is None:
        return report.blind_spots
    shown = {hop.title for hop in report.bisection.hops}
    return tuple(spot for spot in report.blind_spots if spot.what not in shown)


def mark_of_hop(hop: BisectHop, style: Style) -> Span:
    glyphs = style.glyphs
    mark = {HopState.WORKS: glyphs.ok, HopState.FAILS: glyphs.fail, HopState.UNSEEN: glyphs.unknown}[hop.state]
    return mark, _ROLES[hop.state]


def _line(hop: BisectHop, style: Style, told: set[str]) -> list[Span]:
    """`told`: what was said in words of a hop before."""
    how = ", ".join(filter(None, (hop.speaks, hop.way)))
    took = f", {milliseconds(hop.duration_ms)}" if hop.state is HopState.WORKS else ""
    spans = [mark_of_hop(hop, style), (f" {hop.title}", "")]
    if how:
        spans.append((f" ({how}{took})", "dim"))
    if hop.state is HopState.FAILS and hop.cause is not None:
        words = hop.cause if hop.detail in told else f"{hop.cause}: {hop.detail}"
        spans.append((f" {words}", _ROLES[hop.state]))
    elif hop.state is HopState.UNSEEN:
        spans.append((f" not looked at: {hop.detail}", "dim"))
    told.add(hop.detail)
    return spans
