"""What -v shows of an Envoy: every filter chain with its limits and filters, every route in the order it is tried."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from grpcdoctor.model.envoy import ShownChain, ShownFilter, ShownLimit, ShownListener, ShownRoute, ShownRoutes
from grpcdoctor.report import clean
from grpcdoctor.report.layout import Page

_INDENT: Final = 4


def in_words(tls: str) -> str:
    """The TLS of a cluster; "mixed" is a word for programs."""
    return "TLS or plaintext by endpoint" if tls == "mixed" else tls


def limit_words(limit: ShownLimit) -> str:
    """`timeout 15 s (default)`, `stream_idle_timeout off`."""
    if limit.seconds is None:
        return f"{limit.name} off"
    value = f"{limit.seconds * 1000:g} ms" if 0 < limit.seconds < 1 else f"{limit.seconds:g} s"
    return f"{limit.name} {value}{' (default)' if limit.default else ''}"


def limits_line(limits: Sequence[ShownLimit]) -> str:
    """Those that limit, and those that somebody switched off."""
    return ", ".join(limit_words(item) for item in limits if item.seconds is not None or not item.default)


def filter_words(item: ShownFilter) -> str:
    off = "" if item.on or item.note.startswith("off") else " off"
    return f"{item.kind}{off}" + (f" ({item.note})" if item.note else "")


def listener_details(page: Page, listener: ShownListener) -> None:
    parts = [listener.state, listener.direction.lower(), f"version {listener.version}" if listener.version else ""]
    head = ", ".join(filter(None, parts))
    name = clean.line(listener.name)
    page.prose("", [(name, "strong"), (f" {listener.address}", ""), (f" · {head}", "dim")], indent=2)
    for chain in listener.chains:
        _chain(page, chain)


def _chain(page: Page, chain: ShownChain) -> None:
    to = {"http": "routes", "tcp": "cluster"}.get(chain.kind, "")
    where = f", {to} {clean.line(chain.routes)}" if to and chain.routes else ""
    codec = f", codec {chain.codec}" if chain.codec not in ("", "AUTO") else ""
    page.prose("", f"{clean.line(chain.match)}: {chain.speaks}{codec}{where}", indent=_INDENT)
    said = limits_line(chain.limits)
    if said:
        page.prose("", [(said, "dim")], indent=_INDENT + 2)
    if chain.filters:
        names = " → ".join(clean.line(filter_words(item)) for item in chain.filters)
        page.prose("", [(names, "dim")], indent=_INDENT + 2)


def routes_details(page: Page, configurations: Sequence[ShownRoutes]) -> None:
    if not configurations:
        return
    page.blank()
    page.prose("", [("Routes", "strong"), (" (the first that matches is taken)", "dim")], indent=0)
    for routes in configurations:
        version = f", version {routes.version}" if routes.version else ""
        name = clean.line(routes.name) or "(no name)"
        page.prose("", [(name, "strong"), (f" · {routes.state}{version}", "dim")], indent=2)
        for host in routes.hosts:
            page.prose("", clean.line(", ".join(host.domains)), indent=_INDENT)
            for number, route in enumerate(host.routes, 1):
                _route(page, number, route)


def _route(page: Page, number: int, route: ShownRoute) -> None:
    page.prose("", f"{number}. {clean.line(route.match)} → {clean.line(route.action)}", indent=_INDENT + 2)
    said = [limits_line(route.limits), f"retries {route.retries}" if route.retries else ""]
    said += [clean.line(filter_words(item)) for item in route.filters]
    words = ", ".join(filter(None, said))
    if words:
        page.prose("", [(words, "dim")], indent=_INDENT + 5)
