"""route-not-accepted: the controller itself says, in an object's status, that it does not use the object or a part."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

from grpcdoctor.checks._findings import about, seen
from grpcdoctor.checks.routes._common import grpc_proof
from grpcdoctor.checks.routes._virtual_services import rules_of
from grpcdoctor.cluster.fields import FieldPath, items_at, mappings_at, number_at, text_at
from grpcdoctor.cluster.kinds import (
    BACKEND_TLS_POLICY,
    BACKEND_TRAFFIC_POLICY,
    CONTOUR_HTTP_PROXY,
    ENVOY_GATEWAY_BACKEND,
    GATEWAY,
    GATEWAY_CLASS,
    GKE_HEALTH_CHECK_POLICY,
    GRPC_ROUTE,
    HTTP_ROUTE,
    TLS_ROUTE,
)
from grpcdoctor.cluster.objects import Object
from grpcdoctor.cluster.paths import ROUTE_KINDS
from grpcdoctor.cluster.snapshot import Cluster
from grpcdoctor.model.finding import Conclusion, Evidence, Fix
from grpcdoctor.model.rule import Rule, Severity

RULE = Rule(
    code="GD643",
    name="route-not-accepted",
    severity=Severity.ERROR,
    title="the controller says that it does not accept the object",
)
_ROUTES: Final = (GRPC_ROUTE, HTTP_ROUTE, TLS_ROUTE)
_OTHERS: Final = (GATEWAY_CLASS, GATEWAY, BACKEND_TLS_POLICY, BACKEND_TRAFFIC_POLICY, ENVOY_GATEWAY_BACKEND,
                  GKE_HEALTH_CHECK_POLICY, CONTOUR_HTTP_PROXY)  # fmt: skip
READS = tuple(dict.fromkeys((*ROUTE_KINDS, *_ROUTES, *_OTHERS)))

_MUST_BE_TRUE: Final = ("Accepted", "ResolvedRefs", "Programmed", "Valid")
_LISTS: Final = ("parents", "ancestors", "listeners")
# Reason -> what to do.
_ADVICE: Final = {
    "NotAllowedByListeners": "Allow the route's kind and namespace in allowedRoutes of the listener",
    "NoMatchingListenerHostname": "Give the route a hostname that a listener has",
    "NoMatchingParent": "Correct sectionName and port in parentRefs",
    "UnsupportedValue": "Use only what this controller supports; its message says which value it does not",
    "UnsupportedProtocol": "Set appProtocol: kubernetes.io/h2c on the Service's port",
    "IncompatibleFilters": "Remove one of the two filters that exclude each other",
    "RefNotPermitted": "Create a ReferenceGrant in the namespace that is referred to",
    "BackendNotFound": "Name a Service and a port that exist in backendRefs",
    "InvalidKind": "Refer to a kind that this controller supports",
    "InvalidCertificateRef": "Name a Secret of type kubernetes.io/tls that exists",
    "InvalidCACertificateRef": "Name a ConfigMap that exists and has the key ca.crt",
    "NoValidCACertificate": "Name a ConfigMap that exists and has the key ca.crt",
    "Conflicted": "Remove the other object that claims the same",
    "PortUnavailable": "Give the listener another port",
    "Pending": "Wait for the controller, and read its log if this stays",
}
_MOST_WORDS: Final = 160


@dataclass(frozen=True)
class _Complaint:
    path: FieldPath
    kind: str
    reason: str
    message: str


def check(cluster: Cluster) -> Iterator[Conclusion]:
    for kind in (*_ROUTES, *_OTHERS):
        for item in cluster.all(kind):
            complaints = list(_complaints(item))
            for complaint in complaints:
                yield _finding(cluster, item, complaint)
            if not complaints and kind in _ROUTES and cluster.has_all(kind, item.namespace):
                yield from _nobody(cluster, item)
            if not complaints:
                yield from _stale(item)


def _complaints(item: Object) -> Iterator[_Complaint]:
    """One for each condition type and reason."""
    found: dict[tuple[str, str], _Complaint] = {}
    for path, condition in _conditions(item):
        kind = text_at(condition, "type")
        if kind in _MUST_BE_TRUE and text_at(condition, "status").lower() == "false":
            reason, message = text_at(condition, "reason"), " ".join(text_at(condition, "message").split())
            found.setdefault((kind, reason), _Complaint(path, kind, reason, message[:_MOST_WORDS]))
    if found and all(kind == "Programmed" for kind, _ in found):
        found = {key: complaint for key, complaint in found.items() if key[1] not in ("Pending", "AddressNotAssigned")}
    yield from found.values()


def _conditions(item: Object) -> Iterator[tuple[FieldPath, dict[str, Any]]]:
    for index, condition in mappings_at(item.raw, "status", "conditions"):
        yield ("status", "conditions", index), condition
    for name in _LISTS:
        for outer, entry in mappings_at(item.raw, "status", name):
            for index, condition in mappings_at(entry, "conditions"):
                yield ("status", name, outer, "conditions", index), condition


def _finding(cluster: Cluster, item: Object, complaint: _Complaint) -> Conclusion:
    said = f"{complaint.reason}: {complaint.message}" if complaint.message else complaint.reason or "no reason given"
    command = f"kubectl {_where(item)}get {item.kind.resource} {item.name} -o yaml"
    proof = _proof(cluster, item)
    is_plain_web = item.kind in (HTTP_ROUTE, CONTOUR_HTTP_PROXY) and not proof
    return about(
        RULE,
        item,
        complaint.path,
        f"{item.title} has {complaint.kind}=False, {said}",
        symptom=_symptom(item, complaint.kind),
        evidence=(seen(item, (*complaint.path, "reason")), *proof),
        fixes=(Fix(_ADVICE.get(complaint.reason, "Correct what the controller's message names"), command=command),),
        severity=Severity.WARNING if is_plain_web else None,
    )


def _proof(cluster: Cluster, item: Object) -> tuple[Evidence, ...]:
    return tuple(evidence for rule in rules_of(cluster, item) for evidence in grpc_proof(cluster, rule))[:2]


def _symptom(item: Object, kind: str) -> str:
    if kind == "ResolvedRefs":
        return (
            "The controller found no backend or Secret for a reference. It answers 500 for such a backend: clients get "
            "UNKNOWN (2). A listener without its certificate fails the TLS handshake: UNAVAILABLE (14)."
        )
    if item.kind in _ROUTES:
        return "The gateway has no such route and answers 404: clients get UNIMPLEMENTED (12) with an empty message."
    return (
        "What it should do is not done: clients get UNAVAILABLE (14) where a port is missing, UNIMPLEMENTED (12) "
        "where a route is."
    )


def _nobody(cluster: Cluster, item: Object) -> Iterator[Conclusion]:
    """A route in a live cluster that no controller has looked at."""
    if not items_at(item.raw, "spec", "parentRefs") or items_at(item.raw, "status", "parents") or not item.created_at:
        return
    yield about(
        RULE,
        item,
        ("status", "parents"),
        f"{item.title} was taken by no controller: its status names no parent",
        symptom="No gateway has this route. The Gateway in parentRefs is missing, or no controller runs for its class. "
        "Clients get UNIMPLEMENTED (12) with an empty message, or no connection.",
        evidence=(seen(item, ("spec", "parentRefs")), *_proof(cluster, item)),
        fixes=(Fix("Name a Gateway that exists, of a class whose controller runs",
                   command="kubectl get gatewayclasses,gateways -A"),),
        confidence=0.9,
    )  # fmt: skip


def _stale(item: Object) -> Iterator[Conclusion]:
    generation = number_at(item.raw, "metadata", "generation")
    seen_ones = [
        (path, number)
        for path, condition in _conditions(item)
        if text_at(condition, "type") in _MUST_BE_TRUE
        and (number := number_at(condition, "observedGeneration")) is not None
    ]
    if generation is None or not seen_ones:
        return
    path, newest = max(seen_ones, key=lambda pair: pair[1])
    if newest >= generation:
        return
    yield about(
        RULE,
        item,
        (*path, "observedGeneration"),
        f"{item.title} was changed after its controller last looked (generation {generation}, it saw {newest})",
        symptom="The gateway works with an older state of this object. Where that stays so, the controller is down or "
        "may not read it: clients still get the answers of the old routes.",
        evidence=(seen(item, ("metadata", "generation"), f"metadata.generation = {generation}"),),
        fixes=(Fix("See whether its controller runs, and read its log",
                   command=f"kubectl {_where(item)}describe {item.kind.resource} {item.name}"),),
        severity=Severity.WARNING,
        confidence=0.8,
    )  # fmt: skip


def _where(item: Object) -> str:
    return f"-n {item.namespace} " if item.namespace else ""
