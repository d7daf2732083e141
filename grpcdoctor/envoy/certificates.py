"""Certificates and secrets as Envoy holds them: names, dates and serial numbers; key material is never looked at."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import Final

from grpcdoctor.envoy.fields import Json, first, has, mapping, mappings, number, text
from grpcdoctor.envoy.updates import Entry, Update

_DAY: Final = 86400


@dataclass(frozen=True, slots=True)
class Certificate:
    """One certificate of /certs."""

    path: str
    """A file, or `<inline>` (which SDS sends)."""
    names: tuple[str, ...]
    """Subject alternative names: DNS, URIs (SPIFFE), addresses."""
    serial: str
    valid_from: str
    expires: str
    """RFC 3339; empty where Envoy does not tell."""
    left: float | None
    """Seconds until it expires (negative: since it has), when it was read; None where Envoy does not tell."""
    lifetime: float | None
    """Seconds between its two dates."""
    is_authority: bool
    """It verifies others; else it is shown to others."""

    @property
    def title(self) -> str:
        """Its first name, or where it lies."""
        return self.names[0] if self.names else self.path or self.serial


def certificates(raw: Iterable[Json], read_at: str) -> tuple[Certificate, ...]:
    """Each once: Envoy lists a certificate for every listener and cluster that uses it."""
    return tuple(dict.fromkeys(_all(raw, read_at)))


def _all(raw: Iterable[Json], read_at: str) -> Iterator[Certificate]:
    for item in raw:
        for field, is_authority in (("cert_chain", False), ("ca_cert", True)):
            for details in mappings(item, field):
                yield _certificate(details, is_authority, read_at)


def _certificate(details: Json, is_authority: bool, read_at: str) -> Certificate:
    names = (
        first(text(each, kind) or None for kind in ("dns", "uri", "ip_address"))
        for each in mappings(details, "subject_alt_names")
    )
    valid_from, expires = text(details, "valid_from"), text(details, "expiration_time")
    days = number(details, "days_until_expiration")
    return Certificate(
        path=text(details, "path"),
        names=tuple(name for name in names if name),
        serial=text(details, "serial_number"),
        valid_from=valid_from,
        expires=expires,
        left=_left(days, seconds_between(read_at, expires)),
        lifetime=seconds_between(valid_from, expires),
        is_authority=is_authority,
    )


def _left(days: int | None, by_dates: float | None) -> float | None:
    """Envoy counts whole days, and says 0 for what has expired; a file's date may be that of a copy made later."""
    if not days:
        return by_dates if by_dates is not None or days is None else 0.0
    said = float(days * _DAY)
    return said if by_dates is None or abs(by_dates - said) > 2 * _DAY else by_dates


def seconds_between(start: str, end: str) -> float | None:
    """Of two RFC 3339 times; None where one is none."""
    try:
        return (_moment(end) - _moment(start)).total_seconds()
    except (ValueError, OverflowError):
        return None


def _moment(word: str) -> datetime:
    """An RFC 3339 time. Python before 3.11 takes no Z, and no fractions of other than 3 or 6 digits."""
    whole, _, fraction = word.removesuffix("Z").partition(".")
    found = datetime.fromisoformat(whole + fraction.lstrip("0123456789"))
    return found if found.tzinfo is not None else found.replace(tzinfo=timezone.utc)


@dataclass(frozen=True, slots=True)
class Secret:
    """A secret that SDS sent, by name: whether it is here, never what is in it."""

    name: str
    kind: str
    """"certificate", "CA bundle" or "other"."""
    update: Update


def secret(entry: Entry) -> Secret:
    held = mapping(entry.resource)
    kinds = (("tls_certificate", "certificate"), ("validation_context", "CA bundle"))
    kind = next((word for name, word in kinds if has(held, name)), "other")
    return Secret(entry.name, kind, entry.update)
