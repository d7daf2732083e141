"""The part of the terminal report that says what is there: ladder, certificate, HTTP/2, health, services, hops."""

from __future__ import annotations

from typing import Final

from grpcdoctor.model.conclusions import milliseconds
from grpcdoctor.model.finding import Verdict
from grpcdoctor.model.observation import Observations
from grpcdoctor.model.report import Hop, Report, ServiceRoute
from grpcdoctor.report import glance, hops
from grpcdoctor.report.ladder import Mark, Rung, ladder
from grpcdoctor.report.layout import LABEL_COLUMN, NO_BREAK, Page, Span, cells
from grpcdoctor.report.marks import ROLE_OF_MARK, glyph_of
from grpcdoctor.report.pictures import picture
from grpcdoctor.report.style import Style

_PATHS_AT_ONCE: Final = 2


def found(page: Page, report: Report, seen: Observations) -> None:
    _ladder(page, ladder(report))
    _one_line(page, "TLS", glance.tls(seen))
    _parts(page, "HTTP/2", glance.http2(seen, page.style.verbose))
    _one_line(page, "Health", glance.health(seen))
    _services(page, glance.services(seen))
    _call(page, seen, report.verdict is Verdict.HEALTHY)
    _one_line(page, "Tries", glance.tries(seen))
    if report.paths:
        _paths(page, report)
    else:
        _hops(page, report)
    _routes(page, report)


def _ladder(page: Page, rungs: tuple[Rung, ...]) -> None:
    """Each rung holds together; the line breaks between rungs only."""
    spans: list[Span] = []
    for rung in rungs:
        spans += _rung(rung, page.style)
        spans.append((" ", ""))
    page.prose("Ladder", spans, gap=2)


def _rung(rung: Rung, style: Style) -> list[Span]:
    words = [rung.name]
    if rung.ms is not None:
        words.append(milliseconds(rung.ms))
    if rung.note:
        words.append(f"({rung.note})")
    text = NO_BREAK.join(word.replace(" ", NO_BREAK) for word in words)
    role = ROLE_OF_MARK[rung.mark]
    return [(glyph_of(rung.mark, style), role), (NO_BREAK + text, "" if rung.mark is Mark.OK else role)]


def _one_line(page: Page, label: str, text: str | None) -> None:
    """A fact in one line; with -v whole, however long."""
    if text and page.style.verbose:
        page.prose(label, text)
    elif text:
        page.one_line(label, text)


def _parts(page: Page, label: str, parts: tuple[str, ...]) -> None:
    """As many parts as fit on one line, or with -v all."""
    text = ""
    for part in parts:
        longer = f"{text} · {part}" if text else part
        if text and not page.style.verbose and cells(page.style.fit(longer)) > page.style.width - LABEL_COLUMN:
            break
        text = longer
    _one_line(page, label, text)


def _services(page: Page, names: tuple[str, ...]) -> None:
    """As many names as fit on one line, then how many more there are."""
    if not names:
        return
    if page.style.verbose:
        page.prose("Serves", ", ".join(names))
        return
    room = page.style.width - LABEL_COLUMN
    text = ""
    for number, name in enumerate(names):
        longer = f"{text}, {name}" if text else name
        rest = len(names) - number - 1
        if text and cells(longer) + (len(f", +{rest} more") if rest else 0) > room:
            text += f", +{rest + 1} more"
            break
        text = longer
    page.one_line("Serves", text)


def _call(page: Page, seen: Observations, healthy: bool) -> None:
    """The user's call and its answer; the answer whole with -v, else on a line."""
    call, short = glance.call(seen), glance.response(seen)
    if page.style.verbose:
        _one_line(page, "Call", call)
        page.verbatim(glance.response(seen, indent=2) or "")
    elif call and short and (healthy or cells(call) + cells(short) + 2 <= page.style.width - LABEL_COLUMN):
        page.one_line("Call", f"{call}: {short}")
    else:
        _one_line(page, "Call", call)
        _one_line(page, "", short)


def _paths(page: Page, report: Report) -> None:
    """The ways of the host by the objects: those that break, else the first; all with -v."""
    broken = tuple(path for path in report.paths if path.problem)
    chosen = report.paths if page.style.verbose else (broken or report.paths)[:_PATHS_AT_ONCE]
    for path in chosen:
        picture(page, path, heading=False)
    if len(chosen) < len(report.paths) and report.verdict is not Verdict.HEALTHY:
        more = f"+{len(report.paths) - len(chosen)} more paths of this host; -v shows them"
        page.prose("", [(more, "dim")], indent=2)


def _routes(page: Page, report: Report) -> None:
    """Which of the services that reflection lists no route takes; with -v where each of them goes."""
    if page.style.verbose:
        page.listed("Routes", map(_routed, report.service_routes))
        return
    lost = [item.service for item in report.service_routes if item.route is None]
    if lost:
        page.one_line("Routes", f"no route takes {', '.join(lost)}")


def _routed(item: ServiceRoute) -> str:
    return f"{item.service}: {item.route} → {item.backend}" if item.route else f"{item.service}: no route takes it"


def _hops(page: Page, report: Report) -> None:
    """The HTTP version on every hop and who decided it."""
    if not report.hops:
        return
    words = " ".join(piece.replace(" ", NO_BREAK) for piece in hops.chain(report.hops))
    decided = [hop for hop in report.hops if hop.decided_by is not None]
    if len(report.hops) == 1 and decided:
        words += f" ({_because(decided[0])})".replace(" ", NO_BREAK).replace(NO_BREAK, " ", 1)
        decided = []
    if report.verdict is Verdict.HEALTHY and not page.style.verbose and len(report.hops) == 1:
        page.one_line("Hops", words.replace(NO_BREAK, " "))
    else:
        page.prose("Hops", words)
    for hop in decided:
        page.prose("", f"{hop.protocol} to {hop.destination} because {_because(hop)}")


def _because(hop: Hop) -> str:
    return hops.reason(hop.decided_by) if hop.decided_by is not None else ""
