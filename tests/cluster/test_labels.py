"""Label selectors, and the index that must say what a walk over everything says."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from grpcdoctor.cluster.labels import LabelIndex, match_labels_selects, selector_of, selects

LABELS = st.dictionaries(st.sampled_from("abc"), st.sampled_from("xy"), max_size=3)


@dataclass(frozen=True, eq=False)
class Item:
    namespace: str = "prod"
    labels: dict[str, str] = field(default_factory=dict)


ITEMS = st.lists(st.builds(Item, st.sampled_from(["prod", "test"]), LABELS), max_size=12)


@given(ITEMS, LABELS, st.sampled_from(["prod", "test", "none"]))
def test_the_index_finds_what_a_walk_finds_in_the_same_order(
    items: list[Item], selector: dict[str, str], space: str
) -> None:
    index = LabelIndex(items)
    walked = [item for item in items if selects(selector, item.labels)]
    assert index.select(selector, space) == tuple(item for item in walked if item.namespace == space)
    assert index.select_anywhere(selector) == (tuple(walked) if selector else ())
    assert index.in_namespace(space) == index.select({}, space)


def test_an_empty_selector_selects_all_of_a_namespace_and_nothing_anywhere() -> None:
    index = LabelIndex([Item("prod", {"a": "x"}), Item("prod"), Item("test")])
    assert len(index.select({}, "prod")) == 2
    assert index.select_anywhere({}) == ()


@pytest.mark.parametrize(
    ("selector", "labels", "selected"),
    [
        ({}, {}, True),
        ({}, {"app": "greeter"}, True),
        ({"app": "greeter"}, {"app": "greeter", "v": "1"}, True),
        ({"app": "greeter", "v": "1"}, {"app": "greeter"}, False),
        ({"app": ""}, {}, False),
        ({"app": ""}, {"app": ""}, True),
    ],
)
def test_every_pair_of_a_selector_must_be_there(
    selector: dict[str, str], labels: dict[str, str], selected: bool
) -> None:
    assert selects(selector, labels) is selected


@pytest.mark.parametrize(
    ("operator", "values", "labels", "selected"),
    [
        ("In", ["a", "b"], {"k": "b"}, True),
        ("In", ["a", "b"], {"k": "c"}, False),
        ("In", ["a"], {}, False),
        ("NotIn", ["a"], {"k": "a"}, False),
        ("NotIn", ["a"], {"k": "b"}, True),
        ("NotIn", ["a"], {}, True),
        ("Exists", [], {"k": ""}, True),
        ("Exists", [], {}, False),
        ("DoesNotExist", [], {}, True),
        ("DoesNotExist", [], {"k": "a"}, False),
    ],
)
def test_expressions_mean_what_kubernetes_means(
    operator: str, values: list[str], labels: dict[str, str], selected: bool
) -> None:
    expression = {"key": "k", "operator": operator, "values": values}
    assert match_labels_selects({"matchExpressions": [expression]}, labels) is selected


def test_labels_and_expressions_must_both_hold() -> None:
    selector = {"matchLabels": {"app": "a"}, "matchExpressions": [{"key": "v", "operator": "Exists"}]}
    assert match_labels_selects(selector, {"app": "a", "v": "1"})
    assert not match_labels_selects(selector, {"app": "a"})
    assert not match_labels_selects(selector, {"v": "1"})


@pytest.mark.parametrize("selector", [{"matchLabels": "junk"}, {"matchExpressions": ["junk", None]}, {}])
def test_junk_in_a_selector_selects_as_if_it_were_not_there(selector: dict[str, Any]) -> None:
    assert match_labels_selects(selector, {"app": "a"})


def test_the_selector_of_a_service_and_of_a_deployment_are_read_alike() -> None:
    assert selector_of({"app": "a", "n": 1}) == {"app": "a", "n": "1"}
    assert selector_of({"matchLabels": {"app": "a"}}) == {"app": "a"}
    assert selector_of(None) == {}
