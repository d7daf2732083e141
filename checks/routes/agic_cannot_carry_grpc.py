"""agic-cannot-carry-grpc: gRPC behind an Azure Application Gateway, which speaks HTTP/1.1 to every backend."""

from __future__ import annotations

from collections.abc import Iterator

from grpcdoctor.checks._findings import about
from grpcdoctor.checks.routes._ingress import by_object, confidence, evidence_of, services_in
from grpcdoctor.cluster.ingress.azure import AGIC
from grpcdoctor.cluster.ingress.table import class_of
from grpcdoctor.cluster.paths import ROUTE_KINDS
from grpcdoctor.cluster.snapshot import Cluster
from grpcdoctor.model.finding import Conclusion, Fix
from grpcdoctor.model.rule import Rule, Severity

RULE = Rule(
    code="GD693",
    name="agic-cannot-carry-grpc",
    severity=Severity.ERROR,
    title="an Azure Application Gateway cannot carry gRPC",
)
READS = ROUTE_KINDS


def check(cluster: Cluster) -> Iterator[Conclusion]:
    for item, group in by_object(cluster, AGIC.platform):
        yield about(
            RULE,
            item,
            class_of(cluster, item).path,
            f"{item.title} routes gRPC through an Azure Application Gateway, which cannot carry it",
            symptom="The gateway speaks HTTP/1.1 to every backend, whatever is annotated. Clients get UNAVAILABLE.",
            evidence=evidence_of(group),
            fixes=(
                Fix("Serve this host by Application Gateway for Containers, or by a controller in the cluster"),
                Fix("Or bring it in by a Service of type LoadBalancer, which hands TCP on unread"),
            ),
            related=services_in(group),
            confidence=confidence(cluster, item, 0.9),
        )
