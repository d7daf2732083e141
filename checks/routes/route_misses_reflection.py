"""route-misses-reflection: services of a host are routed by path, and the reflection service is not."""

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
    code="GD639",
    name="route-misses-reflection",
    severity=Severity.INFO,
    title="the reflection service of a host is not routed",
)
READS = ROUTE_KINDS
_SERVICES: Final = ("grpc.reflection.v1.ServerReflection", "grpc.reflection.v1alpha.ServerReflection")


def check(cluster: Cluster) -> Iterator[Conclusion]:
    for table, rules in partly_routed(cluster):
        if not all(leaves_out(table, f"/{service}/ServerReflectionInfo") for service in _SERVICES):
            continue
        rule, user = rules[0], users_of(cluster, table.host)
        backends = dict.fromkeys(backend.title for each in rules for backend in each.backends)
        several = " It can lead to one server only, and lists the services of that one." if len(backends) > 1 else ""
        asked = (seen(rule.object, rule.path, f"{user} asks it"),) if user else ()
        first = next(iter(backends))
        yield about(
            RULE,
            rule.object,
            rule.path,
            f"{rule.object.title} routes gRPC services of {table.where} by path, and nothing routes reflection",
            symptom="grpcurl, grpcui and Postman get UNIMPLEMENTED (12): server does not support the reflection API. "
            f"Calls themselves work.{several}",
            evidence=(*grpc_proof(cluster, rule), *asked),
            fixes=(beside(rule, _SERVICES, f"Route both versions of the reflection service to {first}"),),
            related=tuple(each.object for each in rules[1:]),
            severity=Severity.WARNING if user else None,
        )
