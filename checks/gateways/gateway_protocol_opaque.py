"""gateway-protocol-opaque: gRPC is routed by `http` routes through a server whose protocol hides HTTP."""

from __future__ import annotations

from collections.abc import Iterator

from grpcdoctor.checks._findings import about
from grpcdoctor.checks.gateways._istio import RESET, Use, stranded, uses
from grpcdoctor.cluster.changes import Edit
from grpcdoctor.cluster.istio.protocol import Protocol
from grpcdoctor.cluster.istio.virtual_services import VirtualService
from grpcdoctor.cluster.paths import ROUTE_KINDS
from grpcdoctor.cluster.snapshot import Cluster
from grpcdoctor.model.finding import Conclusion
from grpcdoctor.model.rule import Rule, Severity

RULE = Rule(
    code="GD605",
    name="gateway-protocol-opaque",
    severity=Severity.ERROR,
    title="a Gateway port's protocol hides gRPC from its routes",
    explains=("route-in-wrong-section", "gateway-server-without-routes", "gateway-port-protocol-conflict"),
)
READS = ROUTE_KINDS


def check(cluster: Cluster) -> Iterator[Conclusion]:
    for use in uses(cluster):
        server = use.server
        if server.is_http or server.is_passthrough or server.protocol is Protocol.HTTPS:
            continue
        if any(route.section == "tcp" for virtual in use.virtuals for route in virtual.routes):
            continue  # TCP is what this port is for
        lost = stranded(cluster, use)
        if lost:
            yield _finding(use, lost)


def _finding(use: Use, lost: tuple[VirtualService, ...]) -> Conclusion:
    server, gateway = use.server, use.gateway
    path = (*server.path, "port", "protocol")
    item = lost[0].object
    word = server.protocol_word or "(none)"
    if server.protocol is Protocol.AUTO:
        text = f'{use.title} has the protocol "{word}", which Istio does not know'
        effect = "Istio's webhook refuses the Gateway (invalid protocol). The port gets no HTTP routes."
    else:
        text = f"{use.title} is {word}: the `http` routes of {item.title} have no effect there"
        effect = f"With {word} Istio sees bytes, no calls: only `tcp` routes count, and without one it does not listen."
    better = "HTTPS" if server.terminates_tls else "GRPC"
    return about(
        RULE,
        gateway,
        path,
        text,
        symptom=f"{effect} {RESET}",
        evidence=use.proof,
        fixes=(Edit(gateway).set(path, better).fix(f"Declare the protocol {better}"),),
        related=tuple(virtual.object for virtual in lost),
    )
