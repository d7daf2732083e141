"""route-hidden-from-gateway: `exportTo` hides a VirtualService from the pods of its own Gateway."""

from __future__ import annotations

from collections.abc import Iterator

from grpcdoctor.checks._findings import about, seen
from grpcdoctor.checks.routes._common import NO_ROUTE
from grpcdoctor.cluster.changes import Edit
from grpcdoctor.cluster.fields import items_at
from grpcdoctor.cluster.istio.gateways import namespaces_of, pods_of, selector_of
from grpcdoctor.cluster.istio.hosts import visible_from
from grpcdoctor.cluster.istio.virtual_services import VirtualService, virtual_services
from grpcdoctor.cluster.objects import Object
from grpcdoctor.cluster.paths import ROUTE_KINDS
from grpcdoctor.cluster.snapshot import Cluster
from grpcdoctor.model.finding import Conclusion
from grpcdoctor.model.rule import Rule, Severity

RULE = Rule(
    code="GD648",
    name="route-hidden-from-gateway",
    severity=Severity.ERROR,
    title="exportTo hides a route from the gateway that should use it",
)
READS = ROUTE_KINDS


def check(cluster: Cluster) -> Iterator[Conclusion]:
    for virtual in virtual_services(cluster):
        if not items_at(virtual.object.raw, "spec", "exportTo"):
            continue
        for gateway in virtual.gateways(cluster):
            hidden = [space for space in namespaces_of(cluster, gateway) if not visible_from(virtual.object, space)]
            if hidden and selector_of(gateway):
                yield _finding(cluster, virtual, gateway, hidden[0])


def _finding(cluster: Cluster, virtual: VirtualService, gateway: Object, namespace: str) -> Conclusion:
    item, pods = virtual.object, pods_of(cluster, gateway)
    written = items_at(item.raw, "spec", "exportTo")
    evidence = (seen(pods[0].object, ("metadata", "namespace")),) if pods else ()
    edit = Edit(item).set(("spec", "exportTo", len(written)), namespace)
    return about(
        RULE,
        item,
        ("spec", "exportTo"),
        f"{item.title} is not exported to {namespace}, where the pods of {gateway.title} run",
        symptom=f"A gateway uses only VirtualServices that its pods' namespace may see. {NO_ROUTE}",
        evidence=(*evidence, seen(gateway, ("spec", "selector"))),
        fixes=(
            edit.fix(f"Export it to {namespace}, too"),
            Edit(item).remove(("spec", "exportTo")).fix("Export it to every namespace, which is the default"),
        ),
        related=(gateway,),
        confidence=1.0 if pods else 0.8,
    )
