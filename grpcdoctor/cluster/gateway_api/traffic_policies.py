"""Envoy Gateway's BackendTrafficPolicies: which of them are for a route."""

from __future__ import annotations

from collections.abc import Iterator

from grpcdoctor.cluster.fields import FieldPath, mappings_at, text_at
from grpcdoctor.cluster.gateway_api.listeners import GROUP
from grpcdoctor.cluster.kinds import BACKEND_TRAFFIC_POLICY
from grpcdoctor.cluster.objects import Object
from grpcdoctor.cluster.snapshot import Cluster


def traffic_policies_for(cluster: Cluster, route: Object, gateway: Object | None) -> tuple[Object, ...]:
    """Those for the route, or else for its Gateway: a route's policy replaces the Gateway's, unless it merges."""
    index = cluster.once(_by_target)
    own = index.get((route.kind.name, route.namespace, route.name), [])
    above = index.get((gateway.kind.name, gateway.namespace, gateway.name), []) if gateway is not None else []
    if own and not any(policy.spec.get("mergeType") for policy in own):
        return tuple(own)
    return (*own, *above)


def selects_targets(policy: Object) -> bool:
    """It finds its targets by labels, which we do not follow."""
    return any(True for _ in mappings_at(policy.raw, "spec", "targetSelectors"))


def traffic_targets(policy: Object) -> Iterator[tuple[FieldPath, dict[str, object]]]:
    for index, raw in mappings_at(policy.raw, "spec", "targetRefs"):
        yield ("spec", "targetRefs", index), raw
    single = policy.spec.get("targetRef")
    if isinstance(single, dict):
        yield ("spec", "targetRef"), single


def _by_target(cluster: Cluster) -> dict[tuple[str, str, str], list[Object]]:
    found: dict[tuple[str, str, str], list[Object]] = {}
    for policy in sorted(cluster.all(BACKEND_TRAFFIC_POLICY), key=lambda item: (item.created_at, item.name)):
        for _, raw in traffic_targets(policy):
            if text_at(raw, "group") == GROUP:
                key = (text_at(raw, "kind"), policy.namespace, text_at(raw, "name"))
                found.setdefault(key, []).append(policy)
    return found
