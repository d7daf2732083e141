"""telemetry-hides-grpc-errors: the access log is filtered by the HTTP status, which is 200 for failed gRPC calls."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from grpcdoctor.checks._findings import about, seen
from grpcdoctor.checks.policies._authz import selected_by
from grpcdoctor.checks.policies._grpc import Served, served_by
from grpcdoctor.cluster.changes import Edit
from grpcdoctor.cluster.fields import FieldPath, mappings_at, text_at
from grpcdoctor.cluster.kinds import TELEMETRY
from grpcdoctor.cluster.objects import Object
from grpcdoctor.cluster.paths import ROUTE_KINDS
from grpcdoctor.cluster.snapshot import Cluster
from grpcdoctor.cluster.workloads import Mesh
from grpcdoctor.model.finding import Conclusion
from grpcdoctor.model.rule import Rule, Severity

RULE = Rule(
    code="GD756",
    name="telemetry-hides-grpc-errors",
    severity=Severity.INFO,
    title="the access log keeps HTTP errors only, which failed gRPC calls are not",
)
READS = ROUTE_KINDS

_ERRORS_ONLY: Final = re.compile(r"response\.code\s*(?:>=\s*[45]\d\d|>\s*[2345]\d\d|!=\s*200)")
_GRPC: Final = "(has(response.grpc_status) && response.grpc_status != 0)"


def check(cluster: Cluster) -> Iterator[Conclusion]:
    for item in cluster.all(TELEMETRY):
        for index, logging in mappings_at(item.raw, "spec", "accessLogging"):
            expression = text_at(logging, "filter", "expression")
            if _ERRORS_ONLY.search(expression) and "grpc" not in expression and "||" not in expression:
                one = _grpc_behind(cluster, item)
                if one is not None:
                    place = ("spec", "accessLogging", index, "filter", "expression")
                    yield _finding(item, place, expression, one)


def _grpc_behind(cluster: Cluster, item: Object) -> Served | None:
    """A gRPC server whose sidecar writes this log."""
    for workload in selected_by(cluster, item):
        if workload.mesh is Mesh.SIDECAR:
            for one in served_by(cluster, workload):
                return one
    return None


def _finding(item: Object, place: FieldPath, expression: str, one: Served) -> Conclusion:
    whole = f"{expression} || {_GRPC}" if "&&" not in expression else f"({expression}) || {_GRPC}"
    return about(
        RULE,
        item,
        place,
        f"{item.title} logs HTTP errors only, and failed calls of {one.port.service.title} have the HTTP status 200",
        symptom="A call that fails with UNAVAILABLE or INTERNAL from the application leaves no line in the access log.",
        evidence=(seen(one.port.service.object, one.port.path),),
        fixes=(Edit(item).set(place, whole).fix("Log calls with a gRPC status other than 0, too"),),
        related=(one.port.service.object,),
    )
