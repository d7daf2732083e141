"""retry-duplicates-calls: a method that should run once is retried after the server may have run it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from grpcdoctor.checks._findings import about, seen
from grpcdoctor.checks.policies._http import GrpcRoute, Retries, retries_of, virtual_routes
from grpcdoctor.checks.policies._writes import writing_name
from grpcdoctor.cluster.changes import Edit
from grpcdoctor.cluster.paths import ROUTE_KINDS
from grpcdoctor.cluster.snapshot import Cluster
from grpcdoctor.model.finding import Conclusion, Fix
from grpcdoctor.model.rule import Rule, Severity

RULE = Rule(
    code="GD704",
    name="retry-duplicates-calls",
    severity=Severity.WARNING,
    title="calls that should run once are retried",
)
READS = ROUTE_KINDS

# Answers (and ends) that come after the server may have done its work.
_LATE: Final = frozenset(("cancelled", "deadline-exceeded", "internal", "unavailable", "reset", "5xx", "gateway-error"))
_HARMLESS: Final = "connect-failure,refused-stream,reset-before-request"


def check(cluster: Cluster) -> Iterator[Conclusion]:
    for route in virtual_routes(cluster):
        named, retries = writing_name(route), retries_of(cluster, route)
        if named is not None and retries is not None and _LATE & set(retries.tokens):
            yield _finding(route, retries, named)


def _finding(route: GrpcRoute, retries: Retries, named: str) -> Conclusion:
    path = (*route.path, "retries")
    late = [token for token in retries.tokens if token in _LATE]
    by_default = retries.path is None
    how = "by default" if by_default else f'on "{",".join(late)}"'
    return about(
        RULE,
        route.object,
        path,
        f"{route.title} to {named} is retried {how}: a call may run {1 + retries.attempts} times",
        symptom="A server that answers one of these after it has done its work is called again: paid twice, created "
        "twice. The client sees one call, and the last answer.",
        evidence=(
            seen(route.object, route.path, f"the name {named} says that the call changes something"),
            *route.proof,
        ),
        fixes=_fixes(route),
        severity=Severity.INFO if by_default else None,
        confidence=0.6,
        related=route.services,
    )


def _fixes(route: GrpcRoute) -> tuple[Fix, ...]:
    path = (*route.path, "retries")
    return (
        Edit(route.object).set(path, {"attempts": 0}).fix("Turn retries off here: attempts: 0"),
        Edit(route.object)
        .set(path, {"attempts": 2, "retryOn": _HARMLESS})
        .fix("Or retry only what never reached the server"),
    )
