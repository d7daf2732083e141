"""Facts about TLS: handshakes, certificates, ALPN."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from grpcdoctor.model.observation import Facts


@dataclass(frozen=True, slots=True)
class Certificate:
    """One X.509 certificate as sent. Times are RFC 3339 in UTC; days are counted from the run."""

    subject: str = ""
    """RFC 4514, e.g. `CN=grpc.example.com`."""
    issuer: str = ""
    names: tuple[str, ...] = ()
    """Subject alternative names: DNS names and IP addresses."""
    not_before: str = ""
    not_after: str = ""
    days_left: float = 365.0
    """Negative once expired."""
    days_since_start: float = 1.0
    """Negative while not yet valid."""
    self_signed: bool = False
    is_ca: bool = False
    sha256: str = ""
    issuer_url: str | None = None
    """Authority Information Access: where the missing issuer could be fetched."""
    key: str = ""
    """e.g. `RSA 2048`, `EC secp256r1`."""


@dataclass(frozen=True, slots=True)
class Handshake:
    """One TLS handshake, and the first read after it (in TLS 1.3 only that read shows a refused client certificate)."""

    verified: bool = True
    """The chain and the name were verified."""
    server_name: str | None = None
    """The SNI sent; None where none was sent."""
    offered: tuple[str, ...] = ("h2",)
    """ALPN protocols offered."""
    selected: str | None = None
    """ALPN protocol that the server selected."""
    version: str | None = None
    """e.g. `TLSv1.3`; None where the handshake did not complete."""
    cipher: str | None = None
    result: str = "ok"
    """"ok"; "not-tls" (the peer answered with something that is no TLS record); "verify-failed"; "alert" (see
    `alert`); "closed" (end of stream or reset); "timeout"; "error" (see `error`)."""
    alert: int | None = None
    """The alert that the peer sent, during the handshake or on the first read after it."""
    alert_after_handshake: bool = False
    closed_after_handshake: bool = False
    """The peer closed right after the handshake, before a byte of HTTP/2 and without an alert."""
    verify_code: int | None = None
    """OpenSSL's X509_V_ERR_* (10 expired, 9 not yet valid, 62 host name, 64 address, 18 and 19 self-signed, 20 and
    21 no issuer)."""
    verify_message: str | None = None
    error: str | None = None
    first_bytes: str = ""
    """Hex of the first bytes (at most 64) that the peer sent."""
    duration_ms: float = 0.0


@dataclass(frozen=True, slots=True)
class TlsFacts(Facts):
    """The verified handshake, and an unverified one where that failed to verify."""

    kind: ClassVar[str] = "tls"
    asked: bool = True
    """The user asked for TLS. False: plaintext was asked, was not spoken, and TLS was tried next."""
    address: str = ""
    verify_name: str = ""
    verified: Handshake | None = None
    unverified: Handshake | None = None
    chain: tuple[Certificate, ...] = ()
    """As sent, leaf first."""
    client_certificate_requested: bool = False
    client_certificate_given: bool = False
    """The user gave --cert."""
    spoken: str | None = None
    """Where the peer spoke no TLS: what it spoke (as FirstBytes.spoken)."""
    older_version: str | None = None
    """The version below TLS 1.2 that the server does speak, asked only after it refused TLS 1.2 and 1.3."""
    trusted_relative: str | None = None
    """Subject of a CA in the trust store that is akin to the issuer which verification could not find: one of the very
    same name (another key), else one of the same organisation (O). Looked for only after verify codes 2, 20 and 21."""

    @property
    def handshake(self) -> Handshake | None:
        """The handshake that the rest of the run builds on: the verified one if it completed, else the other."""
        if self.verified is not None and (self.verified.version or self.unverified is None):
            return self.verified
        return self.unverified

    @property
    def completed(self) -> bool:
        return self.handshake is not None and self.handshake.version is not None

    @property
    def leaf(self) -> Certificate | None:
        return self.chain[0] if self.chain else None


@dataclass(frozen=True, slots=True)
class SniFacts(Facts):
    """A second handshake without SNI, beside the first with it."""

    kind: ClassVar[str] = "sni"
    with_sni: Handshake | None = None
    without_sni: Handshake | None = None
    same_certificate: bool | None = None
    """None where one of the two got no certificate."""


@dataclass(frozen=True, slots=True)
class AlpnFacts(Facts):
    """What the server selects when offered both h2 and http/1.1; asked where offering h2 alone did not give h2."""

    kind: ClassVar[str] = "alpn"
    with_http1: Handshake | None = None
