"""upstream-timeout: a proxy gave up on its backend. Where only our own deadline ends the wait: response-timeout."""

from __future__ import annotations

from collections.abc import Iterator

from grpcdoctor.checks.grpc._effect import effect_of
from grpcdoctor.checks.grpc._replies import Kind, evidence_of
from grpcdoctor.checks.grpc._timers import RAISE, raising, timer_of
from grpcdoctor.checks.grpc._upstream import called, doubts, proxy_of, surest, tailored
from grpcdoctor.model.conclusions import milliseconds
from grpcdoctor.model.facts.grpc import CallFacts, GrpcFacts, HealthFacts, ReflectionFacts
from grpcdoctor.model.finding import Conclusion, Evidence, Finding
from grpcdoctor.model.rule import Rule, Severity
from grpcdoctor.model.run import Run

RULE = Rule(
    code="GD429",
    name="upstream-timeout",
    severity=Severity.ERROR,
    title="the backend did not answer in time",
)
NEEDS = (GrpcFacts, HealthFacts, ReflectionFacts, CallFacts)


def check(run: Run) -> Iterator[Conclusion]:
    effect = effect_of(run, lambda item: item.kind is Kind.UPSTREAM_TIMEOUT)
    if effect is None:
        return
    proxy, after = proxy_of(effect), effect.first.duration_ms
    timer = timer_of(after, proxy)
    yield Finding(
        RULE,
        message=f"{called(proxy)} gave up after {milliseconds(after)}: its backend did not answer",
        explanation="The proxy's timer ran out before the backend sent headers; the client gets an error although "
        "its own deadline may be far away. The backend may still be working on the call.",
        evidence=(*evidence_of(effect.hit), *((Evidence(timer, ref="grpc"),) if timer else ())),
        fixes=(*raising(effect.first.grpc_message), *tailored(proxy, RAISE))[:3],
        severity=effect.severity,
        confidence=surest(effect),
        alternatives=doubts(effect),
    )
