"""container-port-without-service: a container has a gRPC port that no Service leads to."""

from __future__ import annotations

from collections.abc import Iterator

from grpcdoctor.checks._findings import about, seen
from grpcdoctor.cluster.changes import Edit
from grpcdoctor.cluster.fields import at, flag_at, items_at
from grpcdoctor.cluster.intent import says_grpc
from grpcdoctor.cluster.kinds import SERVICE
from grpcdoctor.cluster.services import SERVICE_KINDS, Service, services_selecting
from grpcdoctor.cluster.snapshot import Cluster
from grpcdoctor.cluster.workloads import ContainerPort, Mesh, Workload, distinct_workloads
from grpcdoctor.model.finding import Conclusion
from grpcdoctor.model.rule import Rule, Severity

RULE = Rule(
    code="GD528",
    name="container-port-without-service",
    severity=Severity.INFO,
    title="a container has a gRPC port that no Service leads to",
)
READS = SERVICE_KINDS
# Ports for the pod's own use, or for agents that come by the pod's address.
_ASIDE = ("health", "probe", "admin", "debug", "metrics", "internal", "peer", "raft", "otlp", "jaeger", "zipkin")


def check(cluster: Cluster) -> Iterator[Conclusion]:
    for workload in distinct_workloads(cluster):
        ports = [port for port in workload.ports if _is_server(workload, port)]
        found = services_selecting(cluster, workload) if ports else ()
        if not found or workload.mesh is Mesh.GATEWAY or flag_at(workload.spec, "hostNetwork"):
            continue  # with no Service at all it is a client, a job, or called by its address
        if any(service.is_headless for service in found) or not cluster.has_all(SERVICE, workload.namespace):
            continue  # a headless one leads to every port
        for port in ports:
            if not _is_led_to(workload, port, found):
                yield _judge(workload, port, found[0])


def _is_server(workload: Workload, port: ContainerPort) -> bool:
    if not says_grpc(port.name) or any(word in port.name.lower() for word in _ASIDE):
        return False
    return at(workload.object.raw, *port.path, "hostPort") is None


def _is_led_to(workload: Workload, port: ContainerPort, found: tuple[Service, ...]) -> bool:
    return any(its.number_in(workload) == port.number for service in found for its in service.ports)


def _judge(workload: Workload, port: ContainerPort, service: Service) -> Conclusion:
    names = {its.name for its in service.ports}
    name = port.name if port.name not in names else f"{port.name}-{port.number}"
    new = {"name": name, "port": port.number, "targetPort": port.number, "appProtocol": "kubernetes.io/h2c"}
    edit = Edit(service.object).set(("spec", "ports", len(items_at(service.object.raw, "spec", "ports"))), new)
    return about(
        RULE,
        workload.object,
        port.path,
        f'{workload.title} has the gRPC port {port.number} ("{port.name}"), and no Service leads to it',
        symptom=f"Clients of {service.name}:{port.number} get UNAVAILABLE (connection refused or timed out).",
        evidence=(seen(service.object, ("spec", "ports")),),
        fixes=(edit.fix(f"Offer it in {service.title}"),),
        related=(service.object,),
        confidence=0.7,
    )
