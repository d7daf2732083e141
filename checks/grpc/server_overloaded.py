"""server-overloaded: the server sheds load."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from grpcdoctor.checks._commands import probe_command
from grpcdoctor.checks.grpc._effect import Effect, effect_of
from grpcdoctor.checks.grpc._replies import Kind, evidence_of
from grpcdoctor.checks.grpc._upstream import called, proxy_of, surest
from grpcdoctor.model.codes import GrpcStatus
from grpcdoctor.model.facts.grpc import CallFacts, GrpcFacts, HealthFacts, ReflectionFacts
from grpcdoctor.model.finding import Alternative, Conclusion, Finding, Fix
from grpcdoctor.model.rule import Rule, Severity
from grpcdoctor.model.run import Run

RULE = Rule(
    code="GD411",
    name="server-overloaded",
    severity=Severity.ERROR,
    title="the server sheds load",
    explains=("clients-disagree", "slow-response"),
)
NEEDS = (GrpcFacts, HealthFacts, ReflectionFacts, CallFacts)

_C_CORE: Final = Fix(
    "Python or C++ server: more workers, and more calls in the queue than C-core's 1,000",
    patch="grpc.server(futures.ThreadPoolExecutor(max_workers=64),\n"
          '            options=[("grpc.server.max_pending_requests", 10000)])',
)
_CONCURRENT: Final = Fix(
    "Python server: raise maximum_concurrent_rpcs together with the pool's size, or drop it",
    patch="grpc.server(futures.ThreadPoolExecutor(max_workers=64), maximum_concurrent_rpcs=1000)",
)
_CAPACITY: Final = Fix("Add replicas, and see that the load reaches all of them",
                       command="kubectl top pods -n NAMESPACE -l app=NAME")
_ENVOY: Final = Fix("Envoy: its overload manager acts; give it memory, or see who fills it",
                    command="curl -s localhost:9901/stats?filter=overload")


def check(run: Run) -> Iterator[Conclusion]:
    effect = effect_of(run, lambda item: item.kind is Kind.OVERLOADED)
    if effect is None:
        return
    by_proxy = effect.hit[0].by.who == "proxy"
    yield Finding(
        RULE,
        message=f"{called(proxy_of(effect)) if by_proxy else 'the server'} is overloaded and refuses calls",
        explanation=_explanation(effect),
        evidence=evidence_of(effect.hit),
        fixes=_fixes(effect, by_proxy),
        severity=Severity.ERROR if effect.hits_the_call or not effect.a_method_runs else Severity.WARNING,
        confidence=surest(effect),
        alternatives=_alternatives(run, effect),
    )


def _is_bare_cancelled(effect: Effect) -> bool:
    return effect.first.grpc_status == GrpcStatus.CANCELLED


def _explanation(effect: Effect) -> str:
    if _is_bare_cancelled(effect):
        return "CANCELLED came though nobody cancelled. C-core servers (Python, C++, Ruby) refuse so what exceeds " \
            "grpc.server.max_pending_requests (1,000 calls waiting for a worker). Clients rarely retry CANCELLED."
    return "The server turns calls away to keep alive. Immediate retries make it worse; back off, and add capacity."


def _fixes(effect: Effect, by_proxy: bool) -> tuple[Fix, ...]:
    if by_proxy:
        return (_ENVOY, _CAPACITY)
    if _is_bare_cancelled(effect):
        return (_C_CORE, _CAPACITY)
    if "concurrent rpc limit" in effect.first.grpc_message.lower():
        return (_CONCURRENT, _CAPACITY)
    return (_CAPACITY, Fix("Raise the limit that the message names, if the machine has room for more"))


def _alternatives(run: Run, effect: Effect) -> tuple[Alternative, ...]:
    if _is_bare_cancelled(effect):
        return (Alternative("upstream-timeout", "a proxy that gives up on a call may also end it with CANCELLED",
                            decide=probe_command(run, "--count", "10")),)
    return ()
