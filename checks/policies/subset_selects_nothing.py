"""subset-selects-nothing: no pod of the Service has the labels of a subset, or none that has them is ready."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from grpcdoctor.checks._findings import about, seen
from grpcdoctor.checks.policies._fixes import together
from grpcdoctor.checks.policies._grpc import is_grpc
from grpcdoctor.checks.services._near import slip_of_labels
from grpcdoctor.cluster.changes import Edit
from grpcdoctor.cluster.istio.destination_rules import Subset, host_of, subsets_of
from grpcdoctor.cluster.istio.hosts import find_host
from grpcdoctor.cluster.istio.virtual_services import Destination, VirtualRoute, virtual_services
from grpcdoctor.cluster.kinds import DESTINATION_RULE, POD
from grpcdoctor.cluster.labels import selects
from grpcdoctor.cluster.paths import ROUTE_KINDS
from grpcdoctor.cluster.services import Service
from grpcdoctor.cluster.snapshot import Cluster
from grpcdoctor.cluster.workloads import templates_scaled_to_zero
from grpcdoctor.model.finding import Conclusion, Fix
from grpcdoctor.model.rule import Rule, Severity

RULE = Rule(
    code="GD739",
    name="subset-selects-nothing",
    severity=Severity.ERROR,
    title="a subset of a DestinationRule selects no pod of its Service",
    explains=("route-weight-to-nothing",),
)
READS = ROUTE_KINDS

Uses = list[tuple[VirtualRoute, Destination]]
_ALL: Final = 100


def check(cluster: Cluster) -> Iterator[Conclusion]:
    for rule in cluster.all(DESTINATION_RULE):
        target = find_host(cluster, host_of(rule))
        if not isinstance(target, Service) or not target.workloads:
            continue
        if not any(is_grpc(cluster, port) for port in target.ports):
            continue
        for subset in subsets_of((rule,)):
            if subset.name and subset.labels:
                yield from _judge(cluster, target, subset)


def _judge(cluster: Cluster, target: Service, subset: Subset) -> Iterator[Conclusion]:
    chosen = [workload for workload in target.workloads if selects(subset.labels, workload.labels)]
    uses = cluster.once(_uses).get((host_of(subset.rule), subset.name), [])
    weighty = [(route, to) for route, to in uses if to.weight is None or to.weight > 0]
    if chosen:
        waiting = all(workload.is_ready is False for workload in chosen)
        if waiting and weighty and any(workload.is_ready for workload in target.workloads):
            yield _finding(target, subset, weighty, "in it is ready", None, 1.0)
        return
    near = _near(target, subset)
    complete = cluster.has_all(POD, target.namespace)
    asleep = templates_scaled_to_zero(cluster).select({**target.selector, **subset.labels}, target.namespace)
    if (uses and not weighty) or asleep or (near is None and not complete):
        return
    why = "has these labels"
    yield _finding(target, subset, weighty, why, near, 1.0 if complete else 0.8)


def _finding(
    target: Service, subset: Subset, weighty: Uses, why: str, near: tuple[str, str, bool] | None, confidence: float
) -> Conclusion:
    pairs = ", ".join(f"{key}={value}" for key, value in subset.labels.items())
    if weighty:
        symptom = "Calls that a route sends to the subset get UNAVAILABLE: no healthy upstream."
    else:
        symptom = "No route sends calls there yet; those of the first one will get UNAVAILABLE: no healthy upstream."
    return about(
        RULE,
        subset.rule,
        (*subset.path, "labels"),
        f"{subset.rule.title} has a subset {subset.name} ({pairs}), and no pod of {target.title} {why}",
        symptom=symptom,
        evidence=tuple(seen(w.object, w.path("metadata", "labels")) for w in target.workloads[:2]),
        fixes=tuple(_fixes(subset, weighty, near)),
        related=(target.object, *(route.object for route, _ in weighty)),
        severity=None if weighty else Severity.WARNING,
        confidence=confidence,
    )


def _near(target: Service, subset: Subset) -> tuple[str, str, bool] | None:
    """(the key that is missed, the value or the key that the pods have, whether it is the key)."""
    for workload in target.workloads:
        found = slip_of_labels(subset.labels, workload.labels)
        if found is not None:
            return (*found, found[0] not in workload.labels)
    return None


def _fixes(subset: Subset, weighty: Uses, near: tuple[str, str, bool] | None) -> Iterator[Fix]:
    labels = (*subset.path, "labels")
    if near is not None:
        key, right, renamed = near
        edit = Edit(subset.rule)
        if renamed:
            edit.set((*labels, right), subset.labels[key]).remove((*labels, key))
            yield edit.fix(f"Name the label {right}, as the pods do")
        else:
            yield edit.set((*labels, key), right).fix(f"Select {key}={right}, which the pods have")
    removal = Edit(subset.rule).remove(subset.path)
    if not weighty:
        yield removal.fix(f"Remove the subset {subset.name}")
        return
    moved = [_moved(route, to) for route, to in weighty]
    alone = [fix for fix, kept in moved if not kept]
    summary = "Send the calls elsewhere until the pods are there"
    if alone:
        yield together("Route to the whole Service, without the subset", *alone, removal.fix(""))
    else:
        yield together(summary, *(fix for fix, _ in moved))


def _moved(route: VirtualRoute, to: Destination) -> tuple[Fix, bool]:
    """(a fix that takes the traffic from this destination, whether the subset is still named)."""
    others = [other for other in route.destinations if other.path != to.path]
    edit = Edit(route.object)
    if not others:
        return edit.remove((*to.path, "subset")).fix(""), False
    weight = to.weight if to.weight is not None else _ALL
    edit.set((*to.path[:-1], "weight"), 0)
    edit.set((*others[0].path[:-1], "weight"), (others[0].weight or 0) + weight)
    return edit.fix(""), True


def _uses(cluster: Cluster) -> dict[tuple[str, str], Uses]:
    """(full host, subset) -> the routes that name it, and where."""
    found: dict[tuple[str, str], Uses] = {}
    for virtual in virtual_services(cluster):
        for route in virtual.routes:
            for to in route.destinations:
                if to.subset:
                    found.setdefault((to.full, to.subset), []).append((route, to))
    return found
