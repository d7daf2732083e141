"""route-prefix-too-wide: a prefix that is compared letter by letter ends in the middle of a name."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from grpcdoctor.checks._findings import about, seen
from grpcdoctor.checks.routes._common import rules_once
from grpcdoctor.checks.routes._tables import Step, Taken, steps_of, tables
from grpcdoctor.cluster.changes import Edit
from grpcdoctor.cluster.fields import FieldPath, text_at
from grpcdoctor.cluster.paths import ROUTE_KINDS
from grpcdoctor.cluster.routes import Match, PathKind, RouteRule
from grpcdoctor.cluster.snapshot import Cluster
from grpcdoctor.model.finding import Conclusion, Fix
from grpcdoctor.model.rule import Rule, Severity

RULE = Rule(
    code="GD635",
    name="route-prefix-too-wide",
    severity=Severity.ERROR,
    title="a route's prefix also takes services whose names begin alike",
    explains=("route-shadowed",),
)
READS = ROUTE_KINDS

# A service without the slash behind it, or a method: /shop.User catches /shop.UserAdmin/Delete.
_OPEN: Final = re.compile(r"^/(?:[A-Za-z_]\w*\.)+[A-Z]\w*$")


def check(cluster: Cluster) -> Iterator[Conclusion]:
    caught = cluster.once(_caught)
    for rule in rules_once(cluster):
        for match in rule.matches:
            if _is_open(match) and text_at(rule.object.raw, *match.path) == match.value:
                victim = caught.get((id(rule.object), match.path))
                yield _finding(rule, match, victim)


def _is_open(match: Match) -> bool:
    return match.kind == PathKind.PREFIX and _OPEN.match(match.value) is not None


def _caught(cluster: Cluster) -> dict[tuple[int, FieldPath], Step]:
    """(object, path of the open prefix) -> a later step for another service that it takes."""
    found: dict[tuple[int, FieldPath], Step] = {}
    for table in tables(cluster):
        if not table.in_order:
            continue
        taken = Taken()
        for rule in table.rules:
            for step in steps_of(rule):
                taker = taken.taker(step)
                if taker is not None and _is_victim(step, taker):
                    assert taker.match is not None
                    found.setdefault((id(taker.rule.object), taker.match.path), step)
                taken.add(step)
    return found


def _is_victim(step: Step, taker: Step) -> bool:
    """The taker's open prefix takes a step for a service with a longer name, which leads elsewhere."""
    if taker.match is None or step.match is None or not _is_open(taker.match):
        return False
    rest = step.match.value.removeprefix(taker.match.value)
    ends = {(backend.title, backend.subset) for backend in taker.rule.backends}
    return rest[:1] not in ("", "/") and {(b.title, b.subset) for b in step.rule.backends} != ends


def _finding(rule: RouteRule, match: Match, victim: Step | None) -> Conclusion:
    fixed = Edit(rule.object).set(match.path, match.value + "/").fix("End the prefix with a slash")
    if victim is None or victim.match is None:
        return about(
            RULE,
            rule.object,
            match.path,
            f'{rule.object.title} has the prefix "{match.value}", which also takes {match.value}Admin and the like',
            symptom="The prefix is compared letter by letter. No route here suffers today; once a service is added "
            "whose name begins like this one, its calls reach the wrong server, which answers UNIMPLEMENTED (12).",
            fixes=(fixed,),
            severity=Severity.INFO,
        )
    other = victim.rule
    fixes: tuple[Fix, ...] = (fixed,)
    return about(
        RULE,
        rule.object,
        match.path,
        f'{rule.object.title} has the prefix "{match.value}", which also takes the calls for {victim.match.value}',
        symptom="The prefix is compared letter by letter, and this route comes first. Calls for the longer name reach "
        "the wrong server, which answers UNIMPLEMENTED (12): unknown service.",
        evidence=(seen(other.object, victim.match.path),),
        fixes=fixes,
        related=(other.object,),
    )
