"""retries-without-attempts: a `retries` block that says when to retry, and not how often, turns retries off."""

from __future__ import annotations

from collections.abc import Iterator

from grpcdoctor.checks._findings import about
from grpcdoctor.checks.policies._http import is_accepted, virtual_routes
from grpcdoctor.cluster.changes import Edit
from grpcdoctor.cluster.fields import mapping_at, number_at
from grpcdoctor.cluster.paths import ROUTE_KINDS
from grpcdoctor.cluster.snapshot import Cluster
from grpcdoctor.model.finding import Conclusion
from grpcdoctor.model.rule import Rule, Severity

RULE = Rule(
    code="GD728",
    name="retries-without-attempts",
    severity=Severity.ERROR,
    title="retries are described, and their number is 0",
)
READS = ROUTE_KINDS


def check(cluster: Cluster) -> Iterator[Conclusion]:
    for route in virtual_routes(cluster):
        raw = mapping_at(route.raw, "retries")
        described = [key for key in ("retryOn", "perTryTimeout", "retryRemoteLocalities") if key in raw]
        if not described or (number_at(raw, "attempts") or 0) != 0:
            continue
        path = (*route.path, "retries")
        accepted = is_accepted(cluster, route.object)
        off = Edit(route.object).set(path, {"attempts": 0}).fix("Or say only attempts: 0, where no retry is wanted")
        yield about(
            RULE,
            route.object,
            (*path, "attempts"),
            f"{route.title} sets {described[0]} with no attempts, and attempts: 0 turns retries off",
            symptom="Nothing is retried: a single UNAVAILABLE of one pod goes to the client."
            if accepted
            else "kubectl apply fails with: http retry policy configured when attempts are set to 0 (disabled).",
            evidence=route.proof,
            fixes=(
                Edit(route.object).set((*path, "attempts"), 2).fix("Set attempts: 2, which is Istio's default"),
                off,
            ),
            severity=Severity.WARNING if accepted else None,
            related=route.services,
        )
