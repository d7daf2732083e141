"""The matches of GRPCRoutes and HTTPRoutes, and the order in which their rules are tried."""

from __future__ import annotations

from typing import Any, Final

from grpcdoctor.cluster.fields import FieldPath, mapping_at, mappings_at, text_at
from grpcdoctor.cluster.kinds import GRPC_ROUTE, HTTP_ROUTE
from grpcdoctor.cluster.objects import Object
from grpcdoctor.cluster.routes import Match, PathKind, RouteRule

_HTTP_KINDS: Final = {"Exact": PathKind.EXACT, "PathPrefix": PathKind.SEGMENTS, "RegularExpression": PathKind.REGEX}
_RANKS: Final = {PathKind.EXACT: 3, PathKind.SEGMENTS: 2, PathKind.PREFIX: 2, PathKind.REGEX: 1, PathKind.ANY: 0}


def matches_of(route: Object, rule: dict[str, Any], path: FieldPath) -> tuple[Match, ...]:
    """Of one rule; none: it takes everything."""
    found = mappings_at(rule, "matches")
    if route.kind == GRPC_ROUTE:
        return tuple(_grpc_match(raw, (*path, "matches", index)) for index, raw in found)
    if route.kind == HTTP_ROUTE:
        return tuple(_http_match(raw, (*path, "matches", index)) for index, raw in found)
    return ()


def _grpc_match(raw: dict[str, Any], path: FieldPath) -> Match:
    """A gRPC method is the path /Service/Method."""
    method = mapping_at(raw, "method")
    service, name, others = text_at(method, "service"), text_at(method, "method"), bool(raw.get("headers"))
    if not service and not name:
        return Match(path=path, others=others)
    place = (*path, "method", "service" if service else "method")
    if text_at(method, "type") == "RegularExpression":
        return Match(PathKind.REGEX, f"/{service or '[^/]+'}/{name or '.+'}", place, others)
    if not service:
        return Match(PathKind.REGEX, f"/[^/]+/{name}", place, others)
    if not name:
        return Match(PathKind.PREFIX, f"/{service}/", place, others)
    return Match(PathKind.EXACT, f"/{service}/{name}", place, others)


def _http_match(raw: dict[str, Any], path: FieldPath) -> Match:
    others = any(raw.get(key) for key in ("headers", "queryParams", "method"))
    condition = mapping_at(raw, "path")
    if not condition:
        return Match(path=path, others=others)
    kind = _HTTP_KINDS.get(text_at(condition, "type") or "PathPrefix", PathKind.REGEX)
    return Match(kind, text_at(condition, "value") or "/", (*path, "path", "value"), others)


def precedence(rule: RouteRule) -> tuple[int, int, int]:
    """A sort key for rules of one host: the more specific first, as the API asks for.

    The API compares matches; we order whole rules by the least specific match of each, so that no rule seems to come
    after one that takes its requests only as a last resort.
    """
    if not rule.matches:
        return (0, 0, 0)
    least = min(rule.matches, key=_specificity)
    rank, length, others = _specificity(least)
    return (-rank, -length, -others)


def _specificity(match: Match) -> tuple[int, int, int]:
    return (0 if match.is_everything else _RANKS[match.kind], len(match.value), int(match.others))
