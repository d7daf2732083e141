"""route-host-claimed-twice: two VirtualServices route the same host in the mesh, and a sidecar uses one of them."""

from __future__ import annotations

from collections.abc import Iterator

from grpcdoctor.checks._findings import about, seen
from grpcdoctor.checks.routes._common import grpc_proof
from grpcdoctor.checks.routes._virtual_services import rules_of
from grpcdoctor.cluster.changes import Edit, delete
from grpcdoctor.cluster.fields import items_at
from grpcdoctor.cluster.istio.hosts import seen_together
from grpcdoctor.cluster.istio.virtual_services import VirtualService, virtual_services
from grpcdoctor.cluster.paths import ROUTE_KINDS
from grpcdoctor.cluster.snapshot import Cluster
from grpcdoctor.model.finding import Conclusion, Fix
from grpcdoctor.model.rule import Rule, Severity

RULE = Rule(
    code="GD647",
    name="route-host-claimed-twice",
    severity=Severity.ERROR,
    title="two VirtualServices route one host in the mesh, and sidecars use only one",
)
READS = ROUTE_KINDS


def check(cluster: Cluster) -> Iterator[Conclusion]:
    done: set[int] = set()
    for host, claims in cluster.once(_claims).items():
        if len(claims) < 2:
            continue
        first = claims[0]
        for virtual in claims[1:]:
            if seen_together(first.object, virtual.object) and id(virtual.object) not in done:
                done.add(id(virtual.object))
                yield _finding(cluster, host, first, virtual)


def _claims(cluster: Cluster) -> dict[str, list[VirtualService]]:
    """The VirtualServices for each host in the mesh that have HTTP routes, the oldest first: that one counts."""
    found: dict[str, list[VirtualService]] = {}
    ordered = sorted(
        virtual_services(cluster), key=lambda v: (v.object.created_at, v.object.name, v.object.namespace)
    )
    for virtual in ordered:
        if virtual.in_mesh and virtual.http:
            for host in dict.fromkeys(virtual.hosts):
                found.setdefault(host, []).append(virtual)
    return found


def _finding(cluster: Cluster, host: str, first: VirtualService, second: VirtualService) -> Conclusion:
    proof = tuple(
        evidence
        for virtual in (second, first)
        for rule in rules_of(cluster, virtual.object)
        for evidence in grpc_proof(cluster, rule)
    )[:2]
    index = second.hosts.index(host)
    item = second.object
    aged = bool(first.object.created_at and item.created_at)
    older = "the latter" if aged else "one"
    return about(
        RULE,
        item,
        ("spec", "hosts", index),
        f"{item.title} routes {_short(host)} in the mesh, as {first.object.title} does: sidecars use {older}",
        symptom="Gateways put the routes of several VirtualServices together; sidecars do not. The routes of the other "
        "are ignored without a word: calls meant for them go to another backend, or get UNIMPLEMENTED (12).",
        evidence=(seen(first.object, ("spec", "hosts")), *proof),
        fixes=(_merge(first, second),),
        related=(first.object,),
        severity=Severity.ERROR if proof else Severity.WARNING,
        confidence=1.0 if aged else 0.9,
    )


def _short(host: str) -> str:
    """The Service's name says enough."""
    return host.partition(".svc.")[0]


def _merge(first: VirtualService, second: VirtualService) -> Fix:
    """The routes of the second go before the first's catch-all."""
    edit = Edit(first.object)
    place = first.catch_all.index if first.catch_all is not None else None
    end = len(items_at(first.object.raw, "spec", "http"))
    for count, route in enumerate(second.http):
        if place is None:
            edit.set(("spec", "http", end + count), route.raw)
        else:
            edit.insert(("spec", "http", place + count), route.raw)
    gone = delete(second.object, "")
    summary = f"Move its routes into {first.object.title} (before the catch-all) and delete {second.object.title}"
    moved = edit.fix(summary)
    changes = (*moved.changes, *gone.changes)
    if moved.command is not None:
        return Fix(summary, command=f"{moved.command} && {gone.command}", changes=changes)
    return Fix(summary, patch=f"{moved.patch}\n# and delete {second.object.title}", changes=changes)
