"""service-port-is-http2-app-is-not: a port is declared grpc, and the container behind it serves HTTP/1.1."""

from __future__ import annotations

from collections.abc import Iterator

from grpcdoctor.checks._findings import about
from grpcdoctor.checks.services._ports import PROTOCOL_ERROR, hints
from grpcdoctor.cluster.changes import Edit
from grpcdoctor.cluster.intent import Intent, intent_of, says_grpc
from grpcdoctor.cluster.istio.mesh import has_istio
from grpcdoctor.cluster.istio.protocol import Protocol, parse_protocol, protocol_of
from grpcdoctor.cluster.kinds import SERVICE
from grpcdoctor.cluster.paths import ROUTE_KINDS
from grpcdoctor.cluster.routes import rules_to
from grpcdoctor.cluster.services import ServicePort, services
from grpcdoctor.cluster.snapshot import Cluster
from grpcdoctor.model.finding import Alternative, Conclusion
from grpcdoctor.model.rule import Rule, Severity

RULE = Rule(
    code="GD504",
    name="service-port-is-http2-app-is-not",
    severity=Severity.ERROR,
    title="a Service port is declared as gRPC, and the application serves HTTP/1.1",
)
READS = ROUTE_KINDS


def check(cluster: Cluster) -> Iterator[Conclusion]:
    if not has_istio(cluster):
        return
    for service in services(cluster):
        for port in service.ports:
            # `http2` is left out: servers of plain HTTP/2 mostly take HTTP/1.1 as well.
            if protocol_of(port).protocol is Protocol.GRPC:
                yield from _judge(cluster, port)


def _judge(cluster: Cluster, port: ServicePort) -> Iterator[Conclusion]:
    intent = intent_of(cluster, port)
    named = _named_http(port)
    if not intent.is_http1 or named is None or _meant_for_grpc(cluster, port, intent):
        return
    found = protocol_of(port)
    service = port.service
    yield about(
        RULE,
        service.object,
        (*port.path, found.field),
        f'{service.title} port {port.number} says "{found.value}", and container {named} serves HTTP/1.1 there',
        symptom="Istio's proxies speak HTTP/2 to the port, and a server of HTTP/1.1 hangs up. Clients get "
        f"{PROTOCOL_ERROR}; for others it is a 502.",
        evidence=hints(intent.http1),
        fixes=(Edit(service.object).set((*port.path, "appProtocol"), "http").fix("Declare what is served: HTTP/1.1"),),
        confidence=0.7,
        alternatives=(
            Alternative(
                "the server takes both HTTP/1.1 and HTTP/2 on this port",
                "a readiness probe by HTTP GET works with such a server, too",
                f"kubectl -n {service.namespace} port-forward service/{service.name} {port.number} & "
                f"grpcdoctor probe --plaintext localhost:{port.number}",
            ),
        ),
    )


def _named_http(port: ServicePort) -> str | None:
    """The container that names this port of its own `http…`."""
    for workload, container, number in port.containers():
        names = [declared.name for declared in container.ports if declared.number == number]
        if any(parse_protocol(name.partition("-")[0]) is Protocol.HTTP for name in names):
            return f"{container.name} of {workload.title}"
    return None


def _meant_for_grpc(cluster: Cluster, port: ServicePort, intent: Intent) -> bool:
    """The workload itself, or a route, says gRPC: then the server may speak both."""
    if any(hint.object.kind is not SERVICE for hint in intent.grpc):
        return True
    if any(rule.looks_like_grpc for rule, _ in rules_to(cluster, port)):
        return True
    return any(says_grpc(c.name) or any(says_grpc(word) for word in c.words) for _, c, _ in port.containers())
