"""cors-preflight-unmatched: a corsPolicy stands under a match that a preflight cannot meet."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from typing import Any

from grpcdoctor.checks._findings import about, seen
from grpcdoctor.checks.grpc_web._browsers import (
    BrowserRoute,
    browser_routes,
    needs_header,
    siblings,
    takes_preflights,
)  # fmt: skip
from grpcdoctor.cluster.changes import Edit
from grpcdoctor.cluster.fields import FieldPath, mapping_at, mappings_at
from grpcdoctor.cluster.paths import ROUTE_KINDS
from grpcdoctor.cluster.snapshot import Cluster
from grpcdoctor.model.finding import Conclusion, Fix
from grpcdoctor.model.rule import Rule, Severity

RULE = Rule(
    code="GD774",
    name="cors-preflight-unmatched",
    severity=Severity.WARNING,
    title="the corsPolicy stands under a match that no preflight meets",
)
READS = ROUTE_KINDS


def check(cluster: Cluster) -> Iterator[Conclusion]:
    for route in browser_routes(cluster):
        if not route.has_cors or takes_preflights(route):
            continue
        if not (route.because is not None or route.is_grpc(cluster)):
            continue
        if any(other.has_cors and takes_preflights(other) for other in siblings(cluster, route)):
            continue
        path, needed = _needed(route)
        yield about(
            RULE,
            route.object,
            path,
            f"{route.title} has the corsPolicy, and its match needs {needed}, which no preflight has",
            symptom="A browser asks with OPTIONS first, without body and without the call's own headers. That "
            "request meets "
            "another route or none (404), so the browser drops the call: Failed to fetch, or Http response at 400 or "
            "500 level.",
            evidence=(seen(route.object, route.cors_path, "its corsPolicy would answer the preflight"),),
            fixes=(_fix(route),),
        )


def _needed(route: BrowserRoute) -> tuple[FieldPath, str]:
    for index, match in mappings_at(route.raw, "match"):
        needed = needs_header(match)
        base = (*route.path, "match", index)
        if needed.startswith("the header "):
            name = next(key for key in mapping_at(match, "headers") if f"the header {key.lower()}" == needed)
            return (*base, "headers", name), needed
        if needed:
            return (*base, "method"), needed
    return route.path, "a header"


def _fix(route: BrowserRoute) -> Fix:
    """A route for preflights alone, before it: the same paths and the same corsPolicy."""
    matches: list[dict[str, Any]] = []
    for _, match in mappings_at(route.raw, "match"):
        kept = {key: value for key, value in match.items() if key not in ("headers", "method", "name")}
        others = {k: v for k, v in mapping_at(match, "headers").items() if not needs_header({"headers": {k: v}})}
        one: dict[str, Any] = {**kept, "method": {"exact": "OPTIONS"}, **({"headers": others} if others else {})}
        if one not in matches:
            matches.append(one)
    new: dict[str, Any] = {"match": matches, "corsPolicy": route.cors}
    for field in ("route", "delegate"):
        if field in route.raw:
            new[field] = route.raw[field]
    edit = Edit(route.object).insert(route.path, copy.deepcopy(new))
    return edit.fix("Insert a route for OPTIONS with the same corsPolicy before it")
