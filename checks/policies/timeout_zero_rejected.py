"""timeout-zero-rejected: `timeout: 0s` in a VirtualService, which Istio's validation refuses."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from grpcdoctor.checks._findings import about
from grpcdoctor.checks.policies._http import is_accepted, seconds, virtual_routes
from grpcdoctor.cluster.changes import Edit
from grpcdoctor.cluster.fields import at, text_at
from grpcdoctor.cluster.paths import ROUTE_KINDS
from grpcdoctor.cluster.snapshot import Cluster
from grpcdoctor.model.finding import Conclusion
from grpcdoctor.model.rule import Rule, Severity

RULE = Rule(
    code="GD709",
    name="timeout-zero-rejected",
    severity=Severity.ERROR,
    title="a timeout of 0s, which Istio refuses",
)
READS = ROUTE_KINDS

_FIELDS: Final = (("timeout",), ("retries", "perTryTimeout"))
_SHORTEST: Final = 0.001


def check(cluster: Cluster) -> Iterator[Conclusion]:
    for route in virtual_routes(cluster):
        for field in _FIELDS:
            value = seconds(text_at(route.raw, *field))
            if value is None or value >= _SHORTEST or not isinstance(at(route.raw, *field), str):
                continue
            path = (*route.path, *field)
            accepted = is_accepted(cluster, route.object)
            yield about(
                RULE,
                route.object,
                path,
                f"{route.title} sets {field[-1]}: {text_at(route.raw, *field)}, and Istio takes nothing below 1ms",
                symptom="It was taken, and means no timeout; the next kubectl apply fails with: duration must be "
                "greater than 1ms."
                if accepted
                else "kubectl apply fails with: duration must be greater than 1ms. No route of this object takes "
                "effect: the old ones stay, or clients get UNIMPLEMENTED.",
                evidence=route.proof,
                fixes=(Edit(route.object).remove(path).fix(f"Leave {field[-1]} out: that means no timeout"),),
                severity=Severity.INFO if accepted else None,
                related=route.services,
            )
