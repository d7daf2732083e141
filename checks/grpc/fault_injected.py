"""fault-injected: Envoy's fault filter aborts calls on purpose."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from grpcdoctor.checks.grpc._effect import effect_of
from grpcdoctor.checks.grpc._replies import Kind, evidence_of
from grpcdoctor.checks.grpc._upstream import called, proxy_of, surest, tailored
from grpcdoctor.model.facts.grpc import CallFacts, GrpcFacts, HealthFacts, ReflectionFacts
from grpcdoctor.model.finding import Conclusion, Finding, Fix
from grpcdoctor.model.rule import Rule, Severity
from grpcdoctor.model.run import Run

RULE = Rule(
    code="GD430",
    name="fault-injected",
    severity=Severity.ERROR,
    title="the proxy aborts calls on purpose (fault injection)",
)
NEEDS = (GrpcFacts, HealthFacts, ReflectionFacts, CallFacts)

_FIXES: Final[dict[str, tuple[Fix, ...]]] = {
    "istio": (Fix("Istio: find the VirtualService with a fault and remove it",
                  command="kubectl get virtualservice -A -o yaml | grep -nE '^    name(space)?:|fault:|abort:'"),),
    "envoy": (Fix("Envoy: remove the filter envoy.filters.http.fault, or its abort, from listener and routes",
                  command="curl -s localhost:9901/config_dump | grep -nA8 'filters.http.fault'"),),
}


def check(run: Run) -> Iterator[Conclusion]:
    effect = effect_of(run, lambda item: item.kind is Kind.FAULT)
    if effect is None:
        return
    proxy = proxy_of(effect)
    yield Finding(
        RULE,
        message=f"{called(proxy)} aborts calls on purpose: fault injection is on",
        explanation="Only Envoy's fault filter says `fault filter abort`. It was switched on for a test and no backend "
        "sees these calls; with a percentage below 100 only some of them fail.",
        evidence=evidence_of(effect.hit),
        fixes=tailored(proxy, _FIXES),
        severity=effect.severity,
        confidence=surest(effect),
    )
