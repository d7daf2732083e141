"""route-has-no-default: single paths of a host are routed to one gRPC server, and the others nowhere."""

from __future__ import annotations

from collections.abc import Iterator

from grpcdoctor.checks._findings import about
from grpcdoctor.checks.routes._common import grpc_proof
from grpcdoctor.checks.routes._siblings import default
from grpcdoctor.checks.routes._unrouted import partly_routed
from grpcdoctor.cluster.paths import ROUTE_KINDS
from grpcdoctor.cluster.snapshot import Cluster
from grpcdoctor.model.finding import Conclusion, Fix
from grpcdoctor.model.rule import Rule, Severity

RULE = Rule(
    code="GD641",
    name="route-has-no-default",
    severity=Severity.INFO,
    title="only some paths of a host lead to its gRPC server",
    explains=("route-misses-health", "route-misses-reflection"),
)
READS = ROUTE_KINDS


def check(cluster: Cluster) -> Iterator[Conclusion]:
    for table, rules in partly_routed(cluster):
        backends = {backend.title for rule in table.rules for backend in rule.backends}
        if len(backends) != 1 or any(not rule.backends for rule in table.rules):
            continue  # with several servers nobody can say which one has the rest
        rule, name = rules[-1], backends.pop()
        fix = default(rule, f"Add a route without a match, to {name}")
        yield about(
            RULE,
            rule.object,
            rule.path[:-1],
            f"{rule.object.title} leads single paths of {table.where} to {name}, and the others nowhere",
            symptom="A service that the server gains later, its health and its reflection service get UNIMPLEMENTED "
            "(12) with an empty message. Leave it so where that is meant: it keeps the rest private.",
            evidence=grpc_proof(cluster, rule),
            fixes=(fix or Fix(f"Add a route for / to {name}"),),
        )
