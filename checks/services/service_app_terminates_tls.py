"""service-app-terminates-tls: a port is declared as gRPC in plaintext, and the application has TLS of its own."""

from __future__ import annotations

from collections.abc import Iterator

from grpcdoctor.checks._findings import about
from grpcdoctor.checks.services._ports import (
    TERMINATED,
    behind_sidecar,
    grpc_ports,
    hints,
    istio_routes,
    objects_of,
)
from grpcdoctor.checks.services._traffic import keeps_inbound_away
from grpcdoctor.cluster.changes import Edit, create
from grpcdoctor.cluster.hops import Tls
from grpcdoctor.cluster.intent import Intent
from grpcdoctor.cluster.istio.destination_rules import rules_for
from grpcdoctor.cluster.istio.mesh import has_istio
from grpcdoctor.cluster.istio.protocol import protocol_of
from grpcdoctor.cluster.paths import ROUTE_KINDS
from grpcdoctor.cluster.services import ServicePort
from grpcdoctor.cluster.snapshot import Cluster
from grpcdoctor.model.finding import Conclusion, Fix
from grpcdoctor.model.rule import Rule, Severity

RULE = Rule(
    code="GD515",
    name="service-app-terminates-tls",
    severity=Severity.ERROR,
    title="the proxies speak plaintext to a gRPC server that has TLS of its own",
)
READS = ROUTE_KINDS
_PLAIN_AT_THE_APP = (Tls.NONE, Tls.AUTO, Tls.ISTIO_MUTUAL)


def check(cluster: Cluster) -> Iterator[Conclusion]:
    if not has_istio(cluster):
        return
    for port, intent in grpc_ports(cluster):
        if intent.serves_tls and protocol_of(port).protocol.is_http:
            yield from _judge(cluster, port, intent)


def _judge(cluster: Cluster, port: ServicePort, intent: Intent) -> Iterator[Conclusion]:
    routes = tuple(r for r, b in istio_routes(cluster, port) if b.upstream.tls in _PLAIN_AT_THE_APP)
    meshed = behind_sidecar(port.service) and not _kept_away(port)
    if not routes and (not meshed or istio_routes(cluster, port)):
        return
    found = protocol_of(port)
    if routes:
        effect = f"The proxy of {routes[0].object.title} speaks plaintext to it. Clients get {TERMINATED}."
    else:
        effect = (
            "The server's sidecar reads HTTP there. TLS of a client's own meets no filter chain: UNAVAILABLE "
            f"(connection reset by peer); plaintext reaches the server, which hangs up: {TERMINATED}."
        )
    yield about(
        RULE,
        port.service.object,
        (*port.path, found.field),
        f'{port.service.title} port {port.number} says "{found.value}", and the server behind it terminates TLS itself',
        symptom=effect,
        evidence=hints(intent.tls, 3),
        fixes=_fixes(cluster, port, bool(routes), meshed),
        related=objects_of(routes),
        confidence=0.8,
    )


def _kept_away(port: ServicePort) -> bool:
    """The sidecar does not see this port."""
    numbers = [(workload, port.number_in(workload)) for workload in port.service.workloads]
    return any(number is not None and keeps_inbound_away(workload, number) for workload, number in numbers)


def _fixes(cluster: Cluster, port: ServicePort, routed: bool, meshed: bool) -> tuple[Fix, ...]:
    opaque = Edit(port.service.object).set((*port.path, "appProtocol"), "tls").fix(
        "Declare TLS, which sidecars hand on unread; the client then does TLS itself"
    )
    fixes: list[Fix] = []
    if routed:
        originate = _originate(cluster, port, upgrade=meshed)
        parts = [opaque, originate] if meshed else [originate]
        summary = "Let the proxy speak TLS to the server; add caCertificates for a CA that is not public"
        texts = [(part.patch or f"# {part.command}").rstrip() for part in parts]
        changes = tuple(change for part in parts for change in part.changes)
        fixes.append(Fix(summary, patch="\n---\n".join(texts), changes=changes))
    else:
        fixes.append(opaque)
    if meshed:
        fixes.append(Fix("Or take the certificate out of the server: between sidecars all is encrypted by mTLS"))
    return tuple(fixes)


def _originate(cluster: Cluster, port: ServicePort, *, upgrade: bool) -> Fix:
    """A DestinationRule with TLS; on a port declared as TLS it must ask for HTTP/2 as well."""
    service, full = port.service, port.service.full_host
    rules = rules_for(cluster, full, service.namespace, service.namespace)
    if rules:
        edit = Edit(rules[0]).set(("spec", "trafficPolicy", "tls"), {"mode": "SIMPLE", "sni": full})
        if upgrade:
            edit.set(("spec", "trafficPolicy", "connectionPool", "http", "h2UpgradePolicy"), "UPGRADE")
        return edit.fix("")
    policy: dict[str, object] = {"tls": {"mode": "SIMPLE", "sni": full}}
    if upgrade:
        policy["connectionPool"] = {"http": {"h2UpgradePolicy": "UPGRADE"}}
    manifest = {
        "apiVersion": "networking.istio.io/v1",
        "kind": "DestinationRule",
        "metadata": {"name": service.name, "namespace": service.namespace},
        "spec": {"host": full, "trafficPolicy": policy},
    }
    return create(manifest, "")
