"""per-try-timeout-not-retried: a try that times out ends the call, for nothing in retryOn has it tried again."""

from __future__ import annotations

from collections.abc import Iterator

from grpcdoctor.checks._findings import about, seen
from grpcdoctor.checks.policies._http import retries_of, shown, timeout_of, virtual_routes
from grpcdoctor.cluster.changes import Edit
from grpcdoctor.cluster.paths import ROUTE_KINDS
from grpcdoctor.cluster.snapshot import Cluster
from grpcdoctor.model.finding import Conclusion
from grpcdoctor.model.rule import Rule, Severity

RULE = Rule(
    code="GD727",
    name="per-try-timeout-not-retried",
    severity=Severity.INFO,
    title="a try that times out is not tried again",
)
READS = ROUTE_KINDS


def check(cluster: Cluster) -> Iterator[Conclusion]:
    for route in virtual_routes(cluster):
        retries, whole = retries_of(cluster, route), timeout_of(route)
        if retries is None or retries.path is None or retries.per_try is None or retries.after_timeout:
            continue
        if whole is not None and whole <= retries.per_try:
            continue
        path = (*retries.path, "perTryTimeout")
        retry_on = (*retries.path, "retryOn")
        yield about(
            RULE,
            route.object,
            path,
            f"{route.title} gives up after its first {shown(retries.per_try)}, and does not retry: retryOn has no "
            "reset",
            symptom="For retryOn a try that times out is a reset, and no gRPC status. A call that hangs ends with "
            "the first try: UNAVAILABLE: upstream request timeout, or DEADLINE_EXCEEDED.",
            evidence=(seen(route.object, retry_on), *route.proof),
            fixes=(
                Edit(route.object)
                .set(retry_on, ",".join((*retries.tokens, "reset")))
                .fix('Add "reset", where the methods may run twice'),
                Edit(route.object).remove(path).fix("Or remove perTryTimeout: a call then has the whole timeout"),
            ),
            related=route.services,
        )
