"""route-mirror-unsuitable: gRPC calls are mirrored to a server that cannot take them."""

from __future__ import annotations

from collections.abc import Iterator

from grpcdoctor.checks._findings import about, seen
from grpcdoctor.checks.routes._common import grpc_proof, rules_once
from grpcdoctor.checks.routes._virtual_services import clients_of
from grpcdoctor.cluster.changes import Edit
from grpcdoctor.cluster.fields import FieldPath, at, mapping_at
from grpcdoctor.cluster.hops import Spoken
from grpcdoctor.cluster.intent import intent_of
from grpcdoctor.cluster.istio.hosts import find_host, ports_of
from grpcdoctor.cluster.istio.protocol import EntryPort
from grpcdoctor.cluster.istio.upstream import upstream_of
from grpcdoctor.cluster.istio.virtual_services import Destination, VirtualRoute, VirtualService
from grpcdoctor.cluster.paths import ROUTE_KINDS
from grpcdoctor.cluster.routes import RouteRule
from grpcdoctor.cluster.services import ServicePort
from grpcdoctor.cluster.snapshot import Cluster
from grpcdoctor.model.finding import Conclusion, Fix
from grpcdoctor.model.rule import Rule, Severity

RULE = Rule(
    code="GD652",
    name="route-mirror-unsuitable",
    severity=Severity.WARNING,
    title="gRPC calls are mirrored to a server that cannot take them",
)
READS = ROUTE_KINDS


def check(cluster: Cluster) -> Iterator[Conclusion]:
    for rule in rules_once(cluster):
        if rule.platform != "istio" or not rule.is_http or not rule.backends:
            continue
        index = rule.path[-1]
        route = VirtualRoute(rule.object, "http", index if isinstance(index, int) else 0,
                             mapping_at(rule.object.raw, *rule.path))  # fmt: skip
        for mirror in route.mirrors if grpc_proof(cluster, rule) else ():
            yield from _judge(cluster, rule, mirror)


def _judge(cluster: Cluster, rule: RouteRule, mirror: Destination) -> Iterator[Conclusion]:
    port = _port(cluster, mirror)
    if port is None:
        return
    spoken = None
    for client in clients_of(cluster, VirtualService(rule.object)):
        spoken = upstream_of(cluster, client, port, mirror.full, mirror.subset).spoken
    item = port.entry if isinstance(port, EntryPort) else port.service.object
    web = isinstance(port, ServicePort) and intent_of(cluster, port).is_http1
    if spoken is not Spoken.HTTP1 and not web:
        return
    yield about(
        RULE,
        rule.object,
        mirror.path,
        f"{rule.object.title} mirrors gRPC calls to {item.title} port {port.number}, which takes HTTP/1.1",
        symptom="The copies fail, and nobody is told: answers of a mirror are thrown away. Clients notice nothing, the "
        "mirror's server sees broken requests, and streams are held in the proxy's memory.",
        evidence=(seen(item, port.path), *grpc_proof(cluster, rule)),
        fixes=tuple(_fixes(rule, mirror, port, web)),
        related=(item,),
    )


def _port(cluster: Cluster, to: Destination) -> ServicePort | EntryPort | None:
    target = find_host(cluster, to.full)
    ports = ports_of(target) if target is not None else ()
    if to.port is None:
        return ports[0] if len(ports) == 1 else None
    return next((port for port in ports if port.number == to.port), None)


def _fixes(rule: RouteRule, mirror: Destination, port: ServicePort | EntryPort, web: bool) -> Iterator[Fix]:
    if isinstance(port, ServicePort) and not web:
        edit = Edit(port.service.object).set((*port.path, "appProtocol"), "kubernetes.io/h2c")
        yield edit.fix("Declare the mirror's port HTTP/2, where a gRPC server listens there")
    edit = Edit(rule.object)
    for field in _fields(rule, mirror):
        edit.remove(field)
    yield edit.fix("Remove the mirror")


def _fields(rule: RouteRule, mirror: Destination) -> Iterator[FieldPath]:
    if "mirrors" in mirror.path:
        several = at(rule.object.raw, *mirror.path[:-2])
        yield mirror.path[:-1] if isinstance(several, list) and len(several) > 1 else mirror.path[:-2]
    else:
        yield mirror.path
        for name in ("mirrorPercentage", "mirrorPercent", "mirror_percent"):
            yield (*mirror.path[:-1], name)
