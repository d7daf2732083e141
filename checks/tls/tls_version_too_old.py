"""tls-version-too-old: the server speaks no TLS version that HTTP/2 allows."""

from __future__ import annotations

from collections.abc import Iterator

from grpcdoctor.checks._commands import openssl_command
from grpcdoctor.checks.tls._failure import failure_of
from grpcdoctor.checks.tls._words import handshake_evidence, severity_where_tls_was_asked
from grpcdoctor.model.facts.http2 import H2cFacts, Http2Facts
from grpcdoctor.model.facts.reach import SilenceFacts
from grpcdoctor.model.facts.tls import SniFacts, TlsFacts
from grpcdoctor.model.finding import Alternative, Conclusion, Evidence, Finding, Fix
from grpcdoctor.model.rule import Rule, Severity
from grpcdoctor.model.run import Run

RULE = Rule(
    code="GD213",
    name="tls-version-too-old",
    severity=Severity.ERROR,
    title="the server speaks no TLS version that gRPC may use",
    explains=("http2-not-spoken",),
)
NEEDS = (TlsFacts, SniFacts, H2cFacts, Http2Facts, SilenceFacts)


def check(run: Run) -> Iterator[Conclusion]:
    tls, failure = run.get(TlsFacts), failure_of(run)
    if tls is None or failure is None or failure.name != RULE.name:
        return
    older = tls.older_version
    seen = [handshake_evidence(tls)]
    if older is not None:
        seen.append(Evidence(f"offered TLS 1.0 and 1.1 only, the server chose {older}", ref="tls"))
    yield Finding(
        RULE,
        message=f"the server speaks only {older}; gRPC needs TLS 1.2"
        if older
        else "the server refuses TLS 1.2 and 1.3",
        explanation="HTTP/2 requires TLS 1.2 or later (RFC 9113 §9.2), and TLS 1.0 and 1.1 are withdrawn (RFC 8996): "
        "no gRPC client offers them.",
        evidence=tuple(seen),
        fixes=_FIXES,
        severity=severity_where_tls_was_asked(tls),
        confidence=failure.confidence,
        alternatives=() if older else (_other(run),),
    )


def _other(run: Run) -> Alternative:
    return Alternative(
        "tls-handshake-failed",
        "no older version was seen to work either",
        decide=openssl_command(run, "-tls1_1", "-cipher", "ALL:@SECLEVEL=0"),
    )


_FIXES = (
    Fix("nginx: in the server block", patch="ssl_protocols TLSv1.2 TLSv1.3;"),
    Fix(
        "Envoy: in common_tls_context.tls_params (Istio Gateway: tls.minProtocolVersion, maxProtocolVersion)",
        patch="{tls_minimum_protocol_version: TLSv1_2, tls_maximum_protocol_version: TLSv1_3}",
    ),
    Fix("haproxy: on the bind line", patch="ssl-min-ver TLSv1.2"),
)
