"""rst-stream: calls are cut with RST_STREAM instead of an answer."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from grpcdoctor.checks._commands import probe_command
from grpcdoctor.checks.grpc._effect import Effect, effect_of
from grpcdoctor.checks.grpc._replies import Kind, evidence_of
from grpcdoctor.model.codes import STATUS_OF_RESET, GrpcStatus, Http2Error, name_of
from grpcdoctor.model.conclusions import milliseconds
from grpcdoctor.model.facts.grpc import CallFacts, GrpcFacts, HealthFacts, ReflectionFacts
from grpcdoctor.model.finding import Alternative, Conclusion, Evidence, Finding, Fix
from grpcdoctor.model.rule import Rule, Severity
from grpcdoctor.model.run import Run

RULE = Rule(
    code="GD305",
    name="rst-stream",
    severity=Severity.ERROR,
    title="calls are reset",
    explains=("clients-disagree",),
)
NEEDS = (GrpcFacts, HealthFacts, ReflectionFacts, CallFacts)


@dataclass(frozen=True, slots=True)
class _Meaning:
    """What a code says, whom to suspect, what to do; `other`: the rule with the same symptom."""

    why: str
    fixes: tuple[Fix, ...]
    other: tuple[str, str] | None = None


_DIRECT: Final = Fix("Ask the application itself, past every proxy: does it reset there too?",
                     command="kubectl port-forward deploy/NAME 50051 & grpcdoctor probe --plaintext localhost:50051")
_LOG: Final = Fix("Read the log of whoever ends HTTP/2 here; a reset at this level has a line there",
                  command="kubectl logs deploy/NAME --since=5m")
_UPSTREAM: Final = ("upstream-connection-terminated", "a proxy resets our stream when the one behind it dies")
_CODEC: Final = ("http2-protocol-error", "one of the two sides sends what the other takes for a violation")

_MEANINGS: Final[dict[int, _Meaning]] = {
    Http2Error.NO_ERROR: _Meaning(
        "NO_ERROR without a status: Envoy up to 1.36 resets so for timeouts and aborted upstreams; elsewhere a server "
        "that gave its answer early, whose trailers were lost.", (_DIRECT, _LOG), _UPSTREAM),
    Http2Error.PROTOCOL_ERROR: _Meaning(
        "PROTOCOL_ERROR: something in the request is not to the peer's taste (a header, content-length, :authority, "
        ":scheme). nginx and AWS ALB also use it when a stream times out.", (_LOG, _DIRECT), _CODEC),
    Http2Error.INTERNAL_ERROR: _Meaning(
        "INTERNAL_ERROR: the peer gave up. Envoy since 1.37 resets so for every abort of its own, nginx for a broken "
        "upstream, Go's net/http for a panicking handler, C-core when `te: trailers` got lost on the way.",
        (_DIRECT, _LOG), _UPSTREAM),
    Http2Error.FLOW_CONTROL_ERROR: _Meaning("FLOW_CONTROL_ERROR: a window was overrun.", (_LOG, _DIRECT), _CODEC),
    Http2Error.SETTINGS_TIMEOUT: _Meaning("SETTINGS_TIMEOUT: our SETTINGS were not seen acknowledged.", (_LOG,)),
    Http2Error.STREAM_CLOSED: _Meaning(
        "STREAM_CLOSED: the peer had already closed the stream when the request's end came.", (_LOG, _DIRECT)),
    Http2Error.FRAME_SIZE_ERROR: _Meaning("FRAME_SIZE_ERROR: the peer read a frame of a size that it does not take.",
                                          (_LOG, _DIRECT), _CODEC),
    Http2Error.REFUSED_STREAM: _Meaning(
        "REFUSED_STREAM: the peer did not process the call: over its stream limit, draining, or short of a backend. "
        "haproxy does so when its server connection cannot be set up. A retry is always safe.",
        (Fix("Look at the limit and at the load of the peer; a draining one recovers by itself"), _LOG),
        ("max-concurrent-streams-low", "a low stream limit refuses calls once it is reached")),
    Http2Error.CANCEL: _Meaning(
        "CANCEL: the peer lost interest. On a call that nobody cancelled, a server or proxy timeout, or a shutdown.",
        (_LOG, _DIRECT), ("upstream-timeout", "a proxy's timeout cancels the call")),
    Http2Error.COMPRESSION_ERROR: _Meaning("COMPRESSION_ERROR: the header compression of both ends is out of step.",
                                           (_LOG, _DIRECT), _CODEC),
    Http2Error.CONNECT_ERROR: _Meaning("CONNECT_ERROR: a CONNECT tunnel (HBONE, a proxy) behind the peer broke.",
                                       (_LOG,), _UPSTREAM),
    Http2Error.ENHANCE_YOUR_CALM: _Meaning(
        "ENHANCE_YOUR_CALM: the peer sheds load or finds the headers too large.", (_LOG,),
        ("header-limit-exceeded", "some servers use this code for headers over their limit")),
    Http2Error.INADEQUATE_SECURITY: _Meaning(
        "INADEQUATE_SECURITY: the TLS version or cipher is below RFC 9113 §9.2.",
        (Fix("Allow TLS 1.3, or ECDHE with AES-GCM under TLS 1.2, at whoever terminates TLS"),)),
    Http2Error.HTTP_1_1_REQUIRED: _Meaning(
        "HTTP_1_1_REQUIRED: the server wants HTTP/1.1 for this path, which gRPC cannot use (IIS with client "
        "certificates or Windows authentication).", (Fix("Serve gRPC under a host name without that demand"), _LOG)),
}
_UNKNOWN: Final = _Meaning("The code is none that RFC 9113 knows.", (_LOG, _DIRECT))

# Seconds after which well-known limits cut; a reset that fits one of them is that limit's.
_CLOCKS: Final = (
    (15.0, "15 s is Envoy's default route timeout"),
    (60.0, "60 s is nginx's, ALB's and Kong's default timeout"),
    (300.0, "300 s is Envoy's default stream_idle_timeout"),
)


def check(run: Run) -> Iterator[Conclusion]:
    effect = effect_of(run, lambda item: item.kind is Kind.RESET)
    if effect is None or effect.first.reset_code is None:
        return
    code = effect.first.reset_code
    meaning = _MEANINGS.get(code, _UNKNOWN)
    name = name_of(Http2Error, code)
    yield Finding(
        RULE,
        message=f"{_which(effect)} reset with RST_STREAM ({name})",
        explanation=f"{meaning.why} Clients report {_client_status(code)}.",
        evidence=(*evidence_of(effect.hit), *_timing(effect)),
        fixes=meaning.fixes,
        severity=effect.severity,
        alternatives=_alternatives(meaning, run),
    )


def _which(effect: Effect) -> str:
    if effect.hits_the_call and effect.others_answer:
        return "the call is"
    if effect.others_answer:
        return "some calls are" if len(effect.hit) > 1 else "one kind of call is"
    return "every call is"


def _client_status(code: int) -> str:
    status = STATUS_OF_RESET.get(code, GrpcStatus.INTERNAL)
    return f'{status.name} ("Received RST_STREAM with error code {code}")'


def _timing(effect: Effect) -> tuple[Evidence, ...]:
    took = effect.first.duration_ms
    clock = next((words for seconds, words in _CLOCKS if abs(took / 1000 - seconds) <= 0.05 * seconds), None)
    if clock is not None:
        return (Evidence(f"reset after {milliseconds(took)}: {clock}", ref="grpc"),)
    if took >= 1000:
        return (Evidence(f"reset after {milliseconds(took)}: look for a timeout of that length", ref="grpc"),)
    return (Evidence(f"reset after {milliseconds(took)}: refused at once, no timeout", ref="grpc"),) if took else ()


def _alternatives(meaning: _Meaning, run: Run) -> tuple[Alternative, ...]:
    if meaning.other is None:
        return ()
    name, why = meaning.other
    return (Alternative(name, why, decide=probe_command(run, "--trace")),)
