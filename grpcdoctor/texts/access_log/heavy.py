"""The most frequent of many values in bounded memory (Misra and Gries, 1982, in batches).

Whenever twice as many values are known as are kept, all credits are lowered by the largest credit that is to go, and
who has none left goes. So a value that makes up more than 1/kept of all is never lost, however late it comes, and
what was forgotten of any value is at most `forgotten`, which in turn is at most 1/kept of all.
"""

from __future__ import annotations

import heapq
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Counted:
    """A value, and how often at least it was seen."""

    value: str
    count: int


def charge(credits: Iterable[int], kept: int) -> int:
    """By how much all credits go down so that at most `kept` remain: the largest of those that are one too many."""
    largest = heapq.nlargest(kept + 1, credits)
    return largest[-1] if len(largest) > kept else 0


class HeavyHitters:
    """Counts text values; at most 2 * `kept` of them are known at any time."""

    __slots__ = ("_counts", "forgotten", "kept")

    def __init__(self, kept: int) -> None:
        self.kept = kept
        self.forgotten = 0
        self._counts: Counter[str] = Counter()

    def add(self, values: Mapping[str, int]) -> None:
        """How often each value was seen; the empty one does not count."""
        for value, times in values.items():
            if not value:
                continue
            self._counts[value] += times
            if len(self._counts) > 2 * self.kept:
                self._forget()

    def merge(self, other: HeavyHitters) -> None:
        self.forgotten += other.forgotten
        self.add(other._counts)

    def _forget(self) -> None:
        price = charge(self._counts.values(), self.kept)
        self.forgotten += price
        self._counts = Counter({value: times - price for value, times in self._counts.items() if times > price})

    def most_common(self, many: int) -> tuple[Counted, ...]:
        """By count, and by name where counts are equal."""
        ordered = sorted(self._counts.items(), key=lambda item: (-item[1], item[0]))
        return tuple(Counted(value, times) for value, times in ordered[:many])
