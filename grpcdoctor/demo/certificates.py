"""A certificate authority for one demo, and the leaves that its servers present."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

_PEM = serialization.Encoding.PEM
_DAY = timedelta(days=1)
HERE = (x509.DNSName("localhost"), x509.IPAddress(ipaddress.ip_address("127.0.0.1")))


@dataclass(frozen=True)
class Pair:
    """Paths of a PEM certificate and its key."""

    cert: Path
    key: Path


class Authority:
    """Made anew for every demo; its root is `path`, to be given as --cacert."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = _name("grpcdoctor demo CA")
        self.path = folder / "ca.pem"
        self._certificate = (
            _builder(self._name, self._name, self._key, -_DAY, 30 * _DAY)
            .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(self._key.public_key()), critical=False)
            .sign(self._key, hashes.SHA256())
        )
        self.path.write_bytes(self._certificate.public_bytes(_PEM))

    def leaf(
        self,
        label: str = "server",
        *,
        names: tuple[x509.GeneralName, ...] = HERE,
        begins: timedelta = -_DAY,
        ends: timedelta = 30 * _DAY,
    ) -> Pair:
        """A server certificate for `names`, valid from `begins` to `ends` seen from now."""
        key = ec.generate_private_key(ec.SECP256R1())
        certificate = (
            _builder(_name(str(names[0].value)), self._name, key, begins, ends)
            .add_extension(x509.SubjectAlternativeName(names), critical=False)
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(self._key.public_key()), critical=False)
            .sign(self._key, hashes.SHA256())
        )
        pair = Pair(self._folder / f"{label}.pem", self._folder / f"{label}.key")
        pair.cert.write_bytes(certificate.public_bytes(_PEM))
        pair.key.touch(mode=0o600)
        pair.key.write_bytes(key.private_bytes(_PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()))
        return pair


def _name(common_name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)])


def _builder(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePrivateKey, begins: timedelta, ends: timedelta
) -> x509.CertificateBuilder:
    now = datetime.now(timezone.utc)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now + begins)
        .not_valid_after(now + ends)
    )
