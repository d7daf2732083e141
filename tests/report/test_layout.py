"""Wrapping and painting."""

from __future__ import annotations

from hypothesis import example, given
from hypothesis import strategies as st

from grpcdoctor.report import clean
from grpcdoctor.report.layout import NO_BREAK, clip, paint, width_of, wrap
from grpcdoctor.report.style import Style
from grpcdoctor.report.trace import trace_line
from tests.report import samples


def texts(spans: str, width: int) -> list[str]:
    return ["".join(text for text, _ in line) for line in wrap([(spans, "")], width)]


def test_words_are_wrapped_at_blanks_and_never_broken() -> None:
    assert texts("one two three", 7) == ["one two", "three"]
    assert texts("a incomprehensibilities b", 5) == ["a", "incomprehensibilities", "b"]


def test_a_no_break_blank_holds_words_together() -> None:
    assert texts(f"one two{NO_BREAK}three", 9) == ["one", "two three"]


def test_spans_without_a_blank_between_are_one_word() -> None:
    assert wrap([("(", "dim"), ("a", ""), (") b", "dim")], 3) == [
        [("(", "dim"), ("a", ""), (")", "dim")],
        [("b", "dim")],
    ]


@example([("0", ""), (NO_BREAK, ""), ("00000000000\x1f\x1f", "")], 20)  # an escape is wider than what it stands for
@given(st.lists(st.tuples(st.text(max_size=30), st.sampled_from(["", "dim"])), max_size=6), st.integers(20, 60))
def test_no_wrapped_line_is_too_wide_unless_it_is_one_word(spans: list[tuple[str, str]], width: int) -> None:
    for line in wrap(spans, width):
        assert width_of(line) <= width or (" ", "") not in line


@given(st.text(max_size=80), st.integers(5, 40))
def test_a_clipped_text_fits(text: str, width: int) -> None:
    for unicode in (True, False):
        assert width_of([(clip(text, width, Style(unicode=unicode)), "")]) <= width


@given(st.text(max_size=60))
def test_cleaned_text_is_printable_and_one_line(text: str) -> None:
    cleaned = clean.line(text)
    assert len(cleaned.splitlines()) <= 1
    assert "\x1b" not in cleaned
    cleaned.encode("utf-8")


def test_neighbours_in_one_role_are_painted_together() -> None:
    assert paint([("a", "dim"), (" ", "dim"), ("b", "dim")], Style(colour=True)) == "\x1b[2ma b\x1b[0m"


def test_a_traced_frame_is_one_line_with_time_connection_and_direction() -> None:
    assert trace_line(samples.frame(), Style()) == (
        "     24.5 ms  #1 → HEADERS        stream 1  END_HEADERS  97 bytes  :method: POST\n"
    )
    hostile = trace_line(samples.frame(samples.HOSTILE, "received"), Style(unicode=False))
    assert hostile.count("\n") == 1
    assert hostile.isascii()
    assert "#1 <- HEADERS" in hostile
