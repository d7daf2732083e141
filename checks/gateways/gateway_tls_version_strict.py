"""gateway-tls-version-strict: a server's TLS versions or ciphers are ones that gRPC clients may not have."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from grpcdoctor.checks._findings import about
from grpcdoctor.checks.gateways._istio import Use, uses
from grpcdoctor.cluster.changes import Edit
from grpcdoctor.cluster.fields import text_at, texts_at
from grpcdoctor.cluster.paths import ROUTE_KINDS
from grpcdoctor.cluster.snapshot import Cluster
from grpcdoctor.model.finding import Conclusion
from grpcdoctor.model.rule import Rule, Severity

RULE = Rule(
    code="GD626",
    name="gateway-tls-version-strict",
    severity=Severity.WARNING,
    title="a Gateway's TLS versions or ciphers shut out gRPC clients",
)
READS = ROUTE_KINDS
_TOO_OLD: Final = ("TLSV1_0", "TLSV1_1")
# What is left of TLS 1.2 by RFC 9113 appendix A: forward secrecy and an AEAD.
_FIT: Final = ("GCM", "CHACHA20")
_HANDSHAKE: Final = "UNAVAILABLE (14), a failed TLS handshake (protocol version, handshake failure)."


def check(cluster: Cluster) -> Iterator[Conclusion]:
    for use in uses(cluster):
        if use.severity is Severity.ERROR and use.server.terminates_tls:
            yield from _judge(use)


def _judge(use: Use) -> Iterator[Conclusion]:
    tls = use.server.tls
    least, most = text_at(tls, "minProtocolVersion"), text_at(tls, "maxProtocolVersion")
    ciphers = texts_at(tls, "cipherSuites")
    if most in _TOO_OLD:
        text = f"{use.title} ends at {_words(most)}; HTTP/2, and so gRPC, needs TLS 1.2 at least"
        yield _finding(use, "maxProtocolVersion", text, f"Current clients do not go below TLS 1.2: {_HANDSHAKE}")
    elif most == "TLSV1_2" and ciphers and not any(_is_fit(name) for name in ciphers):
        text = f"{use.title} offers TLS 1.2 only, with no cipher that HTTP/2 allows"
        effect = f"Many gRPC clients offer only ciphers that HTTP/2 allows: {_HANDSHAKE}"
        yield _finding(use, "cipherSuites", text, effect)
    elif least == "TLSV1_3" and most not in ("TLSV1_2", *_TOO_OLD):
        text = f"{use.title} takes TLS 1.3 only"
        effect = f"Fine for current clients. Those of old runtimes (Java 8, OpenSSL 1.0) get {_HANDSHAKE}"
        yield _finding(use, "minProtocolVersion", text, effect, Severity.INFO)


def _is_fit(cipher: str) -> bool:
    return cipher.upper().startswith(("ECDHE", "DHE")) and any(word in cipher.upper() for word in _FIT)


def _words(version: str) -> str:
    return "TLS " + version.removeprefix("TLSV").replace("_", ".")


def _finding(use: Use, field: str, text: str, symptom: str, severity: Severity | None = None) -> Conclusion:
    path = (*use.server.path, "tls", field)
    edit = Edit(use.gateway)
    if field == "minProtocolVersion":
        fix = edit.set(path, "TLSV1_2").fix("Take TLS 1.2 too, if such clients are to come in")
    else:
        fix = edit.remove(path).fix(f"Drop {field}: Istio's default is TLS 1.2 and later, with ciphers that fit")
    return about(
        RULE,
        use.gateway,
        path,
        text,
        symptom=symptom,
        evidence=use.proof,
        fixes=(fix,),
        related=use.related,
        severity=severity,
    )
