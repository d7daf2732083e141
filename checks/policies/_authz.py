"""AuthorizationPolicies: what they select, and whether an operation can mean a given call.

Source: istio pilot/pkg/security/authz/model, pilot/pkg/security/authz/matcher/string.go.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final

from grpcdoctor.checks.policies._grpc import Served, served_by
from grpcdoctor.cluster.fields import FieldPath, mapping_at, mappings_at, string_map, text_at, texts_at
from grpcdoctor.cluster.istio.mesh import mesh_config
from grpcdoctor.cluster.kinds import AUTHORIZATION_POLICY
from grpcdoctor.cluster.objects import Object
from grpcdoctor.cluster.routes import rules_to
from grpcdoctor.cluster.snapshot import Cluster
from grpcdoctor.cluster.workloads import Mesh, Workload, workloads

ALLOW: Final = "ALLOW"
DENY: Final = "DENY"
_GRPC_PATH: Final = re.compile(r"^/?(?:[A-Za-z_]\w*\.)+[A-Z]\w*(?:/|$|\*)")
_DRY_RUN: Final = "istio.io/dry-run"


@dataclass(frozen=True, eq=False)
class Operation:
    """One `to[].operation`; without any in a rule, one that means every call. `path` leads to it."""

    policy: Policy
    rule: int
    raw: dict[str, Any]
    path: FieldPath

    @property
    def paths(self) -> tuple[str, ...]:
        return texts_at(self.raw, "paths")

    @property
    def methods(self) -> tuple[str, ...]:
        return texts_at(self.raw, "methods")

    @property
    def ports(self) -> tuple[str, ...]:
        return texts_at(self.raw, "ports")

    @property
    def is_for_grpc(self) -> bool:
        """Some path is one of a gRPC service or method."""
        return any(looks_like_grpc(path) for path in self.paths)

    def may_take(self, path: str, number: int | None = None) -> bool:
        """Whether a gRPC call of this method on this port of the pod can meet it, whoever calls."""
        if self.ports and number is not None and str(number) not in self.ports:
            return False
        if self.methods and not any(meets(method, "POST") for method in self.methods):
            return False
        return not self.paths or any(meets(written, path) for written in self.paths)


class Policy:
    """The view of one AuthorizationPolicy."""

    def __init__(self, item: Object) -> None:
        self.object = item

    @property
    def action(self) -> str:
        return text_at(self.object.raw, "spec", "action") or ALLOW

    @property
    def is_dry_run(self) -> bool:
        return self.object.annotations.get(_DRY_RUN, "").lower() == "true"

    @cached_property
    def selector(self) -> dict[str, str]:
        return string_map(self.object.raw, "spec", "selector", "matchLabels")

    @cached_property
    def rules(self) -> tuple[tuple[int, dict[str, Any]], ...]:
        return tuple(mappings_at(self.object.raw, "spec", "rules"))

    @cached_property
    def operations(self) -> tuple[Operation, ...]:
        return tuple(self._operations())

    def _operations(self) -> Iterator[Operation]:
        for index, rule in self.rules:
            place: FieldPath = ("spec", "rules", index)
            targets = list(mappings_at(rule, "to"))
            if not targets:
                yield Operation(self, index, {}, place)
            for each, target in targets:
                yield Operation(self, index, mapping_at(target, "operation"), (*place, "to", each, "operation"))

    def selected(self, cluster: Cluster) -> tuple[Workload, ...]:
        """The workloads whose proxies enforce it."""
        return selected_by(cluster, self.object)

    def served(self, cluster: Cluster) -> tuple[Served, ...]:
        """The gRPC ports of the workloads that it selects."""
        return tuple(one for workload in self.selected(cluster) for one in served_by(cluster, workload))

    def concerned(self, cluster: Cluster) -> tuple[Object, ...]:
        """The gRPC Services and workloads that it decides about: whoever traces a host meets it by them."""
        found = [item for one in self.served(cluster) for item in (one.port.service.object, one.workload.object)]
        return tuple({id(item): item for item in found}.values())

    def enforced(self, cluster: Cluster) -> tuple[Served, ...]:
        """Those behind a sidecar, which enforces it, or where it is not known that there is none."""
        return tuple(one for one in self.served(cluster) if one.workload.mesh in (Mesh.SIDECAR, Mesh.UNKNOWN))


def selected_by(cluster: Cluster, item: Object) -> tuple[Workload, ...]:
    """The workloads that the `spec.selector` of a security policy selects; in the root namespace, those of all.

    With `targetRefs`, a waypoint or a gateway of the Gateway API enforces it, not the workload's sidecar: nothing.
    """
    if item.spec.get("targetRefs") or item.spec.get("targetRef"):
        return ()
    selector = string_map(item.raw, "spec", "selector", "matchLabels")
    everything = workloads(cluster)
    if item.namespace != mesh_config(cluster).root_namespace:
        return everything.select(selector, item.namespace)
    return everything.select_anywhere(selector) if selector else everything.items


def policies(cluster: Cluster) -> tuple[Policy, ...]:
    """Those that are enforced: without dry runs."""
    return cluster.once(_policies)


def policies_for(cluster: Cluster, workload: Workload) -> tuple[Policy, ...]:
    return tuple(cluster.once(_by_workload).get(id(workload), ()))


def all_policies_known(cluster: Cluster, namespace: str) -> bool:
    """Whether an AuthorizationPolicy for workloads of this namespace that is not here does not exist."""
    places = (namespace, mesh_config(cluster).root_namespace)
    return all(cluster.has_all(AUTHORIZATION_POLICY, place) for place in places)


def looks_like_grpc(path: str) -> bool:
    """`/pkg.Svc/Method`, `/pkg.Svc/*`, `/pkg.Svc`, also without the leading slash."""
    return _GRPC_PATH.match(path) is not None


def meets(pattern: str, value: str) -> bool:
    """Istio's string match: `*` alone, at the beginning or at the end; anywhere else it is a letter as any other."""
    if pattern == "*":
        return value != ""
    if pattern.startswith("*"):
        return value.endswith(pattern[1:])
    if "{" in pattern:  # path templates: {*} is one segment, {**} any number
        expression = re.escape(pattern).replace(r"\{\*\*\}", ".*").replace(r"\{\*\}", "[^/]+")
        return re.fullmatch(expression, value) is not None
    if pattern.endswith("*"):
        return value.startswith(pattern[:-1])
    return pattern == value


def known_services(cluster: Cluster, served: tuple[Served, ...]) -> frozenset[str]:
    """Full names of gRPC services that routes lead to these ports by their paths: `shop.Greeter`."""
    return frozenset(
        match.value.split("/")[1]
        for port in {id(one.port): one.port for one in served}.values()
        for rule, _ in rules_to(cluster, port)
        for match in rule.matches
        if match.looks_like_grpc
    )


def _policies(cluster: Cluster) -> tuple[Policy, ...]:
    found = (Policy(item) for item in cluster.all(AUTHORIZATION_POLICY))
    return tuple(policy for policy in found if not policy.is_dry_run)


def _by_workload(cluster: Cluster) -> dict[int, list[Policy]]:
    found: dict[int, list[Policy]] = {}
    for policy in policies(cluster):
        for workload in policy.selected(cluster):
            found.setdefault(id(workload), []).append(policy)
    return found
