"""route-parent-missing: a route's parentRef names a Gateway or Service that does not exist."""

from __future__ import annotations

from collections.abc import Iterator

from grpcdoctor.checks._findings import about, seen
from grpcdoctor.checks._gateway_api import NOT_ROUTED, grpc_routes, nearest, says_namespace
from grpcdoctor.cluster.changes import Edit
from grpcdoctor.cluster.gateway_api.parents import ParentRef, parents_of
from grpcdoctor.cluster.kinds import GATEWAY, SERVICE
from grpcdoctor.cluster.objects import Object
from grpcdoctor.cluster.paths import ROUTE_KINDS
from grpcdoctor.cluster.snapshot import Cluster
from grpcdoctor.model.finding import BlindSpot, Conclusion, Fix
from grpcdoctor.model.rule import Rule, Severity

RULE = Rule(
    code="GD663",
    name="route-parent-missing",
    severity=Severity.ERROR,
    title="a route for gRPC is attached to a Gateway that does not exist",
)
READS = ROUTE_KINDS


def check(cluster: Cluster) -> Iterator[Conclusion]:
    blind: set[str] = set()
    for route in grpc_routes(cluster):
        for parent in parents_of(route):
            kind = GATEWAY if parent.is_gateway else SERVICE if parent.is_service else None
            if kind is None or not parent.name or cluster.get(kind, parent.namespace, parent.name) is not None:
                continue
            sure = cluster.has_all(kind, parent.namespace)
            meant = _meant(cluster, parent, sure)
            if sure or meant is not None:
                yield _finding(parent, meant, sure)
            elif parent.is_gateway and parent.title not in blind:
                blind.add(parent.title)
                yield BlindSpot(f"the routes of {parent.title}", "the Gateway was not shown", blocks_verdict=False)


def _meant(cluster: Cluster, parent: ParentRef, sure: bool) -> Object | None:
    """A name with a typing error in the same namespace; or the same name elsewhere, where no namespace is written."""
    kind = GATEWAY if parent.is_gateway else SERVICE
    beside = {item.name: item for item in cluster.in_namespace(kind, parent.namespace)}
    name = nearest(parent.name, beside, sure)
    if name is not None:
        return beside[name]
    if "namespace" in parent.raw or not parent.is_gateway:
        return None
    elsewhere = cluster.once(_gateways_by_name).get(parent.name, [])
    return elsewhere[0] if len(elsewhere) == 1 and (sure or says_namespace(parent.route, *elsewhere)) else None


def _gateways_by_name(cluster: Cluster) -> dict[str, list[Object]]:
    found: dict[str, list[Object]] = {}
    for gateway in cluster.all(GATEWAY):
        found.setdefault(gateway.name, []).append(gateway)
    return found


def _finding(parent: ParentRef, meant: Object | None, sure: bool) -> Conclusion:
    hint = f"; there is {meant.title}" if meant is not None else ""
    return about(
        RULE,
        parent.route,
        (*parent.path, "name"),
        f"{parent.route.title} is attached to {parent.title}, which does not exist{hint}",
        symptom=f"A route without a parent is in no proxy's configuration. {NOT_ROUTED}",
        evidence=(seen(meant, ()),) if meant is not None else (),
        fixes=(_fix(parent, meant),),
        related=(meant,) if meant is not None else (),
        confidence=1.0 if sure else 0.75,
    )


def _fix(parent: ParentRef, meant: Object | None) -> Fix:
    if meant is None:
        return Fix(
            f"Name a {parent.kind} that exists in {parent.route.title} spec.parentRefs[{parent.index}]",
            command=f"kubectl get {parent.kind.lower()}s -A",
        )
    edit = Edit(parent.route)
    if meant.name != parent.name:
        edit = edit.set((*parent.path, "name"), meant.name)
    if meant.namespace != parent.namespace:
        edit = edit.set((*parent.path, "namespace"), meant.namespace)
    return edit.fix(f"Attach it to {meant.title}")
