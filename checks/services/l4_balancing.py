"""l4-balancing: nothing between gRPC clients and several pods balances calls; connections are balanced instead."""

from __future__ import annotations

from collections.abc import Iterator

from grpcdoctor.checks._findings import about, seen
from grpcdoctor.checks.services._calls import Call, callers_of
from grpcdoctor.checks.services._owners import in_owner
from grpcdoctor.checks.services._ports import grpc_ports, hints, pods_behind
from grpcdoctor.cluster.changes import Edit, create
from grpcdoctor.cluster.fields import flag_at
from grpcdoctor.cluster.intent import Intent
from grpcdoctor.cluster.istio.hosts import full_host
from grpcdoctor.cluster.istio.mesh import has_istio
from grpcdoctor.cluster.kinds import NAMESPACE
from grpcdoctor.cluster.paths import PATH_KINDS
from grpcdoctor.cluster.routes import rules_to
from grpcdoctor.cluster.services import ServicePort, services_selecting
from grpcdoctor.cluster.snapshot import Cluster
from grpcdoctor.cluster.workloads import Mesh, Workload, owner_of, workloads
from grpcdoctor.model.finding import Conclusion, Fix
from grpcdoctor.model.rule import Rule, Severity

RULE = Rule(
    code="GD512",
    name="l4-balancing",
    severity=Severity.WARNING,
    title="gRPC calls to several pods are balanced by connection only",
)
READS = PATH_KINDS
_AGE = ("max-connection-age", "max_connection_age", "maxconnectionage", "max-conn-age", "max_conn_age")
_OTHER_MESH = ("linkerd.io/inject", "consul.hashicorp.com/connect-inject", "kuma.io/sidecar-injection")


def check(cluster: Cluster) -> Iterator[Conclusion]:
    any_mesh = has_istio(cluster) or cluster.once(_other_mesh)
    for port, intent in grpc_ports(cluster):
        service = port.service
        if service.is_headless or pods_behind(service) < 2 or _ages(port):
            continue
        bare = [call for call in callers_of(cluster, service) if call.port == port.number and _is_bare(call.workload)]
        if bare:
            yield _judge(cluster, port, intent, bare)
        elif not any_mesh and not rules_to(cluster, port) and not _has_headless_twin(cluster, port):
            yield _judge(cluster, port, intent, [])


def _is_bare(workload: Workload) -> bool:
    """It has no proxy that balances calls."""
    return workload.mesh is Mesh.NONE and not _in_other_mesh(workload)


def _other_mesh(cluster: Cluster) -> bool:
    if any(_in_other_mesh(workload) for workload in workloads(cluster).items):
        return True
    spaces = cluster.all(NAMESPACE)
    return any(name in space.annotations or name in space.labels for space in spaces for name in _OTHER_MESH)


def _in_other_mesh(workload: Workload) -> bool:
    marks = (*workload.annotations, *workload.labels)
    return workload.linkerd or any(name in marks for name in _OTHER_MESH)


def _ages(port: ServicePort) -> bool:
    """The server closes connections after a time, so that clients spread in the long run."""
    words = (
        word.lower()
        for _, container, _ in port.containers()
        for word in (*container.words, *container.environment)
    )
    return any(age in word for word in words for age in _AGE)


def _has_headless_twin(cluster: Cluster, port: ServicePort) -> bool:
    """Clients that balance by themselves have a headless Service for it."""
    return any(
        other.is_headless
        for workload in port.service.workloads[:1]
        for other in services_selecting(cluster, workload)
    )


def _judge(cluster: Cluster, port: ServicePort, intent: Intent, bare: list[Call]) -> Conclusion:
    service, count = port.service, pods_behind(port.service)
    who = f"{bare[0].workload.title} dials it without a sidecar" if bare else "nothing is shown that balances calls"
    return about(
        RULE,
        service.object,
        port.path,
        f"{service.title} port {port.number} has {count} pods, and {who}",
        symptom="Kubernetes balances connections, and a gRPC channel is one connection. All calls of a client reach "
        "one pod. It is overloaded (slow calls, RESOURCE_EXHAUSTED) while others idle, and new pods get nothing.",
        evidence=(
            *(seen(call.workload.object, call.path, f"{call.workload.title}: {call.text}") for call in bare[:2]),
            *hints(intent.grpc, 1),
        ),
        fixes=_fixes(cluster, port, bare),
        related=tuple(call.workload.object for call in bare),
        severity=None if bare else Severity.INFO,
        confidence=0.8 if bare else 0.6,
    )


def _fixes(cluster: Cluster, port: ServicePort, bare: list[Call]) -> tuple[Fix, ...]:
    if bare and has_istio(cluster) and not any(flag_at(call.workload.spec, "hostNetwork") for call in bare):
        return (_inject(cluster, bare), _headless(cluster, port, bare))
    return (_headless(cluster, port, bare),)


def _inject(cluster: Cluster, bare: list[Call]) -> Fix:
    parts: list[Fix] = []
    for call in {id(call.workload): call for call in bare}.values():
        owner, prefix = owner_of(cluster, call.workload)
        path = (*prefix, "metadata", "labels", "sidecar.istio.io/inject")
        parts.append(Edit(owner).set(path, "true").fix(""))
    names = ", ".join(dict.fromkeys(call.workload.title for call in bare))
    return _joined(f"Give {names} a sidecar, which balances by call", parts)


def _headless(cluster: Cluster, port: ServicePort, bare: list[Call]) -> Fix:
    service = port.service
    name = f"{service.name}-headless"
    number = port.target if isinstance(port.target, int) else next(iter(port.target_numbers), port.number)
    manifest = {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": name, "namespace": service.namespace},
        "spec": {
            "clusterIP": "None",
            "selector": dict(service.selector),
            "ports": [{"name": port.name or "grpc", "port": number, "appProtocol": "kubernetes.io/h2c"}],
        },
    }
    parts = [create(manifest, "")]
    for call in bare:
        owner, path = in_owner(cluster, call.workload, call.container, call.path)
        host = full_host(name, service.namespace)
        parts.append(Edit(owner).set(path, call.value.replace(call.target, f"dns:///{host}:{number}")).fix(""))
    return _joined(
        f"Create the headless Service {name}; clients dial dns:///{name}.{service.namespace}:{number} with the policy "
        "round_robin",
        parts,
    )


def _joined(summary: str, parts: list[Fix]) -> Fix:
    texts = [(part.patch or f"# {part.command}").rstrip() for part in parts]
    return Fix(summary, patch="\n---\n".join(texts), changes=tuple(c for part in parts for c in part.changes))
