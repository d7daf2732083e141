"""A figure with its aim, and how figures are printed."""

from __future__ import annotations

import json
import platform
import sys
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass

from grpcdoctor.version import __version__


@dataclass(frozen=True)
class Figure:
    """One measured value. `at_least` and `at_most` are aims; a figure without is there to explain others."""

    name: str
    value: float
    unit: str
    at_least: float | None = None
    at_most: float | None = None
    note: str = ""

    @property
    def met(self) -> bool | None:
        if self.at_least is not None:
            return self.value >= self.at_least
        return self.value <= self.at_most if self.at_most is not None else None

    @property
    def aim(self) -> str:
        if self.at_least is not None:
            return f">= {self.at_least:g}"
        return f"<= {self.at_most:g}" if self.at_most is not None else ""


def show(figures: Sequence[Figure]) -> None:
    """The table, then one line of JSON."""
    width = max(len(figure.name) for figure in figures)
    for figure in figures:
        met = {True: "met", False: "MISSED", None: ""}[figure.met]
        row = f"{figure.name:{width}}  {figure.value:10,.2f} {figure.unit:12} {figure.aim:8} {met:6} {figure.note}"
        print(row.rstrip())
    print(json.dumps(as_json(figures)))


def as_json(figures: Sequence[Figure]) -> dict[str, object]:
    return {
        "tool": f"grpcdoctor {__version__}",
        "python": platform.python_version(),
        "machine": f"{platform.system()} {platform.machine()}",
        "figures": [{**asdict(figure), "met": figure.met} for figure in figures],
    }


def run_alone(measure: Callable[[], Sequence[Figure]]) -> None:
    """A benchmark's own main."""
    show(measure())
    sys.stdout.flush()
