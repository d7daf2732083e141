"""outbound-port-excluded: a gRPC client's calls bypass its sidecar, by an annotation."""

from __future__ import annotations

from collections.abc import Iterator
from ipaddress import ip_address, ip_network

from grpcdoctor.checks._findings import about, seen
from grpcdoctor.checks.services._calls import Call, calls, service_called
from grpcdoctor.checks.services._owners import annotation_in_owner
from grpcdoctor.checks.services._traffic import EXCLUDE_OUTBOUND, EXCLUDE_RANGES, listed, past_sidecar
from grpcdoctor.cluster.changes import Edit
from grpcdoctor.cluster.fields import text_at
from grpcdoctor.cluster.intent import intent_of
from grpcdoctor.cluster.paths import PATH_KINDS
from grpcdoctor.cluster.services import Service
from grpcdoctor.cluster.snapshot import Cluster
from grpcdoctor.cluster.workloads import Mesh
from grpcdoctor.model.finding import Conclusion, Fix
from grpcdoctor.model.rule import Rule, Severity

RULE = Rule(
    code="GD522",
    name="outbound-port-excluded",
    severity=Severity.ERROR,
    title="a gRPC client's calls bypass its sidecar, by an annotation",
)
READS = PATH_KINDS


def check(cluster: Cluster) -> Iterator[Conclusion]:
    done: set[tuple[str, ...]] = set()
    for call in calls(cluster):
        service = service_called(cluster, call)
        if call.workload.mesh is not Mesh.SIDECAR or service is None:
            continue
        found = _excluded(service, call)
        key = (call.workload.namespace, call.container.name, call.text)
        if found is not None and key not in done:
            done.add(key)
            yield from _judge(cluster, service, call, *found)


def _excluded(service: Service, call: Call) -> tuple[str, str] | None:
    """(the annotation, its part) that takes this call out of the sidecar's hands."""
    annotations = call.workload.annotations
    if str(call.port) in listed(annotations.get(EXCLUDE_OUTBOUND, "")):
        return EXCLUDE_OUTBOUND, str(call.port)
    address = text_at(service.object.raw, "spec", "clusterIP")
    for part in listed(annotations.get(EXCLUDE_RANGES, "")):
        if _within(address, part):
            return EXCLUDE_RANGES, part
    return None


def _within(address: str, network: str) -> bool:
    try:
        return ip_address(address) in ip_network(network, strict=False)
    except ValueError:
        return False


def _judge(cluster: Cluster, service: Service, call: Call, annotation: str, part: str) -> Iterator[Conclusion]:
    port = service.port(call.port)
    if port is None or not intent_of(cluster, port).is_grpc:
        return
    past = past_sidecar(cluster, service, port)
    if past is None:
        return
    policy = past.strict.object if past.strict is not None else None
    yield about(
        RULE,
        call.workload.object,
        call.workload.path("metadata", "annotations", annotation),
        f"{call.workload.title} calls {service.title} past its sidecar ({annotation.rpartition('/')[2]}: {part})",
        symptom=f"The calls leave the pod as the application writes them, in plaintext. {past.effect}",
        evidence=(seen(call.workload.object, call.path, call.text),),
        fixes=(_fix(cluster, call, annotation, part),),
        related=(service.object, *((policy,) if policy is not None else ())),
        severity=past.severity,
        confidence=0.9,
    )


def _fix(cluster: Cluster, call: Call, annotation: str, part: str) -> Fix:
    owner, path = annotation_in_owner(cluster, call.workload, annotation)
    kept = [p for p in listed(call.workload.annotations.get(annotation, "")) if p != part]
    edit = Edit(owner)
    edit.set(path, ",".join(kept)) if kept else edit.remove(path)
    return edit.fix(f"Let the sidecar take calls to {call.target}")
