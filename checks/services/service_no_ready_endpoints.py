"""service-no-ready-endpoints: a gRPC Service has pods, and none of them is ready."""

from __future__ import annotations

from collections.abc import Iterator

from grpcdoctor.checks._findings import about, seen
from grpcdoctor.checks.services._ports import NO_UPSTREAM
from grpcdoctor.cluster.fields import mapping_at, mappings_at, number_at, text_at
from grpcdoctor.cluster.intent import intent_of
from grpcdoctor.cluster.kinds import ENDPOINT_SLICE
from grpcdoctor.cluster.paths import PATH_KINDS
from grpcdoctor.cluster.routes import rules_to
from grpcdoctor.cluster.services import Service, services
from grpcdoctor.cluster.snapshot import Cluster
from grpcdoctor.cluster.workloads import Workload
from grpcdoctor.model.finding import Conclusion, Evidence, Fix
from grpcdoctor.model.rule import Rule, Severity

RULE = Rule(
    code="GD507",
    name="service-no-ready-endpoints",
    severity=Severity.ERROR,
    title="no pod behind a gRPC Service is ready",
)
READS = PATH_KINDS


def check(cluster: Cluster) -> Iterator[Conclusion]:
    for service in services(cluster):
        if service.external_name or not any(intent_of(cluster, port).is_grpc for port in service.ports):
            continue
        if service.has_ready_endpoint is False:
            yield from _judge(cluster, service)


def _judge(cluster: Cluster, service: Service) -> Iterator[Conclusion]:
    waiting = tuple(workload for workload in service.workloads if workload.is_pod)
    if service.selector and not waiting:  # it selects nothing, which is another rule's, or its pods are not made yet
        return
    if not service.selector and not service.endpoints and not cluster.has_all(ENDPOINT_SLICE, service.namespace):
        return
    if waiting:
        count = f"{len(waiting)} pods" if len(waiting) > 1 else f"pod {waiting[0].name}"
        message = f"{service.title} selects {count}, and none is ready"
    elif service.endpoints:
        message = f"{service.title} has {len(service.endpoints)} endpoints, written by hand, and none is ready"
    else:
        message = f"{service.title} has no selector, and nobody has written EndpointSlices for it"
    routes = tuple(rule.object for port in service.ports for rule, _ in rules_to(cluster, port))
    yield about(
        RULE,
        service.object,
        ("spec", "selector"),
        message,
        symptom=f"Only ready pods get calls. Behind a proxy clients get {NO_UPSTREAM}; without one, connection refused "
        "or a timeout.",
        evidence=tuple(_state(workload) for workload in waiting[:3]),
        fixes=(_fix(service, waiting),),
        related=(*routes, *(workload.object for workload in waiting)),
    )


def _fix(service: Service, waiting: tuple[Workload, ...]) -> Fix:
    where = f"kubectl -n {service.namespace}"
    if not waiting:
        return Fix(
            "Give it a selector, or an EndpointSlice with ready addresses",
            command=f"{where} get endpointslices -l kubernetes.io/service-name={service.name} -o yaml",
        )
    name = waiting[0].name
    return Fix(
        "Cure what keeps the pods from being ready; the events and the log say what",
        command=f"{where} describe pod {name} && {where} logs {name} --all-containers --tail=50",
    )


def _state(workload: Workload) -> Evidence:
    """Why a pod is not ready, as its status has it."""
    raw = workload.object.raw
    for index, status in mappings_at(raw, "status", "containerStatuses"):
        state = mapping_at(status, "state")
        reason = text_at(state, "waiting", "reason") or text_at(state, "terminated", "reason")
        restarts = number_at(status, "restartCount") or 0
        if reason or restarts:
            words = reason or "running"
            text = f"container {text_at(status, 'name')}: {words}, {restarts} restarts"
            return seen(workload.object, ("status", "containerStatuses", index), text)
    for index, condition in mappings_at(raw, "status", "conditions"):
        if text_at(condition, "type") == "Ready":
            words = text_at(condition, "message") or text_at(condition, "reason") or "False"
            return seen(workload.object, ("status", "conditions", index), f"Ready: {words}")
    return seen(workload.object, ("status",), "not ready")
