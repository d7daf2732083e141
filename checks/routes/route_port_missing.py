"""route-port-missing: a route names a port that its Service does not have."""

from __future__ import annotations

from collections.abc import Iterator

from grpcdoctor.checks._findings import about, seen
from grpcdoctor.checks.routes._common import backend_proof, field_of, no_backend, rules_once, target_of
from grpcdoctor.cluster.changes import Edit
from grpcdoctor.cluster.fields import at, text_at
from grpcdoctor.cluster.intent import intent_of
from grpcdoctor.cluster.istio.hosts import ports_of
from grpcdoctor.cluster.istio.protocol import EntryPort, protocol_of
from grpcdoctor.cluster.objects import Object
from grpcdoctor.cluster.paths import ROUTE_KINDS
from grpcdoctor.cluster.routes import Backend, RouteRule
from grpcdoctor.cluster.services import Service, ServicePort
from grpcdoctor.cluster.snapshot import Cluster
from grpcdoctor.model.finding import Conclusion, Fix
from grpcdoctor.model.rule import Rule, Severity

RULE = Rule(
    code="GD632",
    name="route-port-missing",
    severity=Severity.ERROR,
    title="a route names a port that the Service does not have",
)
READS = ROUTE_KINDS
_MOST_FIXES = 4


def check(cluster: Cluster) -> Iterator[Conclusion]:
    for rule in rules_once(cluster):
        for backend in rule.backends:
            target = target_of(cluster, rule, backend) if backend.port is None else None
            wanted = _wanted(rule, backend)
            if target is not None and wanted and ports_of(target) and wanted not in _names(target):
                yield _finding(cluster, rule, backend, target, wanted)


def _wanted(rule: RouteRule, backend: Backend) -> str:
    """The port's number or name, as it is written; empty where none is."""
    if backend.port_number is not None:
        return str(backend.port_number)
    path = field_of(rule, backend, "port")
    return text_at(rule.object.raw, *path[:-1], "name") if path is not None and path[-1] == "number" else ""


def _names(target: Service | Object) -> set[str]:
    names = {port.name for port in ports_of(target) if port.name} if isinstance(target, Service) else set()
    return names | {str(port.number) for port in ports_of(target)}


def _finding(cluster: Cluster, rule: RouteRule, backend: Backend, target: Service | Object, wanted: str) -> Conclusion:
    item = target.object if isinstance(target, Service) else target
    ports = _best_first(cluster, target, wanted)
    has = ", ".join(f"{port.number}" for port in ports)
    aimed = next((port for port in ports if wanted in _inner(port)), None)
    why = f" (the targetPort of {aimed.number})" if aimed else f" (it has {has})"
    path = field_of(rule, backend, "port") or backend.path
    shown = path if at(rule.object.raw, *path) is not None else path[:-1]
    return about(
        RULE,
        rule.object,
        shown,
        f"{rule.object.title} routes to port {wanted}, which {item.title} does not have{why}",
        symptom="A route names the Service's port, not the port that the container listens on. "
        f"{no_backend(rule.platform)}",
        evidence=(seen(item, ("spec", "ports"), f"{item.title} has the ports {has}"), *backend_proof(cluster, backend)),
        fixes=tuple(_fixes(rule, backend, ports)),
        related=(item,),
    )


def _best_first(cluster: Cluster, target: Service | Object, wanted: str) -> list[ServicePort | EntryPort]:
    """The port that is probably meant comes first."""
    return sorted(ports_of(target), key=lambda port: (wanted not in _inner(port), not _is_grpc(cluster, port)))


def _inner(port: ServicePort | EntryPort) -> set[str]:
    """The ports behind it."""
    if isinstance(port, EntryPort):
        return {str(port.target)}
    return {str(port.target), *(str(number) for number in port.target_numbers)}


def _is_grpc(cluster: Cluster, port: ServicePort | EntryPort) -> bool:
    if isinstance(port, EntryPort):
        return protocol_of(port).protocol.is_http2
    return intent_of(cluster, port).may_be_grpc


def _fixes(rule: RouteRule, backend: Backend, ports: list[ServicePort | EntryPort]) -> Iterator[Fix]:
    path = field_of(rule, backend, "port")
    for port in ports[:_MOST_FIXES]:
        summary = f"Route to the Service's port {port.number}" + (f" ({port.name})" if port.name else "")
        if path is None:
            yield Fix(summary, command=f"kubectl -n {rule.object.namespace} edit {rule.object.kind.resource} "
                      f"{rule.object.name}")  # fmt: skip
            return
        edit = Edit(rule.object)
        if path[-1] == "number":
            edit.remove((*path[:-1], "name"))
        yield edit.set(path, port.number).fix(summary)
