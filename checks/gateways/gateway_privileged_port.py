"""gateway-privileged-port: an unprivileged gateway pod is to listen below port 1024, so Istio leaves the port out."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from grpcdoctor.checks._findings import about, seen
from grpcdoctor.checks.gateways._istio import Use, listening_port, uses
from grpcdoctor.cluster.changes import Edit
from grpcdoctor.cluster.fields import FieldPath, flag_at
from grpcdoctor.cluster.istio.gateways import pods_of, services_of
from grpcdoctor.cluster.kinds import SERVICE
from grpcdoctor.cluster.paths import ROUTE_KINDS
from grpcdoctor.cluster.services import ServicePort
from grpcdoctor.cluster.snapshot import Cluster
from grpcdoctor.cluster.workloads import Workload, owner_of
from grpcdoctor.model.finding import Conclusion, Fix
from grpcdoctor.model.rule import Rule, Severity

RULE = Rule(
    code="GD622",
    name="gateway-privileged-port",
    severity=Severity.ERROR,
    title="an unprivileged gateway pod does not listen below port 1024",
    explains=("gateway-port-not-exposed",),
)
READS = ROUTE_KINDS
_FIRST: Final = 1024
_SHIFT: Final = 8000
_VARIABLE: Final = "ISTIO_META_UNPRIVILEGED_POD"


def check(cluster: Cluster) -> Iterator[Conclusion]:
    for use in uses(cluster):
        port = listening_port(cluster, use.server)
        if use.severity is None or not port or port >= _FIRST:
            continue
        if not services_of(cluster, use.gateway) and not cluster.has_all(SERVICE):
            continue  # a Service may lead to another port of the pods
        pod = next((pod for pod in pods_of(cluster, use.gateway) if _variable(pod) is not None), None)
        if pod is not None:
            yield _finding(cluster, use, pod, port)


def _variable(pod: Workload) -> FieldPath | None:
    """Where the pod says that it is unprivileged."""
    for container in pod.all_containers:
        if flag_at(container.environment, _VARIABLE) is True:
            return container.environment_path(_VARIABLE)
    return None


def _finding(cluster: Cluster, use: Use, pod: Workload, port: int) -> Conclusion:
    front = _front(cluster, use)
    return about(
        RULE,
        use.gateway,
        (*use.server.path, "port", "number"),
        f"{use.title} is port {port} of {pod.title}, which is unprivileged",
        symptom="Istio leaves out the ports below 1024 of a pod that says it is unprivileged; istiod's log has the "
        "only trace. Clients get UNAVAILABLE (14): connection refused.",
        evidence=(seen(pod.object, _variable(pod) or ()), *use.proof),
        fixes=tuple(_fixes(use, front, port)),
        related=(owner_of(cluster, pod)[0], pod.object, *use.related, *((front.service.object,) if front else ())),
        severity=use.severity,
    )


def _front(cluster: Cluster, use: Use) -> ServicePort | None:
    ports = (port for service in services_of(cluster, use.gateway) for port in service.ports)
    return next((port for port in ports if use.server.port in (port.number, *port.target_numbers)), None)


def _fixes(use: Use, front: ServicePort | None, port: int) -> Iterator[Fix]:
    if front is not None and front.number == use.server.port:
        edit = Edit(front.service.object).set((*front.path, "targetPort"), port + _SHIFT)
        yield edit.fix(f"Let {front.service.title} lead to port {port + _SHIFT}: Istio then listens there")
        return
    edit = Edit(use.gateway).set((*use.server.path, "port", "number"), port + _SHIFT)
    yield edit.fix(f"Use port {port + _SHIFT}, and let the gateway's Service lead to it")
