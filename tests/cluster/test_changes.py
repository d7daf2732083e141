"""Fixes of objects: the JSON Patch, the kubectl command and the YAML of one Edit all say the same."""

from __future__ import annotations

import copy
import json
import shlex
from collections.abc import Sequence
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from grpcdoctor.cluster.changes import Edit, apply, create, delete, to_yaml
from grpcdoctor.cluster.fields import Step, at
from grpcdoctor.cluster.kinds import INGRESS, ISTIO_GATEWAY, NAMESPACE, SERVICE, Kind
from grpcdoctor.cluster.objects import Object
from grpcdoctor.model.finding import Change, Fix

KEYS = st.sampled_from(["a", "b", "~", "/", "~1", "a/b~c", "0", "-", "ä.b/c", ""])
SCALARS = st.none() | st.booleans() | st.integers(-5, 5) | st.text(st.characters(codec="utf-8"), max_size=4)
JSON = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=3),
    max_leaves=8,
)
OBJECTS = st.dictionaries(KEYS, JSON, max_size=4)


class File:
    """An origin: the object comes from a manifest."""

    file = "shop.yaml"

    def line(self, path: Sequence[Step]) -> int | None:
        return 1

    def text(self, line: int) -> str | None:
        return None


def thing(raw: dict[str, Any], kind: Kind = SERVICE, namespace: str = "prod", written: bool = False) -> Object:
    metadata = {"metadata": {"name": "greeter", "namespace": namespace}}
    return Object(kind, {**metadata, **raw}, namespace, File() if written else None)


def service(*ports: Any, written: bool = False) -> Object:
    return thing({"spec": {"ports": list(ports)}}, written=written)


def change_of(fix: Fix) -> Change:
    [change] = fix.changes
    return change


def referee(raw: Any, operations: Sequence[dict[str, Any]]) -> Any:
    """RFC 6902 to the letter, on its own, for operations as kubectl has them."""
    document = copy.deepcopy(raw)
    for operation in operations:
        tokens = [part.replace("~1", "/").replace("~0", "~") for part in operation["path"].split("/")[1:]]
        parent = document
        for token in tokens[:-1]:
            parent = parent[int(token)] if isinstance(parent, list) else parent[token]
        op = operation["op"]
        last: Any = int(tokens[-1]) if isinstance(parent, list) else tokens[-1]
        if isinstance(parent, list):
            assert 0 <= last < len(parent) + (op == "add")
            if op == "add":
                parent.insert(last, copy.deepcopy(operation["value"]))
                continue
        else:
            assert op == "add" or last in parent
        if op == "remove":
            del parent[last]
        else:
            parent[last] = copy.deepcopy(operation["value"])
    return document


def steps_of(fix: Fix) -> list[dict[str, Any]]:
    """The patch in a command, read as a shell and kubectl would."""
    assert fix.command is not None
    words = shlex.split(fix.command)
    patch: list[dict[str, Any]] = json.loads(words[words.index("-p") + 1])
    return patch


@st.composite
def paths_in(draw: st.DrawFn, raw: Any) -> tuple[Step, ...]:
    """A path that may be there, half there, or not there at all; indexes at most append."""
    path: list[Step] = []
    value = raw
    for _ in range(draw(st.integers(1, 4))):
        if isinstance(value, list):
            step: Step = draw(st.integers(0, len(value)))
        else:
            step = draw(KEYS | st.just(0)) if path and not isinstance(value, dict) else draw(KEYS)
        path.append(step)
        value = at(value, step)
    return tuple(path)


@given(st.data(), OBJECTS)
def test_what_is_set_is_there_after_the_patch(data: st.DataObject, raw: dict[str, Any]) -> None:
    item = thing(raw)
    before = copy.deepcopy(item.raw)
    edit = Edit(item)
    for _ in range(data.draw(st.integers(1, 3))):
        now = referee(before, steps_of(edit.fix("f"))) if edit.fix("f").changes[0].operations else before
        path, value = data.draw(paths_in(now)), data.draw(JSON)
        edit.set(path, value)
        after = referee(before, steps_of(edit.fix("f")))
        place = at(after, *path[:-1])
        assert (place[path[-1]] if isinstance(place, dict) else at(after, *path)) == value
    assert apply(change_of(edit.fix("f")), before) == after
    assert item.raw == before


@given(st.data(), OBJECTS)
def test_what_is_removed_is_gone_after_the_patch(data: st.DataObject, raw: dict[str, Any]) -> None:
    item = thing(raw)
    path = data.draw(paths_in(item.raw))
    fix = Edit(item).remove(path).fix("f")
    after = apply(change_of(fix), item.raw)
    parent = at(item.raw, *path[:-1])
    if isinstance(parent, dict) and path[-1] in parent:
        assert path[-1] not in at(after, *path[:-1])
    elif isinstance(parent, list) and isinstance(path[-1], int) and path[-1] < len(parent):
        assert len(at(after, *path[:-1])) == len(parent) - 1
    else:
        assert after == item.raw
    assert after == referee(item.raw, steps_of(fix))


@given(st.lists(SCALARS, max_size=4), st.integers(0, 4), JSON)
def test_what_is_inserted_moves_the_rest_on(items: list[Any], index: int, value: Any) -> None:
    index = min(index, len(items))
    item = thing({"spec": {"list": items}})
    fix = Edit(item).insert(("spec", "list", index), value).fix("f")
    assert apply(change_of(fix), item.raw)["spec"]["list"] == [*items[:index], value, *items[index:]]
    assert referee(item.raw, steps_of(fix)) == apply(change_of(fix), item.raw)


@given(OBJECTS, st.lists(KEYS, min_size=1, max_size=3), JSON)
def test_the_yaml_of_a_manifest_holds_the_changed_value(raw: dict[str, Any], path: list[str], value: Any) -> None:
    fix = Edit(thing(raw, written=True)).set(path, value).fix("f")
    assert fix.command is None
    assert fix.patch is not None
    loaded = yaml.safe_load(fix.patch)
    for step in path:
        loaded = loaded[step]
    assert loaded == value


@pytest.mark.parametrize(
    ("key", "pointer"), [("a/b", "a~1b"), ("a~b", "a~0b"), ("~1", "~01"), ("istio.io/rev", "istio.io~1rev")]
)
def test_a_key_is_escaped_as_rfc_6901_has_it(key: str, pointer: str) -> None:
    change = change_of(Edit(thing({})).set(("metadata", "labels", key), "x").set(("metadata", key), 1).fix("f"))
    assert change.operations[1].path == f"/metadata/{pointer}"
    assert apply(change, thing({}).raw)["metadata"] == {
        "name": "greeter", "namespace": "prod", "labels": {key: "x"}, key: 1
    }  # fmt: skip


def test_a_patch_is_the_least_that_does_it() -> None:
    item = service({"port": 1, "name": "http"})
    operations = change_of(
        Edit(item).set(("spec", "ports", 0, "name"), "grpc").set(("spec", "ports", 0, "appProtocol"), "grpc")
        .set(("spec", "ports", 1), {"port": 2}).remove(("spec", "none")).fix("f")
    ).operations  # fmt: skip
    assert [(o.op, o.path, o.value) for o in operations] == [
        ("replace", "/spec/ports/0/name", "grpc"),
        ("add", "/spec/ports/0/appProtocol", "grpc"),
        ("add", "/spec/ports/1", {"port": 2}),
    ]


@pytest.mark.parametrize(
    "spec", [None, {}, {"ports": None}, {"ports": [None]}, {"ports": ["junk"]}, {"ports": "x"}, "junk", 7, []]
)
def test_nulls_and_junk_on_the_way_are_replaced(spec: Any) -> None:
    item = thing({"spec": spec})
    fix = Edit(item).set(("spec", "ports", 0, "name"), "grpc").fix("f")
    after = apply(change_of(fix), item.raw)
    assert after["spec"]["ports"] == [{"name": "grpc"}]
    assert referee(item.raw, steps_of(fix)) == after


def test_numbers_that_yaml_made_keys_are_found_again() -> None:
    item = thing({"spec": {"portLevelMtls": {8080: {"mode": "STRICT"}}}})
    fix = Edit(item).set(("spec", "portLevelMtls", 8080, "mode"), "PERMISSIVE").fix("f")
    assert apply(change_of(fix), item.raw)["spec"]["portLevelMtls"] == {8080: {"mode": "PERMISSIVE"}}
    gone = Edit(item).remove(("spec", "portLevelMtls", 8080)).fix("f")
    assert apply(change_of(gone), item.raw)["spec"]["portLevelMtls"] == {}


def test_a_later_step_changes_nothing_in_an_earlier_one() -> None:
    item = thing({})
    hosts: list[str] = []
    fix = Edit(item).set(("spec", "hosts"), hosts).set(("spec", "hosts", 0), "a").set(("spec", "hosts", 1), "b")
    change = change_of(fix.fix("f"))
    assert apply(change, item.raw)["spec"] == {"hosts": ["a", "b"]}
    assert change.operations[0].value == {"hosts": []}
    assert hosts == []


def test_a_live_object_is_patched_with_kubectl() -> None:
    fix = Edit(service({"name": "it's"})).set(("spec", "ports", 0, "name"), 'a "$x" `y` \\ ü').fix("call it so")
    assert (fix.summary, fix.patch) == ("call it so", None)
    assert fix.command is not None
    words = shlex.split(fix.command)
    assert words[:7] == ["kubectl", "-n", "prod", "patch", "service", "greeter", "--type=json"]
    assert steps_of(fix) == [{"op": "replace", "path": "/spec/ports/0/name", "value": 'a "$x" `y` \\ ü'}]


@pytest.mark.parametrize(
    ("kind", "namespace", "words"),
    [
        (NAMESPACE, "", ["kubectl", "patch", "namespace", "greeter"]),
        (INGRESS, "a", ["kubectl", "-n", "a", "patch", "ingresses.networking.k8s.io", "greeter"]),
        (ISTIO_GATEWAY, "a", ["kubectl", "-n", "a", "patch", "gateways.networking.istio.io", "greeter"]),
    ],
)
def test_kubectl_is_told_which_of_two_kinds_of_a_name(kind: Kind, namespace: str, words: list[str]) -> None:
    fix = Edit(thing({}, kind, namespace)).set(("metadata", "labels"), {}).fix("f")
    assert shlex.split(fix.command or "")[: len(words)] == words


def test_a_fragment_names_the_element_and_what_goes() -> None:
    item = service({"name": "http", "port": 80}, {"name": "web", "port": 50051, "nodePort": 3}, written=True)
    fix = Edit(item).set(("spec", "ports", 1, "name"), "grpc").remove(("spec", "ports", 1, "nodePort")).fix("f")
    assert fix.patch is not None
    assert fix.patch.splitlines()[:2] == ["# Service prod/greeter", "# remove spec.ports[1].nodePort"]
    assert yaml.safe_load(fix.patch) == {"spec": {"ports": [{"name": "grpc", "port": 50051}]}}


@pytest.mark.parametrize(
    ("elements", "place"),
    [
        ([{"route": []}, {"route": []}], "# in spec.http[1]\n"),
        ([{"name": "a"}, {"name": "b"}], ""),
        ([{"name": "a"}, {"route": []}], "# in spec.http[1]\n"),
    ],
)
def test_a_fragment_says_which_element_where_no_name_tells_it(elements: list[Any], place: str) -> None:
    item = thing({"spec": {"http": elements}}, written=True)
    patch = Edit(item).set(("spec", "http", 1, "timeout"), "0s").fix("Never").patch
    assert patch is not None
    assert patch.startswith(f"# Service prod/greeter\n{place}spec:")


def test_the_only_element_of_a_list_needs_no_place() -> None:
    fix = Edit(thing({"spec": {"http": [{"route": []}]}}, written=True)).set(("spec", "http", 0, "timeout"), "0s")
    assert "# in" not in (fix.fix("Never").patch or "")


def test_two_changes_of_one_element_are_one_element_of_the_fragment() -> None:
    item = service({"name": "a", "port": 1}, {"name": "b", "port": 2}, written=True)
    edit = Edit(item)
    for index in (0, 1):
        edit.set(("spec", "ports", index, "appProtocol"), "grpc").set(("spec", "ports", index, "targetPort"), 9)
    more = {"appProtocol": "grpc", "targetPort": 9}
    assert yaml.safe_load(edit.fix("f").patch or "") == {
        "spec": {"ports": [{"name": "a", "port": 1, **more}, {"name": "b", "port": 2, **more}]}
    }


def test_two_changes_deep_in_one_element_are_one_element_with_its_name() -> None:
    app = {"name": "app", "image": "y", "ports": [{"containerPort": 1, "name": "x"}]}
    item = thing({"spec": {"containers": [{"name": "side"}, app]}}, written=True)
    place: tuple[Step, ...] = ("spec", "containers", 1)
    edit = Edit(item).set((*place, "readinessProbe", "grpc", "port"), 1).set((*place, "ports", 0, "name"), "grpc")
    assert yaml.safe_load(edit.fix("f").patch or "")["spec"]["containers"] == [
        {"name": "app", "readinessProbe": {"grpc": {"port": 1}}, "ports": [{"containerPort": 1, "name": "grpc"}]}
    ]


def test_many_changes_of_a_list_come_in_its_order() -> None:
    item = service(*({"name": f"p{i}", "port": i} for i in range(12)), written=True)
    edit = Edit(item)
    for index in (10, 2, 11, 2):
        edit.set(("spec", "ports", index, "appProtocol"), "grpc")
    shown = yaml.safe_load(edit.fix("f").patch or "")["spec"]["ports"]
    assert [port["name"] for port in shown] == ["p2", "p10", "p11"]


def test_a_new_object_is_created_whole() -> None:
    manifest = {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "ü", "namespace": "a"}, "spec": {"x": [1]}}
    fix = create(manifest, "make it")
    assert (fix.summary, fix.command) == ("make it", None)
    assert yaml.safe_load(fix.patch or "") == manifest
    change = change_of(fix)
    assert (change.api_version, change.kind, change.namespace, change.name) == ("v1", "Service", "a", "ü")
    assert (change.create, change.operations, change.delete) == (manifest, (), False)


def test_an_object_is_deleted_by_name() -> None:
    fix = delete(thing({}), "away with it")
    assert fix.command == "kubectl -n prod delete service greeter"
    assert (change_of(fix).delete, change_of(fix).operations, change_of(fix).create) == (True, (), None)


def test_yaml_keeps_the_order_of_the_fields() -> None:
    assert to_yaml({"b": 1, "a": [{"z": "ü"}]}) == "b: 1\na:\n- z: ü\n"
