"""gce-backend-protocol-plaintext: Google's load balancer speaks HTTP/2 over TLS only, and the pods serve plaintext."""

from __future__ import annotations

from collections.abc import Iterator

from grpcdoctor.checks._findings import about, seen
from grpcdoctor.checks.routes._ingress import carried
from grpcdoctor.cluster.fields import mapping_at, text_at
from grpcdoctor.cluster.hops import Spoken
from grpcdoctor.cluster.paths import ROUTE_KINDS
from grpcdoctor.cluster.services import ServicePort
from grpcdoctor.cluster.snapshot import Cluster
from grpcdoctor.model.finding import Conclusion, Evidence, Fix
from grpcdoctor.model.rule import Rule, Severity

RULE = Rule(
    code="GD690",
    name="gce-backend-protocol-plaintext",
    severity=Severity.ERROR,
    title="Google's load balancer speaks TLS to pods that serve gRPC in plaintext",
)
READS = ROUTE_KINDS


def check(cluster: Cluster) -> Iterator[Conclusion]:
    done: set[int] = set()
    for each in carried(cluster, "gce"):
        port, decision = each.backend.port, each.backend.upstream.decision
        if each.backend.upstream.spoken is not Spoken.H2 or not isinstance(port, ServicePort) or id(port) in done:
            continue
        proof = _plaintext(port)
        if not proof or each.intent.tls:
            continue
        done.add(id(port))
        yield about(
            RULE,
            decision.object or port.service.object,
            decision.path,
            f"{each.title} is declared HTTP2, which the load balancer speaks over TLS, and its pods serve plaintext",
            symptom="The health check's TLS handshake fails, and the backend is UNHEALTHY: clients get UNAVAILABLE.",
            evidence=proof,
            fixes=(
                Fix(f"Let the pods of {port.service.name} serve TLS with ALPN h2; any certificate will do"),
                Fix("Or use the GKE Gateway in place of the Ingress, with appProtocol: kubernetes.io/h2c on the port"),
            ),
            related=(each.item,),
            confidence=0.8,
        )


def _plaintext(port: ServicePort) -> tuple[Evidence, ...]:
    """The kubelet's own gRPC probe is in plaintext, and appProtocol may say so."""
    if port.app_protocol == "kubernetes.io/h2c":
        return (seen(port.service.object, (*port.path, "appProtocol")),)
    for workload, container, number in port.containers():
        for name, raw, path in container.probes:
            grpc = mapping_at(raw, "grpc")
            if grpc.get("port") == number and text_at(grpc, "mode").upper() != "TLS":
                text = f"container {container.name} has a gRPC {name} on port {number}, which is in plaintext"
                return (seen(workload.object, path, text),)
    return ()
