"""plaintext-expected-tls-found: plaintext was asked for, and the port speaks TLS."""

from __future__ import annotations

from collections.abc import Iterator

from grpcdoctor.checks._commands import probe_command
from grpcdoctor.checks.tls._failure import names_https_port, tls_evident
from grpcdoctor.checks.tls._words import alert_text, outcome_of
from grpcdoctor.model.facts.http2 import H2cFacts
from grpcdoctor.model.facts.tls import TlsFacts
from grpcdoctor.model.finding import Conclusion, Evidence, Finding, Fix
from grpcdoctor.model.rule import Rule, Severity
from grpcdoctor.model.run import Run

RULE = Rule(
    code="GD202",
    name="plaintext-expected-tls-found",
    severity=Severity.ERROR,
    title="plaintext was asked for, the port speaks TLS",
    explains=("http2-not-spoken", "not-grpc", "connection-closed-silently", "response-timeout",
              "certificate-untrusted"),
)
NEEDS = (H2cFacts, TlsFacts)


def check(run: Run) -> Iterator[Conclusion]:
    clear, tls = run.get(H2cFacts), run.get(TlsFacts)
    if clear is None or not clear.asked or clear.first is None or clear.first.spoken == "h2":
        return
    if not tls_evident(run):
        return
    evidence = [Evidence(f"in clear: {_answer(clear)}", ref="h2c")]
    if tls is not None and tls.handshake is not None:
        evidence.append(Evidence(f"with TLS: {_handshake(tls)}", ref="tls"))
    # A working HTTP/1.1 site in clear beside TLS on one port is rare, but then TLS need not be where gRPC is.
    over_tls = tls.handshake.selected if tls is not None and tls.handshake is not None else None
    two_faced = clear.first.spoken == "http/1.1" and not names_https_port(clear) and over_tls != "h2"
    yield Finding(
        RULE,
        message="this port speaks TLS; it was called in clear text",
        explanation="A gRPC client without TLS sends the HTTP/2 preface in clear; a TLS port answers with an alert, "
        'a 400 page, or hangs up. grpcurl calls that "context deadline exceeded", grpcio "Socket closed".',
        evidence=tuple(evidence),
        fixes=(
            Fix("call it with TLS (no --plaintext, TLS credentials in the client)", command=_with_tls(run)),
            Fix("or call the port where the server speaks in clear, if it has one"),
        ),
        confidence=0.9 if two_faced else 1.0,
    )


def _answer(clear: H2cFacts) -> str:
    first = clear.first
    assert first is not None
    if first.spoken == "tls":
        return (
            f"TLS {alert_text(first.tls_alert)}" if first.tls_alert is not None else f"a TLS record ({first.data[:14]})"
        )
    if clear.http1 is not None:
        told = ' and says "the plain HTTP request was sent to HTTPS port"' if names_https_port(clear) else ""
        return f"HTTP/1.x {clear.http1.status} {clear.http1.reason}".rstrip() + told
    return {"closed": "closed without a byte", "nothing": "no answer"}.get(first.spoken, first.text or first.spoken)


def _handshake(tls: TlsFacts) -> str:
    shake = tls.handshake
    assert shake is not None
    name = f" for {tls.leaf.subject}" if tls.leaf is not None else ""
    version = f", {shake.version}" if shake.version else ""
    return f"{outcome_of(shake)}{version}{name}"


def _with_tls(run: Run) -> str:
    tls = run.get(TlsFacts)
    refused = tls is not None and tls.verified is not None and tls.verified.result == "verify-failed"
    flags = ("--cacert", "ca.pem") if refused and run.options.cacert is None else ()
    return probe_command(run, *flags, plaintext=False)
