"""Secrets never reach any output: which metadata is secret, and how a text loses it."""

from __future__ import annotations

import re
from dataclasses import fields, is_dataclass, replace
from functools import cache, lru_cache
from typing import Any, Final, TypeVar, cast

REDACTED: Final = "[redacted]"

# Compiled when they are first needed.
_SECRET_NAME: Final = (
    r"(^|[-_.])(authorization|cookie|auth|token|jwt|secret|passw(or)?d|api-?key|apikey|access-?key|credential|session|signature)"
    r"s?([-_.]|$)|^set-cookie$"
)
_BEARER: Final = r"\b(bearer|basic)\s+[A-Za-z0-9._~+/=-]{8,}"
# Shorter values are ordinary words and numbers; replacing them would garble the report.
_SHORTEST_SECRET = 4

_PLAIN: Final = frozenset((int, float, bool, type(None)))

T = TypeVar("T")


@lru_cache(maxsize=1024)
def is_secret_name(name: str) -> bool:
    """Whether the value of metadata with this name must not be shown."""
    return re.search(_SECRET_NAME, name.lower()) is not None


def redact_headers(headers: tuple[tuple[str, str], ...]) -> tuple[tuple[str, str], ...]:
    return tuple((name, REDACTED if is_secret_name(name) else redact_text(value)) for name, value in headers)


def secrets_of(headers: tuple[tuple[str, str], ...]) -> tuple[str, ...]:
    """The values in the user's metadata that a peer might echo: the whole one and the credential in it."""
    found: set[str] = set()
    for name, value in headers:
        if is_secret_name(name):
            found.update(part for part in (value, value.rpartition(" ")[2]) if len(part) >= _SHORTEST_SECRET)
    return tuple(sorted(found, key=len, reverse=True))


def redact_text(text: str, secrets: tuple[str, ...] = ()) -> str:
    """`text` without these secrets and without anything that looks like a bearer token."""
    for secret in secrets:
        text = text.replace(secret, REDACTED)
    if "earer" in text or "asic" in text or "EARER" in text or "ASIC" in text:
        text = re.sub(_BEARER, lambda match: f"{match[1]} {REDACTED}", text, flags=re.IGNORECASE)
    return text


def redact(value: T, secrets: tuple[str, ...]) -> T:
    """The same value with every string in it redacted; dataclasses, tuples, lists and dicts are walked."""
    redacted: Any = _redact(value, secrets)
    return redacted  # type: ignore[no-any-return]


def _redact(value: Any, secrets: tuple[str, ...]) -> Any:
    kind = type(value)
    if kind is str:
        return redact_text(value, secrets)
    if kind in _PLAIN or isinstance(value, str):  # the latter: an enum
        return value
    if isinstance(value, tuple):
        return tuple(_redact(item, secrets) for item in value)
    if isinstance(value, list):
        return [_redact(item, secrets) for item in value]
    if isinstance(value, dict):
        return {key: _redact(item, secrets) for key, item in value.items()}
    if is_dataclass(value) and not isinstance(value, type):
        changed = {}
        for name in _names(cast("Any", kind)):
            old = getattr(value, name)
            new = _redact(old, secrets)
            if new is not old and new != old:
                changed[name] = new
        return replace(value, **changed) if changed else value
    return value


@cache
def _names(kind: Any) -> tuple[str, ...]:
    return tuple(field.name for field in fields(kind) if field.init and not field.name.startswith("_"))
