"""How long several calls of the same method took, in as few figures as a handful of calls can carry."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from statistics import median
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from grpcdoctor.client.status import Status


@dataclass(frozen=True, slots=True)
class LatencySummary:
    """Milliseconds. `first` is told apart from the rest: it alone pays for what a server sets up lazily.

    There is no p99: it would be the maximum of a hundred calls under another name.
    """

    calls: int
    statuses: tuple[tuple[str, int], ...]
    """(name, how many), the most frequent first."""
    minimum: float
    median: float
    maximum: float
    first: float
    rest_median: float | None
    """None for a single call."""


@dataclass
class Latencies:
    """Collects; a call that ended with an error counts too, for it also took its time."""

    milliseconds: list[float] = field(default_factory=list)
    statuses: Counter[str] = field(default_factory=Counter)

    def add(self, milliseconds: float, status: Status) -> None:
        self.milliseconds.append(milliseconds)
        self.statuses[status.name] += 1

    def summary(self) -> LatencySummary | None:
        """None where no call ended."""
        times = self.milliseconds
        if not times:
            return None
        return LatencySummary(
            calls=len(times),
            statuses=tuple(self.statuses.most_common()),
            minimum=min(times),
            median=median(times),
            maximum=max(times),
            first=times[0],
            rest_median=median(times[1:]) if len(times) > 1 else None,
        )
