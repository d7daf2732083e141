"""grpc-route-weights-zero: every backend of a route's rule has the weight 0, so nothing is sent anywhere."""

from __future__ import annotations

from collections.abc import Iterator

from grpcdoctor.checks._findings import about, seen
from grpcdoctor.checks._gateway_api import grpc_routes
from grpcdoctor.cluster.changes import Edit
from grpcdoctor.cluster.fields import mappings_at, number_at
from grpcdoctor.cluster.objects import Object
from grpcdoctor.cluster.paths import ROUTE_KINDS
from grpcdoctor.cluster.snapshot import Cluster
from grpcdoctor.model.finding import Conclusion
from grpcdoctor.model.rule import Rule, Severity

RULE = Rule(
    code="GD667",
    name="grpc-route-weights-zero",
    severity=Severity.ERROR,
    title="every backend of a route for gRPC has the weight 0",
    explains=("route-weight-to-nothing",),
)
READS = ROUTE_KINDS


def check(cluster: Cluster) -> Iterator[Conclusion]:
    for route in grpc_routes(cluster):
        for index, raw in mappings_at(route.raw, "spec", "rules"):
            weights = [number_at(ref, "weight") for _, ref in mappings_at(raw, "backendRefs")]
            if weights and all(weight == 0 for weight in weights):
                yield _finding(route, index, len(weights))


def _finding(route: Object, index: int, count: int) -> Conclusion:
    first = ("spec", "rules", index, "backendRefs", 0, "weight")
    others = (("spec", "rules", index, "backendRefs", each, "weight") for each in range(1, count))
    edit = Edit(route).set(first, 1)
    summary = "Give the backend the weight 1" if count == 1 else "Give the first backend the weight 1"
    return about(
        RULE,
        route,
        first,
        f"{route.title} spec.rules[{index}] has {count} backend{'s' if count > 1 else ''}, all with the weight 0",
        symptom="The gateway answers every call of this rule itself with an error: UNKNOWN (HTTP status 500, as Istio "
        "does), or UNAVAILABLE.",
        evidence=tuple(seen(route, path) for path in others),
        fixes=(edit.fix(summary),),
    )
