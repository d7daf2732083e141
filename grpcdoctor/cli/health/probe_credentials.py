"""The files of -tls-…, looked at before anything is dialled: a wrong one is a wrong command line."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from grpcdoctor.cli.grpcurl.failures import said_by
from grpcdoctor.cli.health.probe_flags import ProbeError

if TYPE_CHECKING:
    from grpcdoctor.cli.health.probe_flags import ProbeFlags

_CERTIFICATE: Final = b"-----BEGIN CERTIFICATE-----"


def check_credentials(flags: ProbeFlags) -> None:
    """Raises ProbeError in grpc_health_probe's words."""
    try:
        if flags.tls_client_cert:
            _check_pair(flags.tls_client_cert, flags.tls_client_key)
        if flags.tls_ca_cert:
            _check_authorities(flags.tls_ca_cert)
    except ValueError as wrong:
        raise ProbeError(f"failed to initialize tls credentials. error={wrong}") from wrong


def _check_pair(cert: str, key: str) -> None:
    import ssl

    try:
        for path in (cert, key):
            _read(path)
        ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_cert_chain(cert, key, password=lambda: b"")
    except (OSError, ValueError) as unusable:  # ssl.SSLError is an OSError
        why = getattr(unusable, "reason", None) or said_by(unusable)
        raise ValueError(f"failed to load tls client cert/key pair. error={why}") from unusable


def _check_authorities(path: str) -> None:
    try:
        text = _read(path)
    except OSError as failed:
        raise ValueError(f"failed to load root CA certificates from file ({path}) error={said_by(failed)}") from failed
    if _CERTIFICATE not in text:
        raise ValueError(f"no root CA certs parsed from file {path}")


def _read(path: str) -> bytes:
    with open(path, "rb") as file:
        return file.read()
