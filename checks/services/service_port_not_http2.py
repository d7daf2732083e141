"""service-port-not-http2: a gRPC server's port is declared so that Istio's proxies speak HTTP/1.1 to it."""

from __future__ import annotations

from collections.abc import Iterator

from grpcdoctor.checks._findings import about, seen
from grpcdoctor.cluster.changes import Edit
from grpcdoctor.cluster.hops import Spoken
from grpcdoctor.cluster.intent import intent_of
from grpcdoctor.cluster.istio.mesh import has_istio
from grpcdoctor.cluster.istio.protocol import Protocol, protocol_named, protocol_of
from grpcdoctor.cluster.istio.upstream import Client, ClientKind, upstream_of
from grpcdoctor.cluster.paths import ROUTE_KINDS
from grpcdoctor.cluster.routes import rules_to
from grpcdoctor.cluster.services import ServicePort, services
from grpcdoctor.cluster.snapshot import Cluster
from grpcdoctor.model.finding import Conclusion, Fix
from grpcdoctor.model.rule import Rule, Severity

RULE = Rule(
    code="GD501",
    name="service-port-not-http2",
    severity=Severity.ERROR,
    title="the mesh speaks HTTP/1.1 to a gRPC server, because of its Service port's name",
)
READS = ROUTE_KINDS


def check(cluster: Cluster) -> Iterator[Conclusion]:
    if not has_istio(cluster):
        return
    for service in services(cluster):
        for port in service.ports:
            if protocol_of(port).protocol in (Protocol.HTTP, Protocol.HTTP_PROXY):
                yield from _judge(cluster, port)


def _judge(cluster: Cluster, port: ServicePort) -> Iterator[Conclusion]:
    intent = intent_of(cluster, port)
    if not intent.is_grpc or not _breaks(cluster, port):
        return
    found = protocol_of(port)
    service = port.service
    routes = [rule.object for rule, _ in rules_to(cluster, port)]
    yield about(
        RULE,
        service.object,
        (*port.path, found.field),
        f'{service.title} port {port.number} is a gRPC server, and its {found.field} "{found.value}" selects HTTP/1.1',
        symptom="Istio's proxies take the HTTP version from the port's appProtocol or the prefix of its name. Clients "
        "get UNAVAILABLE: upstream connect error or disconnect/reset before headers. reset reason: protocol error.",
        evidence=tuple(seen(hint.object, hint.path, hint.text) for hint in intent.grpc[:3]),
        fixes=(_fix(port),),
        related=tuple(routes),
    )


def _breaks(cluster: Cluster, port: ServicePort) -> bool:
    """Some proxy that sends there would speak HTTP/1.1: a policy may have turned it into HTTP/2 everywhere."""
    upstreams = [backend.upstream for rule, backend in rules_to(cluster, port) if rule.by_istio]
    if not upstreams:
        client = Client(ClientKind.SIDECAR, port.service.namespace)
        upstreams = [upstream_of(cluster, client, port, port.service.full_host)]
    return any(upstream.spoken is Spoken.HTTP1 for upstream in upstreams)


def _fix(port: ServicePort) -> Fix:
    edit = Edit(port.service.object).set((*port.path, "appProtocol"), "kubernetes.io/h2c")
    if port.name and not protocol_named(port.name).is_http2:
        return edit.fix("Declare HTTP/2 with appProtocol, which counts before the name; every gateway understands it")
    return edit.fix("Declare HTTP/2 with an appProtocol that every gateway understands")
