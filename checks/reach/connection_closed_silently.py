"""connection-closed-silently: the peer accepts the connection and closes it without a byte."""

from __future__ import annotations

from collections.abc import Iterator

from grpcdoctor.checks._commands import curl_command, probe_command
from grpcdoctor.checks.tls._failure import failure_of, silence_of
from grpcdoctor.checks.tls._words import handshake_evidence
from grpcdoctor.model.conclusions import milliseconds
from grpcdoctor.model.facts.http2 import H2cFacts, Http2Facts
from grpcdoctor.model.facts.reach import SilenceFacts
from grpcdoctor.model.facts.tls import SniFacts, TlsFacts
from grpcdoctor.model.finding import Alternative, Conclusion, Evidence, Finding, Fix
from grpcdoctor.model.rule import Rule, Severity
from grpcdoctor.model.run import Run

RULE = Rule(
    code="GD107",
    name="connection-closed-silently",
    severity=Severity.ERROR,
    title="the peer closes the connection without a byte",
    explains=("http2-not-spoken", "http2-protocol-error"),
)
NEEDS = (TlsFacts, H2cFacts, SniFacts, Http2Facts, SilenceFacts)


def check(run: Run) -> Iterator[Conclusion]:
    failure = failure_of(run)
    if failure is None or failure.name != RULE.name:
        return
    tls = run.get(TlsFacts)
    if tls is not None and tls.completed:
        yield _after_the_handshake(run, tls, failure.confidence)
    else:
        yield _at_once(run, tls, failure.confidence)


def _at_once(run: Run, tls: TlsFacts | None, confidence: float) -> Finding:
    seen = _evidence(run, tls)
    picky = silence_of(run) == "open"
    return Finding(
        RULE,
        message="the peer accepts connections and closes them without a byte",
        explanation=_AFTER_A_WHILE if _is_slow_to_close(run, tls) else _READS_FIRST if picky else _ANY_REASON,
        evidence=seen,
        fixes=(
            Fix(
                "the server's or proxy's log of the same second, by this client's address",
                command="kubectl logs -l app=APP --all-containers --tail 20  # --previous after a crash",
            ),
            Fix(
                "called from outside a mesh with STRICT mTLS? Go through its gateway, or allow this port",
                command="kubectl get peerauthentication -A",
            ),
            Fix(
                "PROXY protocol on? Then the load balancer in front must send it (haproxy accept-proxy, Envoy "
                "proxy_protocol listener filter, nginx listen … proxy_protocol)",
                command=curl_command(run, run.target.tls, "--haproxy-protocol"),
            ),
        ),
        confidence=confidence,
        alternatives=_alternatives(run, tls),
    )


_ANY_REASON = (
    "TCP works, then the peer hangs up whatever it is sent, TLS or clear text: an allow-list by address, a mesh "
    "sidecar with STRICT mTLS, a listener that expects the PROXY protocol, or a server that crashes on accept."
)
_AFTER_A_WHILE = (
    "TCP works, then the peer stays silent for seconds and hangs up: that is how a TCP proxy (haproxy, Envoy's "
    "tcp_proxy, a cloud load balancer) looks that tries to reach its backend and gives up. Or a server that hangs."
)
_WHILE_MS = 1000.0
_READS_FIRST = (
    "The peer keeps a connection on which nothing is sent and hangs up once it reads: it expects something else first "
    "(the PROXY protocol, a mesh's mTLS) or serves no host of this name."
)


def _is_slow_to_close(run: Run, tls: TlsFacts | None) -> bool:
    clear = run.get(H2cFacts)
    waits = [tls.handshake.duration_ms] if tls is not None and tls.handshake is not None else []
    waits += [clear.first.duration_ms] if clear is not None and clear.first is not None else []
    return max(waits, default=0.0) >= _WHILE_MS


def _evidence(run: Run, tls: TlsFacts | None) -> tuple[Evidence, ...]:
    clear = run.get(H2cFacts)
    seen = []
    if tls is not None:
        seen.append(handshake_evidence(tls))
    if clear is not None and clear.first is not None:
        how = "reset without a byte" if clear.first.reset else "closed without a byte"
        if clear.first.spoken == "nothing":
            how = f"silence for {milliseconds(clear.first.duration_ms)}"
        seen.append(Evidence(f"HTTP/2 preface in clear: {how}", ref="h2c"))
    silence = silence_of(run)
    if silence in _SILENT:
        seen.append(Evidence(f"nothing sent at all: the connection is {_SILENT[silence]}", ref="silence"))
    return tuple(seen)


_SILENT = {"open": "kept open", "closed": "closed as well"}


def _alternatives(run: Run, tls: TlsFacts | None) -> tuple[Alternative, ...]:
    if tls is None:
        decide = probe_command(run, plaintext=False)
        return (
            Alternative(
                "plaintext-expected-tls-found", "many TLS ports hang up on clear text; TLS was not tried", decide
            ),
        )
    if tls.asked and tls.handshake is not None and tls.handshake.server_name is None and silence_of(run) != "closed":
        decide = probe_command(run, "--servername", "NAME")
        return (
            Alternative("sni-required", "a gateway without a chain for nameless clients hangs up like this", decide),
        )
    return ()


def _after_the_handshake(run: Run, tls: TlsFacts, confidence: float) -> Finding:
    return Finding(
        RULE,
        message="the server closes right after the TLS handshake",
        explanation="TLS stands, then the server hangs up before its SETTINGS: its backend refuses (TCP proxies that "
        "end TLS do so), HTTP/2 is not what it expects, or its policy does not let this client in.",
        evidence=(handshake_evidence(tls), Evidence("the HTTP/2 preface got no byte back", ref="http2")),
        fixes=(
            Fix("see whether it speaks HTTP/1.1 instead", command=curl_command(run, True, "--http1.1")),
            Fix("a TCP load balancer that ends TLS? Look at its backends' health and protocol"),
            Fix("the server's log of the same second, by this client's address"),
        ),
        confidence=confidence,
    )
