"""upstream-overloaded: the proxy's limits for its backend are used up."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from grpcdoctor.checks.grpc._effect import effect_of
from grpcdoctor.checks.grpc._replies import Kind, evidence_of
from grpcdoctor.checks.grpc._upstream import called, doubts, proxy_of, surest, tailored
from grpcdoctor.model.facts.grpc import CallFacts, GrpcFacts, HealthFacts, ReflectionFacts
from grpcdoctor.model.finding import Conclusion, Finding, Fix
from grpcdoctor.model.rule import Rule, Severity
from grpcdoctor.model.run import Run

RULE = Rule(
    code="GD428",
    name="upstream-overloaded",
    severity=Severity.ERROR,
    title="the proxy's limits towards its backend are used up",
)
NEEDS = (GrpcFacts, HealthFacts, ReflectionFacts, CallFacts)

_FIXES: Final[dict[str, tuple[Fix, ...]]] = {
    "istio": (Fix("Istio: raise (or remove) the connection pool of the DestinationRule",
                  patch="trafficPolicy:\n  connectionPool:\n    tcp: {maxConnections: 1024}\n"
                  "    http: {http1MaxPendingRequests: 1024, http2MaxRequests: 10000}"),),
    "envoy": (
        Fix("Envoy: raise the cluster's circuit breakers (the default is 1024 of each)",
            patch="circuit_breakers:\n  thresholds: [{max_connections: 10000, max_pending_requests: 10000, "
            "max_requests: 10000}]"),
        Fix("Envoy: see which limit is open (a gauge of 1)",
            command="curl -s localhost:9901/stats | grep -E 'circuit_breakers.*_open: 1|overflow: [1-9]'"),
    ),
    "": (Fix("Raise the proxy's limit of connections and requests, or look for a backend that has become slow"),),
}


def check(run: Run) -> Iterator[Conclusion]:
    effect = effect_of(run, lambda item: item.kind is Kind.UPSTREAM_OVERLOADED)
    if effect is None:
        return
    proxy = proxy_of(effect)
    refused = "refused stream" in effect.first.grpc_message
    yield Finding(
        RULE,
        message="the backend refuses streams of the proxy (REFUSED_STREAM)" if refused
        else f"{called(proxy)} sends no more to its backend: a circuit breaker is open",
        explanation="gRPC streams hold their slot until they end, so a limit meant for short requests fills up with "
        "long streams; a slow or leaking backend fills it as well.",
        evidence=evidence_of(effect.hit),
        fixes=tailored(proxy, _FIXES),
        severity=effect.severity,
        confidence=surest(effect),
        alternatives=doubts(effect),
    )
