"""response-timeout: the connection stands, and the peer never answers. The message names the step."""

from __future__ import annotations

from collections.abc import Iterator

from grpcdoctor.checks._commands import curl_command, probe_command
from grpcdoctor.checks.tls._failure import failure_of
from grpcdoctor.checks.tls._words import handshake_evidence
from grpcdoctor.model.codes import GrpcStatus
from grpcdoctor.model.conclusions import milliseconds
from grpcdoctor.model.facts.grpc import CallFacts, GrpcFacts, HealthFacts, ReflectionFacts, Reply
from grpcdoctor.model.facts.http2 import FirstBytes, H2cFacts, Http2Facts
from grpcdoctor.model.facts.reach import SilenceFacts
from grpcdoctor.model.facts.tls import SniFacts, TlsFacts
from grpcdoctor.model.finding import Alternative, Conclusion, Evidence, Finding, Fix
from grpcdoctor.model.rule import Rule, Severity
from grpcdoctor.model.run import Run

RULE = Rule(
    code="GD108",
    name="response-timeout",
    severity=Severity.ERROR,
    title="the peer accepts the connection and never answers",
    explains=("http2-not-spoken", "slow-response", "upstream-timeout"),
)
NEEDS = (TlsFacts, H2cFacts, SniFacts, SilenceFacts, Http2Facts, GrpcFacts, HealthFacts, ReflectionFacts, CallFacts)

_SHARE_OF_LONGEST = 0.1
_PAST_THE_PROXY = "kubectl port-forward pod/POD 50051:50051"
_HUNG = (
    "TCP accepts in the kernel, even for a process that hangs: the server may be stuck, stopped or out of threads, or "
    "a load balancer holds the connection without a backend."
)


def check(run: Run) -> Iterator[Conclusion]:
    failure = failure_of(run)
    if failure is not None:
        if failure.name == RULE.name:
            yield _before_http2(run, failure.confidence)
        return
    http2 = run.get(Http2Facts)
    if http2 is not None and http2.first is not None and http2.first.spoken == "nothing":
        yield _no_settings(run, http2, http2.first)
    else:
        yield from _calls(run)


def _before_http2(run: Run, confidence: float) -> Finding:
    tls, clear = run.get(TlsFacts), run.get(H2cFacts)
    asked_tls = tls is not None and tls.asked
    seen = [] if tls is None else [handshake_evidence(tls)]
    if clear is not None and clear.first is not None:
        seen.append(Evidence(f"HTTP/2 preface in clear: {_preface_words(clear.first)}", ref="h2c"))
    return Finding(
        RULE,
        message=f"no answer to the {'TLS handshake' if asked_tls else 'HTTP/2 preface'}",
        explanation=_HUNG + " Some protocols also wait for the client to say more before they answer.",
        evidence=tuple(seen),
        fixes=_FIXES,
        confidence=confidence,
    )


def _preface_words(first: FirstBytes) -> str:
    if first.spoken == "nothing":
        return f"no answer within {milliseconds(first.duration_ms)}"
    return {"closed": "closed without a byte"}.get(first.spoken, first.spoken)


def _no_settings(run: Run, http2: Http2Facts, first: FirstBytes) -> Finding:
    over = "over TLS" if http2.transport == "tls" else "in clear"
    return Finding(
        RULE,
        message="no answer to the HTTP/2 preface" + (" (TLS works)" if http2.transport == "tls" else ""),
        explanation="A server sends its SETTINGS as soon as it is connected. " + _HUNG,
        evidence=(Evidence(f"HTTP/2 preface {over}: {_preface_words(first)} ({http2.address})", ref="http2"),),
        fixes=(
            Fix("see whether it answers HTTP/1.1", command=curl_command(run, http2.transport == "tls", "--http1.1")),
            *_FIXES[:2],
        ),
    )


_FIXES = (
    Fix(
        "is the process alive and below its CPU limit?",
        command="kubectl top pod -A --containers; kubectl get pods -A -o wide",
    ),
    Fix(
        "where does it hang? A thread dump or goroutine dump of the server says",
        command="py-spy dump --pid PID  # jstack PID, kill -QUIT PID",
    ),
    Fix("on the server: connections that nobody accepts stay in Recv-Q", command="ss -ltn"),
)


def _calls(run: Run) -> Iterator[Conclusion]:
    questions = _questions(run)
    silent = [asked for asked in questions if _ran_out(asked[1])]
    # What was asked with the last milliseconds of the budget had no chance to be answered.
    longest = max((reply.duration_ms for _, reply, _ in silent), default=0.0)
    silent = [asked for asked in silent if asked[1].duration_ms >= _SHARE_OF_LONGEST * longest]
    if not silent:
        return
    own_call = silent[-1][2]  # it is the last question
    served = not own_call and any(_served(reply) for _, reply, _ in questions)
    first = silent[-1][0] if own_call else silent[0][0]
    yield Finding(
        RULE,
        message=f"no answer to {first}",
        explanation="HTTP/2 works and the request was sent; not even response headers came back. Behind a proxy the "
        "backend is what does not answer, and the proxy has no timeout, or a longer one."
        + (" Other calls on the same connection were answered." if served else ""),
        evidence=tuple(
            Evidence(f"{reply.path or what}: {_nothing(reply)} within {milliseconds(reply.duration_ms)}", ref="grpc")
            for what, reply, _ in silent
        ),
        fixes=_call_fixes(run),
        severity=Severity.WARNING if served else None,
        confidence=0.7 if served else 0.9,
        alternatives=(
            Alternative("slow-response", "it may answer later than was waited for", _patient(run)),
            Alternative("upstream-timeout", "behind a proxy it is the backend that does not answer", _PAST_THE_PROXY),
        ),
    )


def _ran_out(reply: Reply) -> bool:
    """Silence, our own deadline echoed, or gRPC headers to which no message and no end came."""
    if not reply.ran_out or reply.messages:
        return False
    return not reply.answered or reply.grpc_status == GrpcStatus.DEADLINE_EXCEEDED or reply.is_grpc


def _nothing(reply: Reply) -> str:
    if reply.answered and reply.grpc_status is None:
        return "headers, and no message and no end"
    return "nothing" if reply.grpc_status is None else "nothing but DEADLINE_EXCEEDED, by the deadline that we sent,"


def _served(reply: Reply) -> bool:
    """Application code answered: UNIMPLEMENTED comes from the library itself, even while every handler hangs."""
    return reply.http_status is not None and reply.grpc_status != GrpcStatus.UNIMPLEMENTED and not reply.ran_out


def _questions(run: Run) -> list[tuple[str, Reply, bool]]:
    """(what was asked, the reply, whether it is the user's own call)."""
    known, health = run.get(GrpcFacts), run.get(HealthFacts)
    reflection, call = run.get(ReflectionFacts), run.get(CallFacts)
    asked = (
        ("the health check", health.check if health is not None else None, False),
        ("a call of an unknown method", known.reply if known is not None else None, False),
        ("the reflection request", reflection.v1 if reflection is not None else None, False),
        ("the reflection request (v1alpha)", reflection.v1alpha if reflection is not None else None, False),
        (f"the call {call.method}" if call is not None else "the call", call.reply if call is not None else None, True),
    )
    return [(what, reply, own) for what, reply, own in asked if reply is not None]


def _patient(run: Run) -> str:
    return probe_command(run, "--timeout", "60", *(("--call", run.options.call) if run.options.call else ()))


def _call_fixes(run: Run) -> tuple[Fix, ...]:
    return (
        Fix("wait longer, to tell slow from stuck", command=_patient(run)),
        Fix("call the backend past the proxy", command=_PAST_THE_PROXY),
        _FIXES[1],
    )
