"""A sparkline is as wide as it may be, shows its peaks, and can do without Unicode."""

from __future__ import annotations

from grpcdoctor.report.sparkline import sparkline
from grpcdoctor.report.style import Style


def test_heights_follow_the_values_and_nothing_is_blank() -> None:
    assert sparkline([0, 1, 4, 8], 10) == " ▂▅█"
    assert sparkline([0, 1, 4, 8], 10, Style(unicode=False)) == " .=#"


def test_a_short_peak_stays_visible_in_few_columns() -> None:
    assert sparkline([1] * 50 + [100] + [1] * 49, 4) == "▁▁█▁"
    assert sparkline([1, 2, 3], 0) == sparkline([], 5) == ""
