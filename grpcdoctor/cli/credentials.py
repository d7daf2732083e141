"""Looks at the user's certificate files before anything is probed, so that a wrong file is told as a wrong file."""

from __future__ import annotations

from typing import Final

import click

_CERTIFICATE: Final = "-----BEGIN CERTIFICATE-----"
_TRUSTED: Final = "-----BEGIN TRUSTED CERTIFICATE-----"
_KEY: Final = "PRIVATE KEY-----"


def check_files(cacert: str | None, cert: str | None, key: str | None) -> None:
    """Raises click.UsageError that names the option, the file and the cure."""
    if cacert is not None:
        _expect(cacert, "--cacert", (_CERTIFICATE, _TRUSTED), "certificates")
    if cert is None or key is None:
        return
    _expect(cert, "--cert", (_CERTIFICATE,), "a certificate")
    text = _expect(key, "--key", (_KEY,), "a private key")
    if "ENCRYPTED" in text:
        raise click.UsageError(f"--key: {key} is encrypted; decrypt it first: openssl pkey -in {key} -out plain.pem")
    _match(cert, key)


def _expect(path: str, option: str, markers: tuple[str, ...], what: str) -> str:
    try:
        with open(path, "rb") as file:
            text = file.read().decode("latin-1")
    except OSError as failed:
        raise click.UsageError(f"{option}: cannot read {path}: {failed.strerror}") from failed
    if any(marker in text for marker in markers):
        return text
    if text[:1] == "0":  # an ASN.1 SEQUENCE (0x30): DER
        kind = "pkey" if option == "--key" else "x509"
        raise click.UsageError(f"{option}: {path} is DER, not PEM; convert it: openssl {kind} -inform der -in {path}")
    raise click.UsageError(f"{option}: {path} holds no {what.removeprefix('a ')} in PEM (-----BEGIN …)")


def _match(cert: str, key: str) -> None:
    import ssl

    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_cert_chain(cert, key)
    except ssl.SSLError as wrong:
        if wrong.reason == "KEY_VALUES_MISMATCH":
            raise click.UsageError(f"--key: {key} does not belong to the certificate in {cert}") from wrong
        raise click.UsageError(f"--cert {cert}, --key {key}: {wrong.reason or wrong}") from wrong
