"""A phrase finds what a program prints, however it was wrapped, and refuses what nobody could look for."""

from __future__ import annotations

import pytest

from grpcdoctor.texts.normalise import normalise
from grpcdoctor.texts.phrases import PhraseError, phrase


def found(text: str, pasted: str) -> dict[str, str] | None:
    match = phrase(text).found_in(normalise(pasted).searched)
    return None if match is None else match.groupdict()


def test_case_and_white_space_do_not_matter() -> None:
    assert found("Connection  refused", "dial tcp: CONNECTION\n   refused") == {}


def test_a_placeholder_keeps_what_it_stands_for() -> None:
    assert found("error code {number}", "RST_STREAM with error code 8") == {"number": "8"}
    assert found("dial tcp {address}:", "dial tcp [::1]:50051: connect") == {"address": "[::1]:50051"}
    assert found("{number} vs. {number2}", "larger than max (5 vs. 4)") == {"number": "5", "number2": "4"}


def test_a_gap_is_short_and_may_be_empty() -> None:
    assert found("closed…EOF", "closed: EOF") == {}
    assert found("closedEOF…", "closedEOF") == {}
    assert found("closed…EOF", "closed " + "x" * 200 + " EOF") is None


def test_alternatives_may_be_empty() -> None:
    pattern = "with {|error }code 2"
    assert found(pattern, "RST_STREAM with code 2") == {}
    assert found(pattern, "RST_STREAM with error code 2") == {}


def test_a_phrase_ends_where_its_word_ends() -> None:
    assert found("code 1", "error code 13") is None
    assert found("reset", "presets") is None


def test_a_doubled_brace_is_a_brace() -> None:
    assert found("started{{remote", "upstream_reset_before_response_started{remote_reset}") == {}


def test_underscores_are_found_as_blanks_too() -> None:
    assert found("remote connection failure", "UF started{remote_connection_failure|x}") == {}


def test_a_phrase_of_alternatives_alone_is_looked_for_by_its_words() -> None:
    assert phrase("{rollout|deploy}").needles == ("rollout", "deploy")


@pytest.mark.parametrize("wrong", ["{number}", "…", "{a|b}", "", "{nosuch} text"])
def test_what_nobody_can_look_for_is_refused(wrong: str) -> None:
    with pytest.raises(PhraseError):
        phrase(wrong)
