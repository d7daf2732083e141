"""fault-uses-http-status: a fault for gRPC calls is written as an HTTP status, which clients see as another code."""

from __future__ import annotations

from collections.abc import Iterator

from grpcdoctor.checks._findings import about
from grpcdoctor.checks.policies._faults import faults
from grpcdoctor.cluster.changes import Edit
from grpcdoctor.cluster.paths import ROUTE_KINDS
from grpcdoctor.cluster.snapshot import Cluster
from grpcdoctor.model.finding import Conclusion
from grpcdoctor.model.rule import Rule, Severity

RULE = Rule(
    code="GD718",
    name="fault-uses-http-status",
    severity=Severity.INFO,
    title="a fault for gRPC is written as an HTTP status",
)
READS = ROUTE_KINDS


def check(cluster: Cluster) -> Iterator[Conclusion]:
    for fault in faults(cluster):
        if not fault.proof or not fault.aborted or fault.http_status is None:
            continue
        item, path = fault.rule.object, (*fault.path, "abort")
        edit = Edit(item).remove((*path, "httpStatus")).set((*path, "grpcStatus"), fault.status)
        yield about(
            RULE,
            item,
            (*path, "httpStatus"),
            f"{item.title} aborts gRPC calls with HTTP {fault.http_status}, which clients see as {fault.status}",
            symptom=f"Envoy turns the HTTP status into a gRPC one: clients get {fault.status}: fault filter abort, so "
            "the test is perhaps not the one that was meant.",
            evidence=fault.proof,
            fixes=(edit.fix(f"Say the gRPC status itself: {fault.status}, or the one that you mean"),),
            related=tuple(b.service.object for b in fault.rule.backends if b.service is not None),
        )
