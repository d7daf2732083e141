"""route-redirects-grpc: a route answers gRPC calls with a redirect or a fixed HTTP answer."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from grpcdoctor.checks._findings import about
from grpcdoctor.checks.routes._common import backend_proof, rules_once
from grpcdoctor.checks.routes._tables import tables
from grpcdoctor.cluster.changes import Edit, delete
from grpcdoctor.cluster.fields import FieldPath, at, mapping_at, mappings_at, number_at
from grpcdoctor.cluster.paths import ROUTE_KINDS
from grpcdoctor.cluster.routes import RouteRule
from grpcdoctor.cluster.snapshot import Cluster
from grpcdoctor.model.finding import Conclusion, Evidence, Fix
from grpcdoctor.model.rule import Rule, Severity

RULE = Rule(
    code="GD651",
    name="route-redirects-grpc",
    severity=Severity.ERROR,
    title="a route answers gRPC calls itself, with a redirect or a fixed answer",
)
READS = ROUTE_KINDS

# HTTP status -> what a gRPC client makes of it (gRPC "HTTP to gRPC Status Code Mapping").
_STATUS: Final = {400: "INTERNAL (13)", 401: "UNAUTHENTICATED (16)", 403: "PERMISSION_DENIED (7)",
                  404: "UNIMPLEMENTED (12)", 429: "UNAVAILABLE (14)", 502: "UNAVAILABLE (14)",
                  503: "UNAVAILABLE (14)", 504: "UNAVAILABLE (14)"}  # fmt: skip
_UNKNOWN: Final = "UNKNOWN (2)"


def check(cluster: Cluster) -> Iterator[Conclusion]:
    for rule in rules_once(cluster):
        found = _answer(rule)
        if found is None:
            continue
        path, words, status = found
        match = next((match for match in rule.matches if match.looks_like_grpc), None)
        if match is None and not rule.declares_grpc:
            continue
        yield about(
            RULE,
            rule.object,
            path,
            f"{rule.object.title} answers gRPC calls{f' to {match.value}' if match else ''} with {words}",
            symptom="gRPC clients follow no redirect and read no HTTP answer: they get "
            f"{_STATUS.get(status, _UNKNOWN)}, mostly with an empty message.",
            evidence=_proof(cluster, rule),
            fixes=tuple(_fixes(cluster, rule, path)),
            severity=Severity.INFO if status == 404 and words.startswith("a fixed") else None,
        )


def _answer(rule: RouteRule) -> tuple[FieldPath, str, int] | None:
    """(field, words, HTTP status) of the answer that this route gives itself."""
    raw = mapping_at(rule.object.raw, *rule.path)
    if isinstance(at(raw, "redirect"), dict):
        return (*rule.path, "redirect"), "a redirect", 301
    if isinstance(at(raw, "directResponse"), dict):
        status = number_at(raw, "directResponse", "status") or 0
        return (*rule.path, "directResponse"), f"a fixed HTTP {status}", status
    for index, item in mappings_at(raw, "filters"):
        if isinstance(at(item, "requestRedirect"), dict):
            return (*rule.path, "filters", index), "a redirect", 301
    return None


def _proof(cluster: Cluster, rule: RouteRule) -> tuple[Evidence, ...]:
    return tuple(evidence for backend in rule.backends for evidence in backend_proof(cluster, backend))[:2]


def _fixes(cluster: Cluster, rule: RouteRule, path: FieldPath) -> Iterator[Fix]:
    raw = mapping_at(rule.object.raw, *rule.path)
    if raw.get("route") or raw.get("backendRefs"):
        yield Edit(rule.object).remove(path).fix("Remove it, so that the route's own backends answer")
        return
    other = cluster.once(_neighbours).get(id(rule))
    target = at(other.object.raw, *other.path, "route") if other is not None else None
    if target is not None and other is not None:
        edit = Edit(rule.object).remove(path).set((*rule.path, "route"), target)
        yield edit.fix(f"Route it where the host's other gRPC calls go: {other.backends[0].title}")
    section = at(rule.object.raw, *rule.path[:-1])
    if isinstance(section, list) and len(section) > 1:
        yield Edit(rule.object).remove(rule.path).fix("Remove the route")
    else:
        yield delete(rule.object, f"Delete {rule.object.title}, which has no other route")


def _neighbours(cluster: Cluster) -> dict[int, RouteRule]:
    """id of a rule without backends -> another gRPC rule of its host that has some."""
    found: dict[int, RouteRule] = {}
    for table in tables(cluster):
        good = next((rule for rule in table.rules if rule.backends and rule.looks_like_grpc), None)
        for rule in table.rules if good is not None else ():
            if not rule.backends and good is not None:
                found.setdefault(id(rule), good)
    return found
