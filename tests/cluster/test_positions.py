"""Positions: the line that a finding points at is the line of the field."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from grpcdoctor.cluster.fields import FieldPath
from grpcdoctor.cluster.manifests import read_manifests
from grpcdoctor.cluster.objects import Object, Origin
from grpcdoctor.cluster.positions import LONGEST_LINE
from grpcdoctor.cluster.yaml_values import Places, YamlReader

SERVICE = """\
# A comment before everything.
apiVersion: v1
kind: Service
metadata:
  name: greeter
  annotations: {"a.b/c": x}
spec:
  selector:
    app: greeter
  ports:
    # the port of gRPC
    - port: 50051
      name: http
    - name: metrics
      port: 9090
"""

KEYS = st.text("abcdefgh", min_size=1, max_size=4)
VALUES = st.recursive(
    st.integers(0, 99) | st.text("xyz \n", max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(KEYS, inner, max_size=4),
    max_leaves=20,
)


def objects_of(text: str) -> tuple[Object, ...]:
    return read_manifests(["-"], stdin=io.StringIO(text)).objects


def origin_of(text: str, index: int = 0) -> Origin:
    origin = objects_of(text)[index].origin
    assert origin is not None
    return origin


@pytest.mark.parametrize(
    ("path", "line"),
    [
        ((), 2),
        (("kind",), 3),
        (("metadata", "name"), 5),
        (("metadata", "annotations", "a.b/c"), 6),
        (("spec",), 7),
        (("spec", "ports"), 10),
        (("spec", "ports", 0), 12),
        (("spec", "ports", 0, "name"), 13),
        (("spec", "ports", 1, "port"), 15),
        (("spec", "ports", 1, "targetPort"), 14),
        (("spec", "ports", 7, "name"), 10),
        (("spec", "type"), 7),
        (("spec", "selector", "app", "deeper"), 9),
        (("status", "loadBalancer"), 2),
    ],
)
def test_a_field_has_its_line_and_a_missing_one_that_of_its_nearest_parent(path: FieldPath, line: int) -> None:
    assert origin_of(SERVICE).line(path) == line


def test_the_text_of_a_line_is_shown_with_the_subject() -> None:
    subject = objects_of(SERVICE)[0].subject(("spec", "ports", 0, "name"))
    assert (subject.file, subject.line, subject.text) == ("<stdin>", 13, "      name: http")
    origin = origin_of(SERVICE)
    assert (origin.text(0), origin.text(1), origin.text(99)) == (None, "# A comment before everything.", None)
    assert origin_of(SERVICE.rstrip("\n")).text(15) == "      port: 9090"


def test_documents_keep_the_lines_of_the_file() -> None:
    text = f"---\n# nothing\n---\n{SERVICE}...\n\n---\n{SERVICE}"
    assert [origin_of(text, index).line(("spec", "ports", 1, "port")) for index in (0, 1)] == [18, 36]


def test_windows_and_old_line_endings_count_like_all_others() -> None:
    for ending in ("\r\n", "\r"):
        origin = origin_of(SERVICE.replace("\n", ending))
        assert origin.line(("spec", "ports", 1, "port")) == 15
        assert origin.text(15) == "      port: 9090"


def test_line_separators_of_unicode_are_no_lines_of_an_editor() -> None:
    text = SERVICE.replace("everything.", "everything.\u2028\x85").replace("{", '{x: "\u2028", ')
    assert origin_of(text).line(("spec", "ports", 1, "port")) == 15


def test_a_byte_order_mark_moves_nothing() -> None:
    assert origin_of("\ufeff" + SERVICE).line(("metadata", "name")) == 5
    assert origin_of(f"{SERVICE}\ufeff---\n{SERVICE}", 1).line(("metadata", "name")) == 21


def test_items_of_a_list_have_their_own_lines() -> None:
    item = "".join(f"  {line}\n" for line in SERVICE.splitlines()[1:])
    text = f"apiVersion: v1\nitems:\n-{item[1:]}-{item[1:]}kind: List\n"
    assert [origin_of(text, index).line(("metadata", "name")) for index in (0, 1)] == [6, 20]
    assert [origin_of(text, index).line(()) for index in (0, 1)] == [3, 17]


def test_lists_in_lists_have_lines_whether_cut_or_not() -> None:
    text = (
        "{apiVersion: v1, kind: List, items: [\n {apiVersion: v1, kind: List, items: [\n"
        "  {apiVersion: v1, kind: Service, metadata: {\n   name: deep}}]},\n"
        " {apiVersion: v1, kind: Pod,\n  metadata: {name: flat}}]}\n"
    )
    assert [origin_of(text, index).line(("metadata", "name")) for index in (0, 1)] == [4, 6]


def test_what_an_alias_or_a_merge_brings_has_the_line_where_it_is_written() -> None:
    text = (
        "apiVersion: v1\nkind: Service\nmetadata: {name: x}\nx-common: &common\n  port: 1\n  protocol: TCP\n"
        "spec:\n  ports:\n    - <<: *common\n      name: a\n    - *common\n"
    )
    origin = origin_of(text)
    lines = [origin.line(("spec", "ports", *rest)) for rest in ((0, "port"), (0, "name"), (1,), (1, "protocol"))]
    assert lines == [5, 10, 11, 6]


def test_of_a_key_that_stands_twice_the_last_one_is_the_place() -> None:
    assert origin_of("apiVersion: v1\nkind: Pod\nspec: {a: 1}\nspec:\n  a: 2\n").line(("spec", "a")) == 5


def test_json_has_lines_too() -> None:
    raw = {"apiVersion": "v1", "kind": "List", "items": [yaml.safe_load(SERVICE), yaml.safe_load(SERVICE)]}
    text = json.dumps(raw, indent="\t")
    origin = origin_of(text, 1)
    wanted = [number for number, line in enumerate(text.split("\n"), 1) if '"port": 9090' in line]
    assert [origin_of(text, i).line(("spec", "ports", 1, "port")) for i in (0, 1)] == wanted
    assert origin.text(wanted[1]) == '\t\t\t\t\t\t"port": 9090'
    assert origin.line(("spec", "ports", 1, "nothing")) == wanted[1] - 2


def test_a_line_that_nobody_could_read_is_not_shown() -> None:
    text = json.dumps({**yaml.safe_load(SERVICE), "x": "y" * LONGEST_LINE})
    subject = objects_of(text)[0].subject(("spec",))
    assert (subject.line, subject.text) == (1, None)


def test_a_document_is_read_with_places_only_when_a_line_is_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []
    read = YamlReader.read

    def counted(self: YamlReader, text: str, places: Places | None = None) -> tuple[Any, list[tuple[str, int]]]:
        asked.append(text)
        return read(self, text, places)

    found = objects_of(f"{SERVICE}---\n{SERVICE}")
    monkeypatch.setattr(YamlReader, "read", counted)
    for path in ((), ("spec",), ("kind",)):
        found[1].subject(path)
    assert len(asked) == 1


@given(st.dictionaries(KEYS, VALUES, min_size=1, max_size=5), st.booleans(), st.integers(0, 2))
@settings(max_examples=300, deadline=None)
def test_every_field_has_the_line_that_the_node_tree_of_pyyaml_says(value: Any, flow: bool, documents: int) -> None:
    body = yaml.safe_dump({"apiVersion": "v1", "kind": "Pod", **value}, default_flow_style=flow, width=20)
    text = "".join("# c\n---\nkind: Pod\napiVersion: v1\n" for _ in range(documents)) + f"---\n{body}"
    first = 4 * documents + 2
    origin = origin_of(text, documents)
    for path, line in lines_of(yaml.compose(body)):
        assert origin.line(path) == first + line


@given(VALUES, st.sampled_from([None, 1, "\t"]))
@settings(max_examples=200, deadline=None)
def test_every_field_of_json_has_the_line_that_the_node_tree_of_pyyaml_says(value: Any, indent: Any) -> None:
    text = json.dumps({"apiVersion": "v1", "kind": "Pod", "x": value}, indent=indent)
    origin = origin_of(text)
    for path, line in lines_of(yaml.compose(text.replace("\t", " "))):
        assert origin.line(path) == line + 1


def lines_of(node: Any, path: FieldPath = ()) -> Iterator[tuple[FieldPath, int]]:
    """(path, line counted from 0) of every key and element."""
    if isinstance(node, yaml.MappingNode):
        for key, child in node.value:
            yield (*path, key.value), key.start_mark.line
            yield from lines_of(child, (*path, key.value))
    elif isinstance(node, yaml.SequenceNode):
        for index, child in enumerate(node.value):
            yield (*path, index), child.start_mark.line
            yield from lines_of(child, (*path, index))
