"""client-certificate-required: the server wants mutual TLS, and no certificate was given."""

from __future__ import annotations

from collections.abc import Iterator

from grpcdoctor.checks._commands import openssl_command, probe_command
from grpcdoctor.checks.tls._failure import failure_of, refused_in_http
from grpcdoctor.checks.tls._words import handshake_evidence, severity_where_tls_was_asked
from grpcdoctor.model.facts.grpc import CallFacts, GrpcFacts, HealthFacts
from grpcdoctor.model.facts.http2 import H2cFacts, Http2Facts
from grpcdoctor.model.facts.reach import SilenceFacts
from grpcdoctor.model.facts.tls import SniFacts, TlsFacts
from grpcdoctor.model.finding import Alternative, Conclusion, Evidence, Finding, Fix
from grpcdoctor.model.rule import Rule, Severity
from grpcdoctor.model.run import Run

RULE = Rule(
    code="GD211",
    name="client-certificate-required",
    severity=Severity.ERROR,
    title="the server requires a client certificate",
    explains=("http2-not-spoken", "http2-protocol-error", "not-grpc"),
)
NEEDS = (TlsFacts, SniFacts, H2cFacts, Http2Facts, SilenceFacts, GrpcFacts, HealthFacts, CallFacts)


def check(run: Run) -> Iterator[Conclusion]:
    tls, failure = run.get(TlsFacts), failure_of(run)
    if tls is None or failure is None or failure.name != RULE.name:
        return
    seen = [handshake_evidence(tls)]
    if tls.client_certificate_requested:
        seen.append(Evidence("the server sent a CertificateRequest; no --cert was given", ref="tls"))
    if refused_in_http(run) is not None:
        seen.append(Evidence('HTTP 400 with the page "No required SSL certificate was sent"', ref="grpc"))
    yield Finding(
        RULE,
        message="the server requires a client certificate (mutual TLS)",
        explanation="The server asks for a certificate in the handshake and drops clients without one. In TLS 1.3 that "
        "shows only after the handshake, so clients report a lost connection instead of a TLS error.",
        evidence=tuple(seen),
        fixes=(
            Fix("give one that the server's CA issued", command=_with_certificate(run)),
            Fix(
                "or make it optional: Istio Gateway tls.mode SIMPLE in place of MUTUAL; Envoy "
                "require_client_certificate: false; nginx ssl_verify_client optional"
            ),
            Fix("behind a mesh's STRICT mTLS: call from a workload with a sidecar, or through the gateway"),
        ),
        severity=severity_where_tls_was_asked(tls),
        confidence=failure.confidence,
        alternatives=_alternatives(run, failure.confidence),
    )


def _with_certificate(run: Run) -> str:
    return probe_command(run, "--cert", "client.pem", "--key", "client.key")


def _alternatives(run: Run, confidence: float) -> tuple[Alternative, ...]:
    if confidence >= 0.9:
        return ()
    why = "a certificate was only asked for, and the peer may have closed for a reason of its own"
    look = openssl_command(run, "-alpn", "h2", "-cert", "client.pem", "-key", "client.key")
    return (Alternative("connection-closed-silently", why, decide=look),)
