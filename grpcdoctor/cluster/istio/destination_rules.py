"""DestinationRules: which one a proxy sees for a host, and what its policy says for one port and subset.

Source: istio pilot/pkg/model/push_context.go destinationRule, pilot/pkg/networking/core/cluster_traffic_policy.go and
pilot/pkg/networking/util MergeTrafficPolicy.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Final

from grpcdoctor.cluster.fields import FieldPath, at, mapping_at, mappings_at, number_at, string_map, text_at
from grpcdoctor.cluster.istio.hosts import covers, full_host, in_default_domain, visible_from
from grpcdoctor.cluster.istio.mesh import mesh_config
from grpcdoctor.cluster.kinds import CONFIG_MAP, DESTINATION_RULE, Kind
from grpcdoctor.cluster.labels import match_labels_selects
from grpcdoctor.cluster.objects import Object
from grpcdoctor.cluster.snapshot import Cluster

DESTINATION_RULE_KINDS: Final[tuple[Kind, ...]] = (DESTINATION_RULE, CONFIG_MAP)

_BLOCKS: Final = ("connectionPool", "loadBalancer", "outlierDetection", "tls", "tunnel", "proxyProtocol")
_PORT_BLOCKS: Final = ("connectionPool", "loadBalancer", "outlierDetection", "tls")


@dataclass(frozen=True, slots=True)
class Located:
    """A value, with the object and the field that it comes from."""

    value: Any
    object: Object
    path: FieldPath

    @property
    def text(self) -> str:
        return text_at({"value": self.value}, "value")


@dataclass(frozen=True, slots=True)
class Policy:
    """The traffic policy in force for one port and subset: each block from wherever it was set."""

    blocks: dict[str, Located]

    def find(self, block: str, *path: str) -> Located | None:
        """`find("connectionPool", "http", "h2UpgradePolicy")`: the value with its origin; None where it is not set."""
        found = self.blocks.get(block)
        value = at(found.value, *path) if found is not None else None
        if found is None or value is None:
            return None
        return Located(value, found.object, (*found.path, *path))

    def text(self, block: str, *path: str) -> str:
        found = self.find(block, *path)
        return found.text if found is not None else ""


@dataclass(frozen=True, slots=True)
class Subset:
    name: str
    labels: dict[str, str]
    rule: Object
    path: FieldPath


NO_POLICY: Final = Policy({})


def rules_for(
    cluster: Cluster,
    full: str,
    service_namespace: str,
    client_namespace: str,
    client_labels: dict[str, str] | None = None,
) -> tuple[Object, ...]:
    """The DestinationRules that a proxy in `client_namespace` uses for a host, oldest first; mostly one or none.

    The client's namespace first, then the service's, then the mesh's root namespace; the first that has any decides.
    """
    known = cluster.once(_no_answers_yet)
    key = (full, service_namespace, client_namespace)
    if key not in known:
        known[key] = _rules_for(cluster, full, service_namespace, client_namespace, client_labels)
        if cluster.once(_any_for_workloads):
            return known.pop(key)  # the labels decide as well
    return known[key]


def _rules_for(
    cluster: Cluster,
    full: str,
    service_namespace: str,
    client_namespace: str,
    client_labels: dict[str, str] | None,
) -> tuple[Object, ...]:
    root = mesh_config(cluster).root_namespace
    indexes, full = cluster.once(_by_namespace), in_default_domain(full)
    places = [] if client_namespace == root else [client_namespace]
    for place in dict.fromkeys((*places, service_namespace, root)):
        index = indexes.get(place)
        for rules in index.candidates(full) if index is not None else ():
            seen = tuple(r for r in rules if _applies(r, place, client_namespace, client_labels))
            if seen:
                return seen
    return ()


def policy_of(rules: tuple[Object, ...], port: int | None, subset: str = "") -> Policy:
    """The policy for a port: port settings replace the whole policy, a subset's override it block by block."""
    base = next((r for r in rules if mapping_at(r.raw, "spec", "trafficPolicy")), None)
    policy = _merged({}, base, ("spec", "trafficPolicy"), port) if base is not None else {}
    found = find_subset(rules, subset) if subset else None
    if found is not None:
        policy = _merged(policy, found.rule, (*found.path, "trafficPolicy"), port)
    return Policy(policy)


def subsets_of(rules: tuple[Object, ...]) -> tuple[Subset, ...]:
    return tuple(
        Subset(text_at(raw, "name"), string_map(raw, "labels"), rule, ("spec", "subsets", index))
        for rule in rules
        for index, raw in mappings_at(rule.raw, "spec", "subsets")
    )


def find_subset(rules: tuple[Object, ...], name: str) -> Subset | None:
    return next((subset for subset in subsets_of(rules) if subset.name == name), None)


def host_of(rule: Object) -> str:
    """The full name of the host that a DestinationRule is for."""
    return full_host(text_at(rule.raw, "spec", "host"), rule.namespace)


def _merged(before: dict[str, Located], rule: Object, path: FieldPath, port: int | None) -> dict[str, Located]:
    raw = mapping_at(rule.raw, *path)
    after = dict(before)
    for block in _BLOCKS:
        if isinstance(raw.get(block), dict):  # an empty one counts: `tls: {}` is DISABLE, the first of its modes
            after[block] = Located(raw[block], rule, (*path, block))
    for index, settings in mappings_at(raw, "portLevelSettings"):
        if port is not None and number_at(settings, "port", "number") == port:
            place = (*path, "portLevelSettings", index)
            # By the API's text: what a port's settings leave out takes its default, not the value of the level above.
            for block in _PORT_BLOCKS:
                after.pop(block, None)
                if isinstance(settings.get(block), dict):
                    after[block] = Located(settings[block], rule, (*place, block))
    return after


def _applies(rule: Object, place: str, client_namespace: str, client_labels: dict[str, str] | None) -> bool:
    if not visible_from(rule, client_namespace):
        return False
    selector = mapping_at(rule.raw, "spec", "workloadSelector")
    if not selector:
        return True
    return place == client_namespace and client_labels is not None and match_labels_selects(selector, client_labels)


def _no_answers_yet(_cluster: Cluster) -> dict[tuple[str, str, str], tuple[Object, ...]]:
    return {}


def _any_for_workloads(cluster: Cluster) -> bool:
    return any(mapping_at(rule.raw, "spec", "workloadSelector") for rule in cluster.all(DESTINATION_RULE))


@dataclass(frozen=True, slots=True)
class _Index:
    """The rules of one namespace by host, oldest first."""

    exact: dict[str, list[Object]] = field(default_factory=dict)
    wildcards: dict[str, list[Object]] = field(default_factory=dict)

    def candidates(self, full: str) -> Iterator[list[Object]]:
        """The rules for the host itself, then those for wildcards that cover it, the most specific first."""
        if full in self.exact:
            yield self.exact[full]
        for host in sorted(self.wildcards, key=len, reverse=True):
            if covers(host, full):
                yield self.wildcards[host]


def _by_namespace(cluster: Cluster) -> dict[str, _Index]:
    found: dict[str, _Index] = {}
    for rule in sorted(cluster.all(DESTINATION_RULE), key=lambda r: (r.created_at, r.name)):
        index, host = found.setdefault(rule.namespace, _Index()), in_default_domain(host_of(rule))
        (index.wildcards if host.startswith("*") else index.exact).setdefault(host, []).append(rule)
    return found
