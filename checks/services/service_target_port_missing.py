"""service-target-port-missing: the targetPort of a gRPC Service is none that its pods have."""

from __future__ import annotations

import re
from collections.abc import Iterator

from grpcdoctor.checks._findings import about, seen
from grpcdoctor.checks.services._near import is_slip
from grpcdoctor.checks.services._ports import NO_UPSTREAM, grpc_ports, hints
from grpcdoctor.cluster.changes import Edit
from grpcdoctor.cluster.intent import Intent, says_grpc
from grpcdoctor.cluster.paths import ROUTE_KINDS
from grpcdoctor.cluster.routes import rules_to
from grpcdoctor.cluster.services import ServicePort, services_selecting
from grpcdoctor.cluster.snapshot import Cluster
from grpcdoctor.cluster.workloads import ContainerPort, Mesh, Workload
from grpcdoctor.model.finding import Conclusion, Fix
from grpcdoctor.model.rule import Rule, Severity

RULE = Rule(
    code="GD508",
    name="service-target-port-missing",
    severity=Severity.ERROR,
    title="the targetPort of a gRPC Service is none that its pods have",
    explains=("service-no-ready-endpoints",),
)
READS = ROUTE_KINDS
_REFUSED = (
    "UNAVAILABLE: upstream connect error or disconnect/reset before headers. reset reason: remote connection failure"
)
# Ports of servers beside the real one.
_ASIDE = re.compile(r"health|admin|debug|metrics")


def check(cluster: Cluster) -> Iterator[Conclusion]:
    for port, intent in grpc_ports(cluster):
        pods = tuple(w for w in port.service.workloads if w.mesh is not Mesh.GATEWAY)
        if not pods or port.service.is_headless:
            continue
        if isinstance(port.target, str):
            yield from _judge_name(cluster, port, pods)
        else:
            yield from _judge_number(cluster, port, intent, pods)


def _judge_name(cluster: Cluster, port: ServicePort, pods: tuple[Workload, ...]) -> Iterator[Conclusion]:
    lacking = [workload for workload in pods if port.number_in(workload) is None]
    if not lacking:
        return
    some = len(lacking) < len(pods)
    effect = (
        f"{len(lacking)} of {len(pods)} workloads get no calls on this port."
        if some
        else f"The port has no endpoints. Behind a proxy clients get {NO_UPSTREAM}; without one, connection refused."
    )
    service = port.service
    yield about(
        RULE,
        service.object,
        (*port.path, "targetPort"),
        f'{service.title} port {port.number} leads to targetPort "{port.target}", which {lacking[0].title} has not',
        symptom=f"A targetPort that is a name is looked up among the pod's container ports. {effect}",
        evidence=tuple(seen(lacking[0].object, p.path) for p in lacking[0].ports[:3]),
        fixes=(_fix(port, lacking[0]),),
        related=(lacking[0].object, *(rule.object for rule, _ in rules_to(cluster, port))),
        severity=Severity.WARNING if some else None,
    )


def _judge_number(
    cluster: Cluster, port: ServicePort, intent: Intent, pods: tuple[Workload, ...]
) -> Iterator[Conclusion]:
    """A port need not be declared to be served; so only where the pods say that gRPC is on another one."""
    number, pod = port.target, pods[0]
    other = _grpc_port_elsewhere(pod)
    if not isinstance(number, int) or other is None or other == number or not all(_silent(w, number) for w in pods):
        return
    service = port.service
    if any(other in each.target_numbers for one in services_selecting(cluster, pod) for each in one.ports):
        return  # somebody leads there: the pods may well serve gRPC on both
    field = "targetPort" if "targetPort" in port.raw else "port"
    yield about(
        RULE,
        service.object,
        (*port.path, field),
        f"{service.title} port {port.number} leads to port {number} of its pods, and {pod.title} has gRPC on {other}",
        symptom=f"Nothing seems to listen on {number}. Behind a proxy clients get {_REFUSED}; without one, connection "
        "refused.",
        evidence=(*hints(intent.grpc, 1), *(seen(pod.object, p.path) for p in pod.ports[:3])),
        fixes=(Edit(service.object).set((*port.path, "targetPort"), other).fix(f"Lead to port {other} of the pods"),),
        related=(pod.object, *(rule.object for rule, _ in rules_to(cluster, port))),
        confidence=0.7,
    )


def _grpc_port_elsewhere(workload: Workload) -> int | None:
    """The only port that the containers name as gRPC. A gRPC probe says less: health may have a port of its own."""
    found = {port.number for port in workload.ports if says_grpc(port.name) and not _ASIDE.search(port.name)}
    return next(iter(found)) if len(found) == 1 else None


def _silent(workload: Workload, number: int) -> bool:
    """No container declares the port, probes it, or names it in its arguments or variables."""
    pattern = re.compile(rf"(?<!\d){number}(?!\d)")
    for container in workload.containers:
        words = (*container.words, *container.environment.values())
        if any(p.number == number for p in container.ports) or any(pattern.search(word) for word in words):
            return False
        if any(pattern.search(str(raw)) for _, raw, _ in container.probes):
            return False
    return True


def _fix(port: ServicePort, workload: Workload) -> Fix:
    best = _best(port, workload.ports)
    edit = Edit(port.service.object)
    if best is None:
        edit.set((*port.path, "targetPort"), port.number)
        return edit.fix(f"Lead to the number; {port.number}, if the server listens there")
    edit.set((*port.path, "targetPort"), best.name or best.number)
    return edit.fix(f"Lead to port {best.number} of container ports, as {workload.title} has it")


def _best(port: ServicePort, declared: tuple[ContainerPort, ...]) -> ContainerPort | None:
    """The container port that was likely meant."""
    for fits in (
        lambda p: is_slip(str(port.target), p.name),
        lambda p: says_grpc(p.name),
        lambda p: p.number == port.number,
        lambda p: len(declared) == 1,
    ):
        found = [p for p in declared if fits(p)]
        if found:
            return found[0]
    return None
