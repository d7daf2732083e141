"""grpc-port-without-grpc-probe: nobody asks a gRPC server whether it is ready."""

from __future__ import annotations

from collections.abc import Iterator

from grpcdoctor.checks._findings import about, seen
from grpcdoctor.checks.services._owners import in_owner, once_each
from grpcdoctor.checks.services._ports import grpc_ports, hints
from grpcdoctor.cluster.changes import Edit
from grpcdoctor.cluster.fields import mapping_at, text_at
from grpcdoctor.cluster.intent import Intent
from grpcdoctor.cluster.paths import ROUTE_KINDS
from grpcdoctor.cluster.services import ServicePort
from grpcdoctor.cluster.snapshot import Cluster
from grpcdoctor.cluster.workloads import Container, Mesh, Workload
from grpcdoctor.model.finding import Conclusion
from grpcdoctor.model.rule import Rule, Severity

RULE = Rule(
    code="GD526",
    name="grpc-port-without-grpc-probe",
    severity=Severity.INFO,
    title="no readiness probe asks the gRPC server itself",
)
READS = ROUTE_KINDS


def check(cluster: Cluster) -> Iterator[Conclusion]:
    done: set[int] = set()
    for port, intent in grpc_ports(cluster):
        for workload in once_each(cluster, port.service.distinct_workloads) if not intent.serves_tls else ():
            number = port.number_in(workload)
            container = workload.container_of_port(number) if number is not None else None
            if container is None or number is None or workload.mesh is Mesh.GATEWAY or id(container) in done:
                continue
            done.add(id(container))
            if _is_unasked(container, number):
                yield _judge(cluster, port, intent, workload, container, number)


def _is_unasked(container: Container, number: int) -> bool:
    """No readiness probe at all, or one that only opens the port."""
    probe = mapping_at(container.raw, "readinessProbe")
    if not probe:
        return True
    target = text_at(probe, "tcpSocket", "port")
    names = {port.name for port in container.ports if port.number == number}
    return bool(target) and (target == str(number) or target in names)


def _judge(
    cluster: Cluster, port: ServicePort, intent: Intent, workload: Workload, container: Container, number: int
) -> Conclusion:
    probe = mapping_at(container.raw, "readinessProbe")
    path = (*container.path, "readinessProbe")
    owner, field = in_owner(cluster, workload, container, path)
    what = f"has a readiness probe that only opens port {number}" if probe else "has no readiness probe"
    edit = Edit(owner)
    if probe:
        edit.remove((*field, "tcpSocket"))
    edit.set((*field, "grpc"), {"port": number})
    return about(
        RULE,
        workload.object,
        path,
        f"container {container.name} of {workload.title} serves gRPC and {what}",
        symptom="A pod counts as ready as soon as it runs (or listens), before its server is. Some calls get "
        "UNAVAILABLE at each rollout, and a server that says NOT_SERVING keeps getting calls.",
        evidence=(*hints(intent.grpc, 1), seen(port.service.object, port.path)),
        fixes=(edit.fix("Ask with gRPC; the server must have the health service (grpc.health.v1.Health)"),),
        related=(port.service.object,),
        confidence=0.9,
    )
