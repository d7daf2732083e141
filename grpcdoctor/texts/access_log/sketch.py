"""Durations in bounded memory: percentiles that are at most one percent off, and durations that cluster at a figure.

Buckets that grow by a constant factor, as in DDSketch (Masson, Rim and Lee, 2019): whatever lies in a bucket is
within `RELATIVE_ERROR` of the value that stands for it.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

RELATIVE_ERROR: Final = 0.01
_GROWTH: Final = (1 + RELATIVE_ERROR) / (1 - RELATIVE_ERROR)
_LOG_GROWTH: Final = math.log(_GROWTH)
# What is shorter counts as nothing: no proxy measures finer than a microsecond.
_SHORTEST_MS: Final = 0.001
_NOTHING: Final = -(10**6)

PERCENTILES: Final = (0.5, 0.9, 0.99)


@dataclass(frozen=True, slots=True)
class Latency:
    """In milliseconds, of `timed` lines that said it. The percentiles are at most 1% off, `longest` is exact."""

    timed: int
    p50: float
    p90: float
    p99: float
    longest: float


@dataclass(frozen=True, slots=True)
class DurationCluster:
    """Many requests ended at nearly the same round figure: somebody cut them."""

    seconds: float
    count: int
    timed: int
    """Of how many with a known duration."""
    nearby: int
    """How many lasted between 0.7 and 1.4 times as long, the cluster included."""


# Where timeouts are set: whole seconds at first, then fives, minutes, half hours.
_FIGURES: Final = sorted(
    {0.5, 1.5, 2.5, *range(1, 16), *range(20, 601, 5), *range(660, 7201, 60), *range(9000, 86401, 1800)}
)
_IN_MS: Final = {round(figure * 1000): float(figure) for figure in _FIGURES}
_EARLY_MS: Final = 5
_NEAR: Final = (0.7, 1.4)
_FEWEST: Final = 3
_NEARBY_SHARE: Final = 0.5


def _late_ms(figure_ms: int) -> float:
    """How long after its timeout a request may end: more after a long one, whose timers are coarser."""
    return min(3000.0, max(100.0, figure_ms * 0.005)) if figure_ms >= 1000 else 20.0


@lru_cache(maxsize=65536)
def bucket_of(ms: float) -> int:
    return math.ceil(math.log(ms) / _LOG_GROWTH) if ms > _SHORTEST_MS else _NOTHING


def value_of(bucket: int) -> float:
    """What stands for all in a bucket."""
    return 2 * math.exp(bucket * _LOG_GROWTH) / (_GROWTH + 1) if bucket != _NOTHING else 0.0


@lru_cache(maxsize=65536)
def figure_of(ms: float) -> float | None:
    """The round figure at which a request of this duration was cut, if it was."""
    if ms < min(_IN_MS) - _EARLY_MS:
        return None
    for step in (500, 1000, 5000, 60_000, 1_800_000):
        base = int((ms + _EARLY_MS) // step) * step
        if base in _IN_MS and ms - base <= _late_ms(base):
            return _IN_MS[base]
    return None


class DurationSketch:
    """Counts durations; never holds more than one number for a bucket of its 1%, and one for a round figure."""

    __slots__ = ("_buckets", "_figures", "longest", "timed")

    def __init__(self) -> None:
        self._buckets: Counter[int] = Counter()
        self._figures: Counter[float] = Counter()
        self.timed = 0
        self.longest = 0.0

    def add(self, durations: Mapping[float, int]) -> None:
        """How often each duration, in milliseconds, was seen."""
        for ms, times in durations.items():
            self._buckets[bucket_of(ms)] += times
            self.timed += times
            figure = figure_of(ms) if ms > 400 else None
            if figure is not None:
                self._figures[figure] += times
        self.longest = max(self.longest, max(durations, default=0.0))

    def merge(self, other: DurationSketch) -> None:
        self._buckets.update(other._buckets)
        self._figures.update(other._figures)
        self.timed += other.timed
        self.longest = max(self.longest, other.longest)

    def percentiles(self, shares: Sequence[float]) -> list[float]:
        """The durations below which these shares of all lie; shares in ascending order."""
        found: list[float] = []
        passed, waiting = 0, list(shares)
        for bucket, times in sorted(self._buckets.items()):
            passed += times
            while waiting and passed >= waiting[0] * self.timed:
                found.append(min(value_of(bucket), self.longest))
                del waiting[0]
        return found + [self.longest] * len(waiting)

    def latency(self) -> Latency | None:
        """None where no line said how long it took."""
        if not self.timed:
            return None
        p50, p90, p99 = self.percentiles(PERCENTILES)
        return Latency(self.timed, p50, p90, p99, self.longest)

    def clusters(self) -> tuple[DurationCluster, ...]:
        """The round figures at which most of what is about as long ended; the largest first."""
        found = []
        for seconds, count in self._figures.items():
            low, high = (bucket_of(seconds * 1000 * factor) for factor in _NEAR)
            nearby = sum(times for bucket, times in self._buckets.items() if low <= bucket <= high)
            if count >= _FEWEST and count >= nearby * _NEARBY_SHARE:
                found.append(DurationCluster(seconds, count, self.timed, nearby))
        return tuple(sorted(found, key=lambda one: (-one.count, one.seconds)))
