"""How many lines at which time, in a bounded number of equally wide slots that widen as the log gets longer."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Final

MOST_SLOTS: Final = 128


class Timeline:
    """Slots are aligned to 1970 and their width is a power of two in seconds, so that two timelines can be joined."""

    __slots__ = ("_slots", "width")

    def __init__(self) -> None:
        self._slots: Counter[int] = Counter()
        self.width = 1

    def add(self, seconds: Mapping[int, int]) -> None:
        """How many lines in each second since 1970."""
        if self.width == 1:
            self._slots.update(seconds)
        else:
            for second, times in seconds.items():
                self._slots[second // self.width] += times
        self._widen_to(self.width)

    def merge(self, other: Timeline) -> None:
        self._widen_to(max(self.width, other.width))
        factor = self.width // other.width
        for slot, times in other._slots.items():
            self._slots[slot // factor] += times
        self._widen_to(self.width)

    def _widen_to(self, width: int) -> None:
        """At least this wide, and as much wider as it takes to have no more than the most slots from first to last."""
        if not self._slots:
            self.width = width
            return
        first, last = min(self._slots) * self.width, max(self._slots) * self.width
        while last // width - first // width >= MOST_SLOTS:
            width *= 2
        if width == self.width:
            return
        factor = width // self.width
        wider: Counter[int] = Counter()
        for slot, times in self._slots.items():
            wider[slot // factor] += times
        self._slots, self.width = wider, width

    @property
    def span(self) -> tuple[int, int] | None:
        """The first and the last slot that have lines."""
        return (min(self._slots), max(self._slots)) if self._slots else None

    def counts(self, first: int, last: int, width: int) -> tuple[int, ...]:
        """The lines in each slot from `first` to `last`, where slots are `width` wide: a multiple of the own width."""
        counted: Counter[int] = Counter()
        for slot, times in self._slots.items():
            counted[slot * self.width // width] += times
        return tuple(counted[slot] for slot in range(first, last + 1))
