"""sidecar-ingress-not-http2: the listener of a Sidecar resource says HTTP for the port of a gRPC server."""

from __future__ import annotations

from collections.abc import Iterator

from grpcdoctor.checks._findings import about, seen
from grpcdoctor.checks.policies._grpc import Served, all_served
from grpcdoctor.checks.policies._sidecars import Listener, listeners_of, sidecar_for
from grpcdoctor.cluster.changes import Edit
from grpcdoctor.cluster.istio.protocol import Protocol
from grpcdoctor.cluster.istio.upstream import Client, ClientKind, policy_for
from grpcdoctor.cluster.kinds import SIDECAR
from grpcdoctor.cluster.objects import Object
from grpcdoctor.cluster.paths import ROUTE_KINDS
from grpcdoctor.cluster.snapshot import Cluster
from grpcdoctor.cluster.workloads import Mesh
from grpcdoctor.model.finding import Conclusion
from grpcdoctor.model.rule import Rule, Severity

RULE = Rule(
    code="GD754",
    name="sidecar-ingress-not-http2",
    severity=Severity.ERROR,
    title="a Sidecar resource has the proxy speak HTTP/1.1 to a gRPC server",
)
READS = ROUTE_KINDS


def check(cluster: Cluster) -> Iterator[Conclusion]:
    if not cluster.all(SIDECAR):
        return
    told: set[tuple[int, int]] = set()
    for one in all_served(cluster):
        item = sidecar_for(cluster, one.workload) if one.workload.mesh in (Mesh.SIDECAR, Mesh.UNKNOWN) else None
        for listener in listeners_of(item) if item is not None else ():
            wrong = listener.number == one.number and listener.protocol in (Protocol.HTTP, Protocol.HTTP_PROXY)
            if item is not None and wrong and (id(item), one.number) not in told and not _follows(cluster, one):
                told.add((id(item), one.number))
                yield _finding(item, listener, one)


def _follows(cluster: Cluster, one: Served) -> bool:
    """useClientProtocol counts on the way in, too."""
    client = Client(ClientKind.SIDECAR, one.port.service.namespace)
    policy = policy_for(cluster, client, one.port, one.port.service.full_host)
    found = policy.find("connectionPool", "http", "useClientProtocol")
    return found is not None and found.value is True


def _finding(item: Object, listener: Listener, one: Served) -> Conclusion:
    place = (*listener.path, "port", "protocol")
    return about(
        RULE,
        item,
        place,
        f"{item.title} says {listener.word} for port {one.number}, on which {one.port.service.title} serves gRPC",
        symptom="The server's own sidecar speaks HTTP/1.1 to it. Clients get UNAVAILABLE: upstream connect error or "
        "disconnect/reset before headers. reset reason: protocol error.",
        evidence=(seen(one.port.service.object, one.port.path),),
        fixes=(Edit(item).set(place, "GRPC").fix("Declare the listener as gRPC"),),
        related=(one.port.service.object,),
    )
