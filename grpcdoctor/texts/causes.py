"""The causes that a text can point to, in words: one table from the id of a cause to its rule, and what to do next.

The ids are those of the knowledge of error texts; several rules may stand for one id, and every rule for one only.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from grpcdoctor.texts.data import read_yaml


@dataclass(frozen=True, slots=True)
class CauseEntry:
    """What is known of one cause. In `probes`, `{target}`, `{host}`, `{namespace}` and `{service}` are filled in."""

    rule: str
    id: str
    """With hyphens: `hop-downgraded-to-http1`."""
    title: str
    """One sentence in plain words: what is wrong."""
    why: str
    """Two or three: why that gives such an error."""
    confirm: tuple[str, ...]
    """What is seen where it is this."""
    refute: tuple[str, ...]
    """What is seen where it is not."""
    probes: tuple[str, ...]
    """grpcdoctor's arguments that tell, the best first."""
    fix: str
    command: str | None = None
    patch: str | None = None


@lru_cache(maxsize=1)
def causes() -> dict[str, CauseEntry]:
    """rule -> what is known of it."""
    return {entry.rule: entry for entry in map(_entry, read_yaml("causes.yaml"))}


def _entry(given: dict[str, Any]) -> CauseEntry:
    many = {key: tuple(given.get(key, ())) for key in ("confirm", "refute", "probes")}
    return CauseEntry(**{**given, **many})
