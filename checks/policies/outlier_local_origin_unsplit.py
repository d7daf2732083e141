"""outlier-local-origin-unsplit: local failures are to be counted, and are not told from the server's."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from grpcdoctor.checks._findings import about, seen
from grpcdoctor.checks.policies._blocks import blocks
from grpcdoctor.checks.policies._http import is_accepted
from grpcdoctor.cluster.changes import Edit
from grpcdoctor.cluster.fields import flag_at
from grpcdoctor.cluster.paths import ROUTE_KINDS
from grpcdoctor.cluster.snapshot import Cluster
from grpcdoctor.model.finding import Conclusion
from grpcdoctor.model.rule import Rule, Severity

RULE = Rule(
    code="GD721",
    name="outlier-local-origin-unsplit",
    severity=Severity.ERROR,
    title="local failures are counted without splitting them off",
)
READS = ROUTE_KINDS

_LOCAL: Final = ("outlierDetection", "consecutiveLocalOriginFailures")
_SPLIT: Final = ("outlierDetection", "splitExternalLocalOriginErrors")


def check(cluster: Cluster) -> Iterator[Conclusion]:
    for block in blocks(cluster):
        if (block.number(*_LOCAL) or 0) <= 0 or flag_at(block.raw, *_SPLIT) is True:
            continue
        accepted = is_accepted(cluster, block.rule)
        yield about(
            RULE,
            block.rule,
            block.at(*_LOCAL),
            f"{block.title} sets consecutiveLocalOriginFailures without splitExternalLocalOriginErrors",
            symptom="It was taken, and the number is ignored: pods that refuse connections count as any 5xx."
            if accepted
            else "kubectl apply fails with: consecutive local origin failures is specified, but split external local "
            "origin errors is set to false. Nothing of this DestinationRule takes effect.",
            evidence=(seen(block.rule, block.at(*_SPLIT)),),
            fixes=(
                Edit(block.rule).set(block.at(*_SPLIT), True).fix("Set splitExternalLocalOriginErrors: true"),
                Edit(block.rule).remove(block.at(*_LOCAL)).fix("Or remove consecutiveLocalOriginFailures"),
            ),
            severity=Severity.INFO if accepted else None,
            related=block.services,
        )
