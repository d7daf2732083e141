"""cors-policy-incomplete: a corsPolicy for gRPC-Web leaves out what a browser must be allowed to send or read."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from grpcdoctor.checks._findings import about, seen
from grpcdoctor.checks.grpc_web._browsers import BrowserRoute, browser_routes
from grpcdoctor.checks.grpc_web._translation import is_translated
from grpcdoctor.cluster.changes import Edit
from grpcdoctor.cluster.fields import items_at, texts_at
from grpcdoctor.cluster.paths import ROUTE_KINDS
from grpcdoctor.cluster.snapshot import Cluster
from grpcdoctor.model.finding import Conclusion, Evidence, Finding
from grpcdoctor.model.rule import Rule, Severity

RULE = Rule(
    code="GD773",
    name="cors-policy-incomplete",
    severity=Severity.ERROR,
    title="a corsPolicy for gRPC-Web does not allow what a browser needs",
)
READS = ROUTE_KINDS

_ANY: Final = "*"
# Every gRPC-Web client sends these two; the official one x-user-agent as well, and grpc-timeout with a deadline.
_SENT: Final = ("content-type", "x-grpc-web")
_READ: Final = ("grpc-status", "grpc-message")
_DETAILS: Final = "grpc-status-details-bin"
_BLOCKED: Final = "The browser drops the call: Failed to fetch, or Http response at 400 or 500 level."


def check(cluster: Cluster) -> Iterator[Conclusion]:
    for route in browser_routes(cluster):
        if route.has_cors and (route.because is not None or _leads_to_grpc(cluster, route)):
            yield from _origins(cluster, route)
            yield from _methods(cluster, route)
            yield from _request_headers(cluster, route)
            yield from _response_headers(cluster, route)


def _leads_to_grpc(cluster: Cluster, route: BrowserRoute) -> bool:
    """A corsPolicy in front of a gRPC server with the filter on the way can be for nothing but gRPC-Web."""
    return route.is_grpc(cluster) and is_translated(cluster, route.rule)


def _origins(cluster: Cluster, route: BrowserRoute) -> Iterator[Finding]:
    if items_at(route.cors, "allowOrigins") or items_at(route.cors, "allowOrigin"):
        return
    host = next((host for host in route.hosts if "." in host), "example.com").lstrip("*.")
    path = (*route.cors_path, "allowOrigins")
    fix = Edit(route.object).set(path, [{"exact": f"https://{'.'.join(host.split('.')[-2:])}"}])
    yield about(
        RULE,
        route.object,
        path,
        f"{route.title} has a corsPolicy without allowOrigins",
        symptom=f"No origin is allowed, and preflights are handed on to the gRPC server. {_BLOCKED}",
        evidence=_because(route),
        fixes=(fix.fix("Allow the origins of your web applications"),),
    )


def _methods(cluster: Cluster, route: BrowserRoute) -> Iterator[Finding]:
    words = route.words("allowMethods")
    if not words or "post" in words or _ANY in words:
        return
    path = (*route.cors_path, "allowMethods")
    written = list(texts_at(route.cors, "allowMethods"))
    yield about(
        RULE,
        route.object,
        path,
        f"{route.title} allows the methods {', '.join(written)}, and gRPC-Web calls with POST",
        symptom="Browsers allow POST whatever stands there (the Fetch standard calls it safelisted), and other "
        "clients of CORS "
        "may not.",
        evidence=_because(route),
        fixes=(Edit(route.object).set(path, [*written, "POST"]).fix("Allow POST"),),
        severity=Severity.INFO,
    )


# What is missing -> how bad, how sure that the client sends it, and when it does. The first that is missing counts.
_REQUEST: Final = (
    (_SENT, Severity.ERROR, 1.0, "Every gRPC-Web call has it, so the preflight is not satisfied."),
    (("x-user-agent",), Severity.WARNING, 0.8, "The official grpc-web client sends it with every call, others do not."),
    (("grpc-timeout",), Severity.INFO, 1.0, "Clients send it where a call has a deadline."),
)


def _request_headers(cluster: Cluster, route: BrowserRoute) -> Iterator[Finding]:
    words = route.words("allowHeaders")
    if _ANY in words:
        return
    path = (*route.cors_path, "allowHeaders")
    wanted = list(texts_at(route.cors, "allowHeaders"))
    wanted += [name for names, *_ in _REQUEST for name in names if name not in words]
    for names, severity, confidence, when in _REQUEST:
        missing = [name for name in names if name not in words]
        if missing:
            yield about(
                RULE,
                route.object,
                path,
                f"{route.title} does not allow the request header {' and '.join(missing)}",
                symptom=f"{when} {_BLOCKED}",
                evidence=_because(route),
                fixes=(Edit(route.object).set(path, wanted).fix("Allow the headers that gRPC-Web clients send"),),
                severity=severity,
                confidence=confidence,
            )
            return


def _response_headers(cluster: Cluster, route: BrowserRoute) -> Iterator[Finding]:
    words = route.words("exposeHeaders")
    if _ANY in words:
        return
    missing = [name for name in _READ if name not in words]
    path = (*route.cors_path, "exposeHeaders")
    written = list(texts_at(route.cors, "exposeHeaders"))
    wanted = [*written, *(name for name in (*_READ, _DETAILS) if name not in words)]
    fix = Edit(route.object).set(path, wanted).fix("Let web applications read the status of a failed call")
    if missing:
        yield about(
            RULE,
            route.object,
            path,
            f"{route.title} does not expose the response header {' and '.join(missing)}",
            symptom="A call that fails at once has its status in the headers, and the browser hides them. The "
            "application sees "
            "UNKNOWN or an empty answer where the server said NOT_FOUND or PERMISSION_DENIED.",
            evidence=_because(route),
            fixes=(fix,),
            severity=Severity.WARNING,
        )
    elif _DETAILS not in words:
        yield about(
            RULE,
            route.object,
            path,
            f"{route.title} does not expose {_DETAILS}",
            symptom="Where a server sends rich error details, web applications cannot read those of a call that "
            "fails at once.",
            fixes=(fix,),
            severity=Severity.INFO,
        )


def _because(route: BrowserRoute) -> tuple[Evidence, ...]:
    if route.because is None:
        return ()
    path, clause = route.because
    return (seen(route.object, path, clause),)
