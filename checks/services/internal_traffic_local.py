"""internal-traffic-local: a gRPC Service that serves only clients on nodes where one of its pods runs."""

from __future__ import annotations

from collections.abc import Iterator

from grpcdoctor.checks._findings import about
from grpcdoctor.checks.services._ports import NO_UPSTREAM, grpc_ports, hints
from grpcdoctor.cluster.changes import Edit
from grpcdoctor.cluster.fields import FieldPath, mappings_at, text_at
from grpcdoctor.cluster.kinds import DAEMON_SET
from grpcdoctor.cluster.paths import ROUTE_KINDS
from grpcdoctor.cluster.services import Service
from grpcdoctor.cluster.snapshot import Cluster
from grpcdoctor.cluster.workloads import Workload
from grpcdoctor.model.finding import Conclusion
from grpcdoctor.model.rule import Rule, Severity

RULE = Rule(
    code="GD519",
    name="internal-traffic-local",
    severity=Severity.WARNING,
    title="a gRPC Service serves only clients on the nodes of its own pods",
)
READS = ROUTE_KINDS
_FIELD: FieldPath = ("spec", "internalTrafficPolicy")


def check(cluster: Cluster) -> Iterator[Conclusion]:
    done: set[int] = set()
    for port, intent in grpc_ports(cluster):
        service = port.service
        if text_at(service.object.raw, *_FIELD) != "Local" or id(service) in done or service.is_headless:
            continue
        done.add(id(service))
        if not _on_every_node(service):
            yield about(
                RULE,
                service.object,
                _FIELD,
                f"{service.title} serves only clients on the nodes of its pods (internalTrafficPolicy: Local)",
                symptom=f"Clients on other nodes get {NO_UPSTREAM} (without a proxy: connection refused or a timeout), "
                "though there are healthy pods.",
                evidence=hints(intent.grpc, 1),
                fixes=(Edit(service.object).set(_FIELD, "Cluster").fix("Let all pods serve all clients"),),
                confidence=0.8,
            )


def _on_every_node(service: Service) -> bool:
    """A DaemonSet has a pod wherever a client is: then Local is a good idea."""
    return bool(service.workloads) and all(_of_daemon_set(workload) for workload in service.workloads)


def _of_daemon_set(workload: Workload) -> bool:
    if workload.object.kind == DAEMON_SET:
        return True
    owners = mappings_at(workload.object.raw, "metadata", "ownerReferences") if workload.is_pod else ()
    return any(text_at(owner, "kind") == DAEMON_SET.name for _, owner in owners)
