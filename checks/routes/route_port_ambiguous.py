"""route-port-ambiguous: a route to a Service with several ports does not say which."""

from __future__ import annotations

from collections.abc import Iterator

from grpcdoctor.checks._findings import about, seen
from grpcdoctor.checks.routes._common import ISTIO, backend_proof, no_backend, rules_once, target_of
from grpcdoctor.cluster.changes import Edit
from grpcdoctor.cluster.fields import at
from grpcdoctor.cluster.intent import intent_of
from grpcdoctor.cluster.istio.hosts import full_host, ports_of
from grpcdoctor.cluster.istio.protocol import EntryPort, protocol_of
from grpcdoctor.cluster.objects import Object
from grpcdoctor.cluster.paths import ROUTE_KINDS
from grpcdoctor.cluster.routes import Backend, RouteRule
from grpcdoctor.cluster.services import Service, ServicePort
from grpcdoctor.cluster.snapshot import Cluster
from grpcdoctor.model.finding import Conclusion, Fix
from grpcdoctor.model.rule import Rule, Severity

RULE = Rule(
    code="GD644",
    name="route-port-ambiguous",
    severity=Severity.ERROR,
    title="a route does not say which of the Service's ports it means",
)
READS = ROUTE_KINDS


def check(cluster: Cluster) -> Iterator[Conclusion]:
    for rule in rules_once(cluster):
        if rule.platform != ISTIO:  # elsewhere the API demands a port
            continue
        for backend in rule.backends:
            if at(rule.object.raw, *backend.path, "port") is None:
                target = target_of(cluster, rule, backend)
                if target is not None and len(ports_of(target)) > 1:
                    yield from _judge(cluster, rule, backend, target)


def _judge(cluster: Cluster, rule: RouteRule, backend: Backend, target: Service | Object) -> Iterator[Conclusion]:
    item = target.object if isinstance(target, Service) else target
    ports = sorted(ports_of(target), key=lambda port: not _is_grpc(cluster, port))
    if not (rule.looks_like_grpc or _is_grpc(cluster, ports[0])):
        return
    entering = _entering_ports(rule)
    has = [port.number for port in ports]
    fits = [number for number in entering if number in has]
    grpc = {port.number for port in ports if _is_grpc(cluster, port)}
    if entering and set(entering) <= grpc and not rule.in_mesh:
        return  # by chance the right one
    if rule.in_mesh and not rule.entrances:
        if set(rule.hosts) & {full_host(item.name, item.namespace)}:
            return  # the client's own port is one of the same Service's
        severity, effect = Severity.WARNING, "so the client's own port counts"
    elif entering and not fits:
        severity, effect = Severity.ERROR, f"so Istio takes {entering[0]}, which is none"
    else:
        severity, effect = Severity.WARNING, "so the port of the listener counts"
    yield about(
        RULE,
        rule.object,
        backend.path,
        f"{rule.object.title} names none of the {len(has)} ports of {item.title}, {effect}",
        symptom="Without a port Istio uses the only one there is; of several it takes the number that the call came in "
        f"by. Where the Service lacks that: {no_backend(ISTIO)}",
        evidence=(
            seen(item, ("spec", "ports"), f"{item.title} has the ports {', '.join(map(str, has))}"),
            *backend_proof(cluster, backend),
        ),
        fixes=tuple(_fix(rule, backend, port) for port in ports[:3]),
        related=(item,),
        severity=severity,
    )


def _entering_ports(rule: RouteRule) -> list[int]:
    return [entrance.port for entrance in rule.entrances if entrance.port is not None]


def _is_grpc(cluster: Cluster, port: ServicePort | EntryPort) -> bool:
    if isinstance(port, EntryPort):
        return protocol_of(port).protocol.is_http2
    return intent_of(cluster, port).is_grpc


def _fix(rule: RouteRule, backend: Backend, port: ServicePort | EntryPort) -> Fix:
    name = f" ({port.name})" if port.name else ""
    return Edit(rule.object).set((*backend.path, "port", "number"), port.number).fix(f"Say port {port.number}{name}")
