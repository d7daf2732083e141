"""envoy-grpc-web-filter-missing: routes are meant for gRPC-Web, and no grpc_web filter turns it into gRPC."""

from __future__ import annotations

from collections.abc import Iterator

from grpcdoctor.checks.envoy._findings import LISTENER, in_envoy, said
from grpcdoctor.checks.envoy._grpc import is_istio
from grpcdoctor.envoy.fields import Json, mappings, text
from grpcdoctor.envoy.http import FilterOnRoute, HttpManager
from grpcdoctor.envoy.routes import RouteConfiguration
from grpcdoctor.envoy.snapshot import Proxy
from grpcdoctor.model.finding import Conclusion, Fix
from grpcdoctor.model.rule import Rule, Severity

RULE = Rule(
    code="GD914",
    name="envoy-grpc-web-filter-missing",
    severity=Severity.ERROR,
    title="gRPC-Web is meant and the filter for it is missing",
)
ASKS = ("config_dump",)

_EXPOSED = "grpc-status"
_CONTENT = "application/grpc-web"


def check(proxy: Proxy) -> Iterator[Conclusion]:
    if is_istio(proxy):  # there the sidecar of the backend may translate
        return
    for listener, _chain, manager in proxy.http_chains:
        routes = proxy.routes_of(manager)
        if routes is None:
            continue
        why = _why(routes)
        web, cors = manager.filter("grpc_web"), manager.filter("cors")
        if why and web is None:
            yield _finding(listener.name, manager, "grpc_web", why)
        elif web is not None and cors is None and _has_cors(routes):
            yield _finding(listener.name, manager, "cors", "a CORS policy stands on its routes")


def _why(routes: RouteConfiguration) -> str:
    """A CORS policy that shows grpc-status to scripts, or a route for the content type: nothing else needs these."""
    for host in routes.virtual_hosts:
        for route in host.routes:
            if any(_exposes(item) for item in route.filters.values()):
                return f"virtual host {host.name}: its CORS policy exposes {_EXPOSED}"
            if any(_CONTENT in str(item) for item in mappings(route.match, "headers")):
                return f"virtual host {host.name}: a route is for {_CONTENT}"
    return ""


def _exposes(item: FilterOnRoute) -> bool:
    return item.kind == "cors" and _EXPOSED in text(item.raw, "expose_headers").lower()


def _has_cors(routes: RouteConfiguration) -> bool:
    return any(_is_policy(item.raw) for host in routes.virtual_hosts for route in host.routes
               for item in route.filters.values() if item.kind == "cors")  # fmt: skip


def _is_policy(raw: Json) -> bool:
    return any(key.startswith(("allow", "expose")) for key in raw)


def _finding(name: str, manager: HttpManager, missing: str, why: str) -> Conclusion:
    order = ", ".join(item.kind for item in manager.filters) or "none"
    symptom = {
        "grpc_web": "The backend gets application/grpc-web as it is: browsers see HTTP 415, or UNKNOWN.",
        "cors": "Nobody answers the browser's preflight: the call fails before it leaves, as a CORS error.",
    }[missing]
    return in_envoy(
        RULE,
        LISTENER,
        name,
        f"listener {name} serves gRPC-Web by its routes, and has no {missing} filter",
        symptom=symptom,
        evidence=[said(f"http_filters: {order}", "config_dump"), said(why, "config_dump")],
        fixes=(Fix("Put the filters cors and grpc_web before the router, in this order",
                   patch="http_filters:\n- {name: envoy.filters.http.cors}\n- {name: envoy.filters.http.grpc_web}\n"
                   "- {name: envoy.filters.http.router}"),),
        field="http_filters",
    )  # fmt: skip
