"""authorization-identity-without-mtls: only known identities are allowed, and the calls that come have none of them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from grpcdoctor.checks._findings import about, seen
from grpcdoctor.checks.policies._authz import ALLOW, Policy, all_policies_known, meets, policies_for
from grpcdoctor.checks.policies._grpc import Served, all_served, bypasses_sidecar
from grpcdoctor.cluster.changes import Edit
from grpcdoctor.cluster.fields import items_at, mapping_at, mappings_at, text_at, texts_at
from grpcdoctor.cluster.istio.mtls import DISABLE, PERMISSIVE, server_mode
from grpcdoctor.cluster.kinds import AUTHORIZATION_POLICY
from grpcdoctor.cluster.objects import Object
from grpcdoctor.cluster.paths import ROUTE_KINDS
from grpcdoctor.cluster.routes import rules_to
from grpcdoctor.cluster.snapshot import Cluster
from grpcdoctor.cluster.workloads import Mesh, Workload
from grpcdoctor.model.finding import Conclusion, Fix
from grpcdoctor.model.rule import Rule, Severity

RULE = Rule(
    code="GD748",
    name="authorization-identity-without-mtls",
    severity=Severity.ERROR,
    title="an AuthorizationPolicy asks for an identity that the calls do not have",
)
READS = ROUTE_KINDS

_IDENTITIES: Final = ("principals", "namespaces", "serviceAccounts")
_SOURCE_KEYS: Final = ("source.principal", "source.namespace", "source.serviceAccount")
_SYMPTOM: Final = "Clients get PERMISSION_DENIED: RBAC: access denied."


def check(cluster: Cluster) -> Iterator[Conclusion]:
    if not cluster.all(AUTHORIZATION_POLICY):
        return
    judged: set[tuple[int, ...]] = set()
    for one in all_served(cluster):
        if one.workload.mesh is not Mesh.SIDECAR or bypasses_sidecar(one.workload, one.number):
            continue
        allowing = [p for p in policies_for(cluster, one.workload) if p.action == ALLOW and p.rules]
        key = (id(one.port), *map(id, allowing))
        if not allowing or key in judged:
            continue
        judged.add(key)
        found = _without_mtls(cluster, one, allowing) or _gateway_not_listed(cluster, one, allowing)
        if found is not None:
            yield found


def _without_mtls(cluster: Cluster, one: Served, allowing: list[Policy]) -> Conclusion | None:
    mode = server_mode(cluster, one.workload, one.number)
    if mode.mode != DISABLE or mode.object is None or not all(_asks(rule) for p in allowing for _, rule in p.rules):
        return None
    policy = allowing[0]
    return about(
        RULE,
        policy.object,
        ("spec", "rules", policy.rules[0][0]),
        f"{policy.object.title} asks for identities, and {mode.object.title} turns mTLS off",
        symptom=f"Without mTLS no call to {one.title} has an identity, so nothing is allowed. {_SYMPTOM}",
        evidence=(seen(mode.object, mode.path),),
        fixes=(Edit(mode.object).set(mode.path, PERMISSIVE).fix("Take mTLS, and plaintext as before"),),
        related=(mode.object, one.port.service.object),
    )


def _gateway_not_listed(cluster: Cluster, one: Served, allowing: list[Policy]) -> Conclusion | None:
    for rule, _ in rules_to(cluster, one.port):
        for entrance in rule.entrances if rule.is_http else ():
            for proxy in entrance.workloads:
                rules = ((policy, raw) for policy in allowing for _, raw in policy.rules)
                if proxy.mesh is Mesh.GATEWAY and not any(_admits(*pair, proxy) for pair in rules):
                    known = all_policies_known(cluster, one.workload.namespace)
                    return _finding(one, allowing[0], proxy, rule.object, 0.95 if known else 0.75)
    return None


def _finding(one: Served, policy: Policy, proxy: Workload, route: Object, confidence: float) -> Conclusion:
    index, raw = policy.rules[0]
    account = f"{proxy.namespace}/{proxy.service_account}"
    return about(
        RULE,
        policy.object,
        ("spec", "rules", index, "from") if raw.get("from") else ("spec", "rules", index),
        f"{policy.object.title} does not admit the gateway that routes there ({account})",
        symptom=f"{route.title} routes calls to {one.title}. Behind a gateway every call has the gateway's identity. "
        + _SYMPTOM,
        evidence=(seen(proxy.object, proxy.path("spec", "serviceAccountName")), seen(route, ())),
        fixes=(_admitting(policy, index, raw, proxy),),
        related=(route, one.port.service.object),
        confidence=confidence,
    )


def _admitting(policy: Policy, index: int, raw: dict[str, Any], proxy: Workload) -> Fix:
    written = (name for _, origin in mappings_at(raw, "from") for name in texts_at(origin, "source", "principals"))
    domain = next((name.split("/ns/")[0] for name in written if "/ns/" in name), "cluster.local")
    principal = f"{domain}/ns/{proxy.namespace}/sa/{proxy.service_account}"
    source = {"source": {"principals": [principal]}}
    edit = Edit(policy.object)
    if raw.get("from") and not raw.get("when"):
        edit.set(("spec", "rules", index, "from", len(items_at(raw, "from"))), source)
    else:
        edit.set(("spec", "rules", len(items_at(policy.object.raw, "spec", "rules"))), {"from": [source]})
    return edit.fix(f"Admit the gateway, {principal}")


def _asks(rule: dict[str, Any]) -> bool:
    """Every caller that the rule admits needs an identity."""
    if any(text_at(when, "key") in _SOURCE_KEYS and items_at(when, "values") for _, when in mappings_at(rule, "when")):
        return True
    origins = [mapping_at(origin, "source") for _, origin in mappings_at(rule, "from")]
    return bool(origins) and all(any(items_at(source, field) for field in _IDENTITIES) for source in origins)


def _admits(policy: Policy, rule: dict[str, Any], proxy: Workload) -> bool:
    """Whether the rule can be met by this proxy's identity; conditions that are not about it count as met."""
    values = {
        "source.namespace": "namespaces", "source.principal": "principals", "source.serviceAccount": "serviceAccounts",
    }  # fmt: skip
    for _, when in mappings_at(rule, "when"):
        field = values.get(text_at(when, "key"))
        if field and texts_at(when, "values") and not _fits(policy, {field: when.get("values")}, proxy):
            return False
    origins = [mapping_at(origin, "source") for _, origin in mappings_at(rule, "from")]
    return not origins or any(_fits(policy, source, proxy) for source in origins)


def _fits(policy: Policy, source: dict[str, Any], proxy: Workload) -> bool:
    own, account = proxy.namespace, proxy.service_account
    namespaces, principals = texts_at(source, "namespaces"), texts_at(source, "principals")
    accounts = texts_at(source, "serviceAccounts")
    if namespaces and not any(meets(pattern, own) for pattern in namespaces):
        return False
    if principals and not any(_is_principal(pattern, own, account) for pattern in principals):
        return False
    home = policy.object.namespace
    return not accounts or f"{own}/{account}" in accounts or (own == home and account in accounts)


def _is_principal(pattern: str, namespace: str, account: str) -> bool:
    domain, separator, _ = pattern.partition("/ns/")
    trust = domain if separator and domain and "*" not in domain else "cluster.local"
    return meets(pattern, f"{trust}/ns/{namespace}/sa/{account}")
