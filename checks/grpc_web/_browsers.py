"""Routes that browsers call with gRPC-Web, as far as the objects tell, and what their corsPolicy says."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

from grpcdoctor.cluster.fields import FieldPath, items_at, mapping_at, mappings_at, text_at, texts_at
from grpcdoctor.cluster.intent import intent_of
from grpcdoctor.cluster.objects import Object
from grpcdoctor.cluster.routes import RouteRule, routes
from grpcdoctor.cluster.services import ServicePort
from grpcdoctor.cluster.snapshot import Cluster

# Headers that only gRPC-Web clients send or read.
REQUEST_HEADERS: Final = frozenset(("x-grpc-web", "grpc-timeout"))
RESPONSE_HEADERS: Final = frozenset(("grpc-status", "grpc-message", "grpc-status-details-bin"))
_CONTENT: Final = "application/grpc-web"


@dataclass(frozen=True, eq=False)
class BrowserRoute:
    """One HTTP route of a VirtualService. `rule` has its gateways and backends; `raw` is the route itself."""

    rule: RouteRule
    raw: dict[str, Any]

    @property
    def object(self) -> Object:
        return self.rule.object

    @property
    def path(self) -> FieldPath:
        return self.rule.path

    @property
    def title(self) -> str:
        """`VirtualService prod/web http[0]`."""
        return f"{self.object.title} {self.path[1]}[{self.path[2]}]"

    @property
    def has_cors(self) -> bool:
        return isinstance(self.raw.get("corsPolicy"), dict)

    @property
    def cors(self) -> dict[str, Any]:
        return mapping_at(self.raw, "corsPolicy")

    @property
    def cors_path(self) -> FieldPath:
        return (*self.path, "corsPolicy")

    def words(self, field: str) -> frozenset[str]:
        return frozenset(word.strip().lower() for word in texts_at(self.cors, field))

    @property
    def because(self) -> tuple[FieldPath, str] | None:
        """(field, clause) that says that gRPC-Web clients use it."""
        for field, names in (("allowHeaders", REQUEST_HEADERS), ("exposeHeaders", RESPONSE_HEADERS)):
            found = sorted(self.words(field) & names)
            if found:
                return (*self.cors_path, field), f"its corsPolicy lists {found[0]} in {field}"
        for index, match in mappings_at(self.raw, "match"):
            for name, value in mapping_at(match, "headers").items():
                path = (*self.path, "match", index, "headers", name)
                if name.lower() == "x-grpc-web":
                    return path, "it matches the header x-grpc-web"
                if name.lower() == "content-type" and any(_CONTENT in text_at(value, w) for w in mapping_at(value)):
                    return path, f"it matches the content-type {_CONTENT}"
        return None

    def is_grpc(self, cluster: Cluster) -> bool:
        """It leads to a gRPC server."""
        if self.rule.looks_like_grpc:
            return True
        ports = (backend.port for backend in self.rule.backends)
        return any(isinstance(port, ServicePort) and intent_of(cluster, port).is_grpc for port in ports)

    @property
    def hosts(self) -> tuple[str, ...]:
        return self.rule.hosts


def browser_routes(cluster: Cluster) -> tuple[BrowserRoute, ...]:
    """Every HTTP route of Istio that leads on: for a browser or not."""
    return cluster.once(_routes)


def siblings(cluster: Cluster, route: BrowserRoute) -> tuple[BrowserRoute, ...]:
    """All routes of its VirtualService, itself among them."""
    return cluster.once(_by_object).get(id(route.object), ())


def needs_header(match: dict[str, Any]) -> str:
    """The condition of a match that no preflight meets: an OPTIONS request has neither body nor these headers."""
    for name in mapping_at(match, "headers"):
        if name.lower() in ("content-type", *REQUEST_HEADERS, "x-user-agent", "te"):
            return f"the header {name.lower()}"
    method = text_at(match, "method", "exact")
    return f"the method {method}" if method and method != "OPTIONS" else ""


def takes_preflights(route: BrowserRoute) -> bool:
    """Some of its matches (or none is written) can be met by a preflight."""
    matches = [match for _, match in mappings_at(route.raw, "match")]
    if not items_at(route.raw, "match"):
        return True
    return any(not needs_header(match) for match in matches)


def _routes(cluster: Cluster) -> tuple[BrowserRoute, ...]:
    return tuple(_each(cluster))


def _each(cluster: Cluster) -> Iterator[BrowserRoute]:
    for rule in routes(cluster):
        if rule.platform == "istio" and rule.is_http:
            yield BrowserRoute(rule, mapping_at(rule.object.raw, *rule.path))


def _by_object(cluster: Cluster) -> dict[int, tuple[BrowserRoute, ...]]:
    found: dict[int, list[BrowserRoute]] = {}
    for route in browser_routes(cluster):
        found.setdefault(id(route.object), []).append(route)
    return {key: tuple(items) for key, items in found.items()}
