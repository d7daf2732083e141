"""alpn-missing: the server selects no protocol at all in ALPN."""

from __future__ import annotations

from collections.abc import Iterator

from grpcdoctor.checks._commands import openssl_command
from grpcdoctor.checks.tls._alpn import alpn_fixes
from grpcdoctor.checks.tls._words import severity_where_tls_was_asked
from grpcdoctor.model.conclusions import alpn_triple
from grpcdoctor.model.facts.http2 import Http2Facts
from grpcdoctor.model.facts.tls import AlpnFacts, Handshake, TlsFacts
from grpcdoctor.model.finding import Alternative, Conclusion, Evidence, Finding
from grpcdoctor.model.rule import Rule, Severity
from grpcdoctor.model.run import Run

RULE = Rule(
    code="GD204",
    name="alpn-missing",
    severity=Severity.ERROR,
    title="the TLS listener does not negotiate ALPN",
    explains=("http2-not-spoken", "not-grpc", "connection-closed-silently", "http-redirect", "http2-protocol-error"),
)
NEEDS = (TlsFacts, AlpnFacts, Http2Facts)


def check(run: Run) -> Iterator[Conclusion]:
    tls = run.get(TlsFacts)
    if tls is None or tls.handshake is None or not tls.completed or tls.handshake.selected is not None:
        return
    both = _offered_both(run)
    if both is not None and both.selected is not None:
        return  # the server does negotiate, only not h2: alpn-not-h2
    http2 = run.get(Http2Facts)
    spoken = http2.first.spoken if http2 is not None and http2.first is not None else None
    evidence = [Evidence(alpn_triple(tls.handshake, spoken), ref="tls")]
    if both is not None:
        evidence.append(Evidence(f"offered {','.join(both.offered)} · selected none", ref="alpn"))
    yield Finding(
        RULE,
        message=_MESSAGE_SURE if both is not None else _MESSAGE_UNSURE,
        explanation="gRPC clients require h2 to be selected in ALPN: grpc-go >= 1.67, grpcio and grpc-java refuse "
        "such a connection. Older clients and old grpcurl still connect, so it may look fine there.",
        evidence=tuple(evidence),
        fixes=alpn_fixes(run, "haproxy", "envoy", "aws-nlb"),
        severity=severity_where_tls_was_asked(tls),
        confidence=1.0 if both is not None else 0.6,
        alternatives=() if both is not None else (_other(run),),
    )


def _offered_both(run: Run) -> Handshake | None:
    """The handshake that offered http/1.1 too, where it completed."""
    alpn = run.get(AlpnFacts)
    both = alpn.with_http1 if alpn is not None else None
    return both if both is not None and both.version is not None else None


def _other(run: Run) -> Alternative:
    return Alternative(
        "alpn-not-h2",
        "the server may select http/1.1 where it is offered; that was not asked",
        decide=openssl_command(run, "-alpn", "h2,http/1.1") + " 2>/dev/null | grep ALPN",
    )


_MESSAGE_SURE = "the TLS listener negotiates no protocol (ALPN is not configured)"
_MESSAGE_UNSURE = "the TLS listener does not select h2 in ALPN"
