"""inbound-port-excluded: a gRPC port is kept away from its pod's sidecar, and clients in the mesh still speak mTLS."""

from __future__ import annotations

from collections.abc import Iterator

from grpcdoctor.checks._findings import about
from grpcdoctor.checks.services._calls import callers_of
from grpcdoctor.checks.services._owners import annotation_in_owner, once_each
from grpcdoctor.checks.services._ports import TERMINATED, from_sidecar, grpc_ports, hints
from grpcdoctor.checks.services._traffic import EXCLUDE_INBOUND, keeps_inbound_away, listed
from grpcdoctor.cluster.changes import Edit
from grpcdoctor.cluster.hops import Tls
from grpcdoctor.cluster.intent import Intent
from grpcdoctor.cluster.paths import ROUTE_KINDS
from grpcdoctor.cluster.routes import rules_to
from grpcdoctor.cluster.services import ServicePort
from grpcdoctor.cluster.snapshot import Cluster
from grpcdoctor.cluster.workloads import Mesh, Workload
from grpcdoctor.model.finding import Conclusion, Fix
from grpcdoctor.model.rule import Rule, Severity

RULE = Rule(
    code="GD521",
    name="inbound-port-excluded",
    severity=Severity.ERROR,
    title="a gRPC port is kept away from the sidecar, and clients speak mTLS to it",
)
READS = ROUTE_KINDS
_MTLS = (Tls.AUTO, Tls.ISTIO_MUTUAL)


def check(cluster: Cluster) -> Iterator[Conclusion]:
    for port, intent in grpc_ports(cluster):
        for workload in once_each(cluster, port.service.distinct_workloads):
            number = port.number_in(workload)
            if workload.mesh is not Mesh.SIDECAR or number is None:
                continue
            annotation = keeps_inbound_away(workload, number)
            if annotation is not None:
                yield from _judge(cluster, port, intent, workload, annotation)


def _judge(
    cluster: Cluster, port: ServicePort, intent: Intent, workload: Workload, annotation: str
) -> Iterator[Conclusion]:
    upstreams = [b.upstream for r, b in rules_to(cluster, port) if r.by_istio]
    routed = [upstream for upstream in upstreams if upstream.tls in _MTLS]
    callers = [call for call in callers_of(cluster, port.service) if call.workload.mesh is Mesh.SIDECAR]
    if from_sidecar(cluster, port).tls not in _MTLS and not routed:
        return
    if upstreams and not routed and not callers:
        return
    number = port.number_in(workload)
    yield about(
        RULE,
        workload.object,
        workload.path("metadata", "annotations", annotation),
        f"{workload.title} keeps its gRPC port {number} away from the sidecar, and clients speak mTLS to it",
        symptom="Proxies speak mTLS to every pod that has a sidecar. On this port it comes to the application itself, "
        f"which hangs up. Clients get {TERMINATED}.",
        evidence=hints(intent.grpc, 2),
        fixes=(_fix(cluster, workload, annotation, str(number)),),
        related=(port.service.object, *(call.workload.object for call in callers[:3])),
        severity=None if routed or callers else Severity.WARNING,
        confidence=0.9 if routed or callers else 0.7,
    )


def _fix(cluster: Cluster, workload: Workload, annotation: str, number: str) -> Fix:
    owner, path = annotation_in_owner(cluster, workload, annotation)
    ports = listed(workload.annotations.get(annotation, ""))
    kept = [p for p in ports if p != number] if annotation == EXCLUDE_INBOUND else [*ports, number]
    edit = Edit(owner)
    edit.set(path, ",".join(kept)) if kept else edit.remove(path)
    return edit.fix(f"Let the sidecar take port {number}")
