"""locality-failover-without-outlier: failover between localities is set up, and nothing says when a pod is down."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from grpcdoctor.checks._findings import about, seen
from grpcdoctor.checks.policies._blocks import Block, blocks
from grpcdoctor.cluster.changes import Edit
from grpcdoctor.cluster.fields import flag_at, items_at, mapping_at
from grpcdoctor.cluster.paths import ROUTE_KINDS
from grpcdoctor.cluster.snapshot import Cluster
from grpcdoctor.model.finding import Conclusion
from grpcdoctor.model.rule import Rule, Severity

RULE = Rule(
    code="GD724",
    name="locality-failover-without-outlier",
    severity=Severity.WARNING,
    title="locality failover without outlier detection",
)
READS = ROUTE_KINDS

_LOCALITY: Final = ("loadBalancer", "localityLbSetting")
_USUAL: Final = {
    "consecutive5xxErrors": 0, "consecutiveGatewayErrors": 5, "interval": "10s", "baseEjectionTime": "30s",
    "maxEjectionPercent": 50,
}  # fmt: skip


def check(cluster: Cluster) -> Iterator[Conclusion]:
    for block in blocks(cluster):
        setting = mapping_at(block.raw, *_LOCALITY)
        field = next((key for key in ("failover", "failoverPriority") if items_at(setting, key)), None)
        if field is None or flag_at(setting, "enabled") is False or _detects(block):
            continue
        path = block.at("outlierDetection")
        yield about(
            RULE,
            block.rule,
            block.at(*_LOCALITY, field),
            f"{block.title} sets {field} for {block.target} without outlierDetection: there is no failover",
            symptom="Istio sorts pods by locality only where outlier detection says which are down. Calls are spread "
            "over all zones, and keep going to a zone that fails: UNAVAILABLE until Kubernetes takes its pods out.",
            evidence=(seen(block.rule, path),),
            fixes=(Edit(block.rule).set(path, _USUAL).fix("Add outlierDetection"),),
            related=block.services,
        )


def _detects(block: Block) -> bool:
    return any(isinstance(raw.get("outlierDetection"), dict) for raw in (block.raw, block.above))
