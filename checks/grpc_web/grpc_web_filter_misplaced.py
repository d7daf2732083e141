"""grpc-web-filter-misplaced: an EnvoyFilter is to insert the grpc_web filter, and no request passes through it."""

from __future__ import annotations

from collections.abc import Iterator

from grpcdoctor.checks._findings import about, seen
from grpcdoctor.checks.grpc_web._placement import Fault, fault_of
from grpcdoctor.checks.grpc_web._translation import (
    FILTER,
    MANAGER,
    ROUTER,
    TYPE,
    Insertion,
    has_legacy_filters,
    insertions,
    translated_at,
)  # fmt: skip
from grpcdoctor.cluster.changes import Edit, delete
from grpcdoctor.cluster.fields import string_map
from grpcdoctor.cluster.kinds import ENVOY_FILTER, ISTIO_GATEWAY
from grpcdoctor.cluster.objects import Object
from grpcdoctor.cluster.paths import ROUTE_KINDS
from grpcdoctor.cluster.snapshot import Cluster
from grpcdoctor.model.finding import Conclusion, Finding
from grpcdoctor.model.rule import Rule, Severity

RULE = Rule(
    code="GD771",
    name="grpc-web-filter-misplaced",
    severity=Severity.ERROR,
    title="the gRPC-Web filter stands where no request passes through it",
    explains=("grpc-web-filter-missing",),
)
READS = ROUTE_KINDS
_UNTRANSLATED = (
    "gRPC-Web reaches the gRPC server untranslated, and the server resets the stream. The browser gets HTTP 503 (reset "
    "reason: remote reset) or 415, which grpc-web reports as UNAVAILABLE or UNKNOWN."
)


def check(cluster: Cluster) -> Iterator[Conclusion]:
    for item in cluster.all(ENVOY_FILTER):
        if has_legacy_filters(item):
            yield _legacy(item)
    for insertion in insertions(cluster):
        fault = fault_of(cluster, insertion)
        if fault is not None:
            yield _judge(insertion, fault)
    yield from _twice(cluster)


def _judge(insertion: Insertion, fault: Fault) -> Finding:
    return about(
        RULE,
        insertion.object,
        fault.path,
        f"{insertion.object.title} inserts {FILTER}, and {fault.clause}",
        symptom=f"{fault.why} {_UNTRANSLATED}",
        evidence=fault.evidence,
        fixes=fault.fixes,
        related=fault.related,
        confidence=fault.confidence,
    )


def _legacy(item: Object) -> Finding:
    selector = string_map(item.raw, "spec", "workloadSelector", "labels")
    labels = string_map(item.raw, "spec", "workloadLabels") or selector
    listener = {"filterChain": {"filter": {"name": MANAGER, "subFilter": {"name": ROUTER}}}}
    patch = {
        "applyTo": "HTTP_FILTER",
        "match": {"context": "GATEWAY", "listener": listener},
        "patch": {"operation": "INSERT_BEFORE", "value": {"name": FILTER, "typed_config": {"@type": TYPE}}},
    }
    edit = Edit(item).remove(("spec", "filters")).remove(("spec", "workloadLabels"))
    if labels:
        edit.set(("spec", "workloadSelector"), {"labels": labels})
    return about(
        RULE,
        item,
        ("spec", "filters"),
        f"{item.title} inserts the gRPC-Web filter with `filters`, a field that Istio has dropped",
        symptom=f"Istio dropped `filters` and `workloadLabels` years ago, and ignores or refuses them. {_UNTRANSLATED}",
        fixes=(edit.set(("spec", "configPatches"), [patch]).fix("Say the same with configPatches"),),
    )


def _twice(cluster: Cluster) -> Iterator[Finding]:
    """Two well placed filters in the same proxies: harmless, and one is too many."""
    told: set[int] = set()
    for gateway in cluster.all(ISTIO_GATEWAY):
        found = translated_at(cluster, gateway)
        for one in found[1:]:
            if id(one) in told:
                continue
            told.add(id(one))
            fix = (
                Edit(one.object).remove(one.path).fix("Remove the second")
                if _has_more(one)
                else delete(one.object, "Delete the second")
            )
            yield about(
                RULE,
                one.object,
                one.path,
                f"{one.object.title} inserts the gRPC-Web filter at {gateway.title}, where {found[0].object.title} "
                "does too",
                symptom="The first of the two translates, and the second finds nothing to do. It costs a little, and "
                "the next "
                "one to change something will change the wrong one.",
                evidence=(seen(found[0].object, found[0].path, f"{found[0].object.title} has it, too"),),
                fixes=(fix,),
                related=(found[0].object, gateway),
                severity=Severity.INFO,
            )


def _has_more(insertion: Insertion) -> bool:
    patches = insertion.object.spec.get("configPatches")
    return isinstance(patches, list) and len(patches) > 1
