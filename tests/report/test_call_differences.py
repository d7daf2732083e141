"""How two answers to the same call differ."""

from __future__ import annotations

from typing import Any

import pytest

from grpcdoctor.report.call_differences import differences


def answer(**parts: Any) -> dict[str, Any]:
    response: dict[str, Any] = {"headers": {}, "messages": [], "trailers": {}}
    status = {"code": 0, "name": "OK", "message": "", "details": []}
    return {
        "status": parts.pop("status", status), "error": parts.pop("error", None), "response": {**response, **parts},
    }  # fmt: skip


def test_the_same_is_no_difference() -> None:
    assert differences(answer(messages=[{"a": [1]}]), answer(messages=[{"a": [1]}])) == []


@pytest.mark.parametrize(
    ("old", "new", "line"),
    [
        ({"messages": [{"a": 1}]}, {"messages": [{"a": 2}]}, "messages[0].a: 1 -> 2"),
        ({"messages": [{"a": 1}]}, {"messages": [{}]}, "messages[0].a: 1 -> (nothing)"),
        ({"messages": []}, {"messages": ["x"]}, 'messages[0]: (nothing) -> "x"'),
        ({"messages": [1]}, {"messages": [True]}, "messages[0]: 1 -> true"),
        ({"messages": ["\x1b"]}, {"messages": ["b"]}, 'messages[0]: "\\u001b" -> "b"'),
        ({"headers": {"x": ["1"]}}, {"headers": {"x": ["2"]}}, 'headers.x[0]: "1" -> "2"'),
        ({"trailers": {}}, {"trailers": {"t": ["2"]}}, 'trailers.t: (nothing) -> ["2"]'),
        ({"status": {"code": 0}}, {"status": {"code": 5}}, "status.code: 0 -> 5"),
        ({"status": None}, {"status": {"code": 5}}, 'status: null -> {"code": 5}'),
    ],
)
def test_each_difference_is_a_line(old: dict[str, Any], new: dict[str, Any], line: str) -> None:
    assert differences(answer(**old), answer(**new)) == [line]


def test_what_is_different_every_time_does_not_count() -> None:
    assert differences(answer(headers={"date": ["a"]}), answer(headers={"date": ["b"], "x-request-id": ["1"]})) == []


def test_long_values_and_many_differences_are_cut() -> None:
    [line] = differences(answer(messages=["a" * 500]), answer(messages=["b" * 500]))
    assert len(line) < 200
    many = differences(answer(messages=list(range(500))), answer(messages=list(range(1, 501))))
    assert (len(many), many[-1]) == (51, "… and 450 more")
