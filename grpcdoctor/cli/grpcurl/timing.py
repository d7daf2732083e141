"""Timing: how long each step took, for the tree that ends the output of -vv."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from time import perf_counter_ns

from grpcdoctor.cli.go_words import duration


class Timing:
    """One step and those within it. It runs from its making to `stop`."""

    def __init__(self, title: str) -> None:
        self.title = title
        self.steps: list[Timing] = []
        self._started = perf_counter_ns()
        self._taken: int | None = None

    @contextmanager
    def step(self, title: str) -> Iterator[Timing]:
        inner = Timing(title)
        self.steps.append(inner)
        try:
            yield inner
        finally:
            inner.stop()

    def stop(self) -> None:
        self._taken = perf_counter_ns() - self._started

    def tree(self, depth: int = 0) -> str:
        taken = self._taken if self._taken is not None else perf_counter_ns() - self._started
        line = f"{'  ' * depth}{self.title}: {duration(taken)}\n"
        return line + "".join(step.tree(depth + 1) for step in self.steps)
