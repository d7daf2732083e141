"""mesh-upgrades-everything: the mesh's h2UpgradePolicy has HTTP/2 spoken to servers that know HTTP/1.1 only."""

from __future__ import annotations

from collections.abc import Iterator

from grpcdoctor.checks._findings import about, seen
from grpcdoctor.cluster.changes import Edit
from grpcdoctor.cluster.hops import Spoken
from grpcdoctor.cluster.intent import intent_of
from grpcdoctor.cluster.istio.mesh import MeshConfig, mesh_config
from grpcdoctor.cluster.istio.protocol import Protocol, protocol_of
from grpcdoctor.cluster.istio.proxy_config import edit_mesh
from grpcdoctor.cluster.istio.upstream import Client, ClientKind, inbound_of, upstream_of
from grpcdoctor.cluster.objects import Object
from grpcdoctor.cluster.paths import ROUTE_KINDS
from grpcdoctor.cluster.services import ServicePort, services
from grpcdoctor.cluster.snapshot import Cluster
from grpcdoctor.cluster.workloads import Mesh
from grpcdoctor.model.finding import Conclusion
from grpcdoctor.model.rule import Rule, Severity

RULE = Rule(
    code="GD725",
    name="mesh-upgrades-everything",
    severity=Severity.ERROR,
    title="the mesh speaks HTTP/2 to ports that are declared http",
)
READS = ROUTE_KINDS

_FIELD = "h2UpgradePolicy"
_PROTOCOL_ERROR = "UNAVAILABLE: upstream connect error or disconnect/reset before headers. reset reason: protocol error"


def check(cluster: Cluster) -> Iterator[Conclusion]:
    mesh = mesh_config(cluster)
    if not mesh.upgrades_to_http2 or mesh.object is None:
        return
    plain: list[ServicePort] = []
    for service in services(cluster):
        for port in service.ports:
            if protocol_of(port).protocol not in (Protocol.HTTP, Protocol.HTTP_PROXY) or not _upgraded(cluster, port):
                continue
            sidecar = any(workload.mesh is Mesh.SIDECAR for workload in service.workloads)
            intent = intent_of(cluster, port)
            if intent.is_grpc and sidecar and inbound_of(cluster, port, port.service.full_host)[0] is Spoken.HTTP1:
                yield _grpc_behind_sidecar(port, mesh.object)
            elif intent.is_http1 and not intent.is_grpc and not sidecar:
                plain.append(port)
    if plain:
        yield _plain(mesh, mesh.object, plain)


def _upgraded(cluster: Cluster, port: ServicePort) -> bool:
    """By the mesh: a DestinationRule may say otherwise, and then it is that rule's doing."""
    upstream = upstream_of(cluster, Client(ClientKind.SIDECAR, port.service.namespace), port, port.service.full_host)
    return upstream.spoken is Spoken.H2 and upstream.decision.object is mesh_config(cluster).object


def _grpc_behind_sidecar(port: ServicePort, config: Object) -> Conclusion:
    service, found = port.service, protocol_of(port)
    return about(
        RULE,
        service.object,
        (*port.path, found.field),
        f"{service.title} port {port.number} is gRPC and called http: only its clients' proxies are upgraded to HTTP/2",
        symptom="The mesh's h2UpgradePolicy is for the way out. The server's own sidecar goes by the port's "
        f"declaration and speaks HTTP/1.1 to it: clients get {_PROTOCOL_ERROR}.",
        evidence=(seen(config, ("data", "mesh"), f"{_FIELD} is UPGRADE in {config.title}"),),
        fixes=(
            Edit(service.object)
            .set((*port.path, "appProtocol"), "kubernetes.io/h2c")
            .fix("Declare HTTP/2 with appProtocol: kubernetes.io/h2c, for all proxies"),
        ),
        related=(config,),
    )


def _plain(mesh: MeshConfig, config: Object, ports: list[ServicePort]) -> Conclusion:
    first = ports[0]
    more = f" and {len(ports) - 1} more" if len(ports) > 1 else ""
    edit = edit_mesh(config, mesh.path, mesh.values, (_FIELD,), "DO_NOT_UPGRADE")
    return about(
        RULE,
        config,
        mesh.path,
        f"{config.title} upgrades all http ports to HTTP/2, and {first.title}{more} serves HTTP/1.1 without a sidecar",
        symptom="No sidecar translates back before these applications. A server of HTTP/1.1 alone hangs up: its "
        "clients get 502, protocol error.",
        evidence=tuple(seen(port.service.object, port.path) for port in ports[:3]),
        fixes=(edit.fix("Turn the mesh-wide upgrade off, and declare the gRPC ports with appProtocol: grpc"),),
        severity=Severity.WARNING,
        confidence=0.7,
        related=tuple(port.service.object for port in ports[:5]),
    )
