"""proxyless-unsupported-route: a VirtualService asks for something that proxyless clients do not do."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from grpcdoctor.checks._findings import about, seen
from grpcdoctor.checks.proxyless._clients import XdsTarget, full_name, routes_for, targets
from grpcdoctor.checks.proxyless._routes import Unsupported, unsupported_in
from grpcdoctor.cluster.changes import Edit, delete
from grpcdoctor.cluster.fields import items_at
from grpcdoctor.cluster.istio.virtual_services import VirtualRoute
from grpcdoctor.cluster.paths import ROUTE_KINDS
from grpcdoctor.cluster.snapshot import Cluster
from grpcdoctor.cluster.workloads import Mesh
from grpcdoctor.model.finding import Conclusion, Finding, Fix
from grpcdoctor.model.rule import Rule, Severity

RULE = Rule(
    code="GD805",
    name="proxyless-unsupported-route",
    severity=Severity.ERROR,
    title="a VirtualService asks for something that proxyless clients do not do",
)
READS = ROUTE_KINDS
_FATAL: Final = ("redirect", "directResponse")


def check(cluster: Cluster) -> Iterator[Conclusion]:
    told: set[int] = set()
    for target in targets(cluster):
        if target.workload.mesh is not Mesh.PROXYLESS:
            continue
        for route in routes_for(cluster, full_name(cluster, target), target.workload):
            if id(route.raw) in told:
                continue
            told.add(id(route.raw))
            for found in unsupported_in(route):
                yield _finding(target, route, found)


def _finding(target: XdsTarget, route: VirtualRoute, found: Unsupported) -> Finding:
    client = target.workload
    fatal = found.field in _FATAL
    return about(
        RULE,
        route.object,
        found.path,
        f"{route.object.title} http[{route.index}] has {found.what}, which the proxyless client {client.title} does "
        "not do",
        symptom=found.effect,
        evidence=(seen(client.object, target.path, f"{client.title} dials {target.written}"),),
        fixes=(_fix(route, found),),
        related=(client.object,),
        severity=None if fatal else Severity.WARNING,
    )


def _fix(route: VirtualRoute, found: Unsupported) -> Fix:
    if found.replacement is not None:
        return Edit(route.object).set(found.path, found.replacement).fix(found.cure)
    if found.field in ("match", *_FATAL):
        whole = items_at(route.object.raw, "spec", "http")
        if len(whole) == 1:
            return delete(route.object, "Delete it: proxyless clients cannot use it")
        return Edit(route.object).remove(route.path).fix("Remove the route, or have the server do it")
    return Edit(route.object).remove(found.path).fix(found.cure)
