"""emissary-timeout-cuts-streams: a gRPC Mapping without a timeout of its own, so that 3 seconds end every call."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from grpcdoctor.checks._findings import about, seen
from grpcdoctor.cluster.changes import Edit
from grpcdoctor.cluster.fields import at, flag_at, number_at
from grpcdoctor.cluster.kinds import EMISSARY_MAPPING, EMISSARY_MODULE
from grpcdoctor.cluster.objects import Object
from grpcdoctor.cluster.snapshot import Cluster
from grpcdoctor.model.finding import Conclusion
from grpcdoctor.model.rule import Rule, Severity

RULE = Rule(
    code="GD692",
    name="emissary-timeout-cuts-streams",
    severity=Severity.WARNING,
    title="Emissary ends every call of a gRPC Mapping after 3 seconds",
)
READS = (EMISSARY_MAPPING, EMISSARY_MODULE)
_DEFAULT: Final = 3000
_SHORT: Final = 3000


def check(cluster: Cluster) -> Iterator[Conclusion]:
    modules = cluster.all(EMISSARY_MODULE)
    if any(at(module.spec, "config", "cluster_request_timeout_ms") is not None for module in modules):
        return
    for item in cluster.all(EMISSARY_MAPPING):
        if flag_at(item.spec, "grpc") is not True:
            continue
        written = at(item.spec, "timeout_ms")
        limit = number_at(item.spec, "timeout_ms") if written is not None else _DEFAULT
        if limit is not None and 0 < limit <= _SHORT:
            yield _finding(cluster, item, limit, written is not None)


def _finding(cluster: Cluster, item: Object, limit: int, own: bool) -> Conclusion:
    sure = 1.0 if own or cluster.has_all(EMISSARY_MODULE) else 0.7
    seconds = f"{limit / 1000:g} s"
    return about(
        RULE,
        item,
        ("spec", "timeout_ms"),
        f"{item.title} is for gRPC, and its calls end after {seconds}" + ("" if own else ", Emissary's default"),
        symptom="The limit counts from the request to the end of the answer, so that a stream ends with INTERNAL "
        "(RST_STREAM) however busy it is, and a slow call with UNAVAILABLE: upstream request timeout.",
        evidence=(seen(item, ("spec", "grpc")),),
        fixes=(Edit(item).set(("spec", "timeout_ms"), 0).fix("Set no limit, and let clients' deadlines decide"),),
        confidence=sure,
        severity=Severity.INFO if own else None,
    )
