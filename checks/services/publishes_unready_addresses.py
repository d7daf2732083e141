"""publishes-unready-addresses: a gRPC Service sends calls to pods that are not ready."""

from __future__ import annotations

from collections.abc import Iterator

from grpcdoctor.checks._findings import about
from grpcdoctor.checks.services._ports import grpc_ports, hints
from grpcdoctor.cluster.changes import Edit
from grpcdoctor.cluster.fields import FieldPath, flag_at
from grpcdoctor.cluster.paths import ROUTE_KINDS
from grpcdoctor.cluster.routes import rules_to
from grpcdoctor.cluster.snapshot import Cluster
from grpcdoctor.model.finding import Conclusion
from grpcdoctor.model.rule import Rule, Severity

RULE = Rule(
    code="GD520",
    name="publishes-unready-addresses",
    severity=Severity.WARNING,
    title="a gRPC Service sends calls to pods that are not ready",
)
READS = ROUTE_KINDS
_FIELD: FieldPath = ("spec", "publishNotReadyAddresses")


def check(cluster: Cluster) -> Iterator[Conclusion]:
    done: set[int] = set()
    for port, intent in grpc_ports(cluster):
        service, routes = port.service, rules_to(cluster, port)
        if flag_at(service.object.raw, *_FIELD) is not True or id(service) in done:
            continue
        if service.is_headless and not routes:
            continue  # that is how the members of a StatefulSet find each other while they start
        done.add(id(service))
        yield about(
            RULE,
            service.object,
            _FIELD,
            f"{service.title} publishes pods that are not ready (publishNotReadyAddresses: true)",
            symptom="Calls go to pods that start, or fail their probe. Some get UNAVAILABLE: upstream connect error … "
            "reset reason: remote connection failure (without a proxy: connection refused), at every rollout.",
            evidence=hints(intent.grpc, 1),
            fixes=(Edit(service.object).remove(_FIELD).fix("Publish ready pods only"),),
            related=tuple(rule.object for rule, _ in routes),
        )
