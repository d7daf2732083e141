"""reflection-not-routed: methods are served, while a proxy keeps health or reflection from the application."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from grpcdoctor.checks.grpc._absent import HEALTH, REFLECTION, not_routed
from grpcdoctor.checks.grpc._effect import Effect, effect_of
from grpcdoctor.checks.grpc._replies import evidence_of
from grpcdoctor.checks.grpc._upstream import called, proxy_of, tailored
from grpcdoctor.model.facts.grpc import HealthFacts, ReflectionFacts
from grpcdoctor.model.finding import Conclusion, Evidence, Finding, Fix
from grpcdoctor.model.rule import Rule, Severity
from grpcdoctor.model.run import Run

RULE = Rule(
    code="GD405",
    name="reflection-not-routed",
    severity=Severity.WARNING,
    title="the proxy does not route health or reflection",
)
NEEDS = (ReflectionFacts, HealthFacts)

_PATHS: Final = ("/grpc.health.v1.Health/", "/grpc.reflection.v1.ServerReflection/",
                 "/grpc.reflection.v1alpha.ServerReflection/")
_FIXES: Final[dict[str, tuple[Fix, ...]]] = {
    "istio": (Fix("Istio: add the paths to the VirtualService's match, before other routes",
                  patch="- match:\n" + "\n".join(f"  - uri: {{prefix: {path}}}" for path in _PATHS)
                  + "\n  route: [{destination: {host: SERVICE, port: {number: 50051}}}]"),),
    "envoy": (Fix("Envoy: add routes for them beside those of the methods",
                  patch="\n".join(f'- match: {{prefix: "{path}"}}\n  route: {{cluster: BACKEND, timeout: 0s}}'
                                  for path in _PATHS)),),
    "nginx": (Fix("nginx: pass them on like the methods",
                  patch="location ~ ^/grpc\\.(health|reflection)\\. { grpc_pass grpc://backend:50051; }"),),
    "": (Fix("Add the paths to the Ingress, the GRPCRoute or the listener rules: " + ", ".join(_PATHS[:2])),),
}


def check(run: Run) -> Iterator[Conclusion]:
    effect = effect_of(run, lambda item: item.question in (*HEALTH, *REFLECTION) and not_routed(item))
    if effect is None or not effect.a_method_runs or _only_an_old_version(run, effect):
        return
    health = any(item.question == "health" for item in effect.hit)
    reflection = any(item.question in REFLECTION for item in effect.hit)
    what = "health and reflection" if health and reflection else "health" if health else "reflection"
    proxy = proxy_of(effect)
    yield Finding(
        RULE,
        message=f"methods are served, but {called(proxy)} does not route {what}",
        explanation="The proxy routes by path and has no route for these well-known services, so "
        + ("health checks through this address fail, and grpcurl cannot list" if health else "grpcurl cannot list")
        + " the services. The methods themselves are not affected.",
        evidence=(*evidence_of(effect.hit), *_what_runs(effect)),
        fixes=tailored(proxy, _FIXES),
        severity=Severity.WARNING if health else Severity.INFO,
        confidence=0.9,
    )


def _only_an_old_version(run: Run, effect: Effect) -> bool:
    """Only the newer name of reflection, or only Health/List, is missing: nobody misses anything."""
    reflection = run.get(ReflectionFacts)
    answered = reflection is not None and reflection.version is not None
    return all(
        item.question == "health-list" or (item.question in REFLECTION and answered) for item in effect.hit
    )


def _what_runs(effect: Effect) -> tuple[Evidence, ...]:
    run = [item for item in effect.spared if item.question != "unknown-method" and item.reply.grpc_status is not None]
    return evidence_of(run[:1])
