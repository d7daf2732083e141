"""authorization-port-misnumbered: `ports` of an AuthorizationPolicy are the pod's, and a Service's port is written."""

from __future__ import annotations

from collections.abc import Iterator

from grpcdoctor.checks._findings import about, seen
from grpcdoctor.checks.policies._authz import ALLOW, Policy, policies
from grpcdoctor.checks.policies._grpc import Served
from grpcdoctor.cluster.changes import Edit
from grpcdoctor.cluster.fields import FieldPath, items_at, mappings_at, text_at
from grpcdoctor.cluster.paths import ROUTE_KINDS
from grpcdoctor.cluster.services import services_selecting
from grpcdoctor.cluster.snapshot import Cluster
from grpcdoctor.cluster.workloads import Workload
from grpcdoctor.model.finding import Conclusion
from grpcdoctor.model.rule import Rule, Severity

RULE = Rule(
    code="GD747",
    name="authorization-port-misnumbered",
    severity=Severity.ERROR,
    title="an AuthorizationPolicy names the Service's port, not the pod's",
)
READS = ROUTE_KINDS


def check(cluster: Cluster) -> Iterator[Conclusion]:
    for policy in policies(cluster):
        places = list(_ports(policy))
        enforced = policy.enforced(cluster) if places else ()
        for place, number in places:
            one = _mistaken(cluster, enforced, number)
            if one is not None:
                yield _finding(policy, place, one)


def _ports(policy: Policy) -> Iterator[tuple[FieldPath, str]]:
    """(path, port) of every port that a policy names."""
    for operation in policy.operations:
        for field in ("ports", "notPorts"):
            for index, value in enumerate(items_at(operation.raw, field)):
                yield (*operation.path, field, index), str(value)
    for rule, raw in policy.rules:
        for index, when in mappings_at(raw, "when"):
            for field in ("values", "notValues") if text_at(when, "key") == "destination.port" else ():
                for each, value in enumerate(items_at(when, field)):
                    yield ("spec", "rules", rule, "when", index, field, each), str(value)


def _mistaken(cluster: Cluster, enforced: tuple[Served, ...], number: str) -> Served | None:
    """The gRPC port of a Service that has this number, where no selected pod listens on it."""
    found = [one for one in enforced if str(one.port.number) == number and one.number != one.port.number]
    if not found or any(number in _listened(cluster, one.workload) for one in enforced):
        return None
    return found[0]


def _listened(cluster: Cluster, workload: Workload) -> set[str]:
    numbers = {str(port.number) for port in workload.ports}
    for service in services_selecting(cluster, workload):
        numbers |= {str(port.number_in(workload)) for port in service.ports}
    return numbers


def _finding(policy: Policy, place: FieldPath, one: Served) -> Conclusion:
    item, service = policy.object, one.port.service
    allows = policy.action == ALLOW
    return about(
        RULE,
        item,
        place,
        f"{item.title} names port {one.port.number} of {service.title}, and its pods listen on {one.number}",
        symptom="The port of the pod is compared, so no call meets it. "
        + ("Clients get PERMISSION_DENIED: RBAC: access denied." if allows else "What it was to refuse goes through."),
        evidence=(seen(service.object, (*one.port.path, "targetPort")),),
        fixes=(Edit(item).set(place, str(one.number)).fix(f"Name the pod's port, {one.number}"),),
        related=(service.object,),
        severity=None if allows else Severity.WARNING,
    )
