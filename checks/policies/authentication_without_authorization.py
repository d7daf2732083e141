"""authentication-without-authorization: tokens are checked where they come, and nothing demands one."""

from __future__ import annotations

from collections.abc import Iterator

from grpcdoctor.checks._findings import about, seen
from grpcdoctor.checks.policies._authz import all_policies_known, policies_for, selected_by
from grpcdoctor.checks.policies._grpc import Served, served_by
from grpcdoctor.checks.policies._tokens import mentions_token
from grpcdoctor.cluster.changes import create
from grpcdoctor.cluster.fields import items_at
from grpcdoctor.cluster.kinds import REQUEST_AUTHENTICATION
from grpcdoctor.cluster.objects import Object
from grpcdoctor.cluster.paths import ROUTE_KINDS
from grpcdoctor.cluster.snapshot import Cluster
from grpcdoctor.cluster.workloads import Mesh
from grpcdoctor.model.finding import Conclusion
from grpcdoctor.model.rule import Rule, Severity

RULE = Rule(
    code="GD751",
    name="authentication-without-authorization",
    severity=Severity.INFO,
    title="a RequestAuthentication stands alone, so that calls without a token pass",
)
READS = ROUTE_KINDS


def check(cluster: Cluster) -> Iterator[Conclusion]:
    for item in cluster.all(REQUEST_AUTHENTICATION):
        if not items_at(item.raw, "spec", "jwtRules"):
            continue
        for workload in selected_by(cluster, item):
            served = served_by(cluster, workload) if workload.mesh is Mesh.SIDECAR else ()
            if served and all_policies_known(cluster, workload.namespace) and not _demanded(cluster, served[0]):
                yield _finding(item, served[0])
                break


def _demanded(cluster: Cluster, one: Served) -> bool:
    return any(mentions_token(policy) for policy in policies_for(cluster, one.workload))


def _finding(item: Object, one: Served) -> Conclusion:
    service = one.port.service
    manifest = {
        "apiVersion": "security.istio.io/v1",
        "kind": "AuthorizationPolicy",
        "metadata": {"name": f"{service.name}-needs-token", "namespace": service.namespace},
        "spec": {
            "selector": {"matchLabels": dict(service.selector)},
            "action": "DENY",
            "rules": [
                {
                    "from": [{"source": {"notRequestPrincipals": ["*"]}}],
                    "to": [{"operation": {"notPaths": ["/grpc.health.v1.Health/*"]}}],
                }
            ],
        },
    }
    return about(
        RULE,
        item,
        ("spec", "jwtRules"),
        f"{item.title} checks tokens for {service.title}, and no AuthorizationPolicy demands one",
        symptom="A call with a bad token gets UNAUTHENTICATED: Jwt verification fails; a call without any is served.",
        evidence=(seen(service.object, ()),),
        fixes=(create(manifest, "Deny calls without a valid token, except health checks"),),
        related=(service.object,),
    )
