"""gateway-https-redirect: a plaintext port for gRPC answers with a redirect, which gRPC clients do not follow."""

from __future__ import annotations

from collections.abc import Iterator

from grpcdoctor.checks._findings import about, seen
from grpcdoctor.checks.gateways._istio import Use, uses, uses_by
from grpcdoctor.cluster.changes import Edit
from grpcdoctor.cluster.istio.virtual_services import VirtualService
from grpcdoctor.cluster.kinds import ISTIO_GATEWAY
from grpcdoctor.cluster.paths import ROUTE_KINDS
from grpcdoctor.cluster.snapshot import Cluster
from grpcdoctor.model.finding import Conclusion, Fix
from grpcdoctor.model.rule import Rule, Severity

RULE = Rule(
    code="GD611",
    name="gateway-https-redirect",
    severity=Severity.WARNING,
    title="a plaintext Gateway port redirects gRPC clients to HTTPS",
)
READS = ROUTE_KINDS


def check(cluster: Cluster) -> Iterator[Conclusion]:
    for use in uses(cluster):
        if not use.server.redirects_to_https or not use.server.protocol.is_http or not use.grpc:
            continue
        bare = [virtual for virtual in use.grpc if not _has_https(cluster, use, virtual)]
        yield _finding(use, bare)


def _has_https(cluster: Cluster, use: Use, virtual: VirtualService) -> bool:
    """Its hosts are served with TLS as well, or may be by a Gateway that is not shown."""
    if len(virtual.gateways(cluster)) < len(virtual.gateway_keys):
        return not cluster.has_all(ISTIO_GATEWAY)
    return any(other.server.terminates_tls or other.server.is_passthrough for other in uses_by(cluster, virtual))


def _finding(use: Use, bare: list[VirtualService]) -> Conclusion:
    item = (bare or list(use.grpc))[0].object
    path = (*use.server.path, "tls", "httpsRedirect")
    text = f"{use.title} redirects calls for {item.title} to https"
    if bare:
        text += ", which no port serves"
    off = Edit(use.gateway).remove(path) if len(use.server.tls) > 1 else Edit(use.gateway).remove(path[:-1])
    serve = off.fix(f"{'Serve' if bare else 'Or serve'} gRPC in plaintext on port {use.server.port}: drop the redirect")
    dial = Fix("Dial the TLS port (mostly 443), and with TLS; then the redirect does no harm")
    return about(
        RULE,
        use.gateway,
        path,
        text,
        symptom="gRPC clients follow no redirect. Those that dial this port in plaintext get UNKNOWN (2), "
        "unexpected HTTP status code 301.",
        evidence=(*use.proof, *(seen(virtual.object, ("spec", "gateways")) for virtual in bare[:1])),
        fixes=(serve,) if bare else (dial, serve),
        related=use.related,
        severity=Severity.WARNING if bare else Severity.INFO,
        confidence=0.9 if bare else 1.0,
    )
