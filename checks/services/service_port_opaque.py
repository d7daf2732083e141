"""service-port-opaque: a gRPC server's port is declared as TCP or TLS, so proxies hand its bytes on unread."""

from __future__ import annotations

from collections.abc import Iterator

from grpcdoctor.checks._findings import about
from grpcdoctor.checks.services._ports import (
    PROTOCOL_ERROR,
    behind_sidecar,
    declare_h2c,
    from_sidecar,
    grpc_ports,
    hints,
    istio_routes,
    objects_of,
    routes_in_http1,
)
from grpcdoctor.cluster.fields import mapping_at, number_at, text_at
from grpcdoctor.cluster.hops import Spoken
from grpcdoctor.cluster.intent import Intent
from grpcdoctor.cluster.istio.mesh import has_istio
from grpcdoctor.cluster.istio.protocol import Protocol, protocol_named, protocol_of
from grpcdoctor.cluster.paths import ROUTE_KINDS
from grpcdoctor.cluster.routes import rules_to
from grpcdoctor.cluster.services import ServicePort
from grpcdoctor.cluster.snapshot import Cluster
from grpcdoctor.model.finding import Conclusion
from grpcdoctor.model.rule import Rule, Severity

RULE = Rule(
    code="GD505",
    name="service-port-opaque",
    severity=Severity.WARNING,
    title="a gRPC server's Service port is declared as TCP or TLS",
)
READS = ROUTE_KINDS
_TLS = (Protocol.HTTPS, Protocol.TLS)


def check(cluster: Cluster) -> Iterator[Conclusion]:
    if not has_istio(cluster):
        return
    for port, intent in grpc_ports(cluster):
        # With number 0: what the words alone say, for a well-known number has a rule of its own.
        declared = protocol_named(port.name, port.app_protocol, 0)
        if not declared.is_opaque or intent.serves_tls or _routed_as_bytes(cluster, port):
            continue
        if declared not in _TLS or _probed_in_plaintext(port):
            yield from _judge(cluster, port, intent)


def _judge(cluster: Cluster, port: ServicePort, intent: Intent) -> Iterator[Conclusion]:
    broken = routes_in_http1(cluster, port)
    if not broken and not (behind_sidecar(port.service) and from_sidecar(cluster, port).spoken is Spoken.TCP):
        return
    found = protocol_of(port)
    effect = (
        f"{broken[0].object.title} routes HTTP to it, and for that the proxy speaks HTTP/1.1. Clients get "
        f"{PROTOCOL_ERROR}."
        if broken
        else "Sidecars hand its bytes on unread. All calls of a channel reach one pod, HTTP routes, retries and "
        "timeouts do not apply, and there are no gRPC metrics."
    )
    yield about(
        RULE,
        port.service.object,
        (*port.path, found.field),
        f'{port.service.title} port {port.number} is a gRPC server, and its {found.field} "{found.value}" means '
        f"{found.protocol.value}",
        symptom=effect,
        evidence=hints(intent.grpc),
        fixes=(declare_h2c(port),),
        related=objects_of(broken),
        severity=Severity.ERROR if broken else None,
        confidence=0.9,
    )


def _routed_as_bytes(cluster: Cluster, port: ServicePort) -> bool:
    """A `tcp` or `tls` route leads to it, so it is opaque on purpose."""
    rules = [rule for rule, _ in rules_to(cluster, port) if rule.by_istio]
    return any(not rule.is_http for rule in rules) and not istio_routes(cluster, port)


def _probed_in_plaintext(port: ServicePort) -> bool:
    """The kubelet's gRPC probe speaks plaintext, so what it asks has no TLS of its own."""
    return any(
        number_at(raw, "grpc", "port") == number and text_at(mapping_at(raw, "grpc"), "mode").upper() != "TLS"
        for workload, container, number in port.containers()
        for _, raw, _ in container.probes
    )
