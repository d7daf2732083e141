"""no-healthy-upstream: the proxy has no backend to send to."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from grpcdoctor.checks.grpc._effect import effect_of
from grpcdoctor.checks.grpc._replies import Kind, evidence_of
from grpcdoctor.checks.grpc._upstream import ENDPOINTS, called, doubts, proxy_of, surest, tailored
from grpcdoctor.model.facts.grpc import CallFacts, GrpcFacts, HealthFacts, ReflectionFacts
from grpcdoctor.model.finding import Conclusion, Finding, Fix
from grpcdoctor.model.rule import Rule, Severity
from grpcdoctor.model.run import Run

RULE = Rule(
    code="GD427",
    name="no-healthy-upstream",
    severity=Severity.ERROR,
    title="the proxy has no healthy backend",
)
NEEDS = (GrpcFacts, HealthFacts, ReflectionFacts, CallFacts)

_SEE_ENDPOINTS: Final = Fix("See whether the Service has ready endpoints (selector, readiness probe, replicas)",
                            command=ENDPOINTS)
_FIXES: Final[dict[str, tuple[Fix, ...]]] = {
    "istio": (
        _SEE_ENDPOINTS,
        Fix("Istio: endpoints there, yet marked unhealthy: outlier detection ejected them",
            command="istioctl proxy-config endpoints deploy/GATEWAY -n NAMESPACE | grep SERVICE"),
    ),
    "envoy": (Fix("Envoy: see the hosts of the cluster and their health flags",
                  command="curl -s localhost:9901/clusters | grep -E 'health_flags|::cx_active'"),),
    "haproxy": (Fix("haproxy: see which servers its checks hold to be down, and why",
                    command="echo 'show servers state' | socat stdio /run/haproxy/admin.sock"),),
    "aws-alb": (Fix("AWS: see the targets' health; for gRPC the check needs a path and gRPC success codes",
                    command="aws elbv2 describe-target-health --target-group-arn ARN"),),
    "google": (Fix("Google: an HTTP health check of `/` never passes on a gRPC server; use a gRPC one",
                   patch="kind: HealthCheckPolicy\nspec:\n  default: {config: {type: GRPC}}"),),
    "": (_SEE_ENDPOINTS,),
}


def check(run: Run) -> Iterator[Conclusion]:
    effect = effect_of(run, lambda item: item.kind is Kind.NO_HEALTHY)
    if effect is None:
        return
    proxy = proxy_of(effect)
    yield Finding(
        RULE,
        message=f"{called(proxy)} has no healthy backend to send to",
        explanation="The route exists and its backend's list of endpoints is empty, or every endpoint failed its "
        "health checks or was ejected.",
        evidence=evidence_of(effect.hit),
        fixes=tailored(proxy, _FIXES),
        severity=effect.severity,
        confidence=surest(effect),
        alternatives=doubts(effect),
    )
