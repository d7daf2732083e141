"""gateway-class-missing: a Gateway for gRPC names a GatewayClass that does not exist, so nobody serves it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from grpcdoctor.checks._findings import about, seen
from grpcdoctor.checks._gateway_api import grpc_routes, nearest
from grpcdoctor.checks.routes._common import is_placeholder
from grpcdoctor.cluster.changes import Edit
from grpcdoctor.cluster.gateway_api.listeners import class_name_of, class_of
from grpcdoctor.cluster.gateway_api.parents import attachments
from grpcdoctor.cluster.kinds import GATEWAY_CLASS
from grpcdoctor.cluster.objects import Object
from grpcdoctor.cluster.paths import ROUTE_KINDS
from grpcdoctor.cluster.snapshot import Cluster
from grpcdoctor.model.finding import Conclusion, Fix
from grpcdoctor.model.rule import Rule, Severity

RULE = Rule(
    code="GD615",
    name="gateway-class-missing",
    severity=Severity.ERROR,
    title="a Gateway for gRPC has a class that does not exist",
)
READS = ROUTE_KINDS

_MADE_BY_CONTROLLERS: Final = frozenset((
    "agentgateway", "cilium", "istio", "istio-east-west", "istio-remote", "istio-waypoint", "kgateway",
    "kgateway-waypoint",
))  # fmt: skip
_MADE_BY_GKE: Final = "gke-"


def check(cluster: Cluster) -> Iterator[Conclusion]:
    carried: dict[int, tuple[Object, list[Object]]] = {}
    for route in grpc_routes(cluster):
        for attachment in attachments(cluster, route):
            carried.setdefault(id(attachment.gateway), (attachment.gateway, []))[1].append(route)
    classes = {item.name: item for item in cluster.all(GATEWAY_CLASS)}
    for gateway, routes in carried.values():
        name = class_name_of(gateway)
        if name and class_of(cluster, gateway) is None:
            sure = cluster.has_all(GATEWAY_CLASS)
            if not gateway.created_at and (is_placeholder(name) or _comes_by_itself(name)):
                continue
            meant = nearest(name, classes, sure)
            if sure or meant is not None:
                yield _finding(gateway, routes, meant, sorted(classes), sure)


def _comes_by_itself(name: str) -> bool:
    """A class that its controller makes, so that no manifest holds it."""
    return name in _MADE_BY_CONTROLLERS or name.startswith(_MADE_BY_GKE)


def _finding(gateway: Object, routes: list[Object], meant: str | None, classes: list[str], sure: bool) -> Conclusion:
    path = ("spec", "gatewayClassName")
    name = class_name_of(gateway)
    there = ", ".join(classes) or "none"
    if meant is None and len(classes) == 1:
        meant = classes[0]
    if meant is not None:
        fix = Edit(gateway).set(path, meant).fix(f"Use the GatewayClass {meant}")
    else:
        fix = Fix(f"Install the implementation that brings the GatewayClass {name}, or name another",
                  command="kubectl get gatewayclasses")  # fmt: skip
    return about(
        RULE,
        gateway,
        path,
        f"{gateway.title} has the class {name}, which does not exist (there is: {there})",
        symptom="No implementation serves the Gateway: it gets no address and no proxy. Clients get UNAVAILABLE "
        "(connection refused, or the name does not resolve).",
        evidence=tuple(seen(route, ("spec", "parentRefs")) for route in routes[:1]),
        fixes=(fix,),
        related=tuple(routes),
        confidence=1.0 if sure else 0.75,
    )
