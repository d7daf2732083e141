"""proxyless-policy-not-enforced: a policy selects proxyless pods, where nothing enforces it."""

from __future__ import annotations

from collections.abc import Iterator

from grpcdoctor.checks._findings import about, seen
from grpcdoctor.checks.proxyless._agent import annotation
from grpcdoctor.checks.proxyless._clients import TEMPLATES, proxyless
from grpcdoctor.cluster.changes import Edit
from grpcdoctor.cluster.fields import FieldPath, items_at, mapping_at, text_at
from grpcdoctor.cluster.istio.mesh import mesh_config
from grpcdoctor.cluster.kinds import AUTHORIZATION_POLICY, REQUEST_AUTHENTICATION
from grpcdoctor.cluster.labels import match_labels_selects
from grpcdoctor.cluster.objects import Object
from grpcdoctor.cluster.paths import ROUTE_KINDS
from grpcdoctor.cluster.services import services_selecting
from grpcdoctor.cluster.snapshot import Cluster
from grpcdoctor.cluster.workloads import Workload
from grpcdoctor.model.finding import Conclusion, Finding, Fix
from grpcdoctor.model.rule import Rule, Severity

RULE = Rule(
    code="GD811",
    name="proxyless-policy-not-enforced",
    severity=Severity.WARNING,
    title="a policy selects proxyless pods, where nothing enforces it",
)
READS = ROUTE_KINDS


def check(cluster: Cluster) -> Iterator[Conclusion]:
    servers: dict[str, list[Workload]] = {}
    for workload in proxyless(cluster):
        if services_selecting(cluster, workload):
            servers.setdefault(workload.namespace, []).append(workload)
    if not servers:
        return
    for policy in cluster.all(AUTHORIZATION_POLICY):
        action = text_at(policy.raw, "spec", "action")
        if action in ("CUSTOM", "AUDIT"):
            severity = Severity.INFO if action == "AUDIT" else None
            yield from _found(cluster, policy, ("spec", "action"), f"the action {action}", servers, severity)
    for policy in cluster.all(REQUEST_AUTHENTICATION):
        if items_at(policy.raw, "spec", "jwtRules"):
            yield from _found(cluster, policy, ("spec", "jwtRules"), "jwtRules", servers, None)


def selected(cluster: Cluster, policy: Object, servers: dict[str, list[Workload]]) -> Iterator[Workload]:
    """The pods that a policy is for; one with targetRefs is for gateways and waypoints."""
    if items_at(policy.raw, "spec", "targetRefs") or mapping_at(policy.raw, "spec", "targetRef"):
        return
    root = mesh_config(cluster).root_namespace
    selector = mapping_at(policy.raw, "spec", "selector")
    for namespace in servers if policy.namespace == root else (policy.namespace,):
        for workload in servers.get(namespace, ()):
            if not selector or match_labels_selects(selector, workload.labels):
                yield workload


def _found(
    cluster: Cluster,
    policy: Object,
    path: FieldPath,
    what: str,
    servers: dict[str, list[Workload]],
    severity: Severity | None,
) -> Iterator[Finding]:
    chosen = list(selected(cluster, policy, servers))
    if not chosen:
        return
    first = chosen[0]
    more = f" and {len(chosen) - 1} more" if len(chosen) > 1 else ""
    yield about(
        RULE,
        policy,
        path,
        f"{policy.title} has {what}, and selects the proxyless {first.title}{more}",
        symptom=_EFFECT[what],
        evidence=(seen(first.object, first.path("metadata", "annotations", TEMPLATES)),),
        fixes=_fixes(cluster, chosen),
        related=tuple(workload.object for workload in chosen),
        severity=severity,
    )


_EFFECT = {
    "the action CUSTOM": "istiod gives proxyless servers ALLOW and DENY rules only. The external authorizer is never "
    "asked, and "
    "calls that it would refuse reach the server.",
    "the action AUDIT": "istiod gives proxyless servers ALLOW and DENY rules only. No call is marked for the audit "
    "log.",
    "jwtRules": "No token is checked in front of a proxyless server. Calls with a forged or expired token, which a "
    "sidecar "
    "answers with UNAUTHENTICATED: Jwt verification fails, reach the server.",
}


def _fixes(cluster: Cluster, chosen: list[Workload]) -> tuple[Fix, ...]:
    """One for each pod: a Fix changes one object, and the first of each must cure."""
    fixes = []
    for workload in chosen:
        where, path = annotation(cluster, workload, TEMPLATES)
        fixes.append(Edit(where).remove(path).fix(f"Give {where.title} a sidecar again"))
    whole = Fix(
        fixes[0].summary,
        patch="\n---\n".join(fix.patch or fix.command or "" for fix in fixes),
        changes=tuple(change for fix in fixes for change in fix.changes),
    )
    words = Fix("Check it in the server, in an interceptor, and have the policy select pods with a sidecar")
    return (words, whole if len(fixes) > 1 else fixes[0])
