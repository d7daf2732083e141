"""-H, -rpc-header and -reflect-header: `name: value` to metadata, and metadata to what -v shows."""

from __future__ import annotations

import base64
import binascii
import os
import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final

from grpcdoctor.cli.go_words import quoted
from grpcdoctor.cli.grpcurl.failures import Failure
from grpcdoctor.model.redact import REDACTED, is_secret_name

if TYPE_CHECKING:
    from grpcdoctor.cli.grpcurl.flags import Flags
    from grpcdoctor.wire.streams import Headers

# The patterns are compiled when they are first needed, which at most command lines is never.
_VARIABLE: Final = r"\$\{(\w+)\}"
_BINARY: Final = "-bin"
_URL_TO_STANDARD: Final = bytes.maketrans(b"-_", b"+/")
_STANDARD_ALPHABET: Final = rb"[A-Za-z0-9+/]*"
_URL_ALPHABET: Final = rb"[A-Za-z0-9_-]*"
# (field of Flags, what its flag is for)
_EXPANDED: Final = (("headers", "additional"), ("rpc_header", "rpc"), ("reflect_header", "reflection"))


def read_headers(words: Sequence[str]) -> Headers:
    """Metadata, names in lower case, values of `-bin` names as base64. A word without a colon is a name alone."""
    pairs = []
    for word in words:
        if not word:
            continue
        name, _, value = word.partition(":")
        name, value = name.strip().lower(), value.strip()
        pairs.append((name, _binary(value) if name.endswith(_BINARY) else value))
    return tuple(pairs)


def expand_headers(flags: Flags) -> Flags:
    """Environment variables in place of `${NAME}`. Raises Failure for one that is not set."""
    expanded: dict[str, Any] = {}
    for field, kind in _EXPANDED:
        words: Sequence[str] = getattr(flags, field)
        expanded[field] = tuple(_expand(word, f"Failed to expand {kind} headers") for word in words)
    return flags._replace(**expanded)


def shown(metadata: Headers, show_secrets: bool = True) -> str:
    """A line each, by name; `(empty)` where there is nothing. Binary values as padded base64."""
    lines = [
        f"{name}: {REDACTED if not show_secrets and is_secret_name(name) else _shown_value(name, value)}"
        for name, value in sorted(metadata, key=lambda pair: pair[0])
    ]
    return "\n".join(lines) or "(empty)"


def _expand(word: str, failed: str) -> str:
    def value_of(match: re.Match[str]) -> str:
        value = os.environ.get(match[1])
        if value is None:
            name = word.partition(":")[0]  # what stands behind it may be a secret
            raise Failure(failed, f"header {quoted(name)} refers to missing environment variable {quoted(match[1])}")
        return value

    return re.sub(_VARIABLE, value_of, word, flags=re.ASCII)


def _binary(value: str) -> str:
    """Base64 in any of its four forms is taken as such; anything else is the bytes themselves."""
    given = os.fsencode(value)
    decoded = _decoded(given)
    return base64.b64encode(given if decoded is None else decoded).decode()


def _decoded(text: bytes) -> bytes | None:
    """As one of Go's StdEncoding, URLEncoding, RawStdEncoding and RawURLEncoding reads it; None where none can."""
    text = text.replace(b"\r", b"").replace(b"\n", b"")
    digits = text.rstrip(b"=")
    padding = len(text) - len(digits)
    missing = -len(digits) % 4
    if missing == 3 or padding not in (0, missing):
        return None
    if not (re.fullmatch(_STANDARD_ALPHABET, digits) or re.fullmatch(_URL_ALPHABET, digits)):
        return None
    return base64.b64decode(digits.translate(_URL_TO_STANDARD) + b"=" * missing)


def _shown_value(name: str, value: str) -> str:
    """Base64 as it came where it is none."""
    if not name.endswith(_BINARY):
        return value
    try:
        return base64.b64encode(base64.b64decode(value + "=" * (-len(value) % 4), validate=True)).decode()
    except (binascii.Error, ValueError):
        return value
