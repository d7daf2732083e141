"""Tables: the routes of one host at one entrance, in the order in which they are tried; and who takes what first.

Istio tries routes in the order written; at a gateway it puts several VirtualServices of a host together, the oldest
first, and catch-all routes last (route.go SortVHostRoutes). Gateway API and ingress controllers order by specificity:
there only equal matches compete.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Final

from grpcdoctor.checks.routes._common import ISTIO
from grpcdoctor.cluster.fields import at
from grpcdoctor.cluster.objects import Object
from grpcdoctor.cluster.routes import Entrance, Match, PathKind, RouteRule, routes
from grpcdoctor.cluster.snapshot import Cluster

MESH: Final = "mesh"
_MOST_PATTERNS: Final = 20
_SIMPLE_END: Final = ".*"
_SPECIAL: Final = frozenset("\\^$.|?*+()[]{}")


@dataclass(frozen=True, eq=False)
class Table:
    """`entrance` is None for sidecars."""

    platform: str
    entrance: Entrance | None
    host: str
    """Empty: every host."""
    rules: tuple[RouteRule, ...]
    in_order: bool
    """False: the platform takes the most specific one."""

    @property
    def where(self) -> str:
        return f"host {self.host}" if self.host and self.host != "*" else "every host"


def tables(cluster: Cluster) -> tuple[Table, ...]:
    return cluster.once(_tables)


@dataclass(frozen=True)
class Step:
    """One match of one rule; None stands for a rule without matches."""

    rule: RouteRule
    match: Match | None

    @property
    def everything(self) -> bool:
        return self.match is None or (self.match.is_everything and not self.others)

    @property
    def others(self) -> bool:
        return self.match is not None and (self.match.others or bool(_conditions(self.rule, self.match, "gateways")))

    @property
    def words(self) -> str:
        if self.match is None or self.match.kind == PathKind.ANY:
            return "everything"
        return f"{'exactly ' if self.match.kind == PathKind.EXACT else ''}{self.match.value}"


def steps_of(rule: RouteRule) -> tuple[Step, ...]:
    return tuple(Step(rule, match) for match in rule.matches) or (Step(rule, None),)


@dataclass
class Taken:
    """What earlier steps have taken, by kind: who takes a later one is found without a walk over all of them."""

    everything: Step | None = None
    exact: dict[str, Step] = field(default_factory=dict)
    prefix: dict[str, Step] = field(default_factory=dict)
    segments: dict[str, Step] = field(default_factory=dict)
    patterns: list[Step] = field(default_factory=list)
    conditions: dict[str, Step] = field(default_factory=dict)

    def add(self, step: Step) -> None:
        if step.everything:
            self.everything = self.everything or step
        elif step.match is not None and step.others:
            self.conditions.setdefault(_key(step), step)
        elif step.match is not None:
            match, kind = step.match, step.match.kind
            start = _plain_start(match.value) if kind == PathKind.REGEX else None
            if kind == PathKind.EXACT:
                self.exact.setdefault(match.value, step)
            elif kind == PathKind.PREFIX or start is not None:
                self.prefix.setdefault(start if start is not None else match.value, step)
            elif kind == PathKind.SEGMENTS:
                self.segments.setdefault(match.value.rstrip("/"), step)
            else:
                self.patterns.append(step)

    def taker(self, step: Step) -> Step | None:
        """The earlier step that takes all that this one would match."""
        if self.everything is not None:
            return self.everything
        match = step.match
        if match is None or step.everything or match.kind == PathKind.ANY:
            return self.conditions.get(_key(step)) if step.others else None
        if step.others and _key(step) in self.conditions:
            return self.conditions[_key(step)]
        if match.kind == PathKind.REGEX:
            start = _plain_start(match.value)
            same = next((p for p in self.patterns if p.match is not None and p.match.value == match.value), None)
            return same or (self._by_start(start) if start is not None else None)
        found = self._by_start(match.value)
        if found is None and match.kind == PathKind.EXACT:
            found = self.exact.get(match.value) or self._by_pattern(match.value)
        return found or self._by_segments(match)

    def _by_start(self, value: str) -> Step | None:
        return next((self.prefix[value[:n]] for n in range(len(value) + 1) if value[:n] in self.prefix), None)

    def _by_segments(self, match: Match) -> Step | None:
        value = match.value
        ends = [n for n, letter in enumerate(value) if letter == "/"]
        if match.kind != PathKind.PREFIX:
            ends.append(len(value))
        return next((self.segments[value[:n]] for n in ends if value[:n] in self.segments), None)

    def _by_pattern(self, value: str) -> Step | None:
        fitting = (p for p in self.patterns[:_MOST_PATTERNS] if p.match is not None and p.match.takes(value))
        return next(fitting, None)


def shadowed(cluster: Cluster) -> Iterator[tuple[Table, RouteRule, list[tuple[Step, Step]]]]:
    """(table, rule, its steps with who takes each) for rules of which earlier ones leave nothing."""
    for table in tables(cluster):
        taken = Taken() if table.in_order else None
        same: dict[str, Step] = {}
        for rule in table.rules:
            steps = steps_of(rule)
            pairs = [(step, taken.taker(step) if taken else same.get(_key(step))) for step in steps]
            found = [(step, taker) for step, taker in pairs if taker is not None and taker.rule is not rule]
            if len(found) == len(steps):
                yield table, rule, found
            for step in steps:
                taken.add(step) if taken else same.setdefault(_key(step), step)


def _tables(cluster: Cluster) -> tuple[Table, ...]:
    gathered: dict[tuple[Any, ...], list[RouteRule]] = {}
    entrances: dict[tuple[Any, ...], Entrance] = {}
    for rule in routes(cluster):
        if not rule.is_http:
            continue
        for entrance in rule.entrances:
            for host in entrance.hosts or rule.hosts or ("",):
                key = (rule.platform, *_door(rule, entrance), host, _family(rule))
                entrances.setdefault(key, entrance)
                gathered.setdefault(key, []).append(rule)
        if rule.in_mesh and rule.platform == ISTIO:
            for host in rule.hosts:
                gathered.setdefault((ISTIO, MESH, _root(rule), host, ""), []).append(rule)
    return tuple(_table(key, entrances.get(key), rules) for key, rules in gathered.items())


def _door(rule: RouteRule, entrance: Entrance) -> tuple[Any, Any]:
    """The entrance itself; for routes that are their own (an Ingress), the controller that puts them together."""
    return (entrance.name, ()) if entrance.object is rule.object else (id(entrance.object), entrance.path)


def _family(rule: RouteRule) -> str:
    """GRPCRoutes and HTTPRoutes of one host are a matter of their own."""
    return rule.object.kind.name if rule.platform != ISTIO else ""


def _root(rule: RouteRule) -> int:
    """The same for all routes of a VirtualService and of those that it delegates to: they share its hosts."""
    return id(rule.hosts) if rule.platform == ISTIO else id(rule.object)


def _table(key: tuple[Any, ...], entrance: Entrance | None, rules: list[RouteRule]) -> Table:
    groups: dict[int, list[RouteRule]] = {}
    for rule in dict.fromkeys(rules):
        groups.setdefault(_root(rule), []).append(rule)
    ordered = sorted(groups.values(), key=lambda group: _age(group[0].object))
    if key[0] != ISTIO:
        kept = [rule for group in ordered for rule in group if not _is_canary(rule.object)]
        return Table(key[0], entrance, key[3], tuple(kept), in_order=False)
    flat: list[RouteRule] = []
    last: list[RouteRule] = []
    for group in ordered:
        end = next((n for n, rule in enumerate(group) if _is_last(rule)), len(group))
        flat += group[:end]
        last += group[end:]
    return Table(ISTIO, entrance, key[3], (*flat, *last), in_order=True)


def _is_last(rule: RouteRule) -> bool:
    return any(step.everything for step in steps_of(rule))


def _age(item: Object) -> tuple[str, str, str]:
    return item.created_at, item.name, item.namespace


def _is_canary(item: Object) -> bool:
    """A second Ingress for the same path is what a canary is."""
    return any(key.endswith("/canary") and value == "true" for key, value in item.annotations.items())


def _conditions(rule: RouteRule, match: Match, name: str) -> Any:
    """A condition of an Istio match beside its path."""
    return at(rule.object.raw, *match.path[:5], name) if rule.platform == ISTIO else None


def _key(step: Step) -> str:
    """Equal for steps with equal conditions."""
    match = step.match
    if match is None or (match.kind == PathKind.ANY and not step.others):
        return "*"
    if not step.others:
        return f"{match.kind} {match.value}"
    raw = at(step.rule.object.raw, *match.path[:5]) if step.rule.platform == ISTIO else None
    if isinstance(raw, dict):
        return repr(sorted((str(k), str(v)) for k, v in raw.items() if k not in ("name", "statPrefix")))
    return f"{id(step.rule)} {match.path}"


def _plain_start(pattern: str) -> str | None:
    """`/pkg.Svc/` of the pattern `/pkg\\.Svc/.*`: letters, then anything."""
    pattern = pattern.removeprefix("^").removesuffix("$")
    if not pattern.endswith(_SIMPLE_END):
        return None
    start = pattern.removesuffix(_SIMPLE_END).replace("\\.", "\0").replace("\\/", "/")
    return None if set(start) & _SPECIAL else start.replace("\0", ".")
