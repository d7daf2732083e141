"""route-match-not-grpc: a path to a gRPC backend that no gRPC call can have."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from grpcdoctor.checks._findings import about
from grpcdoctor.checks.routes._common import NO_ROUTE, backend_proof, rules_once
from grpcdoctor.checks.routes._services_known import by_last_word
from grpcdoctor.cluster.changes import Edit
from grpcdoctor.cluster.fields import at, mapping_at
from grpcdoctor.cluster.paths import ROUTE_KINDS
from grpcdoctor.cluster.routes import Match, PathKind, RouteRule, rules_to
from grpcdoctor.cluster.services import ServicePort
from grpcdoctor.cluster.snapshot import Cluster
from grpcdoctor.model.finding import Conclusion, Evidence, Fix
from grpcdoctor.model.rule import Rule, Severity

RULE = Rule(
    code="GD636",
    name="route-match-not-grpc",
    severity=Severity.ERROR,
    title="a route matches a path that no gRPC call has",
)
READS = ROUTE_KINDS

_SERVICE: Final = re.compile(r"^/?((?:[A-Za-z_]\w*\.)+[A-Za-z]\w*|[A-Z]\w*)/?$")
_METHOD: Final = re.compile(r"^/?((?:[A-Za-z_]\w*\.)*[A-Za-z]\w*)/([A-Za-z]\w*)$")
_DOTTED_METHOD: Final = re.compile(r"^/((?:[A-Za-z_]\w*\.)+[A-Z]\w*)\.([A-Z]\w*)$")
# Small letters and no dot before a second word: /api/v1/users, /greeter.
_REST: Final = re.compile(r"^/[a-z0-9_-]+(?:/[\w{}.*-]+)*/?$")


@dataclass(frozen=True)
class _Fault:
    """What is wrong with the path, and the path that is meant ("" where it is not known)."""

    clause: str
    better: str
    confidence: float = 1.0
    prefix: bool = False
    """The better path is a prefix."""


def check(cluster: Cluster) -> Iterator[Conclusion]:
    for rule in rules_once(cluster):
        if not rule.is_http:
            continue
        proof = tuple(evidence for backend in rule.backends for evidence in backend_proof(cluster, backend))
        for match in rule.matches:
            if at(rule.object.raw, *match.path) == match.value and not _ignores_case(rule, match):
                fault = _fault(cluster, rule, match, proof)
                if fault is not None:
                    yield _finding(rule, match, fault, proof)


def _fault(cluster: Cluster, rule: RouteRule, match: Match, proof: tuple[Evidence, ...]) -> _Fault | None:
    value = match.value
    if match.kind in (PathKind.REGEX, PathKind.ANY) or not value:
        return None
    service, method = _SERVICE.match(value), _METHOD.match(value)
    if not value.startswith("/"):
        likely = proof or Match(PathKind.PREFIX, "/" + value).looks_like_grpc
        return _Fault("has no slash in front, and every path has", "/" + value) if likely else None
    if match.kind == PathKind.EXACT and service and match.looks_like_grpc:
        return _Fault("lacks the method that every call's path has", f"/{service[1]}/", prefix=True)
    dotted = _DOTTED_METHOD.match(value)
    if dotted and match.kind == PathKind.EXACT:
        return _Fault("has a dot before the method, where a call has a slash", f"/{dotted[1]}/{dotted[2]}", 0.8)
    if (service or method) and not _is_known(cluster, value):
        meant = _meant(cluster, value)
        if meant is not None and (proof or match.looks_like_grpc):
            sure = 0.8 if "." in value else 0.6
            return _Fault(f"is not quite the known {meant}", meant, sure)
    if proof and _REST.match(value) and not _has_other_ways(rule, cluster):
        return _Fault("is not of the form /package.Service/Method", "", 0.8)
    return None


def _is_known(cluster: Cluster, value: str) -> bool:
    name = value.strip("/").partition("/")[0]
    return name in by_last_word(cluster).get(name.rpartition(".")[2].lower(), frozenset()) and "." in name


def _meant(cluster: Cluster, value: str) -> str | None:
    """The path of a known service with another case, or with the package that is missing here."""
    name, _, method = value.strip("/").partition("/")
    package, _, last = name.rpartition(".")
    alike = by_last_word(cluster).get(last.lower(), frozenset())
    if package:
        candidates = [known for known in alike if known.lower() == name.lower()]
    else:
        candidates = [known for known in alike if known.rpartition(".")[2] == last]
    return f"/{candidates[0]}/{method}" if len(candidates) == 1 else None


def _has_other_ways(rule: RouteRule, cluster: Cluster) -> bool:
    """The backend is also reached by gRPC paths or by a catch-all: it may serve both kinds of callers."""
    for backend in rule.backends:
        if isinstance(backend.port, ServicePort):
            for other, _ in rules_to(cluster, backend.port):
                if other.takes_everything or other.looks_like_grpc or any(m.may_be_grpc for m in other.matches):
                    return True
                if any(m.kind == PathKind.REGEX for m in other.matches):
                    return True
    return False


def _ignores_case(rule: RouteRule, match: Match) -> bool:
    return mapping_at(rule.object.raw, *match.path[:-2]).get("ignoreUriCase") is True


def _finding(rule: RouteRule, match: Match, fault: _Fault, proof: tuple[Evidence, ...]) -> Conclusion:
    return about(
        RULE,
        rule.object,
        match.path,
        f'{rule.object.title} matches "{match.value}", which {fault.clause}',
        symptom=f"Every gRPC call has the path /package.Service/Method, in the case that the .proto has. {NO_ROUTE}",
        evidence=proof[:3],
        fixes=tuple(_fixes(rule, match, fault)),
        severity=Severity.ERROR if fault.confidence >= 0.8 else Severity.WARNING,
        confidence=fault.confidence,
    )


def _fixes(rule: RouteRule, match: Match, fault: _Fault) -> Iterator[Fix]:
    edit, field = Edit(rule.object), match.path
    if not fault.better:
        base = rule.path
        if rule.platform == "istio" and at(rule.object.raw, *base, "match") is not None:
            yield edit.remove((*base, "match")).fix("Route every path of this host to it")
        else:
            yield Fix("Route /package.Service/ with the service's full name",
                      command="grpcurl HOST:PORT list   # or the package and service lines of the .proto")  # fmt: skip
        return
    if not fault.prefix:
        yield edit.set(field, fault.better).fix(f"Match {fault.better}")
    elif field[-1] == "exact":
        edit.remove(field).set((*field[:-1], "prefix"), fault.better)
        yield edit.fix(f"Match every method of it: the prefix {fault.better}")
    else:
        kind = (*field[:-1], "pathType" if rule.object.kind.name == "Ingress" else "type")
        edit.set(field, fault.better).set(kind, "Prefix" if kind[-1] == "pathType" else "PathPrefix")
        yield edit.fix(f"Match every method of it: the prefix {fault.better}")
