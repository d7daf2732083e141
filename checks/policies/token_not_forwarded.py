"""token-not-forwarded: a gateway checks the token and drops it, and the server behind demands it again."""

from __future__ import annotations

from collections.abc import Iterator

from grpcdoctor.checks._findings import about, seen
from grpcdoctor.checks.policies._authz import policies_for
from grpcdoctor.checks.policies._grpc import Served, all_served
from grpcdoctor.checks.policies._tokens import authentications_for, demands_token, split
from grpcdoctor.cluster.changes import Edit
from grpcdoctor.cluster.fields import flag_at, mappings_at, text_at
from grpcdoctor.cluster.kinds import REQUEST_AUTHENTICATION
from grpcdoctor.cluster.objects import Object
from grpcdoctor.cluster.paths import ROUTE_KINDS
from grpcdoctor.cluster.routes import rules_to
from grpcdoctor.cluster.snapshot import Cluster
from grpcdoctor.cluster.workloads import Mesh
from grpcdoctor.model.finding import Conclusion
from grpcdoctor.model.rule import Rule, Severity

RULE = Rule(
    code="GD752",
    name="token-not-forwarded",
    severity=Severity.ERROR,
    title="a gateway consumes the token that a server behind it demands",
)
READS = ROUTE_KINDS


def check(cluster: Cluster) -> Iterator[Conclusion]:
    if not cluster.all(REQUEST_AUTHENTICATION):
        return
    told: set[tuple[int, int]] = set()
    for one in all_served(cluster):
        issuers = _issuers(authentications_for(cluster, one.workload))
        if not issuers or one.workload.mesh is not Mesh.SIDECAR:
            continue
        demanding = demands_token(*split(policies_for(cluster, one.workload)))
        if demanding is None:
            continue
        for keeper, index, route in _keepers(cluster, one, issuers):
            if (id(keeper), id(one.port)) not in told:
                told.add((id(keeper), id(one.port)))
                yield _finding(one, keeper, index, route, demanding.object)


def _issuers(items: tuple[Object, ...]) -> set[str]:
    return {text_at(raw, "issuer") for item in items for _, raw in mappings_at(item.raw, "spec", "jwtRules")} - {""}


def _keepers(cluster: Cluster, one: Served, issuers: set[str]) -> Iterator[tuple[Object, int, Object]]:
    """(RequestAuthentication of a gateway on the way, its rule that keeps the token, the route)."""
    for rule, _ in rules_to(cluster, one.port):
        for entrance in rule.entrances if rule.is_http else ():
            for proxy in entrance.workloads:
                for item in authentications_for(cluster, proxy):
                    for index, raw in mappings_at(item.raw, "spec", "jwtRules"):
                        if text_at(raw, "issuer") in issuers and flag_at(raw, "forwardOriginalToken") is not True:
                            yield item, index, rule.object


def _finding(one: Served, keeper: Object, index: int, route: Object, demanding: Object) -> Conclusion:
    place = ("spec", "jwtRules", index, "forwardOriginalToken")
    return about(
        RULE,
        keeper,
        place,
        f"{keeper.title} drops the token that {demanding.title} demands",
        symptom=f"A call to {one.title} arrives without authorization metadata. Clients get PERMISSION_DENIED: RBAC: "
        "access denied for a valid token.",
        evidence=(seen(demanding, ("spec", "rules")), seen(route, ())),
        fixes=(Edit(keeper).set(place, True).fix("Forward the token"),),
        related=(demanding, route, one.port.service.object),
    )
