"""PEM: certificates as summaries, and whether a private key is a certificate's own. Nothing of the key is kept."""

from __future__ import annotations

import base64
import binascii
import re
from typing import Any, Final

from grpcdoctor.wire.certificates import read_certificate

_CERTIFICATE: Final = re.compile(
    rb"-----BEGIN (?:X509 )?CERTIFICATE-----(.*?)-----END (?:X509 )?CERTIFICATE-----", re.DOTALL
)
_KEY: Final = re.compile(
    rb"-----BEGIN (?:[A-Z0-9]+ )*PRIVATE KEY-----.*?-----END (?:[A-Z0-9]+ )*PRIVATE KEY-----", re.DOTALL
)


def certificates_in(text: bytes) -> list[dict[str, Any]]:
    """A summary of each certificate, at least one: where there is none, its `error` says so."""
    ders = [_der(match[1]) for match in _CERTIFICATE.finditer(text)]
    if not ders:
        return [{"error": "empty" if not text.strip() else "no PEM certificate in it"}]
    return [_summary(der) for der in ders]


def key_of(certificates: bytes, key: bytes) -> tuple[bool | None, str | None]:
    """(whether this private key belongs to the first certificate, what is wrong with the key itself)."""
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    found = _KEY.search(key)
    if found is None:
        return None, "empty" if not key.strip() else "no PEM private key in it"
    try:
        private = load_pem_private_key(found[0], None)
    except TypeError:
        return None, "it is encrypted, and a gateway has no passphrase for it"
    except Exception:  # ValueError, UnsupportedAlgorithm and others; their texts say nothing that helps
        return None, "the private key cannot be decoded"
    leaf = _CERTIFICATE.search(certificates)
    own = _public_key(_der(leaf[1])) if leaf is not None else None
    return (own == _bytes(private.public_key()) if own is not None else None), None


def _der(encoded: bytes) -> bytes:
    try:
        return base64.b64decode(b"".join(encoded.split()), validate=True)
    except (binascii.Error, ValueError):
        return b""


def _summary(der: bytes) -> dict[str, Any]:
    read = read_certificate(der)
    if not read.sha256:
        return {"error": "the certificate cannot be decoded"}
    return {
        "subject": read.subject,
        "issuer": read.issuer,
        "names": list(read.names),
        "not_before": read.not_before,
        "not_after": read.not_after,
        "fingerprint": read.sha256,
    }


def _public_key(der: bytes) -> bytes | None:
    import warnings

    from cryptography import x509

    try:
        with warnings.catch_warnings():  # roots in use break today's rules
            warnings.simplefilter("ignore")
            return _bytes(x509.load_der_x509_certificate(der).public_key())
    except Exception:  # its classes have no common one
        return None


def _bytes(public_key: Any) -> bytes:
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

    encoded: bytes = public_key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return encoded
