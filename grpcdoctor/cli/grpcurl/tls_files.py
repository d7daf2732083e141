"""The PEM files of a command line: each error says which file it is."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Final

from grpcdoctor.cli.grpcurl.failures import Failure, said_by

if TYPE_CHECKING:
    from grpcdoctor.cli.grpcurl.flags import Flags

_FAILED: Final = "Failed to create TLS config"
_CERTIFICATE: Final = b"-----BEGIN CERTIFICATE-----"
_KEY_LOG: Final = "SSLKEYLOGFILE"
# NSS's key log holds what decrypts a connection.
_PRIVATE: Final = 0o600


def check_tls_files(flags: Flags) -> None:
    """Raises Failure."""
    for path in filter(None, (flags.cert, flags.key)):
        _read(path, "could not load client key pair")
    if flags.cacert and not flags.insecure and _CERTIFICATE not in _read(flags.cacert, "could not read ca certificate"):
        raise Failure(_FAILED, "failed to append ca certs", f"There is no PEM certificate in {flags.cacert}.")
    key_log = os.environ.get(_KEY_LOG)
    if key_log:
        _open_key_log(key_log)


def _read(path: str, what: str) -> bytes:
    try:
        with open(path, "rb") as file:
            return file.read()
    except OSError as failed:
        raise Failure(_FAILED, f"{what}: {said_by(failed)}") from failed


def _open_key_log(path: str) -> None:
    """Made for its owner alone before anything is written to it."""
    try:
        os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, _PRIVATE))
    except OSError as failed:
        raise Failure(f"Could not open {_KEY_LOG} {path}", failed) from failed
