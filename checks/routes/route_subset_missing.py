"""route-subset-missing: a route names a subset that no DestinationRule in force defines."""

from __future__ import annotations

from collections.abc import Iterator

from grpcdoctor.checks._findings import about, seen
from grpcdoctor.checks.routes._common import closest
from grpcdoctor.checks.routes._virtual_services import clients_of
from grpcdoctor.cluster.changes import Edit, create
from grpcdoctor.cluster.fields import items_at
from grpcdoctor.cluster.istio.destination_rules import find_subset, host_of, rules_for, subsets_of
from grpcdoctor.cluster.istio.hosts import find_host
from grpcdoctor.cluster.istio.upstream import Client
from grpcdoctor.cluster.istio.virtual_services import Destination, VirtualService, virtual_services
from grpcdoctor.cluster.kinds import DESTINATION_RULE
from grpcdoctor.cluster.objects import Object
from grpcdoctor.cluster.paths import ROUTE_KINDS
from grpcdoctor.cluster.services import Service
from grpcdoctor.cluster.snapshot import Cluster
from grpcdoctor.model.finding import BlindSpot, Conclusion, Evidence, Fix
from grpcdoctor.model.rule import Rule, Severity

RULE = Rule(
    code="GD633",
    name="route-subset-missing",
    severity=Severity.ERROR,
    title="a route names a subset that no DestinationRule defines",
)
READS = ROUTE_KINDS


def check(cluster: Cluster) -> Iterator[Conclusion]:
    for virtual in virtual_services(cluster):
        for route in virtual.routes:
            for to in (*route.destinations, *route.mirrors):
                if to.subset:
                    yield from _judge(cluster, virtual, to)


def _judge(cluster: Cluster, virtual: VirtualService, to: Destination) -> Iterator[Conclusion]:
    target = find_host(cluster, to.full)
    if target is None:
        return
    seen_by = [_rules(cluster, target, client, to) for client in clients_of(cluster, virtual)]
    if any(find_subset(rules, to.subset) is not None for rules in seen_by):
        return
    everywhere = tuple(cluster.once(_by_host).get(to.full, ()))
    if find_subset(everywhere, to.subset) is not None:
        return  # it is there, and these clients do not see it: destination-rule-invisible
    rules = next((rules for rules in seen_by if rules), everywhere)
    if not rules and not cluster.has_all(DESTINATION_RULE):
        yield BlindSpot(
            f"DestinationRule for {to.full}",
            f"{virtual.object.title} routes to its subset {to.subset}, and no DestinationRule for it was shown",
            blocks_verdict=False,
        )
        return
    yield _finding(cluster, virtual, to, target, rules)


def _finding(
    cluster: Cluster, virtual: VirtualService, to: Destination, target: Service | Object, rules: tuple[Object, ...]
) -> Conclusion:
    item = target.object if isinstance(target, Service) else target
    names = [subset.name for subset in subsets_of(rules) if subset.name]
    has = f"{rules[0].title} has {', '.join(names) or 'none'}" if rules else "no DestinationRule defines it"
    evidence: tuple[Evidence, ...] = (seen(rules[0], ("spec", "subsets")),) if rules else ()
    return about(
        RULE,
        virtual.object,
        (*to.path, "subset"),
        f'{virtual.object.title} routes to subset "{to.subset}" of {item.title}; {has}',
        symptom="Envoy has no cluster for a subset that no DestinationRule defines. Calls that take this route get "
        "UNAVAILABLE (14) with an empty message.",
        evidence=evidence,
        fixes=tuple(_fixes(virtual, to, target, rules, names)),
        related=(item, *rules[:1]),
        confidence=1.0 if cluster.has_all(DESTINATION_RULE) else 0.8,
    )


def _fixes(
    virtual: VirtualService, to: Destination, target: Service | Object, rules: tuple[Object, ...], names: list[str]
) -> Iterator[Fix]:
    near = closest(to.subset, names)
    if near is not None:
        yield Edit(virtual.object).set((*to.path, "subset"), near).fix(f'Name the subset "{near}"')
    labels = _labels(target, to.subset)
    if labels is not None:
        yield _defined(to, target, rules, labels)
    yield Edit(virtual.object).remove((*to.path, "subset")).fix("Route to the whole Service")


def _defined(to: Destination, target: Service | Object, rules: tuple[Object, ...], labels: dict[str, str]) -> Fix:
    pair = ", ".join(f"{key}: {value}" for key, value in labels.items())
    subset = {"name": to.subset, "labels": labels}
    summary = f"Define the subset as the pods with {pair}"
    if rules:
        count = len(items_at(rules[0].raw, "spec", "subsets"))
        return Edit(rules[0]).set(("spec", "subsets", count), subset).fix(summary)
    item = target.object if isinstance(target, Service) else target
    return create(
        {
            "apiVersion": "networking.istio.io/v1",
            "kind": "DestinationRule",
            "metadata": {"name": item.name, "namespace": item.namespace},
            "spec": {"host": to.full, "subsets": [subset]},
        },
        summary,
    )


def _labels(target: Service | Object, subset: str) -> dict[str, str] | None:
    """A label of the Service's pods whose value is the subset's name."""
    for workload in target.workloads if isinstance(target, Service) else ():
        for key, value in workload.labels.items():
            if value == subset:
                return {key: value}
    return None


def _rules(cluster: Cluster, target: Service | Object, client: Client, to: Destination) -> tuple[Object, ...]:
    return rules_for(cluster, to.full, target.namespace, client.namespace, dict(client.labels))


def _by_host(cluster: Cluster) -> dict[str, list[Object]]:
    found: dict[str, list[Object]] = {}
    for rule in cluster.all(DESTINATION_RULE):
        found.setdefault(host_of(rule), []).append(rule)
    return found
