"""gateway-server-without-routes: a Gateway's port for TCP or TLS that nothing routes, so that it is not opened."""

from __future__ import annotations

from collections.abc import Iterator

from grpcdoctor.checks._findings import about, seen
from grpcdoctor.checks.gateways._istio import Use, uses
from grpcdoctor.cluster.changes import Edit, delete
from grpcdoctor.cluster.fields import items_at
from grpcdoctor.cluster.istio.gateways import pods_of
from grpcdoctor.cluster.kinds import ISTIO_GATEWAY, VIRTUAL_SERVICE
from grpcdoctor.cluster.paths import ROUTE_KINDS
from grpcdoctor.cluster.snapshot import Cluster
from grpcdoctor.model.finding import Conclusion, Fix
from grpcdoctor.model.rule import Rule, Severity

RULE = Rule(
    code="GD627",
    name="gateway-server-without-routes",
    severity=Severity.INFO,
    title="a Gateway's TCP or TLS port has no routes, and is not opened",
)
READS = ROUTE_KINDS


def check(cluster: Cluster) -> Iterator[Conclusion]:
    if not cluster.has_all(VIRTUAL_SERVICE) or not cluster.has_all(ISTIO_GATEWAY):
        return
    for use in uses(cluster):
        server = use.server
        if server.is_http or use.virtuals or server.tls_mode == "AUTO_PASSTHROUGH" or not server.hosts:
            continue
        if server.port and pods_of(cluster, use.gateway):
            yield _finding(use)


def _finding(use: Use) -> Conclusion:
    server, gateway = use.server, use.gateway
    kind = f"{server.protocol_word} with tls mode {server.tls_mode}" if server.tls_mode else server.protocol_word
    section = "tls" if server.is_passthrough else "tcp"
    return about(
        RULE,
        gateway,
        server.path,
        f"{use.title} ({kind or 'no protocol'}) has no routes, so Istio does not open it",
        symptom="A port that hands on bytes is opened only where a VirtualService routes them. Clients get UNAVAILABLE "
        "(14): connection refused or reset.",
        evidence=(seen(gateway, (*server.path, "hosts")),),
        fixes=(
            Fix(f"Bind a VirtualService with `{section}` routes for its hosts to {gateway.full_name}"),
            _removed(use),
        ),
    )


def _removed(use: Use) -> Fix:
    if len(items_at(use.gateway.raw, "spec", "servers")) > 1:
        return Edit(use.gateway).remove(use.server.path).fix("Or remove the server, if nobody needs it")
    return delete(use.gateway, "Or delete the Gateway, if nobody needs it")
