"""outlier-counts-application-errors: a few errors that the application itself answers take its pod out."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from grpcdoctor.checks._findings import about, seen
from grpcdoctor.checks.policies._blocks import Block, blocks
from grpcdoctor.cluster.changes import Edit
from grpcdoctor.cluster.paths import ROUTE_KINDS
from grpcdoctor.cluster.snapshot import Cluster
from grpcdoctor.model.finding import Conclusion
from grpcdoctor.model.rule import Rule, Severity

RULE = Rule(
    code="GD720",
    name="outlier-counts-application-errors",
    severity=Severity.WARNING,
    title="a few application errors eject a pod",
)
READS = ROUTE_KINDS

_ERRORS: Final = ("outlierDetection", "consecutive5xxErrors")
_GATEWAY: Final = ("outlierDetection", "consecutiveGatewayErrors")
_FEW: Final = 3


def check(cluster: Cluster) -> Iterator[Conclusion]:
    for block in blocks(cluster):
        limit = block.number(*_ERRORS)
        if limit is not None and 0 < limit <= _FEW:
            yield _finding(block, limit)


def _finding(block: Block, limit: int) -> Conclusion:
    wanted = max(5, block.number(*_GATEWAY) or 0)
    one = limit == 1
    return about(
        RULE,
        block.rule,
        block.at(*_ERRORS),
        f"{block.title} ejects a pod of {block.target} after {limit} "
        f"error{'' if one else 's'}{'' if one else ' in a row'}, the application's own too",
        symptom="An answer that is only a status counts as its HTTP code: INTERNAL is 500, UNAVAILABLE 503. One "
        "caller's bad requests take pods away from all: more load on the rest, at worst UNAVAILABLE: no healthy "
        "upstream.",
        evidence=(seen(block.rule, block.at("outlierDetection", "baseEjectionTime")),),
        fixes=(
            Edit(block.rule)
            .set(block.at(*_ERRORS), 0)
            .set(block.at(*_GATEWAY), wanted)
            .fix("Count only UNAVAILABLE, DEADLINE_EXCEEDED and broken connections, and more of them"),
            Edit(block.rule).set(block.at(*_ERRORS), 10).fix("Or raise it to 10"),
        ),
        confidence=0.7,
        related=block.services,
    )
