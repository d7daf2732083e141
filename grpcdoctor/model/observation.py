"""Observation: one measured fact with its outcome, timing and evidence; Observations: those of one run."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import Enum
from typing import Any, ClassVar, TypeVar, cast


class Outcome(str, Enum):
    """How a probe's attempt ended. BUG: grpcdoctor itself failed; shown, and never counted as fine."""

    OK = "ok"
    FAIL = "fail"
    SKIPPED = "skipped"
    BUG = "bug"


@dataclass(frozen=True, slots=True)
class Facts:
    """What one kind of probe measures. A subclass gives its `kind`, and a default to every field."""

    kind: ClassVar[str] = ""
    kinds: ClassVar[dict[str, type[Facts]]] = {}

    def __init_subclass__(cls, **kwargs: Any) -> None:
        # dataclass(slots=True) makes each class twice; the second, finished one replaces the first.
        if cls.kind:
            Facts.kinds[cls.kind] = cls


F = TypeVar("F", bound=Facts)


@dataclass(frozen=True, slots=True)
class Observation:
    """The result of one probe. `error` says in plain words what went wrong, or why it was skipped."""

    probe: str
    outcome: Outcome
    facts: Facts | None = None
    error: str | None = None
    started_ms: float = 0.0
    """Since the start of the run."""
    duration_ms: float = 0.0


@dataclass(frozen=True, slots=True)
class Observations:
    """All that was observed of one target, in order, looked up by the class of the facts."""

    items: tuple[Observation, ...] = ()
    _by_kind: dict[str, Facts] = field(default_factory=dict, repr=False, compare=False)

    def __post_init__(self) -> None:
        for item in self.items:
            if item.facts is not None:
                self._by_kind.setdefault(item.facts.kind, item.facts)

    def __iter__(self) -> Iterator[Observation]:
        return iter(self.items)

    def get(self, kind: type[F]) -> F | None:
        """The facts of this class, or None where the probe did not get that far."""
        return cast("F | None", self._by_kind.get(kind.kind))

    def of(self, probe: str) -> Observation | None:
        """The observation of the probe with this name."""
        return next((item for item in self.items if item.probe == probe), None)
