"""tls-handshake-failed: the handshake failed for a reason that has no rule of its own."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from grpcdoctor.checks._commands import openssl_command, probe_command
from grpcdoctor.checks.tls._failure import failure_of, tls_evident
from grpcdoctor.checks.tls._words import alert_text, handshake_evidence, severity_where_tls_was_asked
from grpcdoctor.model.codes import TlsAlert
from grpcdoctor.model.facts.http2 import H2cFacts, Http2Facts
from grpcdoctor.model.facts.reach import SilenceFacts
from grpcdoctor.model.facts.tls import Handshake, SniFacts, TlsFacts
from grpcdoctor.model.finding import Conclusion, Evidence, Finding, Fix
from grpcdoctor.model.rule import Rule, Severity
from grpcdoctor.model.run import Run

RULE = Rule(
    code="GD214",
    name="tls-handshake-failed",
    severity=Severity.ERROR,
    title="the TLS handshake fails",
    explains=("http2-not-spoken", "http2-protocol-error"),
)
NEEDS = (TlsFacts, SniFacts, H2cFacts, Http2Facts, SilenceFacts)

_CIPHERS: Final = (
    "Client and server share no cipher suite or key type. HTTP/2 over TLS 1.2 needs an ECDHE suite with AES-GCM or "
    "ChaCha20 (RFC 9113 §9.2.2)."
)
# Alert of the peer -> what it usually means (RFC 8446 §6.2).
_ALERTS: Final[dict[int, str]] = {
    TlsAlert.HANDSHAKE_FAILURE: _CIPHERS,
    TlsAlert.INSUFFICIENT_SECURITY: _CIPHERS,
    TlsAlert.INTERNAL_ERROR: "The server failed while it set TLS up: most often its certificate or key is missing, or "
    "does not load. Its log names it.",
    TlsAlert.UNRECOGNIZED_NAME: "The server knows no host of that name: no certificate, virtual server or Gateway of "
    "its own is for the SNI that was sent.",
    TlsAlert.DECODE_ERROR: "The server could not read the ClientHello. A middlebox in between may have changed it.",
    TlsAlert.ILLEGAL_PARAMETER: "The server disliked a field of the ClientHello; old TLS stacks do so for new ones.",
    TlsAlert.ACCESS_DENIED: "The server, or a firewall that speaks for it, does not let this client in.",
}
# A piece of OpenSSL's reason -> what it means.
_ERRORS: Final = (
    ("DH_KEY_TOO_SMALL", "The server's Diffie-Hellman group is too small to be safe: give it ECDHE suites."),
    ("UNSAFE_LEGACY_RENEGOTIATION", "The server knows no secure renegotiation (RFC 5746): its TLS library is too old."),
    ("BAD_SIGNATURE", "The server's signature does not verify: its key does not belong to its certificate."),
    ("NO_SUITABLE_SIGNATURE", "The server signs with an algorithm that is refused (SHA-1)."),
    ("WRONG_SIGNATURE_TYPE", "The server signs with an algorithm that is refused (SHA-1)."),
    ("WRONG_CIPHER_RETURNED", "The server chose a cipher suite that was not offered."),
)


def check(run: Run) -> Iterator[Conclusion]:
    tls, failure = run.get(TlsFacts), failure_of(run)
    if tls is None or tls.handshake is None or failure is None or failure.name != RULE.name:
        return
    shake = tls.handshake
    yield Finding(
        RULE,
        message=_message(run, shake),
        explanation=_explanation(run, shake),
        evidence=_evidence(run, tls),
        fixes=_fixes(run, shake),
        severity=severity_where_tls_was_asked(tls),
        confidence=0.9 if shake.alert in _ALERTS else 0.7,
    )


def _message(run: Run, shake: Handshake) -> str:
    if _about_the_name(run, shake):
        return f"the server takes no TLS for the name {shake.server_name}"
    if shake.alert:
        when = "right after the handshake" if shake.alert_after_handshake else "in the TLS handshake"
        return f"the server sends {alert_text(shake.alert)} {when}"
    return _MESSAGES.get(shake.result, "the TLS handshake fails")


def _explanation(run: Run, shake: Handshake) -> str:
    if _about_the_name(run, shake):
        return _ALERTS[TlsAlert.UNRECOGNIZED_NAME]
    if shake.alert in _ALERTS:
        return _ALERTS[shake.alert]
    reason = (shake.error or "").upper().replace(" ", "_")
    known = next((text for mark, text in _ERRORS if mark in reason), None)
    if known is not None:
        return known
    if shake.result == "closed" and not shake.first_bytes and tls_evident(run):
        return (
            "The port speaks TLS, yet hangs up on this ClientHello without a word. Envoy and Istio gateways do so "
            "where no filter chain is for the name in SNI."
        )
    return "gRPC needs a complete handshake; the server's log usually names the reason, with this client's address."


def _about_the_name(run: Run, shake: Handshake) -> bool:
    """Refused because of the name: the peer says so, or it takes a handshake without any."""
    if shake.server_name is None or shake.version is not None:
        return False
    sni = run.get(SniFacts)
    without = sni is not None and sni.without_sni is not None and sni.without_sni.version is not None
    return without or shake.alert == TlsAlert.UNRECOGNIZED_NAME


def _evidence(run: Run, tls: TlsFacts) -> tuple[Evidence, ...]:
    seen = [handshake_evidence(tls)]
    shake, sni = tls.handshake, run.get(SniFacts)
    if shake is not None and shake.error and shake.alert:
        seen.append(Evidence(f"OpenSSL: {shake.error}", ref="tls"))
    if sni is not None and sni.without_sni is not None and sni.without_sni.version is not None:
        seen.append(Evidence("without SNI the same server completes the handshake", ref="sni"))
    return tuple(seen)


def _fixes(run: Run, shake: Handshake) -> tuple[Fix, ...]:
    see = Fix("see the handshake message by message", command=openssl_command(run, "-alpn", "h2", "-msg"))
    if _about_the_name(run, shake) or (shake.result == "closed" and not shake.alert):
        return (
            Fix("try the name that the server is set up for", command=probe_command(run, "--servername", "NAME")),
            Fix(
                "Istio: see which Gateway takes this host",
                command="kubectl get gateways.networking.istio.io -A -o yaml | grep -A3 hosts",
            ),
            see,
        )
    if _explanation(run, shake) == _CIPHERS:
        return (
            Fix("nginx: allow what every gRPC client offers", patch="ssl_ciphers ECDHE+AESGCM:ECDHE+CHACHA20;"),
            see,
        )
    return (see, Fix("read the server's log of the same second; raise its TLS logging where it says nothing"))


_MESSAGES: Final = {
    "closed": "the server hangs up in the TLS handshake",
    "timeout": "the server does not finish the TLS handshake",
    "not-tls": "the answer to the TLS handshake is no TLS",
}
