"""How the TLS rules word what they saw, so that all of them word it alike."""

from __future__ import annotations

from grpcdoctor.model.codes import TlsAlert, name_of
from grpcdoctor.model.conclusions import milliseconds
from grpcdoctor.model.facts.tls import Certificate, Handshake, TlsFacts
from grpcdoctor.model.finding import Evidence
from grpcdoctor.model.rule import Severity

_NAMES_SHOWN = 4


def severity_where_tls_was_asked(tls: TlsFacts | None) -> Severity | None:
    """None (the rule's own) where the user asked for TLS.

    A WARNING where plaintext was asked and TLS was only found there: what breaks the user's calls is that mix-up, and
    this comes after it.
    """
    return None if tls is None or tls.asked else Severity.WARNING


def alert_text(alert: int) -> str:
    """`alert 116 certificate_required`, as RFC 8446 spells it."""
    name = name_of(TlsAlert, alert)
    return f"alert {alert}" if name == str(alert) else f"alert {alert} {name.lower()}"


def handshake_evidence(tls: TlsFacts) -> Evidence:
    """One line: how the handshake that counts ended, at which address, with which SNI."""
    shake = tls.handshake
    if shake is None:
        return Evidence("no TLS handshake was made", ref="tls")
    name = f"SNI {shake.server_name}" if shake.server_name else "no SNI"
    where = " · ".join(part for part in (tls.address, name, shake.version or "") if part)
    return Evidence(f"{outcome_of(shake)} ({where})", ref="tls")


def outcome_of(shake: Handshake) -> str:
    """`the peer sent alert 40 handshake_failure`, `the peer closed without a byte` …"""
    if shake.alert:
        when = " right after the handshake" if shake.alert_after_handshake else ""
        return f"the peer sent {alert_text(shake.alert)}{when}"
    if shake.version is not None:
        return "closed right after the handshake" if shake.closed_after_handshake else "the handshake completed"
    return _INCOMPLETE.get(shake.result, _error)(shake)


def _closed(shake: Handshake) -> str:
    sent = "after its first bytes of TLS" if shake.first_bytes else "without a byte"
    return f"the peer closed in the handshake, {sent}"


def _timeout(shake: Handshake) -> str:
    return f"no answer to the ClientHello within {milliseconds(shake.duration_ms)}"


def _not_tls(shake: Handshake) -> str:
    return f"the answer to the ClientHello is no TLS: {shake.first_bytes[:36] or 'unknown bytes'}"


def _error(shake: Handshake) -> str:
    return shake.error or shake.verify_message or f"the handshake ended with {shake.result}"


_INCOMPLETE = {"closed": _closed, "timeout": _timeout, "not-tls": _not_tls}


def names_of(certificate: Certificate) -> str:
    """The names that a certificate is for, shortened where they are many."""
    shown = ", ".join(certificate.names[:_NAMES_SHOWN])
    more = len(certificate.names) - _NAMES_SHOWN
    return (f"{shown} and {more} more" if more > 0 else shown) or "no host at all (it has no subjectAltName)"
