"""What YAML stands for: as Kubernetes reads it, and not as PyYAML does."""

from __future__ import annotations

import json
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from grpcdoctor.cluster import yaml_values
from grpcdoctor.cluster.yaml_values import DEEPEST, DocumentError, YamlReader

SCALARS = st.none() | st.booleans() | st.integers(-(2**63), 2**63) | st.floats(-1e9, 1e9) | st.text(max_size=20)
VALUES = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4)
)


@pytest.fixture(params=["libyaml", "pure"])
def reader(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> YamlReader:
    """Both parsers: some systems have a PyYAML without libyaml."""
    if request.param == "libyaml" and not hasattr(yaml, "CSafeLoader"):
        pytest.skip("needs libyaml")
    parser = yaml.CSafeLoader if request.param == "libyaml" else yaml.SafeLoader
    monkeypatch.setattr(yaml_values, "_PARSER", parser)
    return YamlReader()


def value_of(text: str) -> Any:
    return YamlReader().read(text)[0]


@pytest.mark.parametrize(
    ("written", "value"),
    [
        ("text", "text"),
        ("1", 1),
        ("-7", -7),
        ("+7", 7),
        ("0x1F", 31),
        ("0o17", 15),
        ("017", 15),
        ("0b101", 5),
        ("1_000", 1000),
        ("08", 8.0),
        ("1.5", 1.5),
        (".5", 0.5),
        ("1e3", 1000.0),
        ("1e999", "1e999"),
        ("--", "--"),
        ("1.2.3", "1.2.3"),
        ("yes", True),
        ("n", False),
        ("Off", False),
        ("~", None),
        ("", None),
        ("null", None),
        ("'1'", "1"),
        ('"yes"', "yes"),
        ("!!str 12", "12"),
        ("!!int '12'", 12),
        ("!custom x", "x"),
    ],
)
def test_a_scalar_means_what_it_means_to_kubernetes(reader: YamlReader, written: str, value: object) -> None:
    found = reader.read(f"a: {written}\n")[0]["a"]
    assert found == value
    assert type(found) is type(value)


@pytest.mark.parametrize("written", ["2026-11-21", "2026-11-21T08:00:00Z", "12:30:45", "1:30", ".nan", "9" * 5000])
def test_dates_and_sexagesimal_numbers_stay_text(reader: YamlReader, written: str) -> None:
    assert reader.read(f"a: {written}\n")[0] == {"a": written}


def test_keys_are_strings_as_in_json() -> None:
    assert value_of("1: a\non: b\n1.50: c\n~: d\n") == {"1": "a", "true": "b", "1.50": "c", "~": "d"}


def test_an_alias_is_a_copy_of_its_own(reader: YamlReader) -> None:
    value = reader.read("a: &x\n  b: [1]\nc: *x\nd: &y text\ne: *y\n")[0]
    assert value == {"a": {"b": [1]}, "c": {"b": [1]}, "d": "text", "e": "text"}
    assert value["a"] is not value["c"]
    assert value["a"]["b"] is not value["c"]["b"]


def test_merge_keys_give_way_to_what_is_said_itself_and_to_what_is_merged_first(reader: YamlReader) -> None:
    text = "- &a {k: 1, l: 1}\n- &b {l: 2, m: 2}\n- <<: [*a, *b]\n  k: 0\n- <<: *b\n- '<<': plain\n"
    assert reader.read(text)[0][2:] == [{"k": 0, "l": 1, "m": 2}, {"l": 2, "m": 2}, {"<<": "plain"}]


@pytest.mark.parametrize(
    "text",
    [
        "a: *nothing\n",
        "a: &a [*a]\n",
        "<<: 5\n",
        "? {a: b}\n: c\n",
        "? [a]\n: c\n",
        "{a: b}: c\n",
        "a: 1\n--- \nb: 2\n",
        "a: b: c\n",
        "a: \x07\n",
        "a: \udce4\n",
        "!undefined!tag a\n",
    ],
)
def test_what_kubernetes_would_refuse_is_an_error_and_nothing_else(reader: YamlReader, text: str) -> None:
    with pytest.raises(DocumentError):
        reader.read(text)


def test_a_key_that_stands_twice_with_different_values_is_told(reader: YamlReader) -> None:
    value, doubles = reader.read("a: 1\nb: {c: 1, c: 2}\na: 1\n")
    assert (value, doubles) == ({"a": 1, "b": {"c": 2}}, [("c", 15)])


def test_nesting_is_bounded(reader: YamlReader) -> None:
    deep = "[" * (DEEPEST - 1) + "]" * (DEEPEST - 1)
    reader.read(f"a: {deep}")
    aliased = f"a: &a {'[' * 150}{']' * 150}\nb: {'[' * 60}*a{']' * 60}"
    for text in (f"a: [{deep}]", "- " * 5000, "[" * 5000, aliased):
        with pytest.raises(DocumentError, match="200 levels"):
            reader.read(text)


def test_the_billion_laughs_are_not_heard_out(reader: YamlReader) -> None:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 10)}]" for i in range(1, 10)]
    with pytest.raises(DocumentError, match="100,000 values"):
        reader.read("\n".join(lines))


def test_equal_strings_are_one_in_memory() -> None:
    reader = YamlReader()
    first, second = reader.read("a: some text\n")[0], reader.read("b: some text\n")[0]
    assert first["a"] is second["b"]


@given(VALUES)
@settings(max_examples=300, deadline=None)
def test_json_is_yaml(value: Any) -> None:
    assert value_of(json.dumps({"a": value}).replace("\\ud", "x")) == json.loads(
        json.dumps({"a": value}).replace("\\ud", "x")
    )


@given(VALUES, st.booleans())
@settings(max_examples=300, deadline=None)
def test_what_was_written_is_read_again(value: Any, flow: bool) -> None:
    text = yaml.safe_dump({"a": value}, default_style='"', default_flow_style=flow, allow_unicode=True)
    assert value_of(text) == {"a": value}


@given(st.text(alphabet=st.sampled_from("ab:- \n\t{}[]&*!|>'\"#%@`,?<1~"), max_size=60))
@settings(max_examples=1000, deadline=None)
def test_no_text_makes_it_raise_anything_else(text: str) -> None:
    problem = DocumentError("none", 0)
    try:
        value_of(text)
    except DocumentError as error:
        problem = error
    assert problem.why
    assert 0 <= problem.offset <= len(text)
