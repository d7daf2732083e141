"""Certificates as sent, decoded to facts."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timezone
from functools import lru_cache
from typing import TYPE_CHECKING, Final

from grpcdoctor.model.facts.tls import Certificate

if TYPE_CHECKING:
    from cryptography import x509

_SECONDS_A_DAY = 86400


@lru_cache(maxsize=1024)
def read_certificate(der: bytes, today: int = 0) -> Certificate:
    """One DER certificate. What cannot be decoded is left empty, and `subject` says so.

    `today` (days since 1970) only separates the cache's entries, so that a long-running exporter counts days anew.
    """
    from cryptography import x509

    try:
        return _facts(x509.load_der_x509_certificate(der))
    except Exception as broken:  # cryptography has many classes for it, without a common one
        return Certificate(subject=f"(undecodable: {broken})"[:200])


# OpenSSL's X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT (2), ..._LOCALLY (20), ..._VERIFY_LEAF_SIGNATURE (21).
ISSUER_NOT_FOUND: Final = frozenset((2, 20, 21))


def trusted_relative(top: bytes, trusted: Sequence[bytes]) -> str | None:
    """Subject of a trusted CA akin to the issuer of `top`: of the same name, else of the same organisation. All DER."""
    from cryptography import x509
    from cryptography.x509.oid import NameOID

    try:
        issuer = x509.load_der_x509_certificate(top).issuer
    except ValueError:
        return None
    organisations = {a.value for a in issuer.get_attributes_for_oid(NameOID.ORGANIZATION_NAME)}
    akin: str | None = None
    for der in trusted:
        try:
            subject = x509.load_der_x509_certificate(der).subject
        except ValueError:
            continue
        if subject == issuer:
            return subject.rfc4514_string()
        if akin is None and any(
            a.value in organisations for a in subject.get_attributes_for_oid(NameOID.ORGANIZATION_NAME)
        ):
            akin = subject.rfc4514_string()
    return akin


def _facts(certificate: x509.Certificate) -> Certificate:
    from cryptography.hazmat.primitives.hashes import SHA256

    now = datetime.now(timezone.utc)
    start, end = certificate.not_valid_before_utc, certificate.not_valid_after_utc
    subject, issuer = certificate.subject.rfc4514_string(), certificate.issuer.rfc4514_string()
    return Certificate(
        subject=subject,
        issuer=issuer,
        names=_names(certificate),
        not_before=_rfc3339(start),
        not_after=_rfc3339(end),
        days_left=(end - now).total_seconds() / _SECONDS_A_DAY,
        days_since_start=(now - start).total_seconds() / _SECONDS_A_DAY,
        self_signed=certificate.subject == certificate.issuer,
        is_ca=_is_ca(certificate),
        sha256=certificate.fingerprint(SHA256()).hex(),
        issuer_url=_issuer_url(certificate),
        key=_key(certificate),
    )


def _names(certificate: x509.Certificate) -> tuple[str, ...]:
    from cryptography import x509

    try:
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except (x509.ExtensionNotFound, ValueError):
        return ()
    dns = names.get_values_for_type(x509.DNSName)
    addresses = (str(address) for address in names.get_values_for_type(x509.IPAddress))
    uris = names.get_values_for_type(x509.UniformResourceIdentifier)
    return (*dns, *addresses, *uris)


def _is_ca(certificate: x509.Certificate) -> bool:
    from cryptography import x509

    try:
        return certificate.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
    except (x509.ExtensionNotFound, ValueError):
        return False


def _issuer_url(certificate: x509.Certificate) -> str | None:
    from cryptography import x509
    from cryptography.x509.oid import AuthorityInformationAccessOID

    try:
        access = certificate.extensions.get_extension_for_class(x509.AuthorityInformationAccess).value
    except (x509.ExtensionNotFound, ValueError):
        return None
    for description in access:
        if description.access_method == AuthorityInformationAccessOID.CA_ISSUERS:
            return str(description.access_location.value)
    return None


def _key(certificate: x509.Certificate) -> str:
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.asymmetric import ec, rsa

    try:
        key = certificate.public_key()
    except (UnsupportedAlgorithm, ValueError):
        return "unknown"
    if isinstance(key, rsa.RSAPublicKey):
        return f"RSA {key.key_size}"
    if isinstance(key, ec.EllipticCurvePublicKey):
        return f"EC {key.curve.name}"
    return type(key).__name__.removesuffix("PublicKey").strip("_")


def _rfc3339(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")
