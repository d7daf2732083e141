"""The text of an explanation: what the pasted text says and who said it, then the causes, the likeliest first."""

from __future__ import annotations

from typing import Final

from grpcdoctor.model.facts.text import Passage, Suspect, TextFacts
from grpcdoctor.model.finding import Verdict
from grpcdoctor.model.observation import Observations
from grpcdoctor.model.report import Cause, Report
from grpcdoctor.report import clean
from grpcdoctor.report.blocks import unseen_line
from grpcdoctor.report.explained_log import log_facts, render_log
from grpcdoctor.report.layout import LABEL_COLUMN, Page, Span, cells
from grpcdoctor.report.marks import ROLE_OF_VERDICT, mark_of
from grpcdoctor.report.style import Style

_CAUSES_AT_ONCE: Final = 3
_SEEN_AT_ONCE: Final = 3
_PASSAGES_AT_ONCE: Final = 2
_LEAST_PASSAGE: Final = 20
_LEAST_GAP: Final = 2

SPEAKERS: Final = {
    "client": "the client library",
    "server": "the server",
    "sidecar": "the sidecar",
    "gateway": "the gateway",
    "proxy": "a proxy",
    "platform": "the platform",
    "any": "",
}
LAYERS: Final = {
    "reach": "the connection",
    "tls": "TLS",
    "http2": "HTTP/2",
    "grpc": "gRPC",
    "routing": "routing",
    "policy": "policy",
    "application": "the application",
    "client": "the client's own code",
}


def render_explanation(report: Report, style: Style) -> str:
    """The whole page."""
    log = log_facts(report)
    if log is not None:
        return render_log(report, log, style)
    page = Page(style)
    facts = Observations(report.observations).get(TextFacts) or TextFacts()
    _header(page, report, facts)
    _said(page, facts)
    _probe_needed(page, facts)
    shown = report.causes if style.verbose else report.causes[:_CAUSES_AT_ONCE]
    for number, cause in enumerate(shown, 1):
        page.blank()
        _cause(page, cause, number, _suspect(facts, cause))
    rest = len(report.causes) - len(shown)
    if rest > 0:
        names = ", ".join(cause.name for cause in report.causes[len(shown) :])
        page.blank()
        page.prose("Less", f"likely: {names}; -v shows {'it' if rest == 1 else 'them'}")
    for spot in report.blind_spots:
        page.blank()
        page.prose("Unseen", unseen_line(spot))
        if spot.decide:
            page.verbatim(spot.decide)
    if report.causes:
        page.blank()
        page.prose("More", f"grpcdoctor rule {report.causes[0].name}")
    return page.text()


def _header(page: Page, report: Report, facts: TextFacts) -> None:
    """What it says in a sentence: what the most telling passage means."""
    role = ROLE_OF_VERDICT[report.verdict]
    if not facts.recognised:
        page.line((mark_of(Verdict.INCONCLUSIVE, page.style), role), (" ", ""), ("Not recognised", "strong"))
        return
    page.prose("", [(mark_of(report.verdict, page.style), role), (" ", ""), (facts.passages[0].means, "strong")], 0)


def _said(page: Page, facts: TextFacts) -> None:
    passages = [passage for passage in facts.passages if passage.weight >= _LEAST_PASSAGE]
    if passages:
        page.prose("Says", _speaker(passages[0]))
    further = passages[1:] if page.style.verbose else passages[1:_PASSAGES_AT_ONCE]
    for passage in further:
        page.prose("Also", passage.means)
    if facts.signals:
        page.prose("With", " · ".join(f"{name.replace('_', ' ')} {clean.line(value)}" for name, value in facts.signals))
    page.listed("Reads", facts.readings)


def _speaker(passage: Passage) -> str:
    who = SPEAKERS.get(passage.speaker, "")
    said_by = f"{passage.library}, {who}" if who and passage.library != "any" else who or passage.library
    layer = LAYERS.get(passage.layer, passage.layer)
    return f"{said_by if said_by != 'any' else 'any client'}; it is about {layer}"


def _probe_needed(page: Page, facts: TextFacts) -> None:
    if not facts.probe_needed:
        return
    page.blank()
    words = "probe needed: the text alone cannot tell the causes apart"
    page.prose("Decide", [(words, "warn"), (", these do" if len(facts.splits) > 1 else ", this does", "")])
    for command in facts.splits:
        page.verbatim(command)


def _cause(page: Page, cause: Cause, number: int, suspect: Suspect) -> None:
    """The first with all that is known, the others with what tells them from it."""
    _head(page, cause, number)
    whole = number == 1 or page.style.verbose
    if whole:
        page.prose("Why", cause.explanation)
        seen = cause.evidence if page.style.verbose else cause.evidence[:_SEEN_AT_ONCE]
        page.listed("Seen", (item.detail for item in seen))
    page.listed("If", suspect.confirm if whole else suspect.confirm[:1])
    if whole:
        page.listed("Not if", suspect.refute)
    if suspect.probes:
        page.prose("Run", "this tells:" if len(suspect.probes) == 1 or not page.style.verbose else "these tell:")
        for command in suspect.probes if page.style.verbose else suspect.probes[:1]:
            page.verbatim(command)
    for fix in cause.fixes if whole else cause.fixes[:1]:
        page.prose("Fix", fix.summary)
        change = fix.command or fix.patch
        if change and whole:
            page.verbatim(change)


def _head(page: Page, cause: Cause, number: int) -> None:
    """`1. 44%  what is wrong   GD202 the-rule`; the rule below where the line has no room for it."""
    label, title, right = f"{number}. {cause.confidence:.0%}", clean.line(cause.title), f"{cause.code} {cause.name}"
    gap = page.style.width - LABEL_COLUMN - cells(page.style.fit(title)) - cells(right)
    if gap >= _LEAST_GAP:
        spans: list[Span] = [(title, "strong"), (" " * gap, ""), (right, "dim")]
        page.line(("  ", ""), (label.ljust(LABEL_COLUMN - 2), "label"), *spans)
        return
    page.prose(label, [(title, "strong")])
    page.prose("", [(right, "dim")])


def _suspect(facts: TextFacts, cause: Cause) -> Suspect:
    return next((suspect for suspect in facts.suspects if suspect.rule == cause.name), Suspect())
