"""Certificates as sent, decoded to facts."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
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
    try:
        return _facts(_load(der))
    except Exception as broken:  # cryptography has many classes for it, without a common one
        return Certificate(subject=f"(undecodable: {broken})"[:200])


# OpenSSL's X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT (2), ..._LOCALLY (20), ..._VERIFY_LEAF_SIGNATURE (21).
ISSUER_NOT_FOUND: Final = frozenset((2, 20, 21))


def trusted_relative(top: bytes, trusted: Sequence[bytes]) -> str | None:
    """Subject of a trusted CA akin to the issuer of `top`: of the same name, else of the same organisation. All DER."""
    try:
        issuer = _load(top).issuer
    except Exception:  # as in read_certificate: its classes have no common one
        return None
    wanted = _organisations(issuer)
    akin: str | None = None
    for subject in _subjects(trusted):
        if subject == issuer:
            return subject.rfc4514_string()
        if akin is None and wanted & _organisations(subject):
            akin = subject.rfc4514_string()
    return akin


def _subjects(certificates: Sequence[bytes]) -> Iterator[x509.Name]:
    for der in certificates:
        subject = _subject_of(der)
        if subject is not None:
            yield subject


@lru_cache(maxsize=512)
def _subject_of(der: bytes) -> x509.Name | None:
    """Kept: a trust store holds some 150 certificates, and a run over many targets asks for them again and again."""
    try:
        return _load(der).subject
    except Exception:
        return None


def _organisations(name: x509.Name) -> set[str | bytes]:
    from cryptography.x509.oid import NameOID

    return {attribute.value for attribute in name.get_attributes_for_oid(NameOID.ORGANIZATION_NAME)}


def _load(der: bytes) -> x509.Certificate:
    """Raises as cryptography does. Roots in use break today's rules (a serial number of 0): no news for our users."""
    import warnings

    from cryptography import x509

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return x509.load_der_x509_certificate(der)


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
