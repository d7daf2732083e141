"""The way of a request as a picture in text: one line a path, broken between legs where it is too long."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from grpcdoctor.model.report import Hop, HopPath
from grpcdoctor.report import clean
from grpcdoctor.report.layout import NO_BREAK, Page, Span
from grpcdoctor.report.style import Style

_INDENT: Final = 2
_REASON_INDENT: Final = 6
_ROUTES_AT_ONCE: Final = 3


def picture(page: Page, path: HopPath, heading: bool = True, also: Sequence[HopPath] = ()) -> None:
    """The host, the route with its match, then the legs with their protocol, and who decided what breaks.

    `also` are further routes that go the very same way.
    """
    if heading:
        page.line((clean.line(path.host), "strong"))
    shown = (path, *(also if page.style.verbose else also[: _ROUTES_AT_ONCE - 1]))
    for each in shown:
        where = f"{each.match} by {each.route}" if each.match else f"by {each.route}"
        page.prose("", [(where, "dim")], indent=_INDENT)
    if len(shown) <= len(also):
        page.prose("", [(f"+{len(also) + 1 - len(shown):,} more routes that go the same way", "dim")], indent=_INDENT)
    _legs(page, path.hops)
    for hop in _explained(path, page.style):
        page.prose("", [("└ ", "dim"), *_because(hop)], indent=_REASON_INDENT)


def same_ways(paths: Sequence[HopPath]) -> list[list[HopPath]]:
    """Routes of one host whose calls take the very same legs: they stand in one picture."""
    ways: dict[tuple[str, tuple[Hop, ...]], list[HopPath]] = {}
    for path in paths:
        ways.setdefault((path.host, path.hops), []).append(path)
    return list(ways.values())


def arrow(hop: Hop) -> str:
    """`──h2, TLS──▶`."""
    return f"──{hop.label}──▶"


def _legs(page: Page, hops: tuple[Hop, ...]) -> None:
    """As many legs on a line as fit; each holds together as far as it can."""
    spans: list[Span] = []
    for part in _parts(hops):
        spans += [(text.replace(" ", NO_BREAK), role) for text, role in part]
        spans.append((" ", ""))
    page.prose("", spans, indent=_INDENT)


def _parts(hops: tuple[Hop, ...]) -> list[list[Span]]:
    """The first node, then an arrow with its node a leg."""
    if not hops:
        return []
    parts: list[list[Span]] = [[(clean.line(hops[0].source), "")]]
    for hop in hops:
        wrong = "bad" if hop.problem else ""
        node: list[Span] = [(arrow(hop) + " ", wrong or "dim"), (clean.line(hop.destination), wrong)]
        if hop.problem:
            node.append((" ✗", "bad"))
        parts.append(node)
    return parts


def _because(hop: Hop) -> list[Span]:
    """What decided the protocol; where that is right and something else breaks, the rule that names it comes first."""
    reason = clean.line(hop.reason)
    if not hop.problem:
        return [(reason, "dim")]
    if hop.protocol == "h2":
        return [(hop.problem, "bad"), (f"; {reason}", "dim")]
    return [(reason, "bad"), (f" ({hop.problem})", "dim")]


def _explained(path: HopPath, style: Style) -> list[Hop]:
    """Who decided: on every leg with -v, else on those that break, or on none where all is well and it goes unsaid."""
    said: dict[str, Hop] = {}  # one field decides many legs
    for hop in path.hops:
        if hop.reason and (hop.reason not in said or (hop.problem and not said[hop.reason].problem)):
            said[hop.reason] = hop
    return [hop for hop in said.values() if style.verbose or hop.problem]
