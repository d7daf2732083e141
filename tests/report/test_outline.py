"""Values laid out for people."""

from __future__ import annotations

from typing import Any

import pytest

from grpcdoctor.report.outline import outline


@pytest.mark.parametrize(
    ("value", "lines"),
    [
        ("x", ["x"]),
        ("", ['""']),
        (None, ["null"]),
        (True, ["true"]),
        (1.5, ["1.5"]),
        ({}, ["{}"]),
        ({"a": 1, "b": ["x", {"c": 2, "d": []}]}, ["a: 1", "b:", "  - x", "  - c: 2", "    d: []"]),
        ({"stack": "one\ntwo"}, ["stack:", "  one", "  two"]),
        ([["a"], []], ["- - a", "- []"]),
    ],
)
def test_a_value_becomes_lines(value: Any, lines: list[str]) -> None:
    assert outline(value) == lines


def test_what_a_peer_wrote_is_made_visible() -> None:
    assert outline({"a\x1b": "b\x9b\u202e"}, indent=2) == ["  a\\x1b: b\\x9b\\u202e"]
