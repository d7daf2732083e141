"""destination-rules-conflict: of two DestinationRules for one host, a part of the newer one is ignored."""

from __future__ import annotations

from collections.abc import Iterator

from grpcdoctor.checks._findings import about, seen
from grpcdoctor.checks.policies._fixes import copied, together
from grpcdoctor.checks.policies._grpc import host_is_grpc
from grpcdoctor.cluster.changes import Edit, delete
from grpcdoctor.cluster.fields import FieldPath, mapping_at, mappings_at, string_map, text_at, texts_at
from grpcdoctor.cluster.istio.destination_rules import host_of
from grpcdoctor.cluster.kinds import DESTINATION_RULE
from grpcdoctor.cluster.objects import Object
from grpcdoctor.cluster.paths import ROUTE_KINDS
from grpcdoctor.cluster.snapshot import Cluster
from grpcdoctor.model.finding import Conclusion, Fix
from grpcdoctor.model.rule import Rule, Severity

RULE = Rule(
    code="GD741",
    name="destination-rules-conflict",
    severity=Severity.WARNING,
    title="two DestinationRules are for one host, and a part of one is ignored",
)
READS = ROUTE_KINDS


def check(cluster: Cluster) -> Iterator[Conclusion]:
    for rules in cluster.once(_groups).values():
        if len(rules) < 2 or not host_is_grpc(cluster, host_of(rules[0])):
            continue
        for other in rules[1:]:
            found = _ignored(rules[: rules.index(other)], other)
            if found is not None:
                yield _finding(*found, other)


def _groups(cluster: Cluster) -> dict[tuple[str, ...], list[Object]]:
    """The rules of one namespace for one host, the same clients and the same namespaces, oldest first."""
    found: dict[tuple[str, ...], list[Object]] = {}
    for rule in sorted(cluster.all(DESTINATION_RULE), key=lambda r: (r.created_at, r.name)):
        selector = str(sorted(string_map(rule.raw, "spec", "workloadSelector", "matchLabels").items()))
        export = ",".join(sorted(texts_at(rule.raw, "spec", "exportTo")) or ["*"])
        found.setdefault((rule.namespace, host_of(rule), selector, export), []).append(rule)
    return found


def _ignored(older: list[Object], other: Object) -> tuple[Object, FieldPath, str] | None:
    """(the rule that counts, the field of the other that does not, what it is)."""
    policy = mapping_at(other.raw, "spec", "trafficPolicy")
    first = next((rule for rule in older if mapping_at(rule.raw, "spec", "trafficPolicy")), None)
    if policy and first is not None and policy != mapping_at(first.raw, "spec", "trafficPolicy"):
        return first, ("spec", "trafficPolicy"), "traffic policy"
    for rule in older:
        names = {text_at(raw, "name"): raw for _, raw in mappings_at(rule.raw, "spec", "subsets")}
        for index, raw in mappings_at(other.raw, "spec", "subsets"):
            known = names.get(text_at(raw, "name"))
            if known is not None and known != raw:
                return rule, ("spec", "subsets", index), f'subset "{text_at(raw, "name")}"'
    return None


def _finding(winner: Object, place: FieldPath, what: str, other: Object) -> Conclusion:
    dated = bool(winner.created_at and other.created_at)
    ignored = f"is ignored: {winner.full_name} is for the same host and older"
    perhaps = f"may be ignored: {winner.full_name} is for the same host, and the older counts"
    return about(
        RULE,
        other,
        place,
        f"{other.title} has a {what} that {ignored if dated else perhaps}",
        symptom=f"The {what} of the other rule has no effect: not its TLS, its HTTP/2, its limits or its balance. "
        "Which one is the older may change when the cluster is set up anew.",
        evidence=(seen(winner, place[:2]),),
        fixes=(_merged(winner, other),),
        related=(winner,),
        confidence=1.0 if dated else 0.9,
    )


def _merged(winner: Object, other: Object) -> Fix:
    """What counts today stays, what is missing comes from the other rule, and that one goes."""
    edit = Edit(winner)
    policy = mapping_at(winner.raw, "spec", "trafficPolicy")
    for block, value in mapping_at(other.raw, "spec", "trafficPolicy").items():
        if block not in policy:
            edit.set(("spec", "trafficPolicy", block), copied(value))
    subsets = [raw for _, raw in mappings_at(winner.raw, "spec", "subsets")]
    names = {text_at(raw, "name") for raw in subsets}
    added = [raw for _, raw in mappings_at(other.raw, "spec", "subsets") if text_at(raw, "name") not in names]
    if added:
        edit.set(("spec", "subsets"), copied([*subsets, *added]))
    merged = edit.fix("")
    parts = [merged] if merged.changes[0].operations else []
    return together(f"Put both into {winner.name}, and delete {other.name}", *parts, delete(other, ""))
