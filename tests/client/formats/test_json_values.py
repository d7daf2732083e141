"""JsonValues: the same values however the text is cut into pieces, and errors only where they are reached."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from grpcdoctor.client.errors import RequestError
from grpcdoctor.client.formats.json_values import JsonValues


def cut(text: str, size: int) -> list[tuple[str, int]]:
    """(Value, where it begins); an error's words and its place last."""
    values = JsonValues()
    found: list[tuple[str, int]] = []
    try:
        for at in range(0, len(text), size):
            values.feed(text[at : at + size])
            found.extend(iter_values(values))
        values.end()
        found.extend(iter_values(values))
    except RequestError as wrong:
        found.append((f"error: {wrong}", wrong.offset or 0))
    return found


def iter_values(values: JsonValues) -> Iterator[tuple[str, int]]:
    while (value := values.take()) is not None:
        yield value, values.start.offset


@pytest.mark.parametrize("size", [1, 2, 3, 1000])
@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", []),
        (" \n\t", []),
        ('{"a": 1}{"b": "}"} [[1], 2]', [('{"a": 1}', 0), ('{"b": "}"}', 8), ("[[1], 2]", 19)]),
        (
            '1 -2.5e3"x\\"y" true[]null',
            [("1", 0), ("-2.5e3", 2), ('"x\\"y"', 8), ("true", 15), ("[]", 19), ("null", 21)],
        ),
        ('{"a\\\\": "\\\\"}{}', [('{"a\\\\": "\\\\"}', 0), ("{}", 13)]),
    ],
)
def test_values_are_cut_where_they_end(text: str, expected: list[tuple[str, int]], size: int) -> None:
    assert cut(text, size) == expected


@pytest.mark.parametrize("size", [1, 3, 1000])
@pytest.mark.parametrize(
    ("text", "good", "offset", "words"),
    [
        ('{"a": 1} {"b": ', 1, 15, "unexpected EOF"),
        ('{"a": 1} {b: 2', 1, 10, "invalid character 'b'"),
        ('{"a": 1}, {}', 1, 8, "invalid character ','"),
        ('"abc', 0, 0, "unexpected EOF"),
        ("{}\n}", 1, 3, "invalid character '}'"),
    ],
)
def test_what_is_wrong_shows_behind_the_good_values(text: str, good: int, offset: int, words: str, size: int) -> None:
    *values, (error, at) = cut(text, size)
    assert len(values) == good
    assert words in error
    assert at == offset


def test_brackets_that_do_not_match_end_the_value_for_the_reader_to_refuse() -> None:
    assert cut('{"a": [1}{}', 1000) == [('{"a": [1}', 0), ("{}", 9)]


def test_nothing_is_held_back_that_is_complete() -> None:
    values = JsonValues()
    values.feed('{"a": 1}')
    assert values.take() == '{"a": 1}'
    values.feed("  {")
    assert values.take() is None
    values.feed("}")
    assert values.take() == "{}"


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=10,
)


@given(st.lists(JSON, max_size=5), st.integers(1, 9), st.sampled_from([" ", "\n", "\r\n\t"]))
def test_whatever_is_written_one_after_the_other_comes_out_again(values: list[object], size: int, between: str) -> None:
    text = between.join(map(json.dumps, values))
    assert [json.loads(value) for value, _ in cut(text, size)] == values
