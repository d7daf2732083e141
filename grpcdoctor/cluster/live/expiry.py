"""Expiry: whether a refused credential has run out, read from the credential itself. Only the moment is told."""

from __future__ import annotations

import base64
import json
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from grpcdoctor.cluster.fields import number_at


def expired_credential(configuration: Any) -> str | None:
    """`the token expired at …` or `the client certificate expired at …`; None where neither has, or does not say."""
    for header in configuration.api_key.values():
        end = _end_of_token(str(header).rpartition(" ")[2])
        if end is not None and end < datetime.now(timezone.utc):
            return f"the token expired at {end:%Y-%m-%d %H:%M} UTC"
    end = _end_of_certificate(configuration.cert_file) if configuration.cert_file else None
    if end is not None and end < datetime.now(timezone.utc):
        return f"the client certificate expired at {end:%Y-%m-%d %H:%M} UTC"
    return None


def _end_of_token(token: str) -> datetime | None:
    """Of a JWT (RFC 7519, section 4.1.4); None for any other token."""
    parts = token.split(".")
    if len(parts) != 3:
        return None
    try:
        claims = json.loads(base64.urlsafe_b64decode(parts[1] + "=" * (-len(parts[1]) % 4)))
        end = number_at(claims, "exp")
        return datetime.fromtimestamp(end, timezone.utc) if end is not None else None
    except (ValueError, OverflowError, OSError):
        return None


def _end_of_certificate(path: str) -> datetime | None:
    from cryptography import x509

    try:
        return x509.load_pem_x509_certificate(Path(path).read_bytes()).not_valid_after_utc
    except (ValueError, OSError):
        return None
