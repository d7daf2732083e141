"""route-not-in-mesh: a VirtualService for a Service's own name is bound to gateways only; sidecars ignore it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from grpcdoctor.checks._findings import about, seen
from grpcdoctor.checks.routes._common import grpc_proof
from grpcdoctor.checks.routes._virtual_services import rules_of, service_of_host
from grpcdoctor.cluster.changes import Edit
from grpcdoctor.cluster.fields import FieldPath, items_at
from grpcdoctor.cluster.istio.virtual_services import MESH, VirtualService, virtual_services
from grpcdoctor.cluster.paths import ROUTE_KINDS
from grpcdoctor.cluster.snapshot import Cluster
from grpcdoctor.model.finding import Conclusion
from grpcdoctor.model.rule import Rule, Severity

RULE = Rule(
    code="GD646",
    name="route-not-in-mesh",
    severity=Severity.WARNING,
    title="routes for a Service's own name do not hold inside the mesh",
)
READS = ROUTE_KINDS

# What calls inside the mesh then miss.
_SETTINGS: Final = ("timeout", "retries", "fault", "mirror", "mirrors", "headers")


def check(cluster: Cluster) -> Iterator[Conclusion]:
    for virtual in virtual_services(cluster):
        if virtual.gateway_keys and not virtual.in_mesh and virtual.http:
            yield from _judge(cluster, virtual)


def _judge(cluster: Cluster, virtual: VirtualService) -> Iterator[Conclusion]:
    item = virtual.object
    lost = _lost(virtual)
    for index, host in enumerate(virtual.hosts):
        service = service_of_host(cluster, host)
        if service is None or host in cluster.once(_mesh_hosts) or lost is None:
            continue
        rules = rules_of(cluster, item)
        leads_there = any(backend.service is service for rule in rules for backend in rule.backends)
        proof = tuple(evidence for rule in rules for evidence in grpc_proof(cluster, rule))[:2]
        if not leads_there or not proof:
            continue
        gateways = items_at(item.raw, "spec", "gateways")
        yield about(
            RULE,
            item,
            ("spec", "gateways"),
            f"{item.title} routes {service.title} by its own name, at gateways only: sidecars do not use it",
            symptom=f"Calls from pods in the mesh skip this VirtualService: its {lost[1]} has no effect on them. "
            "They go to the Service by Istio's defaults, two retries on UNAVAILABLE among them.",
            evidence=(seen(item, ("spec", "hosts", index)), seen(item, lost[0]), *proof),
            fixes=(Edit(item).set(("spec", "gateways", len(gateways)), MESH).fix('Add "mesh" to its gateways'),),
            related=(service.object,),
            confidence=0.7,
        )
        return


def _lost(virtual: VirtualService) -> tuple[FieldPath, str] | None:
    """A setting that would change what a call inside the mesh does."""
    for route in virtual.http:
        for name in _SETTINGS:
            if route.raw.get(name):
                return (*route.path, name), f"`{name}`"
        for to in route.destinations:
            if to.subset:
                return (*to.path, "subset"), f"subset {to.subset}"
    return None


def _mesh_hosts(cluster: Cluster) -> frozenset[str]:
    return frozenset(host for virtual in virtual_services(cluster) if virtual.in_mesh for host in virtual.hosts)
