"""cluster-not-found: the route leads to a cluster that the proxy does not have."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from grpcdoctor.checks.grpc._effect import effect_of
from grpcdoctor.checks.grpc._replies import Kind, evidence_of
from grpcdoctor.checks.grpc._upstream import called, proxy_of, surest, tailored
from grpcdoctor.model.facts.grpc import CallFacts, GrpcFacts, HealthFacts, ReflectionFacts
from grpcdoctor.model.finding import Alternative, Conclusion, Finding, Fix
from grpcdoctor.model.rule import Rule, Severity
from grpcdoctor.model.run import Run

RULE = Rule(
    code="GD422",
    name="cluster-not-found",
    severity=Severity.ERROR,
    title="the route leads to a cluster that the proxy does not have",
)
NEEDS = (GrpcFacts, HealthFacts, ReflectionFacts, CallFacts)

_CLUSTERS: Final[dict[str, tuple[Fix, ...]]] = {
    "istio": (
        Fix("Istio: see which cluster the route names and whether the proxy has it",
            command="istioctl proxy-config routes deploy/GATEWAY -n NAMESPACE -o json | grep '\"cluster\"'; "
            "istioctl proxy-config clusters deploy/GATEWAY -n NAMESPACE"),
        Fix("Istio: declare the subset that the VirtualService names, for the same host",
            patch="kind: DestinationRule\nspec:\n  host: SERVICE.NAMESPACE.svc.cluster.local\n"
            "  subsets: [{name: v1, labels: {version: v1}}]"),
    ),
    "envoy": (Fix("Envoy: look for the cluster that the route names",
                  command="curl -s localhost:9901/config_dump | grep -o '\"cluster\": \"[^\"]*\"' | sort -u; "
                  "curl -s localhost:9901/clusters | cut -d: -f1 | sort -u"),),
    "": (Fix("Name a Service and port that exist in the route's destination",
             command="kubectl get svc -A | grep SERVICE"),),
}


def check(run: Run) -> Iterator[Conclusion]:
    effect = effect_of(run, lambda item: item.kind is Kind.CLUSTER_MISSING)
    if effect is None:
        return
    proxy = proxy_of(effect)
    yield Finding(
        RULE,
        message=f"{called(proxy)} routes to a cluster that it does not have",
        explanation="Envoy answers UNAVAILABLE with an empty message when a route names an unknown cluster: a "
        "Service or a subset that does not exist, or one that has not reached the proxy yet.",
        evidence=evidence_of(effect.hit),
        fixes=tailored(proxy, _CLUSTERS),
        severity=effect.severity,
        confidence=surest(effect),
        alternatives=(
            Alternative("upstream-unreachable", "a direct_response 503, or an application behind an Envoy without "
                        "x-envoy-upstream-service-time, looks the same",
                        decide="grep -E ' NC |cluster_not_found' ACCESS_LOG"),
        ),
    )
