"""upstream-timeout: the backend did not answer before somebody's patience ran out."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from grpcdoctor.checks._commands import probe_command
from grpcdoctor.checks.grpc._effect import CALL, Effect, effect_of
from grpcdoctor.checks.grpc._replies import Kind, evidence_of
from grpcdoctor.checks.grpc._timers import RAISE, raising, timer_of
from grpcdoctor.checks.grpc._upstream import called, doubts, proxy_of, surest, tailored
from grpcdoctor.model.conclusions import milliseconds
from grpcdoctor.model.facts.grpc import CallFacts, GrpcFacts, HealthFacts, ReflectionFacts
from grpcdoctor.model.finding import BlindSpot, Conclusion, Evidence, Finding, Fix
from grpcdoctor.model.rule import Rule, Severity
from grpcdoctor.model.run import Run

RULE = Rule(
    code="GD429",
    name="upstream-timeout",
    severity=Severity.ERROR,
    title="the backend did not answer in time",
)
NEEDS = (GrpcFacts, HealthFacts, ReflectionFacts, CallFacts)

# Others that took so long to be answered explain one that was not answered in what was left of our time.
_SLOW_MS: Final = 1000.0


def check(run: Run) -> Iterator[Conclusion]:
    by_proxy = effect_of(run, lambda item: item.kind is Kind.UPSTREAM_TIMEOUT)
    if by_proxy is not None:
        yield _of_the_proxy(by_proxy)
        return
    by_us = effect_of(run, lambda item: item.kind is Kind.UNANSWERED)
    if by_us is not None:
        yield from _of_ours(run, by_us)


def _of_the_proxy(effect: Effect) -> Finding:
    proxy, after = proxy_of(effect), effect.first.duration_ms
    timer = timer_of(after, proxy)
    return Finding(
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


def _of_ours(run: Run, effect: Effect) -> Iterator[Conclusion]:
    after = milliseconds(effect.first.duration_ms)
    yield Finding(
        RULE,
        message=f"{_what_hangs(effect)} no answer within {after}",
        explanation="The connection lives and the call hangs: the backend is slow or stuck, or a proxy waits for a "
        "backend whose protocol it does not understand (haproxy with `proto h2` to a TLS port hangs so).",
        evidence=evidence_of(effect.hit),
        fixes=(Fix("Give it more time, to tell slow from stuck", command=_patiently(run)), *RAISE[""]),
        severity=_severity_of_ours(effect),
        confidence=surest(effect),
        alternatives=doubts(effect),
    )
    if effect.hits_the_call and effect.others_answer:
        yield BlindSpot(
            what=f"whether {effect.first.path} answers at all",
            why=f"it did not within {after}, and other questions were answered at once",
            decide=_patiently(run),
        )


def _what_hangs(effect: Effect) -> str:
    if effect.hits_the_call:
        return "the method called gave"
    return "the calls get" if not effect.others_answer else f"{effect.hit[0].question} gets"


def _severity_of_ours(effect: Effect) -> Severity:
    if not effect.others_answer:
        return Severity.ERROR
    if effect.hits_the_call:
        return Severity.WARNING
    waits = [item.reply.first_byte_ms or 0.0 for item in effect.spared if item.question != CALL]
    return Severity.INFO if max(waits, default=0.0) >= _SLOW_MS else Severity.WARNING


def _patiently(run: Run) -> str:
    call = ("--call", run.options.call) if run.options.call else ()
    return probe_command(run, *call, "--timeout", str(max(60, int(run.options.timeout * 6))))
