"""route-misses-health: services of a host are routed by path, and the health service is not."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from grpcdoctor.checks._findings import about, seen
from grpcdoctor.checks.routes._common import grpc_proof
from grpcdoctor.checks.routes._siblings import beside
from grpcdoctor.checks.routes._unrouted import leaves_out, partly_routed, users_of
from grpcdoctor.cluster.paths import ROUTE_KINDS
from grpcdoctor.cluster.snapshot import Cluster
from grpcdoctor.model.finding import Conclusion
from grpcdoctor.model.rule import Rule, Severity

RULE = Rule(
    code="GD640",
    name="route-misses-health",
    severity=Severity.INFO,
    title="the health service of a host is not routed",
)
READS = ROUTE_KINDS
_SERVICE: Final = "grpc.health.v1.Health"


def check(cluster: Cluster) -> Iterator[Conclusion]:
    for table, rules in partly_routed(cluster):
        if not leaves_out(table, f"/{_SERVICE}/Check"):
            continue
        rule, user = rules[0], users_of(cluster, table.host)
        backends = dict.fromkeys(backend.title for each in rules for backend in each.backends)
        asked = (seen(rule.object, rule.path, f"{user} asks it"),) if user else ()
        yield about(
            RULE,
            rule.object,
            rule.path,
            f"{rule.object.title} routes gRPC services of {table.where} by path, and nothing routes the health service",
            symptom="Health checks from outside get UNIMPLEMENTED (12) with an empty message: grpc_health_probe fails, "
            "and clients with healthCheckConfig take the server for one without health checks. Probes in the pod work.",
            evidence=(*grpc_proof(cluster, rule), *asked),
            fixes=(beside(rule, (_SERVICE,), f"Route the health service to {next(iter(backends))}"),),
            related=tuple(each.object for each in rules[1:]),
            severity=Severity.WARNING if user else None,
        )
