"""authorization-denies-all: an AuthorizationPolicy that no call to a gRPC server gets past."""

from __future__ import annotations

from collections.abc import Iterator

from grpcdoctor.checks._findings import about, seen
from grpcdoctor.checks.policies._authz import ALLOW, DENY, Policy, all_policies_known, policies, policies_for
from grpcdoctor.checks.policies._clients import senders_to
from grpcdoctor.checks.policies._fixes import together
from grpcdoctor.checks.policies._grpc import Served
from grpcdoctor.cluster.changes import create, delete
from grpcdoctor.cluster.fields import FieldPath
from grpcdoctor.cluster.paths import ROUTE_KINDS
from grpcdoctor.cluster.snapshot import Cluster
from grpcdoctor.model.finding import Conclusion, Fix
from grpcdoctor.model.rule import Rule, Severity

RULE = Rule(
    code="GD749",
    name="authorization-denies-all",
    severity=Severity.ERROR,
    title="an AuthorizationPolicy refuses every call to a gRPC server",
)
READS = ROUTE_KINDS

_SYMPTOM = "Every call gets PERMISSION_DENIED: RBAC: access denied, whoever calls."


def check(cluster: Cluster) -> Iterator[Conclusion]:
    for policy in policies(cluster):
        if policy.action == ALLOW and not policy.object.spec.get("rules"):
            shut = [one for one in policy.enforced(cluster) if _stays_shut(cluster, one)]
            if shut:
                yield _finding(cluster, policy, ("spec", "rules"), shut)
        elif policy.action == DENY:
            index = next((index for index, rule in policy.rules if not any(rule.values())), None)
            shut = list(policy.enforced(cluster)) if index is not None else []
            if shut and index is not None:
                yield _finding(cluster, policy, ("spec", "rules", index), shut)


def _stays_shut(cluster: Cluster, one: Served) -> bool:
    """No other policy allows anything, and all are known: an allow-nothing default often lies in its own file."""
    return all_policies_known(cluster, one.workload.namespace) and not any(
        policy.action == ALLOW and policy.rules for policy in policies_for(cluster, one.workload)
    )


def _finding(cluster: Cluster, policy: Policy, place: FieldPath, shut: list[Served]) -> Conclusion:
    services = list({id(one.port.service): one.port.service for one in shut}.values())
    more = f" and to {len(services) - 1} more gRPC Services" if len(services) > 1 else ""
    allows = policy.action == ALLOW
    why = "allows nothing, and no other policy allows a call" if allows else "has an empty rule and denies every call"
    return about(
        RULE,
        policy.object,
        place,
        f"{policy.object.title} ({policy.action}) {why} to {services[0].title}{more}",
        symptom=_SYMPTOM,
        evidence=tuple(seen(service.object, ()) for service in services[:3]),
        fixes=(_allowing(cluster, shut),) if allows else (delete(policy.object, "Delete the policy"),),
        related=tuple(service.object for service in services),
        confidence=0.9 if allows else 1.0,
    )


def _allowing(cluster: Cluster, shut: list[Served]) -> Fix:
    """A policy for each Service, for the namespaces that are seen to call it."""
    fixes = []
    for one in {id(one.port.service): one for one in shut}.values():
        service = one.port.service
        callers = sorted({sender.client.namespace for sender in senders_to(cluster, one.port)} | {service.namespace})
        spec = {
            "selector": {"matchLabels": dict(service.selector)},
            "action": ALLOW,
            "rules": [{"from": [{"source": {"namespaces": callers}}]}],
        }
        manifest = {
            "apiVersion": "security.istio.io/v1",
            "kind": "AuthorizationPolicy",
            "metadata": {"name": f"allow-{service.name}", "namespace": service.namespace},
            "spec": spec,
        }
        fixes.append(create(manifest, ""))
    return together("Allow the namespaces that call it (add those that are missing)", *fixes)
