"""retry-exceeds-timeout: the tries of a gRPC route do not fit into the timeout of the whole call."""

from __future__ import annotations

import math
from collections.abc import Iterator

from grpcdoctor.checks._findings import about, seen
from grpcdoctor.checks.policies._http import GrpcRoute, Retries, retries_of, shown, timeout_of, virtual_routes
from grpcdoctor.cluster.changes import Edit
from grpcdoctor.cluster.paths import ROUTE_KINDS
from grpcdoctor.cluster.snapshot import Cluster
from grpcdoctor.model.finding import Conclusion, Fix
from grpcdoctor.model.rule import Rule, Severity

RULE = Rule(
    code="GD703",
    name="retry-exceeds-timeout",
    severity=Severity.WARNING,
    title="the retries do not fit into the route's timeout",
)
READS = ROUTE_KINDS


def check(cluster: Cluster) -> Iterator[Conclusion]:
    for route in virtual_routes(cluster):
        retries, whole = retries_of(cluster, route), timeout_of(route)
        if retries is None or retries.path is None or retries.per_try is None or whole is None:
            continue
        if retries.per_try >= whole or retries.attempts * retries.per_try > whole:
            yield _finding(route, retries, retries.per_try, whole)


def _finding(route: GrpcRoute, retries: Retries, per_try: float, whole: float) -> Conclusion:
    fitting = math.ceil(whole / per_try)
    none_left = per_try >= whole
    if none_left:
        message = f"{route.title} gives one try {shown(per_try)} and the whole call {shown(whole)}: no time for a retry"
        symptom = (
            "A first try that hangs uses up the whole timeout: the client gets UNAVAILABLE: upstream request timeout "
            "(with a deadline of its own: DEADLINE_EXCEEDED), and no other pod is tried."
        )
    else:
        message = (
            f"{route.title} allows {1 + retries.attempts} tries of {shown(per_try)}, and its timeout of "
            f"{shown(whole)} has room for {fitting}"
        )
        symptom = (
            "The timeout holds for all tries together. Where tries hang, the last retries never begin, and the "
            "client gets UNAVAILABLE: upstream request timeout."
        )
    assert retries.path is not None
    return about(
        RULE,
        route.object,
        (*retries.path, "perTryTimeout"),
        message,
        symptom=symptom,
        evidence=(seen(route.object, (*route.path, "timeout")), seen(route.object, (*retries.path, "attempts"))),
        fixes=(_raise(route, retries, per_try), _shorten(route, retries, whole)),
        severity=None if none_left or 2 * fitting <= 1 + retries.attempts else Severity.INFO,
        related=route.services,
    )


def _raise(route: GrpcRoute, retries: Retries, per_try: float) -> Fix:
    tries = 1 + retries.attempts
    wanted = f"{math.ceil(tries * per_try)}s"
    return Edit(route.object).set((*route.path, "timeout"), wanted).fix(f"Give all {tries} tries their time: {wanted}")


def _shorten(route: GrpcRoute, retries: Retries, whole: float) -> Fix:
    assert retries.path is not None
    wanted = f"{max(1, int(whole * 1000 / (1 + retries.attempts)))}ms"
    summary = f"Or keep the timeout and give each try {wanted}, if the method answers in that time"
    return Edit(route.object).set((*retries.path, "perTryTimeout"), wanted).fix(summary)
