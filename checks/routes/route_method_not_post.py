"""route-method-not-post: a match on the HTTP method or on the query that no gRPC call meets."""

from __future__ import annotations

import re
from collections.abc import Iterator

from grpcdoctor.checks._findings import about
from grpcdoctor.checks.routes._common import NO_ROUTE, grpc_proof, rules_once
from grpcdoctor.cluster.changes import Edit
from grpcdoctor.cluster.fields import FieldPath, at, mapping_at, mappings_at, text_at
from grpcdoctor.cluster.paths import ROUTE_KINDS
from grpcdoctor.cluster.routes import Match, RouteRule
from grpcdoctor.cluster.snapshot import Cluster
from grpcdoctor.model.finding import Conclusion
from grpcdoctor.model.rule import Rule, Severity

RULE = Rule(
    code="GD645",
    name="route-method-not-post",
    severity=Severity.ERROR,
    title="a match asks for something that no gRPC call has",
)
READS = ROUTE_KINDS


def check(cluster: Cluster) -> Iterator[Conclusion]:
    for rule in rules_once(cluster):
        for key in ("match", "matches"):
            for index, raw in mappings_at(rule.object.raw, *rule.path, key):
                path = (*rule.path, key, index)
                fault = _fault(raw, rule)
                if fault is not None and _is_for_grpc(rule, path, raw):
                    proof = grpc_proof(cluster, rule)
                    if proof:
                        field, clause, summary = fault
                        yield about(
                            RULE,
                            rule.object,
                            (*path, *field),
                            f"{rule.object.title} matches gRPC calls only {clause}, which they never have",
                            symptom=f"Every gRPC call is a POST without a query. {NO_ROUTE}",
                            evidence=proof,
                            fixes=(Edit(rule.object).remove((*path, *field)).fix(summary),),
                        )


def _fault(raw: dict[str, object], rule: RouteRule) -> tuple[FieldPath, str, str] | None:
    """(field, what it asks for, how to cure) of one match."""
    method = raw.get("method")
    if isinstance(method, str) and rule.object.kind.name == "HTTPRoute" and method not in ("POST", "OPTIONS", ""):
        return ("method",), f"with the method {method}", "Match every method"
    if isinstance(method, dict) and rule.platform == "istio":
        wanted = text_at(method, "exact") or text_at(method, "prefix") or text_at(method, "regex")
        if wanted and not _takes_post(method) and "OPTIONS" not in wanted:
            return ("method",), f"with the method {wanted}", "Match every method"
    if mapping_at(raw, "queryParams") or any(True for _ in mappings_at(raw, "queryParams")):
        return ("queryParams",), "with a query", "Match without a query"
    return None


def _takes_post(method: dict[str, object]) -> bool:
    exact, prefix, regex = (text_at(method, word) for word in ("exact", "prefix", "regex"))
    if exact:
        return exact == "POST"
    if prefix:
        return "POST".startswith(prefix)
    takes = Match("regex", regex).takes("POST")
    return takes is not False and re.search("[a-z]", regex or "") is None


def _is_for_grpc(rule: RouteRule, path: FieldPath, raw: dict[str, object]) -> bool:
    """The match has a gRPC path; or no path at all, and is the rule's only one."""
    mine = [match for match in rule.matches if match.path[: len(path)] == path]
    if any(match.looks_like_grpc for match in mine):
        return True
    return at(raw, "uri") is None and at(raw, "path") is None and len(rule.matches) == 1
