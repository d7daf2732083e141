"""A certificate authority for the lab, and leaves that are good or bad in exactly one way."""

from __future__ import annotations

import atexit
import datetime
import functools
import ipaddress
import shutil
import ssl
import tempfile
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

NAMES = ("localhost", "grpc.example.test")
ADDRESSES = ("127.0.0.1", "::1")
DAY = datetime.timedelta(days=1)


@dataclass(frozen=True)
class KeyPair:
    """Paths of a PEM certificate chain (leaf first) and its private key."""

    cert: Path
    key: Path


@dataclass(frozen=True)
class _Authority:
    certificate: x509.Certificate
    key: ec.EllipticCurvePrivateKey
    plain: bool = False
    """Neither it nor what it issues has key identifiers, which RFC 5280 wants and Go does not."""


@dataclass(frozen=True)
class Certificates:
    """Everything that the lab's servers and clients may present. Trust `ca`; only `unknown_ca*` leaves are outside."""

    ca: Path
    """The root to trust."""
    foreign_ca: Path
    """A root that nobody trusts."""
    plain_ca: Path
    """A root without key identifiers, as scripts with openssl make them."""
    good: KeyPair
    """localhost, grpc.example.test, 127.0.0.1, ::1; one year; issued by the root."""
    chained: KeyPair
    """Good, issued by an intermediate that is sent along."""
    intermediate_missing: KeyPair
    """The same leaf, but the intermediate is not sent."""
    expired: KeyPair
    """Ended yesterday."""
    not_yet_valid: KeyPair
    """Begins in thirty days."""
    expiring: KeyPair
    """Ends in ten days."""
    made_for_a_week: KeyPair
    """Began yesterday, ends in five days."""
    common_name_only: KeyPair
    """Its common name is localhost, and there is no subjectAltName."""
    other_name: KeyPair
    """For other.example.test only."""
    unknown_ca: KeyPair
    """Issued by the foreign root."""
    plain: KeyPair
    """Good, issued by the root without key identifiers, and without any itself."""
    self_signed: KeyPair
    """Its own issuer."""
    client: KeyPair
    """A client certificate that the lab's servers accept."""
    client_foreign: KeyPair
    """A client certificate of the foreign root."""
    client_expired: KeyPair
    """A client certificate of the right root that ended yesterday."""

    def server_context(self, pair: KeyPair | None = None, alpn: list[str] | None = None) -> ssl.SSLContext:
        """A plain server context that presents `pair` (the good one unless told) and offers `alpn`."""
        chosen = pair or self.good
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(chosen.cert, chosen.key)
        if alpn:
            context.set_alpn_protocols(alpn)
        return context

    def client_context(self, alpn: list[str] | None = None, pair: KeyPair | None = None) -> ssl.SSLContext:
        """A client context that trusts the lab's root, offers `alpn` (h2 unless told) and may present `pair`."""
        context = ssl.create_default_context(cafile=str(self.ca))
        context.minimum_version = ssl.TLSVersion.TLSv1_2  # Debian's own Python leaves it to OpenSSL, which takes 1.1
        if alpn is None or alpn:
            context.set_alpn_protocols(alpn or ["h2"])
        if pair:
            context.load_cert_chain(pair.cert, pair.key)
        return context


@functools.cache
def lab_certificates() -> Certificates:
    """The certificates of this process, made once, in a temporary directory that goes when the process ends."""
    folder = Path(tempfile.mkdtemp(prefix="grpcdoctor-lab-certificates-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return make_certificates(folder)


def make_certificates(folder: Path) -> Certificates:
    """Writes the root, the intermediate and all leaves into `folder`."""
    root, foreign = _authority("grpcdoctor lab root"), _authority("somebody else's root")
    plain = _authority("a root of few words", plain=True)
    intermediate = _authority("grpcdoctor lab intermediate", issuer=root)
    chained = _leaf(folder, "chained", intermediate, chain=[intermediate.certificate])
    alone = KeyPair(folder / "intermediate_missing.pem", chained.key)
    alone.cert.write_bytes(x509.load_pem_x509_certificate(chained.cert.read_bytes()).public_bytes(_PEM))
    return Certificates(
        ca=_write(folder / "ca.pem", [root.certificate]),
        foreign_ca=_write(folder / "foreign_ca.pem", [foreign.certificate]),
        plain_ca=_write(folder / "plain_ca.pem", [plain.certificate]),
        good=_leaf(folder, "good", root),
        chained=chained,
        intermediate_missing=alone,
        expired=_leaf(folder, "expired", root, begins=-40, ends=-1),
        not_yet_valid=_leaf(folder, "not_yet_valid", root, begins=30),
        expiring=_leaf(folder, "expiring", root, begins=-80, ends=10),
        made_for_a_week=_leaf(folder, "made_for_a_week", root, begins=-1, ends=5),
        common_name_only=_leaf(folder, "common_name_only", root, alternatives=False),
        other_name=_leaf(folder, "other_name", root, names=("other.example.test",)),
        unknown_ca=_leaf(folder, "unknown_ca", foreign),
        plain=_leaf(folder, "plain", plain),
        self_signed=_leaf(folder, "self_signed", None),
        client=_leaf(folder, "client", root, names=("client.example.test",)),
        client_foreign=_leaf(folder, "client_foreign", foreign, names=("client.example.test",)),
        client_expired=_leaf(folder, "client_expired", root, names=("client.example.test",), begins=-40, ends=-1),
    )


_PEM = serialization.Encoding.PEM


def _write(path: Path, certificates: list[x509.Certificate]) -> Path:
    path.write_bytes(b"".join(certificate.public_bytes(_PEM) for certificate in certificates))
    return path


def _name(common_name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)])


def _builder(
    subject: str,
    key: ec.EllipticCurvePrivateKey,
    issuer: _Authority | None,
    begins: int = -1,
    ends: int = 365,
    plain: bool = False,
) -> x509.CertificateBuilder:
    now = datetime.datetime.now(datetime.timezone.utc)
    builder = (
        x509.CertificateBuilder()
        .subject_name(_name(subject))
        .issuer_name(issuer.certificate.subject if issuer else _name(subject))
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now + begins * DAY)
        .not_valid_after(now + ends * DAY)
    )
    return builder if plain or (issuer and issuer.plain) else _with_identifiers(builder, key, issuer)


def _with_identifiers(
    builder: x509.CertificateBuilder, key: ec.EllipticCurvePrivateKey, issuer: _Authority | None
) -> x509.CertificateBuilder:
    signer = issuer.key if issuer else key
    return builder.add_extension(
        x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False
    ).add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(signer.public_key()), critical=False)


def _authority(subject: str, issuer: _Authority | None = None, plain: bool = False) -> _Authority:
    key = ec.generate_private_key(ec.SECP256R1())
    builder = _builder(subject, key, issuer, begins=-100, ends=3650, plain=plain)
    builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
    usage = x509.KeyUsage(True, False, False, False, False, True, True, False, False)
    builder = builder.add_extension(usage, critical=True)
    return _Authority(builder.sign(issuer.key if issuer else key, hashes.SHA256()), key, plain)


def _leaf(
    folder: Path,
    label: str,
    issuer: _Authority | None,
    names: tuple[str, ...] = NAMES,
    begins: int = -1,
    ends: int = 365,
    chain: list[x509.Certificate] | None = None,
    alternatives: bool = True,
) -> KeyPair:
    key = ec.generate_private_key(ec.SECP256R1())
    entries: list[x509.GeneralName] = [x509.DNSName(name) for name in names]
    if names is NAMES:
        entries += [x509.IPAddress(ipaddress.ip_address(address)) for address in ADDRESSES]
    usages = [ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH]
    builder = _builder(names[0], key, issuer, begins, ends)
    if alternatives:
        builder = builder.add_extension(x509.SubjectAlternativeName(entries), critical=False)
    certificate = (
        builder.add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(x509.ExtendedKeyUsage(usages), critical=False)
        .sign(issuer.key if issuer else key, hashes.SHA256())
    )
    pair = KeyPair(folder / f"{label}.pem", folder / f"{label}.key")
    _write(pair.cert, [certificate, *(chain or [])])
    pair.key.write_bytes(key.private_bytes(_PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()))
    return pair
