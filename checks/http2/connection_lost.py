"""connection-lost: the peer hangs up in the middle of a call, without a GOAWAY."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from grpcdoctor.checks._commands import probe_command
from grpcdoctor.checks.grpc._effect import Effect, effect_of
from grpcdoctor.checks.grpc._replies import Kind, Seen, evidence_of
from grpcdoctor.model.facts.grpc import CallFacts, GrpcFacts, HealthFacts, ReflectionFacts
from grpcdoctor.model.facts.http2 import Http2Facts
from grpcdoctor.model.finding import Alternative, Conclusion, Evidence, Finding, Fix
from grpcdoctor.model.rule import Rule, Severity
from grpcdoctor.model.run import Run

RULE = Rule(
    code="GD310",
    name="connection-lost",
    severity=Severity.ERROR,
    title="the connection is lost in the middle of a call",
    explains=("clients-disagree",),
)
NEEDS = (Http2Facts, GrpcFacts, HealthFacts, ReflectionFacts, CallFacts)

# Reply.lost -> what the peer did. The other values are a GOAWAY's, a stream limit's and a violation's rules' to tell.
_HUNG_UP: Final = {"closed": "closes", "reset": "resets"}
# Kinds that are no fault: where another one is seen, its rule knows more than that the connection ended.
_NO_FAULT: Final = (Kind.OK, Kind.UNIMPLEMENTED, Kind.APPLICATION, Kind.UNANSWERED, Kind.LOST)


def check(run: Run) -> Iterator[Conclusion]:
    http2 = run.get(Http2Facts)
    if http2 is not None and (http2.goaways or http2.violation):
        return
    effect = effect_of(run, _hung_up)
    if effect is None or (not effect.hits_the_call and _another_fault(effect)):
        return
    how = _HUNG_UP[effect.first.lost or ""]
    yield Finding(
        RULE,
        message=f"the peer {how} the connection {_when(effect)}",
        explanation="There was no GOAWAY, as when a process dies: grpc-go ends as a whole when a handler panics, and "
        "so does any server that the kernel kills for its memory. A TCP load balancer hangs up so, too. Clients say "
        'UNAVAILABLE ("error reading from server: EOF", "Socket closed").',
        evidence=(*evidence_of(effect.hit), *_others(effect)),
        fixes=(
            Fix("Look for a crash or a restart of the server at this second",
                command="kubectl get pods -A | grep -i APP; kubectl logs POD --previous --tail 50"),
            Fix("grpc-go: turn a panic into INTERNAL (go-grpc-middleware)",
                patch="grpc.ChainUnaryInterceptor(recovery.UnaryServerInterceptor())"),
            Fix("A TCP load balancer or proxy in between? Make the same call past it",
                command="kubectl port-forward pod/POD 50051:50051"),
        ),
        severity=effect.severity,
        confidence=0.9,
        alternatives=(_crash_or_not(run),),
    )


def _hung_up(item: Seen) -> bool:
    return item.kind is Kind.LOST and item.reply.lost in _HUNG_UP


def _another_fault(effect: Effect) -> bool:
    return any(item.kind not in _NO_FAULT for item in effect.spared)


def _when(effect: Effect) -> str:
    if effect.first.http_status is not None:
        return "in the middle of an answer"
    if effect.hits_the_call:
        return f"in place of an answer to {effect.first.path.rpartition('/')[2] or 'the call'}"
    return "in place of an answer" + (" to some calls" if effect.others_answer else "")


def _others(effect: Effect) -> tuple[Evidence, ...]:
    answered = [item.question for item in effect.spared if item.reply.http_status is not None]
    return (Evidence(f"answered before: {', '.join(answered)}", ref="grpc"),) if answered else ()


def _crash_or_not(run: Run) -> Alternative:
    return Alternative(
        "tcp-refused",
        "a server that has just crashed refuses connections until it is up again",
        decide=probe_command(run),
    )
