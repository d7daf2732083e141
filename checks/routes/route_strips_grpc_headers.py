"""route-strips-grpc-headers: a route removes or overwrites headers that gRPC itself needs."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from grpcdoctor.checks._findings import about
from grpcdoctor.checks.routes._common import grpc_proof, rules_once
from grpcdoctor.cluster.changes import Edit
from grpcdoctor.cluster.fields import FieldPath, items_at, mapping_at, mappings_at, text_at
from grpcdoctor.cluster.paths import ROUTE_KINDS
from grpcdoctor.cluster.routes import RouteRule
from grpcdoctor.cluster.snapshot import Cluster
from grpcdoctor.model.finding import Conclusion
from grpcdoctor.model.rule import Rule, Severity

RULE = Rule(
    code="GD653",
    name="route-strips-grpc-headers",
    severity=Severity.ERROR,
    title="a route removes or overwrites headers that gRPC needs",
)
READS = ROUTE_KINDS

_OF_REQUEST: Final = {
    "content-type": "the server takes it for no gRPC call and answers 415, or not at all: clients get UNKNOWN (2)",
    "te": "servers of some languages refuse a call without `te: trailers`: clients get UNKNOWN (2) or INTERNAL (13)",
    "grpc-encoding": "the server cannot unpack compressed messages: clients get INTERNAL (13)",
}
_OF_RESPONSE: Final = {
    "content-type": "clients refuse the answer: UNKNOWN (2), unexpected content-type",
    "grpc-status": "errors without a body lose their status: clients get UNKNOWN (2) or INTERNAL (13)",
    "grpc-encoding": "clients cannot unpack compressed messages: INTERNAL (13)",
}
_LOSES_TEXT: Final = {
    "grpc-timeout": "the server does not learn the deadline and works on after the client has given up",
    "grpc-message": "errors lose their text",
    "grpc-status-details-bin": "errors lose their details",
}
_VERBS: Final = {"remove": "removes", "set": "overwrites"}


def check(cluster: Cluster) -> Iterator[Conclusion]:
    for rule in rules_once(cluster):
        faults = list(_faults(rule)) if rule.is_http else []
        proof = grpc_proof(cluster, rule) if faults else ()
        for path, verb, side, name in faults if proof else ():
            lethal = (_OF_REQUEST if side == "request" else _OF_RESPONSE).get(name)
            effect = lethal or _LOSES_TEXT[name]
            yield about(
                RULE,
                rule.object,
                path,
                f"{rule.object.title} {verb} the {side} header {name} of gRPC calls",
                symptom=f"Without it {effect}.",
                evidence=proof,
                fixes=(Edit(rule.object).remove(path).fix(f"Leave {name} alone"),),
                severity=Severity.ERROR if lethal else Severity.WARNING,
            )


def _faults(rule: RouteRule) -> Iterator[tuple[FieldPath, str, str, str]]:
    """(field, verb, "request" or "response", header) of every change that hurts."""
    raw = mapping_at(rule.object.raw, *rule.path)
    for base in ((), *(("route", index) for index, _ in mappings_at(raw, "route"))):
        for side in ("request", "response"):
            yield from _in_headers((*rule.path, *base, "headers", side), side, rule)
    for index, item in mappings_at(raw, "filters"):
        for field, side in (("requestHeaderModifier", "request"), ("responseHeaderModifier", "response")):
            if mapping_at(item, field):
                yield from _in_headers((*rule.path, "filters", index, field), side, rule)


def _in_headers(path: FieldPath, side: str, rule: RouteRule) -> Iterator[tuple[FieldPath, str, str, str]]:
    block = mapping_at(rule.object.raw, *path)
    for index, name in reversed(list(enumerate(items_at(block, "remove")))):
        if isinstance(name, str) and _matters(side, name.lower()):
            yield (*path, "remove", index), _VERBS["remove"], side, name.lower()
    for name, value in mapping_at(block, "set").items():
        if isinstance(name, str) and _spoils(side, name.lower(), str(value)):
            yield (*path, "set", name), _VERBS["set"], side, name.lower()
    for index, item in reversed(list(mappings_at(block, "set"))):
        name = text_at(item, "name").lower()
        if _spoils(side, name, text_at(item, "value")):
            yield (*path, "set", index), _VERBS["set"], side, name


def _matters(side: str, name: str) -> bool:
    lethal = _OF_REQUEST if side == "request" else _OF_RESPONSE
    return name in lethal or (name in _LOSES_TEXT and (side == "request") is (name == "grpc-timeout"))


def _spoils(side: str, name: str, value: str) -> bool:
    """Setting grpc-timeout is a way to set a deadline; a content-type of gRPC does no harm."""
    if name == "content-type":
        return not value.startswith("application/grpc")
    if name == "te":
        return side == "request" and value != "trailers"
    return name in ("grpc-status", "grpc-encoding") and _matters(side, name)
