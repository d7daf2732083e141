"""Health results for a reader: a line for each service of each target, in columns."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from grpcdoctor.model.conclusions import milliseconds
from grpcdoctor.report import clean
from grpcdoctor.report.layout import NO_BREAK, Page, Span, cells, clip, width_of
from grpcdoctor.report.style import Style

if TYPE_CHECKING:
    from grpcdoctor.client.connection_facts import ConnectionFacts
    from grpcdoctor.client.health import ServiceHealth
    from grpcdoctor.client.health_check import HealthResult

_STATUS_COLUMN: Final = len("http/2 failed")
_NARROWEST_SERVICE: Final = 16
_OVERALL: Final = "(server)"
"""The service "": a column that is empty reads like a mistake."""
_UNWRAPPED: Final = 1_000_000


class HealthRows:
    """Renders results as they come. `wrap`: long reasons go on below, in their column; otherwise a line stays one."""

    def __init__(self, endpoints: Sequence[str], services: Sequence[str], style: Style, wrap: bool) -> None:
        self._style = style if wrap else Style(_UNWRAPPED, style.colour, style.unicode, style.verbose)
        longest = max((cells(clean.line(endpoint)) for endpoint in endpoints), default=0)
        self._endpoint = min(longest, max(20, style.width * 2 // 5)) if wrap else longest
        self._services = [service for service in services if service]
        self._front: list[Span] = []

    def result(self, result: HealthResult, when: str = "") -> str:
        """`when` stands in front of what was watched."""
        page = Page(self._style)
        self._front = [(f"{when}  ", "dim")] if when else []
        if result.failure is not None:
            self._row(page, result, None, f"{result.stage} failed", False, result.reason or "")
        elif result.question.connect_only:
            self._row(page, result, None, "CONNECTED", True, milliseconds(result.connect_ms or 0.0))
        for service in result.services:
            self._answered(page, result, service)
        if self._style.verbose:
            _details(page, result)
        return page.text() if page.lines else ""

    def _answered(self, page: Page, result: HealthResult, service: ServiceHealth) -> None:
        good = service.is_as(result.question.expected)
        if service.serving is None and not good:
            self._row(page, result, service, "rpc failed", good, str(service.status))
        else:
            word = service.serving or service.status.name
            self._row(page, result, service, word, good, milliseconds(service.duration_ms))

    def _row(
        self, page: Page, result: HealthResult, service: ServiceHealth | None, word: str, good: bool, text: str
    ) -> None:
        glyphs, role = self._style.glyphs, "good" if good else "bad"
        marks = max(len(glyphs.ok), len(glyphs.fail))
        head: list[Span] = [
            *self._front,
            ((glyphs.ok if good else glyphs.fail).ljust(marks), role),
            (" " + self._padded(result.target.endpoint, self._endpoint) + "  ", ""),
        ]
        column = self._service_column(result)
        if column:
            name = (service.service or _OVERALL) if service is not None else ""
            head.append((self._padded(name, column) + "  ", ""))
        head.append((clean.line(word).ljust(_STATUS_COLUMN), role))
        if width_of(head) + 2 + cells(text) <= self._style.width:
            page.line(*head, ("  ", ""), (clean.line(text), ""))
        else:
            page.columns(head, clean.line(text))

    def _service_column(self, result: HealthResult) -> int:
        """Its width; 0 where the server as a whole is all that is asked about."""
        named = [*self._services, *(one.service for one in result.services if one.service)]
        if not named:
            return 0
        longest = max(cells(clean.line(name)) for name in (*named, _OVERALL))
        return min(longest, max(_NARROWEST_SERVICE, self._style.width * 3 // 10))

    def _padded(self, text: str, width: int) -> str:
        shown = clip(text, width, self._style)
        return shown + " " * (width - cells(shown))


def summary(healthy: int, total: int) -> str:
    return f"\n{healthy} of {total} healthy\n"


def _details(page: Page, result: HealthResult) -> None:
    if result.connection is not None:
        page.prose("", [(_connection_words(result.connection), "dim")], indent=4)
    if result.attempts > 1:
        page.prose("", [(f"{result.attempts} attempts in {milliseconds(result.duration_ms)}", "dim")], indent=4)


def _connection_words(facts: ConnectionFacts) -> str:
    parts = [f"{facts.address}, HTTP/{facts.http_version}"]
    if facts.proxy is not None:
        parts.append(f"through the proxy {facts.proxy}")
    parts.append(facts.handshake.version or "TLS" if facts.handshake is not None else "plaintext")
    if facts.certificates:
        parts.append(f"certificate for {', '.join(facts.certificates[0].names[:3]) or 'no name'}")
    steps = (("dns", facts.dns_ms), ("tcp", facts.tcp_ms), ("tls", facts.tls_ms), ("http/2", facts.http2_ms))
    times = [f"{name} {milliseconds(took)}".replace(" ", NO_BREAK) for name, took in steps if took is not None]
    return ", ".join(parts) + "; " + ", ".join(times)
