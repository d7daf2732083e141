"""authorization-method-not-post: `methods` of an AuthorizationPolicy are HTTP methods, and a gRPC call is a POST."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from grpcdoctor.checks._findings import about, seen
from grpcdoctor.checks.policies._authz import ALLOW, Operation, Policy, meets, policies, policies_for
from grpcdoctor.checks.policies._grpc import served_by
from grpcdoctor.cluster.changes import Edit
from grpcdoctor.cluster.paths import ROUTE_KINDS
from grpcdoctor.cluster.services import services_selecting
from grpcdoctor.cluster.snapshot import Cluster
from grpcdoctor.cluster.workloads import Workload
from grpcdoctor.model.finding import Conclusion, Fix
from grpcdoctor.model.rule import Rule, Severity

RULE = Rule(
    code="GD734",
    name="authorization-method-not-post",
    severity=Severity.ERROR,
    title="the methods of an AuthorizationPolicy leave out POST, which every gRPC call is",
)
READS = ROUTE_KINDS

_VERBS: Final = ("GET", "HEAD", "POST", "PUT", "DELETE", "CONNECT", "OPTIONS", "TRACE", "PATCH")
# SayHello: upper and lower case, so no HTTP method.
_METHOD: Final = re.compile(r"^[A-Z]\w*[a-z]\w*$")
_DENIED: Final = "Clients get PERMISSION_DENIED: RBAC: access denied."


def check(cluster: Cluster) -> Iterator[Conclusion]:
    for policy in policies(cluster):
        for operation in policy.operations:
            if not operation.methods or any(meets(method, "POST") for method in operation.methods):
                continue
            why = _for_grpc(cluster, policy, operation)
            if why:
                yield _finding(cluster, policy, operation, why)


def _for_grpc(cluster: Cluster, policy: Policy, operation: Operation) -> str:
    """Why gRPC calls are meant; empty where they need not be. A DENY of other methods than POST does gRPC no harm."""
    name = next((method for method in operation.methods if "/" in method), "")
    if name:
        return f'"{name}" is a path'
    if policy.action != ALLOW:
        return ""
    if operation.is_for_grpc:
        return "its paths are those of gRPC methods"
    if operation.paths:
        return ""
    served = [one for one in policy.served(cluster) if not operation.ports or str(one.number) in operation.ports]
    for one in served:
        if not _has_other_ports(cluster, one.workload, operation) and not _allowed_elsewhere(cluster, one.workload):
            return f"{one.port.service.title} serves gRPC alone"
    return ""


def _has_other_ports(cluster: Cluster, workload: Workload, operation: Operation) -> bool:
    """The workload serves something else than gRPC, too, that the methods may be for."""
    if operation.ports:
        return False
    known = {one.number for one in served_by(cluster, workload)}
    others = {port.number for port in workload.ports}
    for service in services_selecting(cluster, workload):
        others |= {number for port in service.ports if (number := port.number_in(workload)) is not None}
    return bool(others - known)


def _allowed_elsewhere(cluster: Cluster, workload: Workload) -> bool:
    return any(
        not operation.methods or any(meets(method, "POST") for method in operation.methods)
        for policy in policies_for(cluster, workload)
        if policy.action == ALLOW
        for operation in policy.operations
    )


def _finding(cluster: Cluster, policy: Policy, operation: Operation, why: str) -> Conclusion:
    item, place = policy.object, (*operation.path, "methods")
    allows = policy.action == ALLOW
    return about(
        RULE,
        item,
        place,
        f"{item.title} ({policy.action}) has methods without POST, and {why}",
        symptom="Every gRPC call is a POST, so this operation is never met. "
        + (_DENIED if allows else "What it was to refuse goes through."),
        evidence=(seen(item, (*operation.path, "paths")),) if operation.paths else (),
        fixes=(_fix(operation, place),),
        related=policy.concerned(cluster),
        severity=None if allows else Severity.WARNING,
        confidence=0.75 if "alone" in why else 1.0,
    )


def _fix(operation: Operation, place: tuple[str | int, ...]) -> Fix:
    edit = Edit(operation.policy.object)
    names = [method for method in operation.methods if "/" in method]
    if names:
        paths = [*operation.paths, *("/" + name.lstrip("/") for name in names)]
        edit.set((*operation.path, "paths"), list(dict.fromkeys(paths))).set(place, ["POST"])
        return edit.fix("Move the names into paths, and let the method be POST")
    bare = [method for method in operation.methods if _METHOD.match(method)]
    if bare and not operation.paths:
        edit.set((*operation.path, "paths"), [f"*/{method}" for method in bare]).set(place, ["POST"])
        return edit.fix("Move the names into paths, as ends of them, and let the method be POST")
    verbs = [method for method in operation.methods if method in _VERBS]
    return edit.set(place, [*verbs, "POST"] if not operation.is_for_grpc else ["POST"]).fix("Let the method be POST")
