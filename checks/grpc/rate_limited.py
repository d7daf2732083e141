"""rate-limited: the peer says that this caller calls too often, or that a quota is used up."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from grpcdoctor.checks._commands import probe_command
from grpcdoctor.checks.grpc._effect import Effect, effect_of
from grpcdoctor.checks.grpc._replies import Kind, evidence_of
from grpcdoctor.checks.grpc._upstream import called, proxy_of, surest, tailored
from grpcdoctor.model.facts.grpc import CallFacts, GrpcFacts, HealthFacts, ReflectionFacts
from grpcdoctor.model.finding import Alternative, Conclusion, Evidence, Finding, Fix
from grpcdoctor.model.rule import Rule, Severity
from grpcdoctor.model.run import Run

RULE = Rule(
    code="GD410",
    name="rate-limited",
    severity=Severity.ERROR,
    title="calls are refused by a rate limit or quota",
    explains=("clients-disagree",),
)
NEEDS = (GrpcFacts, HealthFacts, ReflectionFacts, CallFacts)

_HINTS: Final = ("retry-after", "x-ratelimit-limit", "x-ratelimit-remaining", "x-ratelimit-reset", "ratelimit",
                 "grpc-retry-pushback-ms", "x-envoy-ratelimited")
_FIXES: Final[dict[str, tuple[Fix, ...]]] = {
    "envoy": (
        Fix("Envoy: find the limit",
            command="curl -s localhost:9901/config_dump | grep -n -A8 -E 'token_bucket|ratelimit'"),
        Fix("Envoy: give it room; health checks should not be counted",
            patch="token_bucket: {max_tokens: 1000, tokens_per_fill: 1000, fill_interval: 1s}"),
    ),
    "istio": (Fix("Istio: a local rate limit is an EnvoyFilter",
                  command="kubectl get envoyfilter -A -o yaml | grep -nE '^    name:|local_ratelimit|token_bucket'"),),
    "nginx": (Fix("nginx: raise the rate or the burst", patch="limit_req zone=ZONE burst=100 nodelay;"),),
    "": (
        Fix("Call less often: back off with jitter, and honour retry-after and grpc-retry-pushback-ms"),
        Fix("Ask the service's owner which quota is used up, and by whom"),
    ),
}


def check(run: Run) -> Iterator[Conclusion]:
    effect = effect_of(run, lambda item: item.kind is Kind.RATE_LIMITED)
    if effect is None:
        return
    by = effect.hit[0].by
    proxy = proxy_of(effect) if by.who == "proxy" else None
    who = called(proxy) if by.who == "proxy" else "the server"
    yield Finding(
        RULE,
        message=f"{who} refuses {'the call' if effect.hits_the_call else 'calls'} because of a rate limit or quota",
        explanation="The limit counts this caller, this method or everybody; a probe is only a handful of calls, so it "
        "was used up before, or it is tiny. Clients that retry at once keep it used up.",
        evidence=(*evidence_of(effect.hit), *_hints(effect)),
        fixes=tailored(proxy, _FIXES) if proxy else _FIXES[""],
        severity=_severity(effect),
        confidence=surest(effect),
        alternatives=_alternatives(run, effect),
    )


def _severity(effect: Effect) -> Severity:
    return Severity.ERROR if effect.hits_the_call or not effect.a_method_runs else Severity.WARNING


def _hints(effect: Effect) -> tuple[Evidence, ...]:
    found = ((name, effect.first.header(name)) for name in _HINTS)
    return tuple(Evidence(f"{name}: {value}", ref="grpc") for name, value in found if value is not None)


def _alternatives(run: Run, effect: Effect) -> tuple[Alternative, ...]:
    if effect.hit[0].by.who == "proxy":
        return ()
    return (
        Alternative("server-overloaded", "servers out of threads, memory or queue places use RESOURCE_EXHAUSTED too",
                    decide=probe_command(run, "--count", "10")),
    )
