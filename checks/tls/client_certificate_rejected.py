"""client-certificate-rejected: a client certificate was given, and the server does not accept it."""

from __future__ import annotations

from collections.abc import Iterator
from shlex import quote

from grpcdoctor.checks._commands import openssl_command
from grpcdoctor.checks.tls._failure import failure_of, refused_in_http
from grpcdoctor.checks.tls._words import alert_text, handshake_evidence, severity_where_tls_was_asked
from grpcdoctor.model.codes import TlsAlert
from grpcdoctor.model.facts.grpc import CallFacts, GrpcFacts, HealthFacts
from grpcdoctor.model.facts.http2 import H2cFacts, Http2Facts
from grpcdoctor.model.facts.reach import SilenceFacts
from grpcdoctor.model.facts.tls import SniFacts, TlsFacts
from grpcdoctor.model.finding import Alternative, Conclusion, Evidence, Finding, Fix
from grpcdoctor.model.rule import Rule, Severity
from grpcdoctor.model.run import Run

RULE = Rule(
    code="GD212",
    name="client-certificate-rejected",
    severity=Severity.ERROR,
    title="the server rejects the client certificate",
    explains=("http2-not-spoken", "http2-protocol-error", "not-grpc"),
)
NEEDS = (TlsFacts, SniFacts, H2cFacts, Http2Facts, SilenceFacts, GrpcFacts, HealthFacts, CallFacts)

_WHY = {
    TlsAlert.UNKNOWN_CA: "The server does not trust the CA that issued it.",
    TlsAlert.CERTIFICATE_EXPIRED: "The server says that it has expired, or is not valid yet.",
    TlsAlert.CERTIFICATE_REVOKED: "The server says that it was revoked.",
    TlsAlert.UNSUPPORTED_CERTIFICATE: "The server cannot use it for a client (extendedKeyUsage needs clientAuth).",
    TlsAlert.ACCESS_DENIED: "It is valid, and the server's policy does not let its name in.",
    TlsAlert.DECRYPT_ERROR: "Its signature did not verify: key and certificate may not belong together.",
    TlsAlert.INTERNAL_ERROR: "The server failed to verify it: grpc-java says so of a CA that it does not trust.",
    TlsAlert.CERTIFICATE_REQUIRED: "The server saw none: the client's key type or its CA fits nothing that was asked.",
}
_VAGUE = "The server does not say why: most often it does not trust the CA that issued it."


def check(run: Run) -> Iterator[Conclusion]:
    tls, failure = run.get(TlsFacts), failure_of(run)
    if tls is None or tls.handshake is None or failure is None or failure.name != RULE.name:
        return
    alert = tls.handshake.alert
    said = f" ({alert_text(alert).split(' ', 2)[-1]})" if alert else ""
    yield Finding(
        RULE,
        message=f"the server rejects the client certificate{said}",
        explanation=(_WHY.get(TlsAlert(alert), _VAGUE) if alert in set(TlsAlert) else _VAGUE)
        + " In TLS 1.3 this comes after the handshake, so clients report a lost connection.",
        evidence=_evidence(run, tls),
        fixes=_fixes(run, alert),
        severity=severity_where_tls_was_asked(tls),
        confidence=failure.confidence,
        alternatives=_alternatives(run, alert, failure.confidence),
    )


def _evidence(run: Run, tls: TlsFacts) -> tuple[Evidence, ...]:
    given = run.options.cert or "the client certificate"
    seen = (
        handshake_evidence(tls),
        Evidence(f"the server asked for a certificate and was given {given}", ref="tls"),
    )
    if refused_in_http(run) is None:
        return seen
    return (*seen, Evidence('HTTP 400 with the page "The SSL certificate error"', ref="grpc"))


def _fixes(run: Run, alert: int | None) -> tuple[Fix, ...]:
    cert = quote(run.options.cert or "client.pem")
    read = Fix(
        "read what was given", command=f"openssl x509 -in {cert} -noout -subject -issuer -dates -ext extendedKeyUsage"
    )
    trust = Fix(
        "add its CA to what the server trusts (Envoy validation_context.trusted_ca; nginx ssl_client_certificate; "
        "haproxy ca-file; Istio Gateway: ca.crt in the credential's Secret)"
    )
    issued = Fix(
        "see which CAs the server accepts", command=f"{openssl_command(run)} 2>/dev/null | grep -A9 'Acceptable client'"
    )
    renew = Fix("renew it, and check the server's clock")
    return (renew, read) if alert == TlsAlert.CERTIFICATE_EXPIRED else (issued, read, trust)


def _alternatives(run: Run, alert: int | None, confidence: float) -> tuple[Alternative, ...]:
    if confidence >= 0.9:
        return ()
    cert, key = run.options.cert or "client.pem", run.options.key or "client.key"
    look = openssl_command(run, "-alpn", "h2", "-cert", cert, "-key", key)
    if alert:
        why = "the alert is no word about certificates; the certificate is the likeliest reason, not the only one"
        return (Alternative("tls-handshake-failed", why, decide=look),)
    why = "the peer closed without saying why; the certificate is the likeliest reason, not the only one"
    return (Alternative("connection-closed-silently", why, decide=look),)
