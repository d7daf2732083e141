"""tls-expected-plaintext-found: TLS was asked for, and the port speaks in clear."""

from __future__ import annotations

from collections.abc import Iterator

from grpcdoctor.checks._commands import probe_command
from grpcdoctor.checks.tls._failure import failure_of, spoken_in_clear
from grpcdoctor.checks.tls._words import handshake_evidence
from grpcdoctor.model.facts.http2 import FirstBytes, H2cFacts, Http2Facts
from grpcdoctor.model.facts.reach import SilenceFacts
from grpcdoctor.model.facts.tls import SniFacts, TlsFacts
from grpcdoctor.model.finding import Conclusion, Evidence, Finding, Fix
from grpcdoctor.model.rule import Rule, Severity
from grpcdoctor.model.run import Run

RULE = Rule(
    code="GD201",
    name="tls-expected-plaintext-found",
    severity=Severity.ERROR,
    title="TLS was asked for, the port speaks in clear text",
    explains=("http2-not-spoken", "http-redirect"),
)
NEEDS = (TlsFacts, H2cFacts, SniFacts, Http2Facts, SilenceFacts)

_MESSAGES = {
    "h2": "this port speaks HTTP/2 without TLS",
    "http/1.1": "this port speaks HTTP/1.1 without TLS",
}
_EXPLANATIONS = {
    "h2": "The client opens with a TLS ClientHello; the server expects the HTTP/2 preface and gives up. gRPC itself "
    "may be fine here: the rest of this report was measured in clear text.",
    "http/1.1": "The client opens with a TLS ClientHello; the server reads it as a broken HTTP/1.1 request. Either "
    "TLS ends elsewhere, or this is not the gRPC port at all.",
}


def check(run: Run) -> Iterator[Conclusion]:
    tls, failure = run.get(TlsFacts), failure_of(run)
    if tls is None or failure is None or failure.name != RULE.name:
        return
    spoken = spoken_in_clear(run) or ""
    clear = run.get(H2cFacts)
    evidence = [handshake_evidence(tls)]
    if clear is not None and clear.first is not None:
        evidence.append(Evidence(f"in clear the port answers the HTTP/2 preface with {_shown(clear.first)}", ref="h2c"))
    yield Finding(
        RULE,
        message=_MESSAGES[spoken],
        explanation=_EXPLANATIONS[spoken],
        evidence=tuple(evidence),
        fixes=_fixes(run, spoken),
        confidence=failure.confidence,
    )


def _shown(first: FirstBytes) -> str:
    if first.spoken == "h2":
        return f"HTTP/2 SETTINGS ({first.data[:18]}…)" if first.data else "HTTP/2 SETTINGS"
    return f'"{first.text}"' if first.text else f"{first.spoken} ({first.data[:18]}…)"


def _fixes(run: Run, spoken: str) -> tuple[Fix, ...]:
    on_the_server = Fix(
        "or give the listener TLS (Envoy: a DownstreamTlsContext; Istio Gateway: protocol HTTPS and tls.mode SIMPLE)"
    )
    if spoken == "http/1.1":
        return (Fix("look for the port where gRPC listens", command="kubectl get service -A -o wide"), on_the_server)
    in_clear = Fix(
        "call it in clear text (grpcurl -plaintext; insecure credentials in gRPC clients)",
        command=probe_command(run, plaintext=True),
    )
    return (in_clear, on_the_server)
