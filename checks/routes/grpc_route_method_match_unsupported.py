"""grpc-route-method-match-unsupported: Contour takes only exact matches that name both service and method."""

from __future__ import annotations

from collections.abc import Iterator

from grpcdoctor.checks._findings import about, seen
from grpcdoctor.cluster.changes import Edit
from grpcdoctor.cluster.fields import FieldPath, mapping_at, mappings_at, text_at
from grpcdoctor.cluster.gateway_api.controllers import CONTOUR, implementation_of
from grpcdoctor.cluster.gateway_api.parents import attachments
from grpcdoctor.cluster.kinds import GRPC_ROUTE
from grpcdoctor.cluster.objects import Object
from grpcdoctor.cluster.paths import ROUTE_KINDS
from grpcdoctor.cluster.snapshot import Cluster
from grpcdoctor.model.finding import Conclusion, Fix
from grpcdoctor.model.rule import Rule, Severity

RULE = Rule(
    code="GD668",
    name="grpc-route-method-match-unsupported",
    severity=Severity.ERROR,
    title="a GRPCRoute matches methods in a way that Contour does not support",
)
READS = ROUTE_KINDS


def check(cluster: Cluster) -> Iterator[Conclusion]:
    for route in cluster.all(GRPC_ROUTE):
        gateways = [each.gateway for each in attachments(cluster, route)]
        gateway = next((item for item in gateways if implementation_of(cluster, item) == CONTOUR), None)
        if gateway is not None:
            for path, why in _unsupported(route):
                yield _finding(route, gateway, path, why)


def _unsupported(route: Object) -> Iterator[tuple[FieldPath, str]]:
    for rule, raw in mappings_at(route.raw, "spec", "rules"):
        for index, match in mappings_at(raw, "matches"):
            method = mapping_at(match, "method")
            path = ("spec", "rules", rule, "matches", index, "method")
            service, name = text_at(method, "service").strip(), text_at(method, "method").strip()
            if text_at(method, "type") not in ("", "Exact"):
                yield (*path, "type"), "is no exact match"
            elif method and not (service and name):
                yield path, "names a service without a method" if service else "names a method without a service"


def _finding(route: Object, gateway: Object, path: FieldPath, why: str) -> Conclusion:
    return about(
        RULE,
        route,
        path,
        f"a match of {route.title} {why}, which Contour, behind {gateway.title}, does not support",
        symptom="Contour sets Accepted=False on the route and leaves the match out. Clients get UNIMPLEMENTED (404) "
        "for its methods.",
        evidence=(seen(gateway, ("spec", "gatewayClassName")),),
        fixes=_fixes(route, path),
        related=(gateway,),
    )


def _fixes(route: Object, path: FieldPath) -> tuple[Fix, ...]:
    """Listing methods needs their names, which no object has; a route of one match may as well take everything."""
    words = Fix("List every method with its service, or use an HTTPRoute with the path prefix /package.Service")
    rules = [raw for _, raw in mappings_at(route.raw, "spec", "rules")]
    if len(rules) != 1 or sum(1 for _ in mappings_at(rules[0], "matches")) != 1:
        return (words,)
    edit = Edit(route).remove(path[: path.index("matches") + 1])
    return (edit.fix("Route every call for its hostnames there, whatever the method"), words)
