"""Limit: a time that Envoy allows, with the field that sets it, or the default where nothing does."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from grpcdoctor.envoy.fields import Step, seconds

ROUTE_TIMEOUT: Final = 15.0
STREAM_IDLE_TIMEOUT: Final = 300.0
CONNECTION_IDLE_TIMEOUT: Final = 3600.0
CONNECT_TIMEOUT: Final = 5.0


@dataclass(frozen=True, slots=True)
class Limit:
    """`seconds` is None where there is no limit."""

    seconds: float | None
    field: str
    """The field's path below what it was asked of: `route.timeout`."""
    is_default: bool = False
    """Nothing sets it, and this is what Envoy does then."""

    @property
    def is_off(self) -> bool:
        return self.seconds is None

    @property
    def words(self) -> str:
        """`15 s (default)`, `off`."""
        said = "off" if self.seconds is None else duration_words(self.seconds)
        return f"{said} (default)" if self.is_default else said


def duration_words(value: float) -> str:
    """`250 ms`, `15 s`, `1.5 s`."""
    return f"{value * 1000:g} ms" if 0 < value < 1 else f"{value:g} s"


def limit(value: Any, *path: Step, default: float | None = None) -> Limit:
    """The limit at this path. Zero means none (Envoy's way to switch a timeout off); so does a negative one."""
    field = ".".join(str(step) for step in path)
    found = seconds(value, *path)
    if found is None:
        return Limit(default, field, is_default=True)
    return Limit(found if found > 0 else None, field)
