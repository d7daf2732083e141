"""RequestAuthentications, and the AuthorizationPolicies that demand a token."""

from __future__ import annotations

from typing import Any

from grpcdoctor.checks.policies._authz import ALLOW, DENY, Policy, looks_like_grpc, selected_by
from grpcdoctor.cluster.fields import items_at, mapping_at, mappings_at, text_at, texts_at
from grpcdoctor.cluster.kinds import REQUEST_AUTHENTICATION
from grpcdoctor.cluster.objects import Object
from grpcdoctor.cluster.snapshot import Cluster
from grpcdoctor.cluster.workloads import Workload


def authentications_for(cluster: Cluster, workload: Workload) -> tuple[Object, ...]:
    return tuple(cluster.once(_by_workload).get(id(workload), ()))


def mentions_token(policy: Policy) -> bool:
    """Some rule of it is about the token of a call."""
    return policy.action == "CUSTOM" or any(_about_token(rule) for _, rule in policy.rules)


def demands_token(allowing: list[Policy], denying: list[Policy]) -> Policy | None:
    """The policy because of which a call without a token is refused."""
    for policy in denying:
        for _, rule in policy.rules:
            sources = [origin for _, origin in mappings_at(rule, "from")] if _is_for_grpc(rule) else []
            if any("*" in items_at(origin, "source", "notRequestPrincipals") for origin in sources):
                return policy
    rules = [(policy, rule) for policy in allowing for _, rule in policy.rules]
    if rules and all(_needs_token(rule) for _, rule in rules):
        return rules[0][0]
    return None


def split(policies: tuple[Policy, ...]) -> tuple[list[Policy], list[Policy]]:
    """Those that allow, those that deny."""
    return [p for p in policies if p.action == ALLOW], [p for p in policies if p.action == DENY]


def _is_for_grpc(rule: dict[str, Any]) -> bool:
    """Its operations leave the paths open, or name those of gRPC methods."""
    operations = [mapping_at(to, "operation") for _, to in mappings_at(rule, "to")]
    paths = [texts_at(operation, "paths") for operation in operations]
    return not operations or any(not listed or any(map(looks_like_grpc, listed)) for listed in paths)


def _needs_token(rule: dict[str, Any]) -> bool:
    conditions = [when for _, when in mappings_at(rule, "when")]
    if any(text_at(when, "key").startswith("request.auth.") and items_at(when, "values") for when in conditions):
        return True
    origins = [origin for _, origin in mappings_at(rule, "from")]
    return bool(origins) and all(items_at(origin, "source", "requestPrincipals") for origin in origins)


def _about_token(rule: dict[str, Any]) -> bool:
    fields = ("requestPrincipals", "notRequestPrincipals")
    if any(items_at(origin, "source", field) for _, origin in mappings_at(rule, "from") for field in fields):
        return True
    return any(text_at(when, "key").startswith("request.auth.") for _, when in mappings_at(rule, "when"))


def _by_workload(cluster: Cluster) -> dict[int, list[Object]]:
    found: dict[int, list[Object]] = {}
    for item in cluster.all(REQUEST_AUTHENTICATION):
        for workload in selected_by(cluster, item):
            found.setdefault(id(workload), []).append(item)
    return found
