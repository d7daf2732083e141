"""authorization-misses-probes: a server's methods are allowed by name, and those of health and reflection are not."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from grpcdoctor.checks._findings import about, seen
from grpcdoctor.checks.policies._authz import ALLOW, Operation, policies_for
from grpcdoctor.checks.policies._grpc import Served, all_served
from grpcdoctor.cluster.changes import Edit
from grpcdoctor.cluster.fields import number_at
from grpcdoctor.cluster.kinds import AUTHORIZATION_POLICY
from grpcdoctor.cluster.paths import ROUTE_KINDS
from grpcdoctor.cluster.routes import rules_to
from grpcdoctor.cluster.snapshot import Cluster
from grpcdoctor.cluster.workloads import Mesh
from grpcdoctor.model.finding import Conclusion, Evidence
from grpcdoctor.model.rule import Rule, Severity

RULE = Rule(
    code="GD745",
    name="authorization-misses-probes",
    severity=Severity.WARNING,
    title="an AuthorizationPolicy allows gRPC methods, and not health and reflection",
)
READS = ROUTE_KINDS

_HEALTH: Final = "/grpc.health.v1.Health/"
_REFLECTION: Final = ("/grpc.reflection.v1.ServerReflection/", "/grpc.reflection.v1alpha.ServerReflection/")
_NO_REWRITE: Final = "sidecar.istio.io/rewriteAppHTTPProbers"


def check(cluster: Cluster) -> Iterator[Conclusion]:
    if not cluster.all(AUTHORIZATION_POLICY):
        return
    told: set[tuple[int, int]] = set()
    for one in all_served(cluster):
        if one.workload.mesh not in (Mesh.SIDECAR, Mesh.UNKNOWN):
            continue
        allowing = [p for p in policies_for(cluster, one.workload) if p.action == ALLOW]
        operations = [operation for policy in allowing for operation in policy.operations]
        if any(operation.may_take(_HEALTH + "Check", one.number) for operation in operations):
            continue
        listing = next((o for o in operations if o.is_for_grpc and o.may_take(_example(o), one.number)), None)
        if listing is not None and (id(listing.policy), listing.rule) not in told:
            told.add((id(listing.policy), listing.rule))
            yield _finding(cluster, one, listing)


def _example(operation: Operation) -> str:
    """A path that the operation lists."""
    return operation.paths[0].replace("*", "X") if operation.paths else "/"


def _finding(cluster: Cluster, one: Served, operation: Operation) -> Conclusion:
    item, place = operation.policy.object, (*operation.path, "paths")
    needed = _needed(cluster, one)
    paths = [*operation.paths, _HEALTH + "*"]
    reflection = [path + "*" for path in _REFLECTION]
    return about(
        RULE,
        item,
        place,
        f"{item.title} allows methods of {one.port.service.title}, without health and reflection",
        symptom="Health checks and grpcurl get PERMISSION_DENIED: RBAC: access denied, while the calls themselves work."
        + (" Here something depends on the health check." if needed else ""),
        evidence=needed,
        fixes=(
            Edit(item).set(place, paths).fix("Allow health checks to the same callers"),
            Edit(item).set(place, [*paths, *reflection]).fix("Allow health checks and server reflection"),
        ),
        related=(one.port.service.object,),
        severity=None if needed else Severity.INFO,
    )


def _needed(cluster: Cluster, one: Served) -> tuple[Evidence, ...]:
    """What is seen to call health through the sidecar: a probe that is not rewritten, or a route for it."""
    item = one.workload.object
    if one.workload.annotations.get(_NO_REWRITE, "").lower() == "false":
        for container in one.workload.containers:
            for name, probe, path in container.probes:
                if number_at(probe, "grpc", "port") == one.number:
                    return (seen(item, path, f"the gRPC {name} is not rewritten, so it passes the sidecar"),)
    for rule, _ in rules_to(cluster, one.port):
        for match in rule.matches:
            if match.value.startswith(_HEALTH.rstrip("/")):
                return (seen(rule.object, match.path),)
    return ()
