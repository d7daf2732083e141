"""route-shadowed: earlier routes of the same host take all that a later one matches."""

from __future__ import annotations

from collections.abc import Iterator

from grpcdoctor.checks._findings import about, seen
from grpcdoctor.checks.routes._common import ISTIO, grpc_proof
from grpcdoctor.checks.routes._tables import Step, Table, shadowed
from grpcdoctor.cluster.changes import Edit, delete
from grpcdoctor.cluster.fields import FieldPath, at, dotted
from grpcdoctor.cluster.paths import ROUTE_KINDS
from grpcdoctor.cluster.routes import RouteRule
from grpcdoctor.cluster.snapshot import Cluster
from grpcdoctor.model.finding import Conclusion, Fix
from grpcdoctor.model.rule import Rule, Severity

RULE = Rule(
    code="GD634",
    name="route-shadowed",
    severity=Severity.ERROR,
    title="an earlier route takes all calls of a later one",
)
READS = ROUTE_KINDS


def check(cluster: Cluster) -> Iterator[Conclusion]:
    done: set[tuple[int, FieldPath]] = set()
    for table, rule, pairs in shadowed(cluster):
        key = (id(rule.object), rule.path)
        if key not in done and grpc_proof(cluster, rule):
            done.add(key)
            yield _finding(cluster, table, rule, pairs)


def _finding(cluster: Cluster, table: Table, rule: RouteRule, pairs: list[tuple[Step, Step]]) -> Conclusion:
    step, taker = pairs[0]
    other = taker.rule
    same_place = _destinations(rule) == _destinations(other)
    known_order = other.object is rule.object or bool(other.object.created_at) or not table.in_order
    earlier = dotted(other.path) if other.object is rule.object else other.object.title
    goes = ", to the same place" if same_place else f", to {_names(other)}"
    return about(
        RULE,
        rule.object,
        step.match.path if step.match is not None else rule.path,
        f"{rule.object.title}: {step.words} is never reached, for {earlier} takes {taker.words} first{goes}",
        symptom="Routes of a host are tried in turn, and the first that fits takes the call. "
        + ("Nothing is lost today, for both lead to one place." if same_place else
           "Calls meant for this route reach another server, which answers UNIMPLEMENTED (12): unknown service."),
        evidence=(
            seen(other.object, taker.match.path if taker.match is not None else other.path,
                 f"{earlier} matches {taker.words}"),
            *grpc_proof(cluster, rule),
        ),
        fixes=tuple(_fixes(rule, pairs)),
        related=(other.object,),
        severity=Severity.INFO if same_place else Severity.ERROR,
        confidence=1.0 if known_order else 0.8,
    )  # fmt: skip


def _last_of(rule: RouteRule) -> Fix:
    """The object's only route, or the only path of a host's rule."""
    item = rule.object
    hosts = at(item.raw, "spec", "rules")
    if item.kind.name == "Ingress" and isinstance(hosts, list) and len(hosts) > 1:
        return Edit(item).remove(rule.path[:3]).fix("Remove the rule of this host")
    return delete(item, f"Delete {item.title}, which has no other route")


def _destinations(rule: RouteRule) -> list[tuple[str, str, int | None]]:
    return sorted((backend.title, backend.subset, backend.weight) for backend in rule.backends)


def _names(rule: RouteRule) -> str:
    return ", ".join(dict.fromkeys(backend.title for backend in rule.backends)) or "no backend"


def _fixes(rule: RouteRule, pairs: list[tuple[Step, Step]]) -> Iterator[Fix]:
    others = [taker.rule for _, taker in pairs]
    item, raw = rule.object, at(rule.object.raw, *rule.path)
    duplicate = all(step.words == taker.words for step, taker in pairs)
    section = at(item.raw, *rule.path[:-1])
    if not isinstance(section, list) or not isinstance(rule.path[-1], int):
        yield Fix(f"Keep one of the two routes, in {item.title} or {others[0].object.title}",
                  command=f"kubectl -n {item.namespace} edit {item.kind.resource} {item.name}")  # fmt: skip
        return
    removed = Edit(item).remove(rule.path).fix("Remove the route") if len(section) > 1 else _last_of(rule)
    first = min((o.path[-1] for o in others if o.object is item and isinstance(o.path[-1], int)), default=None)
    if rule.platform == ISTIO and not duplicate and first is not None:
        moved = Edit(item).remove(rule.path).insert((*rule.path[:-1], first), raw)
        yield moved.fix(f"Move the route before {dotted((*rule.path[:-1], first))}")
    yield removed
