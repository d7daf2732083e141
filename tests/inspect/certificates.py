"""Puts real certificates into the situations: `@certificate NAME,NAME until DATE` and `@key` in a Secret become PEM."""

from __future__ import annotations

import datetime
import json
import re
from functools import lru_cache

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

_CERTIFICATE = re.compile(r'"@certificate ([^ "]+) until ([0-9-]+)"')
_KEY = '"@key"'
_BEGAN = datetime.datetime(2025, 1, 1, tzinfo=datetime.timezone.utc)


def with_certificates(text: str) -> str:
    signed = _CERTIFICATE.sub(lambda found: json.dumps(_pem(found[1], found[2])), text)
    return signed.replace(_KEY, json.dumps(_key_pem()))


@lru_cache(maxsize=1)
def _key() -> ec.EllipticCurvePrivateKey:
    return ec.generate_private_key(ec.SECP256R1())


def _key_pem() -> str:
    form = serialization.PrivateFormat.PKCS8
    return _key().private_bytes(serialization.Encoding.PEM, form, serialization.NoEncryption()).decode()


@lru_cache(maxsize=16)
def _pem(names: str, until: str) -> str:
    listed = names.split(",")
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, listed[0])])
    end = datetime.datetime.fromisoformat(until).replace(tzinfo=datetime.timezone.utc)
    built = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(_key().public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(_BEGAN)
        .not_valid_after(end)
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name) for name in listed]), critical=False)
        .sign(_key(), hashes.SHA256())
    )
    return built.public_bytes(serialization.Encoding.PEM).decode()
