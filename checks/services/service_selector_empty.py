"""service-selector-empty: a gRPC Service selects no pod."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from grpcdoctor.checks._findings import about, seen
from grpcdoctor.checks.services._near import slip_of_labels
from grpcdoctor.checks.services._ports import NO_UPSTREAM
from grpcdoctor.cluster.changes import Edit
from grpcdoctor.cluster.intent import intent_of
from grpcdoctor.cluster.kinds import POD
from grpcdoctor.cluster.paths import PATH_KINDS
from grpcdoctor.cluster.routes import rules_to
from grpcdoctor.cluster.services import Service, services
from grpcdoctor.cluster.snapshot import Cluster
from grpcdoctor.cluster.workloads import TEMPLATED, Workload, templates_scaled_to_zero, workloads
from grpcdoctor.model.finding import BlindSpot, Conclusion, Fix
from grpcdoctor.model.rule import Rule, Severity

RULE = Rule(
    code="GD506",
    name="service-selector-empty",
    severity=Severity.ERROR,
    title="a gRPC Service selects no pod",
)
READS = PATH_KINDS
# Beyond this many workloads in a namespace a near miss is looked for in the first ones only.
_MOST = 300


@dataclass(frozen=True)
class _Meant:
    """The pods that were likely meant, and the pair of the selector that misses them."""

    workload: Workload
    key: str
    right: str
    """The value that the pods have, or the key under which they have it."""
    is_value: bool


def check(cluster: Cluster) -> Iterator[Conclusion]:
    for service in services(cluster):
        if not service.selector or service.external_name or service.workloads:
            continue
        if any(intent_of(cluster, port).is_grpc for port in service.ports) and not _on_purpose(cluster, service):
            yield from _judge(cluster, service)


def _on_purpose(cluster: Cluster, service: Service) -> bool:
    """It is scaled to zero, or somebody writes its endpoints by hand."""
    if templates_scaled_to_zero(cluster).select(service.selector, service.namespace):
        return True
    return any(endpoint.ready for endpoint in service.endpoints or ())


def _judge(cluster: Cluster, service: Service) -> Iterator[Conclusion]:
    meant = _meant(cluster, service)
    known = all(cluster.has_all(kind, service.namespace) for kind in (POD, *TEMPLATED))
    pairs = ", ".join(f"{key}={value}" for key, value in service.selector.items())
    if meant is None and not known:
        if workloads(cluster).in_namespace(service.namespace):  # whoever gives none gives it on purpose
            why = f"it selects {pairs}, and none of the workloads shown has these labels"
            yield BlindSpot(f"the pods of {service.title}", why, blocks_verdict=False)
        return
    message = f"{service.title} selects {pairs}, and no pod in {service.namespace} has these labels"
    if meant is not None:
        has = f"{meant.key}={meant.right}" if meant.is_value else f"{meant.right}={service.selector[meant.key]}"
        message = f"{service.title} selects {pairs}, and the pods of {meant.workload.title} have {has}"
    routes = tuple(rule.object for port in service.ports for rule, _ in rules_to(cluster, port))
    yield about(
        RULE,
        service.object,
        ("spec", "selector"),
        message,
        symptom=f"The Service has no endpoints. Behind a proxy clients get {NO_UPSTREAM}; without one, connection "
        "refused or a timeout.",
        evidence=() if meant is None else (seen(meant.workload.object, meant.workload.path("metadata", "labels")),),
        fixes=_fixes(service, meant),
        related=routes,
        confidence=1.0 if known else 0.8,
    )


def _meant(cluster: Cluster, service: Service) -> _Meant | None:
    """A workload that misses the selector by one slip of the pen."""
    for workload in workloads(cluster).in_namespace(service.namespace)[:_MOST]:
        slip = slip_of_labels(service.selector, workload.labels)
        if slip is not None:
            key, right = slip
            return _Meant(workload, key, right, key in workload.labels)
    return None


def _fixes(service: Service, meant: _Meant | None) -> tuple[Fix, ...]:
    look = f"kubectl -n {service.namespace} get pods --show-labels"
    if meant is None:
        return (Fix("Give the selector labels that the pods have; these are the labels that there are", command=look),)
    edit = Edit(service.object)
    if meant.is_value:
        edit.set(("spec", "selector", meant.key), meant.right)
    else:
        edit.set(("spec", "selector", meant.right), service.selector[meant.key])
        edit.remove(("spec", "selector", meant.key))
    return (edit.fix(f"Select the pods of {meant.workload.title}"),)
