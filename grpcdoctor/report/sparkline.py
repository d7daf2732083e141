"""A row of bars, one a column: how many, over time."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from grpcdoctor.report.style import Style

_BARS: Final = "▁▂▃▄▅▆▇█"
_PLAIN: Final = "_.-=+*%#"


def sparkline(values: Sequence[int], width: int, style: Style) -> str:
    """At most `width` columns; values are summed where there are more. Nothing is a blank, the most a full bar."""
    if not values or width < 1:
        return ""
    each = -(-len(values) // width)
    sums = [sum(values[start : start + each]) for start in range(0, len(values), each)]
    most = max(sums)
    bars = _BARS if style.unicode else _PLAIN
    return "".join(bars[max(0, -(-value * len(bars) // most) - 1)] if value else " " for value in sums) if most else ""
