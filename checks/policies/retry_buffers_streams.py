"""retry-buffers-streams: retries make proxies keep what a client streams, for as long as the stream runs."""

from __future__ import annotations

from collections.abc import Iterator

from grpcdoctor.checks._findings import about, seen
from grpcdoctor.checks.policies._grpc import is_grpc
from grpcdoctor.checks.policies._http import retries_of, virtual_routes
from grpcdoctor.checks.policies._streams import Streaming, sends_streams, streaming_of, streaming_word
from grpcdoctor.cluster.changes import Edit
from grpcdoctor.cluster.istio.mesh import has_istio
from grpcdoctor.cluster.istio.protocol import Protocol, protocol_of
from grpcdoctor.cluster.paths import ROUTE_KINDS
from grpcdoctor.cluster.services import ServicePort, services
from grpcdoctor.cluster.snapshot import Cluster
from grpcdoctor.cluster.workloads import Mesh
from grpcdoctor.model.finding import Conclusion
from grpcdoctor.model.rule import Rule, Severity

RULE = Rule(
    code="GD713",
    name="retry-buffers-streams",
    severity=Severity.WARNING,
    title="retries make proxies buffer streams",
)
READS = ROUTE_KINDS


def check(cluster: Cluster) -> Iterator[Conclusion]:
    yield from _routes(cluster)
    if has_istio(cluster):
        for service in services(cluster):
            for port in service.ports if streaming_word(service.name) and sends_streams(service.name) else ():
                yield from _inbound(cluster, port)


def _routes(cluster: Cluster) -> Iterator[Conclusion]:
    for route in virtual_routes(cluster):
        streaming, named = streaming_of(route)
        retries = retries_of(cluster, route)
        if streaming is not Streaming.HINTED or not sends_streams(named) or retries is None:
            continue
        path = (*route.path, "retries")
        written = retries.path is not None
        yield about(
            RULE,
            route.object,
            path,
            f'{route.title} carries streams ("{named}") and is retried {"" if written else "by default "}'
            f"up to {retries.attempts} times",
            symptom="To be able to try again, Envoy keeps what the client has sent, up to its buffer limit for each "
            "stream. With many long streams its memory grows, and the pod may be OOMKilled: clients get UNAVAILABLE.",
            evidence=(seen(route.object, route.path, f'the name "{named}" says streams'), *route.proof),
            fixes=(Edit(route.object).set(path, {"attempts": 0}).fix("Turn retries off for streams: attempts: 0"),),
            severity=None if written else Severity.INFO,
            confidence=0.6,
            related=route.services,
        )


def _inbound(cluster: Cluster, port: ServicePort) -> Iterator[Conclusion]:
    """The server's own sidecar retries on ports that are not declared gRPC."""
    found = protocol_of(port)
    if found.protocol not in (Protocol.HTTP2, Protocol.AUTO) or not is_grpc(cluster, port):
        return
    if not any(workload.mesh is Mesh.SIDECAR for workload in port.service.workloads):
        return
    service = port.service
    said = f'{found.field} "{found.value}"' if found.value else "no name"
    yield about(
        RULE,
        service.object,
        (*port.path, found.field),
        f"{service.title} port {port.number} has {said}, for which its own sidecar retries and buffers streams",
        symptom="Istio's sidecars retry incoming calls on every HTTP port but those declared grpc. To do so they "
        "keep what a client streams: the sidecar's memory grows with the number of streams.",
        evidence=(seen(service.object, ("metadata", "name"), f'the name "{service.name}" says streams'),),
        fixes=(
            Edit(service.object)
            .set((*port.path, "appProtocol"), "grpc")
            .fix("Declare gRPC with appProtocol: grpc, for which the sidecar does not retry"),
        ),
        severity=Severity.INFO,
        confidence=0.6,
    )
