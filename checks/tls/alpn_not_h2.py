"""alpn-not-h2: the server does negotiate a protocol in ALPN, and it is not h2."""

from __future__ import annotations

from collections.abc import Iterator

from grpcdoctor.checks._commands import openssl_command
from grpcdoctor.checks.tls._alpn import alpn_fixes
from grpcdoctor.checks.tls._words import alert_text, severity_where_tls_was_asked
from grpcdoctor.model.codes import TlsAlert
from grpcdoctor.model.conclusions import alpn_triple
from grpcdoctor.model.facts.http2 import Http2Facts
from grpcdoctor.model.facts.tls import AlpnFacts, Handshake, TlsFacts
from grpcdoctor.model.finding import Conclusion, Evidence, Finding, Fix
from grpcdoctor.model.rule import Rule, Severity
from grpcdoctor.model.run import Run

RULE = Rule(
    code="GD203",
    name="alpn-not-h2",
    severity=Severity.ERROR,
    title="the TLS listener negotiates another protocol than h2",
    explains=("http2-not-spoken", "not-grpc", "connection-closed-silently", "http-redirect", "http2-protocol-error"),
)
NEEDS = (TlsFacts, AlpnFacts, Http2Facts)

_WHY = (
    "gRPC needs HTTP/2, and over TLS that is chosen by ALPN. grpc-go >= 1.67, grpcio and grpc-java refuse a "
    "connection on which h2 was not selected."
)


def check(run: Run) -> Iterator[Conclusion]:
    tls, alpn = run.get(TlsFacts), run.get(AlpnFacts)
    if tls is None or tls.handshake is None:
        return
    both = alpn.with_http1 if alpn is not None else None
    refused = tls.handshake.version is None and tls.handshake.alert == TlsAlert.NO_APPLICATION_PROTOCOL
    message = _message(tls.handshake, both, refused)
    if message is None:
        return
    only_with_http1 = both is not None and both.selected == "h2"
    yield Finding(
        RULE,
        message=message,
        explanation=_WHY + (" Lenient clients (old grpcurl) may still get through." if not refused else ""),
        evidence=_evidence(run, tls.handshake, both),
        fixes=_fixes(run, only_with_http1),
        severity=severity_where_tls_was_asked(tls),
        confidence=0.7 if only_with_http1 else 1.0,
    )


def _message(shake: Handshake, both: Handshake | None, refused: bool) -> str | None:
    other = both.selected if both is not None and both.version is not None else None
    if refused:
        return f"the listener refuses h2 in ALPN and takes only {other}" if other else "the listener refuses h2 in ALPN"
    if shake.version is None:
        return None
    if shake.selected is not None:
        return None if shake.selected == "h2" else f"the listener selects {shake.selected} in ALPN, not h2"
    if other is None:
        return None  # it negotiates nothing at all: alpn-missing
    if other == "h2":
        return "the listener selects h2 on one connection and not on the next"
    return f"the listener negotiates {other} and no HTTP/2 (ALPN)"


def _evidence(run: Run, shake: Handshake, both: Handshake | None) -> tuple[Evidence, ...]:
    http2 = run.get(Http2Facts)
    spoken = http2.first.spoken if http2 is not None and http2.first is not None else None
    if shake.version is None:
        evidence = [Evidence(f"offered h2: the peer sent {alert_text(TlsAlert.NO_APPLICATION_PROTOCOL)}", ref="tls")]
        spoken_by_both = spoken
    else:
        evidence = [Evidence(alpn_triple(shake, spoken), ref="tls")]
        spoken_by_both = None
    if both is not None and both.version is not None:
        spoken_words = f" · spoken {spoken_by_both}" if spoken_by_both else ""
        evidence.append(
            Evidence(f"offered {','.join(both.offered)} · selected {both.selected or 'none'}{spoken_words}", ref="alpn")
        )
    return tuple(evidence)


def _fixes(run: Run, only_with_http1: bool) -> tuple[Fix, ...]:
    if only_with_http1:
        return (Fix("see whether several backends answer", command=openssl_command(run, "-alpn", "h2")),)
    return alpn_fixes(run, "nginx", "envoy", "haproxy")
