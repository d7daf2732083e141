"""health-unimplemented: the server has no health service. Worth knowing, never a cause."""

from __future__ import annotations

from collections.abc import Iterator

from grpcdoctor.checks.grpc._absent import not_offered
from grpcdoctor.checks.grpc._effect import effect_of
from grpcdoctor.checks.grpc._replies import evidence_of
from grpcdoctor.model.facts.grpc import HealthFacts
from grpcdoctor.model.finding import Conclusion, Finding, Fix
from grpcdoctor.model.rule import Rule, Severity
from grpcdoctor.model.run import Run

RULE = Rule(
    code="GD406",
    name="health-unimplemented",
    severity=Severity.INFO,
    title="the server has no health service",
)
NEEDS = (HealthFacts,)


def check(run: Run) -> Iterator[Conclusion]:
    # Check decides. List is younger (gRFC A90), and servers with a health service may well lack it.
    effect = effect_of(run, lambda item: item.question == "health" and not_offered(item))
    if effect is None or not (effect.others_answer or effect.first.grpc_status is not None):
        return
    yield Finding(
        RULE,
        message="the server has no health service",
        explanation="Calls do not need it. Kubernetes' gRPC probes, Envoy's and load balancers' gRPC health checks and "
        "clients with healthCheckConfig do.",
        evidence=evidence_of(effect.hit),
        fixes=(
            Fix("Go", patch="healthpb.RegisterHealthServer(server, health.NewServer())"),
            Fix("Python", patch="health_pb2_grpc.add_HealthServicer_to_server(health.HealthServicer(), server)"),
            Fix("Java", patch="serverBuilder.addService(new HealthStatusManager().getHealthService())"),
        ),
    )
