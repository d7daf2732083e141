"""alb-gateway-http-listener: an ALB takes gRPC on HTTPS listeners only, and a GRPCRoute is attached to an HTTP one."""

from __future__ import annotations

from collections.abc import Iterator

from grpcdoctor.checks._findings import about, seen
from grpcdoctor.cluster.changes import Edit
from grpcdoctor.cluster.gateway_api.controllers import ALB, implementation_of
from grpcdoctor.cluster.gateway_api.listeners import Listener, listeners_of
from grpcdoctor.cluster.gateway_api.parents import Attachment, attachments
from grpcdoctor.cluster.kinds import GRPC_ROUTE
from grpcdoctor.cluster.paths import ROUTE_KINDS
from grpcdoctor.cluster.snapshot import Cluster
from grpcdoctor.model.finding import Conclusion, Fix
from grpcdoctor.model.rule import Rule, Severity

RULE = Rule(
    code="GD616",
    name="alb-gateway-http-listener",
    severity=Severity.ERROR,
    title="a GRPCRoute is attached to an HTTP listener of an AWS load balancer",
)
READS = ROUTE_KINDS


def check(cluster: Cluster) -> Iterator[Conclusion]:
    for route in cluster.all(GRPC_ROUTE):
        for attachment in attachments(cluster, route):
            if implementation_of(cluster, attachment.gateway) != ALB:
                continue
            plain = [taken.listener for taken in attachment.taken if taken.listener.protocol == "HTTP"]
            if plain:
                yield _finding(cluster, attachment, plain[0], len(plain) < len(attachment.taken))


def _finding(cluster: Cluster, attachment: Attachment, listener: Listener, also_https: bool) -> Conclusion:
    route = attachment.parent.route
    return about(
        RULE,
        route,
        attachment.parent.path,
        f"{route.title} is attached to {listener.title}, which is HTTP: an ALB takes gRPC over HTTPS only",
        symptom="The controller makes a target group for HTTP/1.1 there, without a word. Clients get UNKNOWN with HTTP "
        "status 464, or UNAVAILABLE.",
        evidence=(seen(listener.gateway, (*listener.path, "protocol")),),
        fixes=(_fix(cluster, attachment, listener),),
        related=(listener.gateway,),
        severity=Severity.WARNING if also_https else None,
    )


def _fix(cluster: Cluster, attachment: Attachment, listener: Listener) -> Fix:
    parent = attachment.parent
    secure = [item for item in listeners_of(listener.gateway) if item.protocol == "HTTPS"]
    taking = [item for item in secure if item.takes_namespace(cluster, parent.route.namespace) is not False]
    if taking:
        edit = Edit(parent.route).remove((*parent.path, "port")).set((*parent.path, "sectionName"), taking[0].name)
        return edit.fix(f"Attach it to the HTTPS listener {taking[0].name} alone")
    edit = Edit(listener.gateway).set((*listener.path, "protocol"), "HTTPS").set((*listener.path, "port"), 443)
    return edit.fix("Make the listener HTTPS (with a certificate for its hostname in ACM)")
