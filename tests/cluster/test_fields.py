"""Ways into raw JSON: what is missing or of another type is not there, and nothing stops the analysis."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from grpcdoctor.cluster.fields import (
    Step,
    at,
    dotted,
    flag_at,
    items_at,
    mapping_at,
    mappings_at,
    number_at,
    string_map,
    text_at,
    texts_at,
)

PORTS: dict[str, Any] = {"spec": {"ports": [{"name": "grpc", "port": 50051}, "junk", None, {"port": "80"}]}}

SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5)
JSON = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=4), inner, max_size=4),
    max_leaves=12,
)
PATHS = st.lists(st.text(max_size=4) | st.integers(-2, 4), max_size=5)


@pytest.mark.parametrize(
    ("path", "found"),
    [
        ((), PORTS),
        (("spec", "ports", 0, "name"), "grpc"),
        (("spec", "ports", 1, "name"), None),
        (("spec", "ports", 2, "name"), None),
        (("spec", "ports", 4), None),
        (("spec", "ports", -1), None),
        (("spec", "ports", "0"), None),
        (("spec", "port"), None),
        (("metadata", "name"), None),
    ],
)
def test_a_path_leads_to_its_value_or_to_none(path: tuple[Step, ...], found: Any) -> None:
    assert at(PORTS, *path) == found


def test_true_is_no_index() -> None:
    assert at(["zero", "one"], True) is None


@given(JSON, PATHS)
def test_whatever_is_in_an_object_every_way_in_gives_its_own_type(value: Any, path: list[Step]) -> None:
    assert isinstance(mapping_at(value, *path), dict)
    assert isinstance(items_at(value, *path), list)
    assert all(isinstance(item, dict) for _, item in mappings_at(value, *path))
    assert isinstance(text_at(value, *path), str)
    assert all(isinstance(item, str) for item in texts_at(value, *path))
    number = number_at(value, *path)
    assert number is None or type(number) is int
    assert flag_at(value, *path) in (True, False, None)
    assert all(type(key) is str and type(item) is str for key, item in string_map(value, *path).items())


@given(JSON, PATHS)
def test_a_path_in_two_parts_leads_where_it_leads_in_one(value: Any, path: list[Step]) -> None:
    half = len(path) // 2
    one, two = at(value, *path), at(at(value, *path[:half]), *path[half:])
    assert one is two or one == two


def test_objects_of_a_list_keep_their_index_and_the_rest_is_left_out() -> None:
    assert [(index, item["port"]) for index, item in mappings_at(PORTS, "spec", "ports")] == [(0, 50051), (3, "80")]


@pytest.mark.parametrize(
    ("value", "text"),
    [("a", "a"), (8080, "8080"), (1.5, "1.5"), (True, "true"), (False, "false"), (None, ""), ({}, ""), ([], "")],
)
def test_a_text_is_spelt_as_yaml_spells_it(value: Any, text: str) -> None:
    assert text_at({"it": value}, "it") == text


@pytest.mark.parametrize(
    ("value", "number"),
    [
        (80, 80), (-1, -1), ("80", 80), ("080", 80), ("", None), ("-1", None), ("8o", None), ("٣", None), ("²", None),
        (True, None), (80.0, None), ("9" * 5000, None), (None, None), ([80], None),
    ],
)  # fmt: skip
def test_a_number_is_an_integer_or_its_digits(value: Any, number: int | None) -> None:
    assert number_at({"it": value}, "it") == number


@pytest.mark.parametrize(
    ("value", "flag"),
    [(True, True), (False, False), ("true", True), (" True ", True), ("FALSE", False), ("yes", None), ("", None),
     (1, None), (None, None)],
)  # fmt: skip
def test_a_flag_is_a_boolean_or_its_word(value: Any, flag: bool | None) -> None:
    assert flag_at({"it": value}, "it") is flag


def test_a_map_of_strings_keeps_scalars_alone() -> None:
    raw = {"a": "b", "n": 1, "t": True, "f": 1.5, 7: "seven", "none": None, "list": ["x"], "map": {"x": "y"}}
    assert string_map(raw) == {"a": "b", "n": "1", "t": "true", "f": "1.5", "7": "seven"}
    assert string_map({"labels": "junk"}, "labels") == {}


def test_a_field_is_written_as_people_write_it() -> None:
    assert dotted(("spec", "ports", 0, "name")) == "spec.ports[0].name"
    assert dotted(("metadata", "annotations", "a.b/c")) == 'metadata.annotations["a.b/c"]'
    assert dotted(()) == ""


def test_the_empty_answers_are_empty_each_time() -> None:
    assert mapping_at(None) == {} == mapping_at({"a": []}, "a")
    assert items_at(None) == [] == items_at({"a": {}}, "a")
