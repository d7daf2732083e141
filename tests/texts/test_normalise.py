"""What terminals, loggers and copying have put around a message is taken off."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from grpcdoctor.texts.normalise import MOST_CHARACTERS, normalise

MESSAGE = 'connection error: desc = "error reading server preface: EOF"'


@pytest.mark.parametrize(
    "pasted",
    [
        MESSAGE,
        f"\x1b[31mERROR\x1b[0m {MESSAGE}",
        json.dumps({"level": "error", "msg": MESSAGE}),
        json.dumps({"log": json.dumps({"msg": MESSAGE})}),
        MESSAGE.replace(" ", "\n   "),
        MESSAGE.replace('"', "&quot;"),
        MESSAGE.replace('"', "“"),
        f"2026-11-25T03:00:00Z stderr F {MESSAGE}",
    ],
)
def test_the_message_is_the_same_however_it_was_wrapped(pasted: str) -> None:
    assert MESSAGE.lower() in normalise(pasted).searched


def test_bytes_in_a_message_stay() -> None:
    assert r"\x00\x00\x06\x04" in normalise(r'malformed HTTP response "\x00\x00\x06\x04"').searched


def test_a_windows_path_or_a_tab_is_no_trouble() -> None:
    assert "c:" in normalise("C:\\new\\table\tx").searched


def test_a_text_beyond_all_measure_is_cut_and_says_so() -> None:
    text = normalise("x" * (MOST_CHARACTERS + 1))
    assert text.cut
    assert len(text.flat) == MOST_CHARACTERS


@given(st.text(max_size=300))
def test_no_text_breaks_it(pasted: str) -> None:
    text = normalise(pasted)
    assert "\n" not in text.flat
    assert text.searched.partition("\n")[0] == text.flat.lower()
