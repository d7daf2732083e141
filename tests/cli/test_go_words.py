"""Values look as Go prints them."""

from __future__ import annotations

import pytest

from grpcdoctor.cli.go_words import code_name, duration, quoted


@pytest.mark.parametrize(
    ("nanoseconds", "text"),
    [
        (0, "0s"),
        (-1_500_000_000, "-1.5s"),
        (999, "999ns"),
        (903_815, "903.815µs"),
        (10_090_000, "10.09ms"),
        (1_500_000_000, "1.5s"),
        (60_000_000_000, "1m0s"),
        (3_723_000_000_001, "1h2m3.000000001s"),
    ],
)
def test_a_duration_has_the_largest_unit_that_fits(nanoseconds: int, text: str) -> None:
    assert duration(nanoseconds) == text


@pytest.mark.parametrize(
    ("code", "name"), [(0, "OK"), (1, "Canceled"), (3, "InvalidArgument"), (16, "Unauthenticated"), (999, "Code(999)")]
)
def test_a_code_has_gos_name(code: int, name: str) -> None:
    assert code_name(code) == name


@pytest.mark.parametrize(
    ("text", "in_quotes"),
    [
        ('a"b\\', r'"a\"b\\"'),
        ("\n\x00\x7f", r'"\n\x00\x7f"'),
        ("é😀", '"é😀"'),
        ("\u200b\U000e0001", r'"\u200b\U000e0001"'),
        (b"\xff".decode("utf-8", "surrogateescape"), r'"\xff"'),
    ],
)
def test_a_quoted_text_shows_what_cannot_be_seen(text: str, in_quotes: str) -> None:
    assert quoted(text) == in_quotes
