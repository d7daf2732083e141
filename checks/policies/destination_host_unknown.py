"""destination-host-unknown: a DestinationRule for a host that nothing registers, with a gRPC Service close by."""

from __future__ import annotations

from collections.abc import Iterator

from grpcdoctor.checks._findings import about, seen
from grpcdoctor.checks.policies._grpc import grpc_ports
from grpcdoctor.checks.services._near import slip_among
from grpcdoctor.cluster.changes import Edit, delete
from grpcdoctor.cluster.fields import text_at
from grpcdoctor.cluster.intent import says_grpc
from grpcdoctor.cluster.istio.destination_rules import host_of
from grpcdoctor.cluster.istio.hosts import find_host, full_host
from grpcdoctor.cluster.kinds import DESTINATION_RULE, SERVICE, SERVICE_ENTRY
from grpcdoctor.cluster.objects import Object
from grpcdoctor.cluster.paths import ROUTE_KINDS
from grpcdoctor.cluster.services import Service
from grpcdoctor.cluster.snapshot import Cluster
from grpcdoctor.model.finding import Conclusion
from grpcdoctor.model.rule import Rule, Severity

RULE = Rule(
    code="GD740",
    name="destination-host-unknown",
    severity=Severity.WARNING,
    title="a DestinationRule is for a host that does not exist",
    explains=("destination-rule-invisible",),
)
READS = ROUTE_KINDS

_SYMPTOM = (
    "The rule has no effect: not its TLS, its HTTP/2, its limits or its balance. Routes to its subsets get "
    "UNAVAILABLE (14) with an empty message."
)


def check(cluster: Cluster) -> Iterator[Conclusion]:
    for rule in cluster.all(DESTINATION_RULE):
        full = host_of(rule)
        if not full or full.startswith("*") or find_host(cluster, full) is not None:
            continue
        meant = _meant(cluster, rule, full)
        if meant is not None:
            yield _near(cluster, rule, full, *meant)
        elif _nowhere(cluster) and says_grpc(full):
            yield _unknown(rule, full)


def _nowhere(cluster: Cluster) -> bool:
    return cluster.has_all(SERVICE) and cluster.has_all(SERVICE_ENTRY)


def _meant(cluster: Cluster, rule: Object, full: str) -> tuple[Service, bool] | None:
    """(the gRPC Service that was likely meant, whether the host is certainly wrong)."""
    known = cluster.once(_grpc_services)
    written = text_at(rule.raw, "spec", "host").lower()
    parts = written.split(".")
    if len(parts) > 1 and (len(parts) == 2 or parts[2:] == ["svc"]):
        found = known.get((parts[1], parts[0]))
        return (found, True) if found is not None else None
    name, space = [*full.split("."), ""][:2]
    near = slip_among(name, [n for s, n in known if s == space])
    if near is not None:
        return known[space, near], False
    if len(parts) == 1 and cluster.has_all(SERVICE, rule.namespace):
        others = [service for (_, n), service in known.items() if n == name]
        return (others[0], True) if len(others) == 1 else None
    return None


def _near(cluster: Cluster, rule: Object, full: str, meant: Service, certain: bool) -> Conclusion:
    right = full_host(meant.name, meant.namespace)
    return about(
        RULE,
        rule,
        ("spec", "host"),
        f"{rule.title} is for {full}, which does not exist ({meant.title} does)",
        symptom=_SYMPTOM,
        evidence=(seen(meant.object, ()),),
        fixes=(Edit(rule).set(("spec", "host"), right).fix(f"Write {right}"),),
        related=(meant.object,),
        confidence=1.0 if certain else 0.8,
    )


def _unknown(rule: Object, full: str) -> Conclusion:
    return about(
        RULE,
        rule,
        ("spec", "host"),
        f"{rule.title} is for {full}, and no Service or ServiceEntry has that name",
        symptom=_SYMPTOM,
        fixes=(delete(rule, "Delete it, or add a ServiceEntry for the host"),),
    )


def _grpc_services(cluster: Cluster) -> dict[tuple[str, str], Service]:
    return {(port.service.namespace, port.service.name): port.service for port in grpc_ports(cluster)}
