"""outlier-ejects-all: outlier detection may take every pod out at the same time."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from grpcdoctor.checks._findings import about, seen
from grpcdoctor.checks.policies._blocks import Block, blocks
from grpcdoctor.cluster.changes import Edit
from grpcdoctor.cluster.fields import at, mapping_at
from grpcdoctor.cluster.paths import PATH_KINDS
from grpcdoctor.cluster.services import Service
from grpcdoctor.cluster.snapshot import Cluster
from grpcdoctor.model.finding import Conclusion
from grpcdoctor.model.rule import Rule, Severity

RULE = Rule(
    code="GD707",
    name="outlier-ejects-all",
    severity=Severity.WARNING,
    title="outlier detection may eject every pod",
)
READS = PATH_KINDS

_PERCENT: Final = ("outlierDetection", "maxEjectionPercent")
_FEW: Final = 3


def check(cluster: Cluster) -> Iterator[Conclusion]:
    for block in blocks(cluster):
        if (block.number(*_PERCENT) or 0) >= 100 and _ejects(block):
            yield _finding(block, pods_of(block.service))


def _finding(block: Block, pods: int | None) -> Conclusion:
    few = pods is not None and 0 < pods <= _FEW
    how_many = f", which has {pods} pod{'s' if pods != 1 else ''}" if few else ""
    return about(
        RULE,
        block.rule,
        block.at(*_PERCENT),
        f"{block.title} may eject 100 % of the pods of {block.target}{how_many}",
        symptom="When the pods fail together (a database is down, one caller's bad requests), all are ejected and "
        "nothing is left: clients get UNAVAILABLE: no healthy upstream until baseEjectionTime is over, longer each "
        "time.",
        evidence=(seen(block.rule, block.at("outlierDetection", "minHealthPercent")),),
        fixes=(
            Edit(block.rule).set(block.at(*_PERCENT), 50).fix("Eject no more than half of the pods"),
            Edit(block.rule)
            .set(block.at("outlierDetection", "minHealthPercent"), 30)
            .fix("Or ignore ejections where fewer than 30 % of the pods are left"),
        ),
        confidence=0.8,
        related=block.services,
    )


def _ejects(block: Block) -> bool:
    """Some kind of failure is counted, and Istio's panic threshold of 0 is not raised."""
    raw = mapping_at(block.raw, "outlierDetection")
    if (block.number("outlierDetection", "minHealthPercent") or 0) > 0:
        return False
    off = at(raw, "consecutive5xxErrors") == 0
    gateway = (block.number("outlierDetection", "consecutiveGatewayErrors") or 0) > 0
    local = (block.number("outlierDetection", "consecutiveLocalOriginFailures") or 0) > 0
    return not off or gateway or local


def pods_of(service: Service | None) -> int | None:
    """How many pods are behind it, as far as the objects say."""
    if service is None:
        return None
    if service.endpoints:
        return len(service.endpoints)
    counts = [workload.replicas for workload in service.workloads]
    return sum(count for count in counts if count is not None) if counts and None not in counts else None
