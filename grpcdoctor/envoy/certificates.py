"""Certificates and secrets as Envoy holds them: names, dates and serial numbers; key material is never looked at."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timezone

from grpcdoctor.envoy.fields import Json, first, has, mapping, mappings, number, text
from grpcdoctor.envoy.updates import Entry, Update


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
    days_left: int | None
    """As Envoy counts them."""
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
    expires = text(details, "expiration_time")
    days = number(details, "days_until_expiration")
    return Certificate(
        path=text(details, "path"),
        names=tuple(name for name in names if name),
        serial=text(details, "serial_number"),
        valid_from=text(details, "valid_from"),
        expires=expires,
        days_left=days if days else _days_between(read_at, expires, days),
        is_authority=is_authority,
    )


def _days_between(start: str, end: str, said: int | None) -> int | None:
    """Envoy says 0 both for the last day and for what has expired: its dates tell the two apart."""
    try:
        left = _moment(end) - _moment(start)
    except (ValueError, OverflowError):
        return said
    return said if said is not None and left.total_seconds() >= 0 else left.days


def _moment(word: str) -> datetime:
    """An RFC 3339 time. Python before 3.11 takes no Z, and no fractions of other than 3 or 6 digits."""
    whole, _, fraction = word.rstrip("Z").partition(".")
    zone = fraction.lstrip("0123456789")
    found = datetime.fromisoformat(whole + zone)
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
