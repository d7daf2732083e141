"""Clues: what shifts the odds between causes without naming one: elapsed times, products, circumstances.

A time that recurs has an owner: 60 s is nginx's or an ALB's, 300 s Envoy's idle stream. The data is in clues.yaml.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from grpcdoctor.texts.data import read_yaml
from grpcdoctor.texts.normalise import Text
from grpcdoctor.texts.phrases import Phrase, phrase
from grpcdoctor.texts.signals import Signals


@dataclass(frozen=True, slots=True, eq=False)
class Clue:
    """One circumstance; it is there where all that it asks for is."""

    id: str
    note: str
    """What it means, as a clause for the reader."""
    factors: tuple[tuple[str, float], ...]
    """(rule, what its share is multiplied by)."""
    says: tuple[Phrase, ...] = ()
    elapsed: tuple[float, float] | None = None
    """Seconds, from and to."""
    http2_error: tuple[str, ...] = ()
    grpc_status: tuple[str, ...] = ()
    flags: tuple[str, ...] = ()
    empty_message: bool = False


@lru_cache(maxsize=1)
def clues() -> tuple[Clue, ...]:
    """All of them, as in the data."""
    return tuple(map(_clue, read_yaml("clues.yaml")))


def clues_in(text: Text, signals: Signals) -> tuple[Clue, ...]:
    """Those that this text shows."""
    return tuple(_shown(text, signals))


def _shown(text: Text, signals: Signals) -> Iterator[Clue]:
    error = signals.http2_error.name if signals.http2_error is not None else ""
    status = signals.grpc_status.name if signals.grpc_status is not None else ""
    for clue in clues():
        if (
            (not clue.says or any(says.found_in(text.searched) for says in clue.says))
            and (clue.elapsed is None or any(clue.elapsed[0] <= t <= clue.elapsed[1] for t in signals.elapsed_seconds))
            and (not clue.http2_error or error in clue.http2_error)
            and (not clue.grpc_status or status in clue.grpc_status)
            and (not clue.empty_message or signals.empty_message)
            and (not clue.flags or bool(set(clue.flags) & set(signals.flags)))
        ):
            yield clue


def _clue(given: dict[str, Any]) -> Clue:
    says = given.get("says", ())
    elapsed = given.get("elapsed")
    many = {key: tuple(given.get(key, ())) for key in ("http2_error", "grpc_status", "flags")}
    return Clue(
        id=given["id"],
        note=given["note"],
        factors=tuple((rule, float(factor)) for rule, factor in given["factors"].items()),
        says=tuple(map(phrase, (says,) if isinstance(says, str) else says)),
        empty_message=bool(given.get("empty_message")),
        elapsed=None if elapsed is None else (float(elapsed[0]), float(elapsed[1])),
        **many,
    )
