"""Services with their methods, for people."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from grpcdoctor.report import clean
from grpcdoctor.report.layout import Page, cells

if TYPE_CHECKING:
    from grpcdoctor.client.listing import ListedMethod, ListedService
    from grpcdoctor.report.layout import Span
    from grpcdoctor.report.style import Style

_UNARY = "unary"


def table(services: Sequence[ListedService], style: Style) -> str:
    """A service a paragraph: methods, what each takes and gives, whether it streams, whether it is deprecated."""
    page = Page(style)
    for service in services:
        page.blank()
        page.line((clean.visible(service.name), "strong"), *_mark(service.deprecated))
        if service.error is not None:
            page.prose("", [(f"its methods are not known: {service.error}", "warn")], indent=2)
        methods = service.methods or ()
        widest = max((cells(clean.visible(method.name)) for method in methods), default=0)
        for method in methods:
            name = clean.visible(method.name)
            head: list[Span] = [("  ", ""), (name + " " * (widest - cells(name)), "")]
            page.columns(head, _signature(method, service.name))
        if service.methods == ():
            page.line(("  (no methods)", "dim"))
    return page.text()


def _mark(deprecated: bool | None) -> list[Span]:
    return [("  deprecated", "warn")] if deprecated else []


def _signature(method: ListedMethod, service: str) -> str:
    """(stream Request) → stream Response; names of the service's own package without it."""
    package = service.rpartition(".")[0]
    request, response = (_short(name, package) for name in (method.request, method.response))
    takes = "stream " if method.kind in ("client-streaming", "bidi-streaming") else ""
    gives = "stream " if method.kind in ("server-streaming", "bidi-streaming") else ""
    kind = "" if method.kind == _UNARY else f", {method.kind}"
    deprecated = ", deprecated" if method.deprecated else ""
    return clean.visible(f"({takes}{request}) → {gives}{response}{kind}{deprecated}")


def _short(name: str, package: str) -> str:
    rest = name.removeprefix(f"{package}.") if package else name
    return rest if "." not in rest else name
