"""listener-not-tls-terminating: a route that needs to read calls is attached to a listener that hands TLS on unread."""

from __future__ import annotations

from collections.abc import Iterator

from grpcdoctor.checks._findings import about, seen
from grpcdoctor.checks._gateway_api import grpc_routes
from grpcdoctor.cluster.changes import Edit
from grpcdoctor.cluster.fields import items_at
from grpcdoctor.cluster.gateway_api.listeners import Listener
from grpcdoctor.cluster.gateway_api.parents import ParentRef, attachments
from grpcdoctor.cluster.kinds import TLS_ROUTE
from grpcdoctor.cluster.paths import ROUTE_KINDS
from grpcdoctor.cluster.snapshot import Cluster
from grpcdoctor.model.finding import Conclusion, Fix
from grpcdoctor.model.rule import Rule, Severity

RULE = Rule(
    code="GD614",
    name="listener-not-tls-terminating",
    severity=Severity.ERROR,
    title="a GRPCRoute is attached to a listener that passes TLS through",
)
READS = ROUTE_KINDS


def check(cluster: Cluster) -> Iterator[Conclusion]:
    for route in grpc_routes(cluster):
        if route.kind == TLS_ROUTE:
            continue
        for attachment in attachments(cluster, route):
            passing = [listener for listener, _ in attachment.refused if listener.passes_tls]
            if not attachment.taken and passing and len(passing) == len(attachment.refused):
                yield _finding(attachment.parent, passing[0])


def _finding(parent: ParentRef, listener: Listener) -> Conclusion:
    route, gateway = parent.route, listener.gateway
    return about(
        RULE,
        route,
        parent.path,
        f"{route.title} is attached to {listener.title}, which passes TLS through unread",
        symptom="A listener that does not end the TLS sees no calls, and takes TLSRoutes only: the route gets "
        "Accepted=False. Clients get UNAVAILABLE: the connection is closed in the TLS handshake.",
        evidence=(seen(gateway, (*listener.path, "tls", "mode")),),
        fixes=(_terminate(listener), Fix(f"Or use a TLSRoute in place of {route.title}: the pods then end the TLS")),
        related=(gateway,),
    )


def _terminate(listener: Listener) -> Fix:
    edit = Edit(listener.gateway).set((*listener.path, "protocol"), "HTTPS")
    edit = edit.set((*listener.path, "tls", "mode"), "Terminate")
    if not items_at(listener.raw, "tls", "certificateRefs"):
        edit = edit.set((*listener.path, "tls", "certificateRefs"), [{"name": f"{listener.gateway.name}-tls"}])
    if listener.lists_kinds:
        edit = edit.remove((*listener.path, "allowedRoutes", "kinds"))
    return edit.fix(f"End the TLS at the listener (put the certificate into Secret {listener.gateway.name}-tls)")
