"""slow-response: calls are answered, but only after a second or more."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from grpcdoctor.checks._commands import probe_command
from grpcdoctor.checks.grpc._answerer import SERVICE_TIME
from grpcdoctor.checks.grpc._effect import CALL
from grpcdoctor.checks.grpc._replies import Kind, Seen, evidence_of, seen
from grpcdoctor.checks.grpc._upstream import called, tailored
from grpcdoctor.model.conclusions import milliseconds
from grpcdoctor.model.facts.grpc import CallFacts, GrpcFacts, HealthFacts, ReflectionFacts, Reply
from grpcdoctor.model.facts.http2 import Http2Facts
from grpcdoctor.model.facts.reach import TcpFacts
from grpcdoctor.model.finding import Alternative, Conclusion, Evidence, Finding, Fix
from grpcdoctor.model.rule import Rule, Severity
from grpcdoctor.model.run import Run

RULE = Rule(
    code="GD431",
    name="slow-response",
    severity=Severity.WARNING,
    title="calls are answered slowly",
)
NEEDS = (GrpcFacts, HealthFacts, ReflectionFacts, CallFacts)

# A second beyond the round trip, and ten round trips: far above any server's answer to health, reflection and an
# unknown method (1-2 ms; grpcio's slowest error path 600 ms), and out of reach of a slow satellite link.
_SLOW_MS: Final = 1000.0
_ROUND_TRIPS: Final = 10
# The backend's share below which the time was surely lost before it.
_BACKENDS_SHARE: Final = 0.5
# A proxy's own error after a wait is that error's rule's business.
_ANSWERS: Final = (Kind.OK, Kind.UNIMPLEMENTED, Kind.APPLICATION, Kind.AUTH, Kind.DENIED)

_FIND_DELAY: Final[dict[str, tuple[Fix, ...]]] = {
    "istio": (Fix("Istio: look for a VirtualService with a fault delay",
                  command="kubectl get virtualservice -A -o yaml | grep -nE '^    name:|fixedDelay'"),),
    "envoy": (Fix("Envoy: look for a fault delay, then at slow filters (ext_authz, rate limit, Lua, Wasm)",
                  command="curl -s localhost:9901/config_dump | grep -n -A6 -E 'fixed_delay|ext_authz|ratelimit'"),),
    "": (Fix("Ask the backend without the proxy", command="grpcdoctor probe --plaintext BACKEND:PORT"),),
}


def check(run: Run) -> Iterator[Conclusion]:
    answered = tuple(item for item in seen(run) if item.kind in _ANSWERS)
    round_trip = _round_trip_ms(run)
    slow = tuple(item for item in answered if _is_slow(item.reply, round_trip))
    if not slow:
        return
    ours = [item for item in answered if item.question != CALL]
    ours_slow = [item for item in slow if item.question != CALL]
    # One slow question of several is that method's own: a health check that asks a database, a big reflection set.
    common = bool(ours_slow) and len(ours_slow) * 2 >= len(ours)
    yield _finding(run, slow, round_trip, Severity.WARNING if common else Severity.INFO)


def _finding(run: Run, slow: tuple[Seen, ...], round_trip: float | None, severity: Severity) -> Finding:
    quickest = min(_wait(item.reply) for item in slow)
    upstream = _upstream_ms(slow)
    in_proxy = upstream is not None and upstream < _BACKENDS_SHARE * quickest
    proxy = next((item.by.proxy for item in slow if item.by.proxy), None)
    return Finding(
        RULE,
        message=_message(slow, quickest, severity, called(proxy) if in_proxy else None),
        explanation=_explanation(upstream, in_proxy, proxy),
        evidence=(*_waits(slow), *_compared(round_trip, upstream)),
        fixes=tailored(proxy, _FIND_DELAY) if proxy else _AT_THE_SERVER,
        severity=severity,
        confidence=0.9 if severity is Severity.WARNING else 0.6,
        alternatives=_alternatives(run, proxy),
    )


_AT_THE_SERVER: Final = (
    Fix("Look for a server that starts up, is out of threads or CPU, or waits for something in an interceptor"),
)


def _message(slow: tuple[Seen, ...], quickest: float, severity: Severity, culprit: str | None) -> str:
    if severity is Severity.INFO:
        return f"{slow[0].question} took {milliseconds(_wait(slow[0].reply))}; other answers came at once"
    return f"answers take {milliseconds(quickest)}" + (f"; {culprit} holds them back" if culprit else "")


def _explanation(upstream: float | None, in_proxy: bool, proxy: str | None) -> str:
    text = "Clients with a deadline of a few seconds fail now and then, and every retry adds load. A server that has " \
        "just started is slow once: ask again."
    if in_proxy:
        return f"The backend needed only {milliseconds(upstream or 0)}, so the time is lost in the proxy: a fault " \
            f"delay, a slow authorization or rate limit service, or a queue. {text}"
    if proxy in ("envoy", "istio") and upstream is None:
        return f"A fault delay in the proxy looks like a slow backend from here. {text}"
    return text


def _alternatives(run: Run, proxy: str | None) -> tuple[Alternative, ...]:
    if proxy not in ("envoy", "istio"):
        return ()
    return (Alternative("fault-injected", "a fault delay left on in the proxy delays every call by the same time",
                        decide=probe_command(run, "--count", "5")),)


def _waits(slow: tuple[Seen, ...]) -> tuple[Evidence, ...]:
    listed = ", ".join(f"{item.question} {milliseconds(_wait(item.reply))}" for item in slow)
    return (Evidence(f"first byte after: {listed}", ref="grpc"), *evidence_of(slow[:1]))


def _compared(round_trip: float | None, upstream: float | None) -> tuple[Evidence, ...]:
    found = []
    if round_trip is not None:
        found.append(Evidence(f"round trip to the peer: {milliseconds(round_trip)}", ref="http2"))
    if upstream is not None:
        found.append(Evidence(f"{SERVICE_TIME}: {milliseconds(upstream)}", ref="grpc"))
    return tuple(found)


def _is_slow(reply: Reply, round_trip: float | None) -> bool:
    wait, trip = _wait(reply), round_trip or 0.0
    return wait >= _SLOW_MS + trip and wait >= _ROUND_TRIPS * trip


def _wait(reply: Reply) -> float:
    return reply.first_byte_ms if reply.first_byte_ms is not None else reply.duration_ms


def _round_trip_ms(run: Run) -> float | None:
    """The quicker of a PING and a connect(), one round trip each: a server that is busy answers PINGs late as well."""
    http2, tcp = run.get(Http2Facts), run.get(TcpFacts)
    trips = [a.duration_ms for a in tcp.attempts if a.result == "connected"] if tcp is not None else []
    if http2 is not None and http2.ping_ms is not None:
        trips.append(http2.ping_ms)
    return min(trips, default=None)


def _upstream_ms(slow: tuple[Seen, ...]) -> float | None:
    """The most that Envoy says it waited for the backend."""
    values = [item.reply.header(SERVICE_TIME) for item in slow]
    return max((float(value) for value in values if value is not None and value.isdigit()), default=None)
