"""Names each failed connection once: why it came to nothing before HTTP/2 could start.

A dozen rules read the same few facts (an alert, a close, silence). Each asks `failure_of` and speaks only where its own
name comes back, so that one failure can never be reported under two names.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from grpcdoctor.model.codes import TlsAlert
from grpcdoctor.model.facts.grpc import CallFacts, GrpcFacts, HealthFacts
from grpcdoctor.model.facts.http2 import H2cFacts, Http2Facts
from grpcdoctor.model.facts.reach import SilenceFacts
from grpcdoctor.model.facts.tls import Handshake, SniFacts, TlsFacts
from grpcdoctor.model.run import Run

# What web servers answer to clear text on a TLS port: nginx, Go, Apache httpd, Tomcat.
_HTTPS_PORT_TEXTS: Final = (
    "plain http request was sent to https port",
    "client sent an http request to an https server",
    "speaking plain http to an ssl-enabled server port",
    "this combination of host and port requires tls",
)
# nginx lets the handshake through and refuses in HTTP: status 400 with one of these pages (its codes 496 and 495).
_CERTIFICATE_PAGES: Final = {
    "no required ssl certificate was sent": "client-certificate-required",
    "the ssl certificate error": "client-certificate-rejected",
}
# RFC 8446 §6.2: the alerts that speak about the certificate of the other side, and handshake_failure, which TLS 1.2
# servers send for a missing one.
_CERTIFICATE_ALERTS: Final = frozenset(
    (
        TlsAlert.BAD_CERTIFICATE,
        TlsAlert.UNSUPPORTED_CERTIFICATE,
        TlsAlert.CERTIFICATE_REVOKED,
        TlsAlert.CERTIFICATE_EXPIRED,
        TlsAlert.CERTIFICATE_UNKNOWN,
        TlsAlert.UNKNOWN_CA,
        TlsAlert.ACCESS_DENIED,
        TlsAlert.DECRYPT_ERROR,
    )
)
# What servers that route by name answer to a handshake without one, where they do not close or send alert 112.
_VAGUE_ALERTS: Final = frozenset((TlsAlert.HANDSHAKE_FAILURE, TlsAlert.INTERNAL_ERROR, TlsAlert.ACCESS_DENIED))


@dataclass(frozen=True, slots=True)
class Failure:
    """The name of the one rule that reports this failure, and how sure the facts make us."""

    name: str
    confidence: float = 1.0


@dataclass(frozen=True, slots=True)
class _Scene:
    """What the classifiers look at."""

    tls: TlsFacts
    handshake: Handshake
    sni: SniFacts | None
    in_clear: str | None
    """What the peer speaks in clear; None where nobody asked it."""
    tls_evident: bool
    closed_after: bool
    silence: str | None
    """What the peer does with a connection on which nothing is sent (as SilenceFacts.result)."""

    @property
    def completed(self) -> bool:
        return self.handshake.version is not None

    @property
    def closed_without_a_byte(self) -> bool:
        """Closed in the handshake, without a byte or an alert."""
        shake = self.handshake
        return not self.completed and shake.result == "closed" and not shake.first_bytes and shake.alert is None


def failure_of(run: Run) -> Failure | None:
    """The failure of this run's TLS (or of its connection), or None where there is none that these rules know."""
    return run.once(_failure_of)


def _failure_of(run: Run) -> Failure | None:
    tls = run.get(TlsFacts)
    if tls is None:
        return _failure_in_clear(run.get(H2cFacts))
    if tls.handshake is None:  # the connection could not be opened again: reset as soon as it stood
        return None if tls.asked else _failure_in_clear(run.get(H2cFacts))
    scene = _Scene(
        tls=tls,
        handshake=tls.handshake,
        sni=run.get(SniFacts),
        in_clear=spoken_in_clear(run),
        tls_evident=tls_evident(run),
        closed_after=_closed_after(run, tls),
        silence=silence_of(run),
    )
    if not _failed(scene):
        return refused_in_http(run)
    return next((failure for classify in _CLASSIFIERS if (failure := classify(scene)) is not None), None)


def _failure_in_clear(clear: H2cFacts | None) -> Failure | None:
    """Plaintext was asked and TLS not tried (there was no time left): less is known."""
    if clear is None or not clear.asked or clear.first is None or names_https_port(clear):
        return None
    return _IN_CLEAR_ONLY.get(clear.first.spoken)


def refused_in_http(run: Run) -> Failure | None:
    """TLS stands, and the answer to a request is a page about the client's certificate."""
    known, health, call = run.get(GrpcFacts), run.get(HealthFacts), run.get(CallFacts)
    replies = (
        known.reply if known is not None else None,
        health.check if health is not None else None,
        call.reply if call is not None else None,
    )
    pages = [reply.body.lower() for reply in replies if reply is not None and reply.http_status == _BAD_REQUEST]
    found = (name for text, name in _CERTIFICATE_PAGES.items() if any(text in page for page in pages))
    return next((Failure(name) for name in found), None)


def silence_of(run: Run) -> str | None:
    """What the peer does with a connection on which nothing is sent: "open", "closed", "spoke"; None: not asked."""
    silence = run.get(SilenceFacts)
    return silence.result if silence is not None else None


def spoken_in_clear(run: Run) -> str | None:
    """What the peer speaks in clear (as FirstBytes.spoken): its answer to the preface, else to the ClientHello."""
    clear, tls = run.get(H2cFacts), run.get(TlsFacts)
    to_hello = tls.spoken if tls is not None else None
    if clear is None or clear.first is None:
        return to_hello
    return to_hello if to_hello and clear.first.spoken in ("closed", "nothing") else clear.first.spoken


def tls_evident(run: Run) -> bool:
    """Whether anything that the peer sent proves that the port speaks TLS, even where no handshake succeeded."""
    tls, clear = run.get(TlsFacts), run.get(H2cFacts)
    if clear is not None and clear.first is not None and clear.first.spoken == "tls":
        return True
    if names_https_port(clear):
        return True
    if tls is None:
        return False
    shakes = [shake for shake in (tls.verified, tls.unverified) if shake is not None]
    return tls.client_certificate_requested or any(_record_seen(shake) for shake in shakes)


def names_https_port(clear: H2cFacts | None) -> bool:
    """Whether the answer in clear is a web server's "you sent plain HTTP to an HTTPS port"."""
    if clear is None or clear.http1 is None:
        return False
    words = f"{clear.http1.reason} {clear.http1.body}".lower().replace("\n", " ")
    return any(text in words for text in _HTTPS_PORT_TEXTS)


def _record_seen(shake: Handshake) -> bool:
    return shake.version is not None or shake.alert is not None or shake.result in ("alert", "verify-failed")


def _closed_after(run: Run, tls: TlsFacts) -> bool:
    """The peer hung up between the handshake and the first byte of HTTP/2."""
    shake, http2 = tls.handshake, run.get(Http2Facts)
    if shake is None or shake.version is None or shake.alert_after_handshake:
        return False
    spoken = http2.first.spoken if http2 is not None and http2.first is not None else None
    return spoken == "closed" or (shake.closed_after_handshake and spoken is None)


def _failed(scene: _Scene) -> bool:
    if scene.completed:  # an alert within a completed handshake was but a warning (112 from older servers)
        return scene.handshake.alert_after_handshake or scene.closed_after
    return scene.handshake.result != "verify-failed"


def _plaintext_found(scene: _Scene) -> Failure | None:
    if not scene.tls.asked or scene.tls_evident or scene.in_clear not in ("h2", "http/1.1"):
        return None
    return Failure("tls-expected-plaintext-found")


def _another_protocol(scene: _Scene) -> Failure | None:
    """SSH, garbage, or plaintext where plaintext was asked: the HTTP/2 layer's rules speak, none of these."""
    if scene.handshake.result == "not-tls" and scene.in_clear in ("ssh", "garbage"):
        return _NOT_OURS
    asked_in_clear = not scene.tls.asked and not scene.tls_evident
    return _NOT_OURS if asked_in_clear and scene.in_clear not in ("closed", "nothing") else None


def _too_old(scene: _Scene) -> Failure | None:
    shake = scene.handshake
    if scene.completed:
        return None
    if scene.tls.older_version is not None:
        return Failure("tls-version-too-old")
    refused = shake.alert == TlsAlert.PROTOCOL_VERSION or "UNSUPPORTED_PROTOCOL" in _reason(shake)
    return Failure("tls-version-too-old", 0.9) if refused else None


def _no_common_protocol(scene: _Scene) -> Failure | None:
    return Failure("alpn-not-h2") if scene.handshake.alert == TlsAlert.NO_APPLICATION_PROTOCOL else None


def _client_certificate(scene: _Scene) -> Failure | None:
    alert, given = scene.handshake.alert, scene.tls.client_certificate_given
    if alert == TlsAlert.CERTIFICATE_REQUIRED:
        return Failure("client-certificate-rejected", 0.9) if given else Failure("client-certificate-required")
    if not scene.tls.client_certificate_requested:
        return None
    if alert == TlsAlert.HANDSHAKE_FAILURE:
        return Failure("client-certificate-rejected", 0.85) if given else Failure("client-certificate-required")
    if alert in _CERTIFICATE_ALERTS:
        return Failure("client-certificate-rejected") if given else Failure("client-certificate-required", 0.95)
    if alert == TlsAlert.INTERNAL_ERROR and given:
        # What grpc-java (Netty's BoringSSL) says of a CA that it does not trust. The alert comes after the server's own
        # certificate was sent, so it is not for the want of one.
        return Failure("client-certificate-rejected", 0.85)
    if not alert and (scene.closed_after or scene.handshake.result == "closed"):
        return Failure("client-certificate-rejected", 0.8) if given else Failure("client-certificate-required", 0.85)
    return None


def _no_name_sent(scene: _Scene) -> Failure | None:
    """Refused, and no SNI was sent (the target is an address): was it for want of the name?"""
    shake, sni = scene.handshake, scene.sni
    if shake.server_name is not None or scene.completed:
        return None
    named = sni.with_sni if sni is not None else None
    if named is not None and named.version is not None:
        return Failure("sni-required")
    if shake.alert == TlsAlert.UNRECOGNIZED_NAME:
        return Failure("sni-required", 0.95)
    if shake.alert not in _VAGUE_ALERTS and not scene.closed_without_a_byte:
        return None
    if named is not None and (named.result, named.alert) != (shake.result, shake.alert):
        return Failure("sni-required", 0.9)  # a name, though a made-up one, changed the answer
    if shake.alert is not None or scene.tls_evident or (scene.tls.asked and scene.silence == "open"):
        return Failure("sni-required", 0.6)
    return None


def _no_answer(scene: _Scene) -> Failure | None:
    if scene.handshake.result != "timeout" or scene.completed:
        return None
    return Failure("response-timeout") if scene.tls.asked or scene.in_clear == "nothing" else None


def _name_refused(scene: _Scene) -> Failure | None:
    """With this SNI the peer hangs up, without any it does not: it is no silent port."""
    bare = scene.sni.without_sni if scene.sni is not None else None
    if scene.completed or bare is None or bare.version is None:
        return None
    return Failure("tls-handshake-failed")


def _closed_silently(scene: _Scene) -> Failure | None:
    if scene.closed_after:  # a server that is strict about ALPN closes too: then the ALPN rules speak
        return Failure("connection-closed-silently", 0.8) if scene.handshake.selected == "h2" else _NOT_OURS
    if scene.tls_evident or scene.in_clear not in ("closed", "nothing"):
        return None
    if scene.in_clear == "nothing":
        # It hangs up after a while: a TCP proxy that tries for seconds to reach its backend, and then gives up.
        return Failure("connection-closed-silently", 0.7) if scene.closed_without_a_byte else None
    if scene.tls.asked and not scene.closed_without_a_byte:
        return None
    return Failure("connection-closed-silently")


def _anything_else(scene: _Scene) -> Failure | None:
    return Failure("tls-handshake-failed") if scene.tls.asked or scene.tls_evident else None


def _reason(shake: Handshake) -> str:
    return (shake.error or "").upper().replace(" ", "_")


_BAD_REQUEST: Final = 400
_NOT_OURS: Final = Failure("")
_IN_CLEAR_ONLY: Final = {
    "closed": Failure("connection-closed-silently", 0.6),
    "nothing": Failure("response-timeout", 0.9),
}
# The order is the knowledge: what proves most comes first, and the catch-all last.
_CLASSIFIERS: Final[tuple[Callable[[_Scene], Failure | None], ...]] = (
    _plaintext_found,
    _another_protocol,
    _too_old,
    _no_common_protocol,
    _client_certificate,
    _no_name_sent,
    _no_answer,
    _name_refused,
    _closed_silently,
    _anything_else,
)
