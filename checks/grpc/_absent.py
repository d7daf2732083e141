"""Health and reflection that do not answer: the application lacks them, or something on the way does not route them."""

from __future__ import annotations

from typing import Final

from grpcdoctor.checks.grpc._replies import Kind, Seen

HEALTH: Final = ("health", "health-list")
REFLECTION: Final = ("reflection-v1", "reflection-v1alpha")

# A 404 that may be the application's own (a Go or Connect router's) is no proof against a proxy.
_SURE: Final = 0.8


def not_routed(item: Seen) -> bool:
    """Something other than the application says that it knows no such path: a proxy's words, or a web page."""
    if item.kind is Kind.NO_ROUTE:
        return item.confidence >= _SURE and item.by.who == "proxy"
    return item.kind is Kind.NOT_GRPC and (item.by.who == "proxy" or _is_page(item))


def not_offered(item: Seen) -> bool:
    """The application has no such method: UNIMPLEMENTED, or the plain 404 or 415 of its own router."""
    if item.kind is Kind.UNIMPLEMENTED:
        return True
    return item.kind in (Kind.NO_ROUTE, Kind.NOT_GRPC) and not not_routed(item) and item.reply.http_status != 421


def _is_page(item: Seen) -> bool:
    """No gRPC application answers with HTML; whoever does stands in front of it."""
    return item.reply.content_type.lower().startswith("text/html")
