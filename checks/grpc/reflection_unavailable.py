"""reflection-unavailable: the server offers no reflection. Many do so on purpose, so this is never a cause."""

from __future__ import annotations

from collections.abc import Iterator

from grpcdoctor.checks.grpc._absent import REFLECTION, not_offered
from grpcdoctor.checks.grpc._effect import effect_of
from grpcdoctor.checks.grpc._replies import evidence_of
from grpcdoctor.model.facts.grpc import ReflectionFacts
from grpcdoctor.model.finding import Conclusion, Evidence, Finding, Fix
from grpcdoctor.model.rule import Rule, Severity
from grpcdoctor.model.run import Run

RULE = Rule(
    code="GD404",
    name="reflection-unavailable",
    severity=Severity.INFO,
    title="the server offers no reflection",
)
NEEDS = (ReflectionFacts,)


def check(run: Run) -> Iterator[Conclusion]:
    reflection = run.get(ReflectionFacts)
    if reflection is not None and reflection.error is not None and not reflection.services:
        yield _fails(reflection, reflection.error)
    if reflection is None or reflection.version is not None:
        return
    effect = effect_of(run, lambda item: item.question in REFLECTION and not_offered(item))
    asked = [reply for reply in (reflection.v1, reflection.v1alpha) if reply is not None]
    if effect is None or len(effect.hit) < len(asked) or not effect.others_answer:
        return
    yield Finding(
        RULE,
        message="the server offers no reflection",
        explanation="Nothing is wrong with that: many turn reflection off in production. Tools such as grpcurl need "
        "the .proto files then, and --call can only send an empty request.",
        evidence=evidence_of(effect.hit),
        fixes=(
            Fix("Go", patch="reflection.Register(server)  // google.golang.org/grpc/reflection"),
            Fix("Python", patch="reflection.enable_server_reflection(names, server)  # grpcio-reflection"),
            Fix("Java", patch="serverBuilder.addService(ProtoReflectionServiceV1.newInstance())"),
        ),
    )


def _fails(reflection: ReflectionFacts, error: str) -> Finding:
    return Finding(
        RULE,
        message="reflection is there and answers with an error",
        explanation="Calls are not affected. Tools such as grpcurl cannot list the services, and --call can only send "
        "an empty request.",
        evidence=(Evidence(f'reflection {reflection.version}: "{error}"', ref="reflection"),),
        fixes=(Fix("See why the server cannot describe itself: missing or doubly registered descriptors"),),
    )
