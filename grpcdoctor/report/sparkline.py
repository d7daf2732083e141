"""A row of numbers as a row of bars of different height."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Final

from grpcdoctor.report.style import Style

_BARS: Final = "▁▂▃▄▅▆▇█"
_ASCII_BARS: Final = "_.-:=+*#"
_NONE: Final = " "


def sparkline(values: Sequence[float], width: int, style: Style | None = None) -> str:
    """At most `width` bars, as high as the largest of what each stands for; nothing at all is a blank."""
    bars = _BARS if style is None or style.unicode else _ASCII_BARS
    columns = _columns([max(0.0, value) for value in values], width)
    highest = max(columns, default=0.0)
    if highest <= 0:
        return _NONE * len(columns)
    last = len(bars) - 1
    return "".join(bars[min(last, int(value / highest * len(bars)))] if value else _NONE for value in columns)


def _columns(values: Sequence[float], width: int) -> list[float]:
    """One number a column: the largest of its share, so that a short peak stays visible."""
    if len(values) <= max(0, width):
        return list(values)
    edges = [at * len(values) // width for at in range(width + 1)] if width > 0 else []
    return [max(values[start:end]) for start, end in pairwise(edges)]
