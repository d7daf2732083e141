"""call-failed: gRPC works, and the application answers with an error of its own making."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from grpcdoctor.checks._commands import probe_command
from grpcdoctor.checks.grpc._answerer import SERVICE_TIME
from grpcdoctor.checks.grpc._effect import CALL, Effect, effect_of
from grpcdoctor.checks.grpc._replies import Kind, Seen, evidence_of
from grpcdoctor.checks.grpc._upstream import A_METHOD, PROBE_BACKEND, called, proxy_of
from grpcdoctor.model.codes import GrpcStatus, name_of
from grpcdoctor.model.facts.grpc import CallFacts, GrpcFacts, HealthFacts, ReflectionFacts, Reply
from grpcdoctor.model.finding import Alternative, BlindSpot, Conclusion, Finding, Fix
from grpcdoctor.model.rule import Rule, Severity
from grpcdoctor.model.run import Run

RULE = Rule(
    code="GD413",
    name="call-failed",
    severity=Severity.ERROR,
    title="the application fails to answer calls",
    explains=("clients-disagree",),
)
NEEDS = (GrpcFacts, HealthFacts, ReflectionFacts, CallFacts)

HEALTH: Final = "health"
# What a server says of itself. The other statuses speak of the request: INVALID_ARGUMENT, NOT_FOUND and their like are
# answers, and a probe's empty request earns them on a healthy server (gRPC status codes, "Statuses and their use").
_OWN_FAULTS: Final = frozenset(
    (
        GrpcStatus.CANCELLED,
        GrpcStatus.UNKNOWN,
        GrpcStatus.DEADLINE_EXCEEDED,
        GrpcStatus.INTERNAL,
        GrpcStatus.UNAVAILABLE,
        GrpcStatus.DATA_LOSS,
    )
)
# Any other number is UNKNOWN to a client (gRPC over HTTP/2, "Responses").
_KNOWN: Final = frozenset(int(status) for status in GrpcStatus)
# status -> where to look for its reason
_HINTS: Final[dict[int, Fix]] = {
    GrpcStatus.UNKNOWN: Fix(
        "UNKNOWN is what the libraries make of an exception that nobody caught: look for the stack trace",
        command="kubectl logs deploy/NAME --since=10m | grep -iE -A20 'exception|traceback|panic'",
    ),
    GrpcStatus.UNAVAILABLE: Fix(
        "UNAVAILABLE in its own words mostly passes on what it was told itself: look at what it depends on"
    ),
    GrpcStatus.DEADLINE_EXCEEDED: Fix(
        "The deadline was not ours: look for the service behind this one that did not answer in time"
    ),
}
_LOG: Final = Fix(
    "Read the application's log of this minute",
    command="kubectl logs deploy/NAME --since=10m",
)


def check(run: Run) -> Iterator[Conclusion]:
    effect = effect_of(run, _is_own_fault)
    if effect is None:
        return
    if not effect.hits_the_call and not _all_fail(effect) and not _health_fails(effect):
        return  # a fallback handler or a reflection service that fails is nobody's outage
    undecided = not effect.hits_the_call and _all_fail(effect)
    yield Finding(
        RULE,
        message=_message(effect, undecided),
        explanation=_explanation(effect, undecided),
        evidence=evidence_of(effect.hit),
        fixes=_fixes(effect),
        severity=Severity.ERROR if effect.hits_the_call else Severity.WARNING,
        confidence=1.0 if effect.hit[0].by.who == "application" else 0.7,
        alternatives=_alternatives(run, effect, undecided),
    )
    if undecided and not any(item.question == CALL for item in effect.spared):
        yield BlindSpot(
            what="whether any real method works",
            why=f"health, reflection and an unknown method all came back with {_status(effect.first)}",
            decide=probe_command(run, "--call", A_METHOD),
        )


def _is_own_fault(item: Seen) -> bool:
    status = item.reply.grpc_status or 0
    return item.kind is Kind.APPLICATION and (status in _OWN_FAULTS or status not in _KNOWN)


def _all_fail(effect: Effect) -> bool:
    """Nothing else answered: no other application status, no proxy's word that has a rule of its own."""
    return all(item.kind in (Kind.UNANSWERED, Kind.LOST) for item in effect.spared)


def _health_fails(effect: Effect) -> bool:
    return any(item.question == HEALTH for item in effect.hit)


def _status(reply: Reply) -> str:
    return name_of(GrpcStatus, reply.grpc_status or 0)


def _message(effect: Effect, undecided: bool) -> str:
    if effect.hits_the_call:
        return f"{effect.first.path or 'the call'} fails with {_status(effect.first)}"
    if undecided:
        return f"every call is answered with {_status(effect.first)}"
    return f"the health check fails with {_status(_health(effect))}"


def _health(effect: Effect) -> Reply:
    return next((item.reply for item in effect.hit if item.question == HEALTH), effect.first)


def _explanation(effect: Effect, undecided: bool) -> str:
    works = "Everything up to the application works: the status is in its own words. "
    if effect.hits_the_call:
        return works + "The method was found and run, and it gave up."
    if undecided:
        return works + "An interceptor or a proxy that answers for every path looks like this; whether real methods " \
            "fail as well shows only with --call."
    return works + "Other calls are answered; Kubernetes probes and load balancers that check health count this " \
        "server as down."


def _fixes(effect: Effect) -> tuple[Fix, ...]:
    hint = _HINTS.get(effect.first.grpc_status or 0)
    return (hint, _LOG) if hint is not None else (_LOG,)


def _alternatives(run: Run, effect: Effect, undecided: bool) -> tuple[Alternative, ...]:
    proxy = proxy_of(effect)
    if proxy is None or effect.first.header(SERVICE_TIME) is not None:  # Envoy's mark of what its backend said
        return ()
    found = [Alternative("upstream-unreachable", f"{called(proxy)} may have said it in the application's place",
                         decide=PROBE_BACKEND)]
    if undecided:
        # Envoy makes a gRPC status of what its route answers by itself: 200 and 500 become UNKNOWN, 503 UNAVAILABLE.
        found.append(Alternative("not-grpc", "a fixed answer of the proxy (Envoy's direct_response) looks like this",
                                 decide=probe_command(run, "--call", A_METHOD)))
    return tuple(found)
