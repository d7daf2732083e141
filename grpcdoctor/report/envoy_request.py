"""The way of one request through an Envoy, step by step, with every limit and filter on it."""

from __future__ import annotations

from typing import Final

from grpcdoctor.model.envoy import ShownDestination, ShownLimit, ShownRequest, ShownStep
from grpcdoctor.report import clean
from grpcdoctor.report.envoy_details import filter_words, in_words, limit_words
from grpcdoctor.report.layout import Page, Span, width_of

_STEP_COLUMN: Final = 14
_ENDPOINTS_AT_ONCE: Final = 4
_ALSO_AT_ONCE: Final = 3


def request_block(page: Page, request: ShownRequest) -> None:
    page.blank()
    page.prose("", [("Request ", "strong"), (clean.line(request.input), "code")], indent=0)
    for step in request.steps:
        _step(page, step)
    for item in request.destinations:
        _destination(page, item)
    if request.symptom:
        page.prose("", [("Clients get ", ""), (request.symptom, "bad")], indent=_STEP_COLUMN)
    _limits(page, request)
    if request.retries:
        page.prose("Retries", request.retries, indent=_STEP_COLUMN)
    _filters(page, request)
    page.listed("Not", map(clean.line, request.near_misses), _STEP_COLUMN)
    page.listed("Note", map(clean.line, request.notes), _STEP_COLUMN)
    if request.also:
        names = ", ".join(request.also[:_ALSO_AT_ONCE])
        more = f" and {len(request.also) - _ALSO_AT_ONCE:,} more" if len(request.also) > _ALSO_AT_ONCE else ""
        page.prose("Or", f"other listeners take it as well: {clean.line(names)}{more} (--listener picks one)",
                   indent=_STEP_COLUMN)  # fmt: skip


def _step(page: Page, step: ShownStep) -> None:
    glyphs = page.style.glyphs
    mark, role = (glyphs.ok, "good") if step.value else (glyphs.fail, "bad")
    head: list[Span] = [(mark, role), (f" {step.name} ".ljust(_STEP_COLUMN - 2 - len(mark)), "label")]
    words: list[Span] = [(clean.line(step.value), "")] if step.value else []
    if step.why:
        words.append((f"{' · ' if step.value else ''}{clean.line(step.why)}", "dim" if step.value else ""))
    _row(page, head, words)


def _row(page: Page, head: list[Span], words: list[Span]) -> None:
    """A mark and a name, then words that are wrapped beside them; below them where one is too long for that."""
    before = len(page.lines)
    page.prose("", words, indent=_STEP_COLUMN)
    first = page.lines[before] if len(page.lines) > before else []
    if first and width_of(first) <= page.style.width:
        page.lines[before] = [("  ", ""), *head, *first[1:]]
    else:
        page.lines.insert(before, [("  ", ""), *head])


def _destination(page: Page, item: ShownDestination) -> None:
    glyphs = page.style.glyphs
    fine = item.exists and bool(item.endpoints)
    mark, role = (glyphs.ok, "good") if fine else (glyphs.fail, "bad")
    head: list[Span] = [(mark, role), (" cluster ".ljust(_STEP_COLUMN - 2 - len(mark)), "label")]
    share = f"{item.share:g}% to " if item.share < 100 else ""
    if not item.exists:
        _row(page, head, [(f"{share}{clean.line(item.cluster)}: there is no such cluster", "")])
        return
    field = item.decided_by.removeprefix("HttpProtocolOptions.")
    by = f" · by {field}" if field else " · nothing sets the version: Envoy's default"
    spoken = f"{share}{clean.line(item.cluster)}: speaks {item.protocol}, {in_words(item.tls)}"
    _row(page, head, [(spoken, ""), (by, "dim")])
    if not item.endpoints:
        page.prose("", "no endpoint", indent=_STEP_COLUMN)
    shown = item.endpoints if page.style.verbose else item.endpoints[:_ENDPOINTS_AT_ONCE]
    for endpoint in shown:
        health = "healthy" if endpoint.healthy else ", ".join(endpoint.ailments)
        page.prose("", f"{endpoint.address} {health}" + (f", {endpoint.tls}" if item.tls == "mixed" else ""),
                   indent=_STEP_COLUMN)  # fmt: skip
    if len(shown) < len(item.endpoints):
        healthy = sum(1 for endpoint in item.endpoints if endpoint.healthy)
        page.prose("", [(f"+{len(item.endpoints) - len(shown):,} more, {healthy:,} healthy in all", "dim")],
                   indent=_STEP_COLUMN)  # fmt: skip


def _limits(page: Page, request: ShownRequest) -> None:
    """What limits; with -v also what does not."""
    wanted = [item for item in request.limits if item.seconds is not None or page.style.verbose or _switched_off(item)]
    page.listed("Limits", map(_limit, wanted), _STEP_COLUMN)


def _limit(item: ShownLimit) -> list[Span]:
    note = f" · {item.note}" if item.note else ""
    owner = f" · {clean.line(item.owner)}" if item.owner else ""
    return [(limit_words(item), ""), (f"{owner}{note}", "dim")]


def _switched_off(item: ShownLimit) -> bool:
    return item.seconds is None and not item.default and item.name in ("timeout", "stream_idle_timeout", "idle_timeout")


def _filters(page: Page, request: ShownRequest) -> None:
    shown = [item for item in request.filters if item.acts or page.style.verbose]
    page.listed("Filters", (clean.line(filter_words(item)) for item in shown), _STEP_COLUMN)
