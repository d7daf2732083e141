"""trailers-missing: a gRPC answer ends without grpc-status."""

from __future__ import annotations

from collections.abc import Iterator

from grpcdoctor.checks.grpc._effect import Effect, effect_of
from grpcdoctor.checks.grpc._replies import Kind, evidence_of
from grpcdoctor.checks.grpc._upstream import PORT_FORWARD
from grpcdoctor.model.conclusions import milliseconds
from grpcdoctor.model.facts.grpc import CallFacts, GrpcFacts, HealthFacts, ReflectionFacts, Reply
from grpcdoctor.model.finding import Alternative, Conclusion, Evidence, Finding, Fix
from grpcdoctor.model.rule import Rule, Severity
from grpcdoctor.model.run import Run

RULE = Rule(
    code="GD402",
    name="trailers-missing",
    severity=Severity.ERROR,
    title="answers end without a gRPC status",
    explains=("clients-disagree",),
)
NEEDS = (GrpcFacts, HealthFacts, ReflectionFacts, CallFacts)

# haproxy ends a stream so when `timeout server` runs out; a stripped trailer shows at once.
_WAITED_MS = 1000.0


def check(run: Run) -> Iterator[Conclusion]:
    effect = effect_of(run, lambda item: item.kind is Kind.TRAILERS_MISSING)
    if effect is None:
        return
    reply = effect.first
    broken = reply.header("grpc-status")
    yield Finding(
        RULE,
        message="answers end without grpc-status: the trailers are lost on the way"
        if broken is None
        else f'grpc-status is "{broken[:20]}", which is no number',
        explanation="A gRPC call succeeds only when grpc-status arrives in the trailers. Some hop answers in HTTP/1.1, "
        "buffers the response or rewrites headers, and the trailers are gone: clients report UNKNOWN or INTERNAL, even "
        "though the data came.",
        evidence=(*evidence_of(effect.hit), _how_it_ended(reply)),
        fixes=(
            Fix("Find the hop: ask past each proxy, the pod first; trailers that are there got lost after it",
                command=PORT_FORWARD),
            Fix("Speak HTTP/2 on every hop: nginx grpc_pass in place of proxy_pass, haproxy `server … proto h2`, "
                "Envoy http2_protocol_options, Service port named grpc-… or appProtocol kubernetes.io/h2c"),
            Fix("Look for filters that buffer or rewrite responses (Lua, Wasm, WAF, CDN) and take them off gRPC paths"),
        ),
        severity=_severity(effect),
        alternatives=_alternatives(effect),
    )


def _severity(effect: Effect) -> Severity:
    """A refusal without a message carries its status in its headers and has no trailers to lose: only a reply that came
    through with trailers shows that they are lost at times only."""
    some_come_through = any(item.reply.trailers for item in effect.spared)
    return Severity.WARNING if some_come_through and not effect.hits_the_call else Severity.ERROR


def _how_it_ended(reply: Reply) -> Evidence:
    if not reply.messages and not reply.body_bytes:
        how = "HEADERS with END_STREAM, and no grpc-status among them"
    elif reply.trailers:
        how = "trailers without grpc-status: " + ", ".join(name for name, _ in reply.trailers)
    else:
        how = f"DATA with END_STREAM after {reply.messages} messages, {reply.body_bytes} bytes; no trailers"
    return Evidence(f"the stream ended with {how}, after {milliseconds(reply.duration_ms)}", ref="grpc")


def _alternatives(effect: Effect) -> tuple[Alternative, ...]:
    if effect.first.duration_ms < _WAITED_MS:
        return (Alternative("upstream-protocol-mismatch", "a proxy that speaks HTTP/1.1 to the backend loses trailers",
                            decide=PORT_FORWARD),)
    why = "haproxy ends a call so when `timeout server` runs out"
    return (Alternative("upstream-timeout", why, decide=PORT_FORWARD),)
