"""sni-required: the server answers only handshakes that name the host (server_name extension)."""

from __future__ import annotations

from collections.abc import Iterator

from grpcdoctor.checks._commands import probe_command
from grpcdoctor.checks.tls._failure import failure_of, silence_of
from grpcdoctor.checks.tls._words import handshake_evidence, outcome_of, severity_where_tls_was_asked
from grpcdoctor.model.facts.http2 import H2cFacts, Http2Facts
from grpcdoctor.model.facts.reach import SilenceFacts
from grpcdoctor.model.facts.tls import SniFacts, TlsFacts
from grpcdoctor.model.finding import Alternative, Conclusion, Evidence, Finding, Fix
from grpcdoctor.model.rule import Rule, Severity
from grpcdoctor.model.run import Run

RULE = Rule(
    code="GD215",
    name="sni-required",
    severity=Severity.ERROR,
    title="the server answers only handshakes that carry SNI",
    explains=("http2-not-spoken", "connection-closed-silently"),
)
NEEDS = (TlsFacts, SniFacts, H2cFacts, Http2Facts, SilenceFacts)


def check(run: Run) -> Iterator[Conclusion]:
    failure = failure_of(run)
    if failure is not None and failure.name == RULE.name:
        yield _refused(run, failure.confidence)
        return
    yield from _worth_knowing(run)


def _refused(run: Run, confidence: float) -> Finding:
    """This run sent no SNI, for its target is an address, and was refused."""
    tls, sni = run.get(TlsFacts), run.get(SniFacts)
    assert tls is not None
    seen = [handshake_evidence(tls)]
    if sni is not None and sni.with_sni is not None:
        seen.append(Evidence(f"with SNI {sni.with_sni.server_name}: {outcome_of(sni.with_sni)}", ref="sni"))
    if silence_of(run) == "open":
        seen.append(
            Evidence(
                "a connection on which nothing is sent stays open: the peer closes for what it reads", ref="silence"
            )
        )
    name = _working_name(sni) or "NAME"
    return Finding(
        RULE,
        message="the server refuses handshakes without SNI",
        explanation="The target is an address, so clients send no server name; a gateway that picks certificate and "
        "route by that name has nothing to go by and hangs up.",
        evidence=tuple(seen),
        fixes=(
            Fix("name the host as well", command=probe_command(run, "--servername", name)),
            Fix(
                "in clients dial the name, or set it: grpc.ssl_target_name_override, tls.Config.ServerName, "
                "overrideAuthority (Java)"
            ),
        ),
        severity=severity_where_tls_was_asked(tls),
        confidence=confidence,
        alternatives=_alternatives(run) if confidence < 0.9 else (),
    )


def _alternatives(run: Run) -> tuple[Alternative, ...]:
    decide = probe_command(run, "--servername", "NAME")
    return (
        Alternative("connection-closed-silently", "the peer may hang up on everybody, whatever they send", decide),
        Alternative("tls-handshake-failed", "the peer may refuse for another reason and not say it", decide),
    )


def _working_name(sni: SniFacts | None) -> str | None:
    named = sni.with_sni if sni is not None else None
    if named is None or named.version is None or named.server_name is None:
        return None
    # The probe's own made-up name (RFC 2606) shows that any name will do; the user has a better one.
    return None if named.server_name.endswith(".invalid") else named.server_name


def _worth_knowing(run: Run) -> Iterator[Conclusion]:
    """This run sent SNI and is fine; a client that dials the address would not be."""
    sni = run.get(SniFacts)
    if sni is None or sni.with_sni is None or sni.without_sni is None:
        return
    bare = sni.without_sni
    if sni.with_sni.version is None or bare.result == "timeout":
        return
    if bare.version is not None and sni.same_certificate is not False:
        return
    refused = bare.version is None
    yield Finding(
        RULE,
        message="without SNI the server refuses the handshake"
        if refused
        else "without SNI the server shows another certificate",
        explanation="Clients send SNI where they dial a name, so nothing is wrong; one that dials the bare address "
        "(a Kubernetes probe, a health check of a load balancer) needs the name set.",
        evidence=(
            Evidence(f"with SNI {sni.with_sni.server_name}: {outcome_of(sni.with_sni)}", ref="sni"),
            Evidence(f"without: {outcome_of(bare)}" if refused else "without: another certificate", ref="sni"),
        ),
        severity=Severity.INFO,
    )
