"""workload-bypasses-sidecar: a gRPC client runs as the proxy's own user, so that its calls bypass the sidecar."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from grpcdoctor.checks._findings import about, seen
from grpcdoctor.checks.services._calls import Call, calls, service_called
from grpcdoctor.checks.services._owners import in_owner
from grpcdoctor.checks.services._traffic import past_sidecar
from grpcdoctor.cluster.changes import Edit
from grpcdoctor.cluster.fields import FieldPath, number_at
from grpcdoctor.cluster.intent import intent_of
from grpcdoctor.cluster.paths import PATH_KINDS
from grpcdoctor.cluster.services import Service
from grpcdoctor.cluster.snapshot import Cluster
from grpcdoctor.cluster.workloads import Mesh, owner_of
from grpcdoctor.model.finding import Conclusion, Fix
from grpcdoctor.model.rule import Rule, Severity

RULE = Rule(
    code="GD523",
    name="workload-bypasses-sidecar",
    severity=Severity.ERROR,
    title="a gRPC client runs as the proxy's user, and its calls bypass the sidecar",
)
READS = PATH_KINDS
_PROXY_USER = 1337


@dataclass(frozen=True)
class _Way:
    """How the client's calls get past its sidecar."""

    path: FieldPath
    fix: Fix


def check(cluster: Cluster) -> Iterator[Conclusion]:
    done: set[tuple[str, ...]] = set()
    for call in calls(cluster):
        service = service_called(cluster, call)
        key = (call.workload.namespace, call.container.name, call.text)
        if service is None or key in done:
            continue
        port = service.port(call.port)
        if port is None or not intent_of(cluster, port).is_grpc or call.workload in service.workloads:
            continue
        way = _way(cluster, call)
        if way is not None:
            done.add(key)
            yield from _judge(cluster, service, call, way)


def _way(cluster: Cluster, call: Call) -> _Way | None:
    """User 1337 is the proxy's own, whose traffic is not redirected to the proxy."""
    container, workload = call.container, call.workload
    if workload.mesh is not Mesh.SIDECAR:
        return None
    path = (*container.path, "securityContext", "runAsUser")
    if number_at(container.raw, "securityContext", "runAsUser") == _PROXY_USER:
        owner, field = in_owner(cluster, workload, container, path)
    elif (
        number_at(container.raw, "securityContext", "runAsUser") is None
        and number_at(workload.spec, "securityContext", "runAsUser") == _PROXY_USER
    ):
        path = workload.path("spec", "securityContext", "runAsUser")
        owner, prefix = owner_of(cluster, workload)
        field = (*prefix, "spec", "securityContext", "runAsUser")
    else:
        return None
    fix = Edit(owner).set(field, 1000).fix("Run the application as another user than the proxy")
    return _Way(path, fix)


def _judge(cluster: Cluster, service: Service, call: Call, way: _Way) -> Iterator[Conclusion]:
    port = service.port(call.port)
    past = past_sidecar(cluster, service, port)
    if past is None:
        return
    policy = past.strict.object if past.strict is not None else None
    yield about(
        RULE,
        call.workload.object,
        way.path,
        f"{call.workload.title} calls {service.title} as user 1337, whose traffic is not led to the sidecar",
        symptom=f"1337 is the proxy's own user, so the calls leave the pod in plaintext. {past.effect}",
        evidence=(
            seen(call.workload.object, call.path, call.text),
            *((seen(policy, past.strict.path),) if past.strict is not None and policy is not None else ()),
        ),
        fixes=(way.fix,),
        related=(service.object, *((policy,) if policy is not None else ())),
        severity=past.severity,
        confidence=0.9,
    )
