"""Fixes that change objects: one JSON Patch, said as `kubectl patch` for a live object and as YAML for a manifest."""

from __future__ import annotations

import copy
import json
import re
from collections.abc import Sequence
from shlex import quote
from typing import Any, Final

from grpcdoctor.cluster.fields import FieldPath, Step, at, dotted, mapping_at
from grpcdoctor.cluster.objects import Object
from grpcdoctor.model.finding import Change, Fix, Operation

# What names an element of a list in Kubernetes: kept in a fragment so that a reader finds the element.
_IDENTIFYING: Final = ("name", "port", "number", "host", "hosts", "hostname", "path", "service", "kind")
# What alone tells an element from the others of its list.
_NAMING: Final = frozenset(("name", "port", "number", "host", "hostname", "containerPort"))
# A fragment shows a small element of a list whole.
_SMALL: Final = 6
_ENOUGH: Final = 60
_ODD_BREAKS: Final = re.compile("[\x85\u2028\u2029]")


class Edit:
    """Collects the changes of one object; each call works on what the calls before have made.

    `fix(summary)` gives the Fix. Paths are those of `fields`: `("spec", "ports", 0, "name")`.
    """

    def __init__(self, target: Object) -> None:
        self._target = target
        self._after = copy.deepcopy(target.raw)
        self._operations: list[Operation] = []
        self._touched: list[FieldPath] = []
        self._removed: list[FieldPath] = []

    def set(self, path: Sequence[Step], value: Any) -> Edit:
        """Set a field, with the parents that it lacks; an index equal to a list's length appends."""
        whole = tuple(path)
        depth = _depth_of_parents(self._after, whole)
        place = whole[: depth + 1]
        holder = at(self._after, *place[:-1])
        # "add" to a list inserts: junk in place of a parent is replaced there, too.
        replaces = _has(holder, place[-1]) and (len(place) == len(whole) or isinstance(holder, list))
        added = _nested(whole[depth + 1 :], value)
        _put(self._after, place, copy.deepcopy(added))  # a later step must not reach into this one's value
        self._operations.append(Operation("replace" if replaces else "add", _pointer(place), copy.deepcopy(added)))
        self._touched.append(whole)
        return self

    def remove(self, path: Sequence[Step]) -> Edit:
        """Remove a field or an element; nothing where it is not there."""
        whole = tuple(path)
        parent = at(self._after, *whole[:-1])
        if not _has(parent, whole[-1]):
            return self
        del parent[whole[-1]]
        self._operations.append(Operation("remove", _pointer(whole)))
        self._removed.append(whole)
        return self

    def insert(self, path: Sequence[Step], value: Any) -> Edit:
        """Insert an element before this index of a list that is there."""
        whole = tuple(path)
        at(self._after, *whole[:-1]).insert(whole[-1], copy.deepcopy(value))
        self._operations.append(Operation("add", _pointer(whole), copy.deepcopy(value)))
        self._touched.append(whole)
        return self

    def fix(self, summary: str) -> Fix:
        item = self._target
        change = Change(item.api_version, item.kind.name, item.namespace, item.name, tuple(self._operations))
        if item.origin is not None:
            return Fix(summary, patch=self._fragment(), changes=(change,))
        return Fix(summary, command=_kubectl_patch(item, self._operations), changes=(change,))

    def _fragment(self) -> str:
        lines = [f"# {self._target.title}"]
        lines += [f"# remove {dotted(path)}" for path in self._removed]
        if self._touched:
            places = dict.fromkeys(_unnamed_element(self._after, path) for path in self._touched)
            lines += [f"# in {dotted(place)}" for place in places if place]
            lines.append(to_yaml(_pruned(self._after, self._touched)).rstrip("\n"))
        return "\n".join(lines)


def _unnamed_element(value: Any, path: FieldPath) -> FieldPath:
    """Up to the last element of a list on this path that only its index tells from the others; () for none."""
    found: FieldPath = ()
    for depth, step in enumerate(path[:-1]):
        parent = at(value, *path[:depth])
        if isinstance(parent, list) and len(parent) > 1 and _NAMING.isdisjoint(mapping_at(parent, step)):
            found = path[: depth + 1]
    return found


def create(manifest: dict[str, Any], summary: str) -> Fix:
    """A Fix that adds a whole new object."""
    metadata = manifest.get("metadata", {})
    change = Change(
        str(manifest.get("apiVersion", "")),
        str(manifest.get("kind", "")),
        str(metadata.get("namespace", "")),
        str(metadata.get("name", "")),
        create=manifest,
    )
    return Fix(summary, patch=to_yaml(manifest), changes=(change,))


def delete(target: Object, summary: str) -> Fix:
    """A Fix that removes an object."""
    where = f"-n {quote(target.namespace)} " if target.namespace else ""
    change = Change(target.api_version, target.kind.name, target.namespace, target.name, delete=True)
    command = f"kubectl {where}delete {_resource(target)} {quote(target.name)}"
    return Fix(summary, command=command, changes=(change,))


def apply(change: Change, raw: dict[str, Any]) -> dict[str, Any]:
    """`raw` after the operations of a change (RFC 6902: add, replace, remove)."""
    after: dict[str, Any] = copy.deepcopy(raw)
    for operation in change.operations:
        path = _steps(operation.path, after)
        if operation.op == "remove":
            del at(after, *path[:-1])[path[-1]]
        elif operation.op == "add" and isinstance(path[-1], int):
            at(after, *path[:-1]).insert(path[-1], copy.deepcopy(operation.value))
        else:
            at(after, *path[:-1])[path[-1]] = copy.deepcopy(operation.value)
    return after


def to_yaml(value: Any) -> str:
    """Block style. Line breaks that YAML does not keep in plain text (NEL, U+2028, U+2029) become escapes."""
    import yaml

    text: str = yaml.safe_dump(value, sort_keys=False, default_flow_style=False, allow_unicode=True, width=110)
    if _ODD_BREAKS.search(text):
        text = yaml.safe_dump(value, sort_keys=False, default_flow_style=False, allow_unicode=False, width=110)
    return text


def _kubectl_patch(item: Object, operations: Sequence[Operation]) -> str:
    where = f"-n {quote(item.namespace)} " if item.namespace else ""
    steps = [
        {"op": o.op, "path": o.path} if o.op == "remove" else {"op": o.op, "path": o.path, "value": o.value}
        for o in operations
    ]
    patch = json.dumps(steps, ensure_ascii=False)
    return f"kubectl {where}patch {_resource(item)} {quote(item.name)} --type=json -p {quote(patch)}"


def _resource(item: Object) -> str:
    """The word for kubectl; with its group where two groups have a kind of this name."""
    return item.kind.resource if item.kind.group.count(".") else item.kind.name.lower()


def _pointer(path: Sequence[Step]) -> str:
    return "".join("/" + str(step).replace("~", "~0").replace("/", "~1") for step in path)


def _steps(pointer: str, value: Any) -> list[Step]:
    steps: list[Step] = []
    for part in pointer.split("/")[1:]:
        key = part.replace("~1", "/").replace("~0", "~")
        step: Step = int(key) if isinstance(value, list) else key
        if isinstance(value, dict) and key not in value:  # YAML's own numbers as keys: `portLevelMtls: {8080: …}`
            step = next((known for known in value if str(known) == key), key)
        steps.append(step)
        value = at(value, step)
    return steps


def _has(parent: Any, step: Step) -> bool:
    if isinstance(parent, dict):
        return step in parent
    return isinstance(parent, list) and isinstance(step, int) and 0 <= step < len(parent)


def _depth_of_parents(value: Any, path: FieldPath) -> int:
    """How many of the leading steps lead to a container that is there."""
    for depth, step in enumerate(path[:-1]):
        value = at(value, step)
        if not isinstance(value, dict) and not (isinstance(value, list) and isinstance(path[depth + 1], int)):
            return depth
    return len(path) - 1


def _nested(path: FieldPath, value: Any) -> Any:
    for step in reversed(path):
        value = [value] if isinstance(step, int) else {step: value}
    return value


def _put(value: Any, path: FieldPath, new: Any) -> None:
    parent = at(value, *path[:-1])
    if isinstance(parent, list) and isinstance(path[-1], int) and path[-1] >= len(parent):
        parent.append(new)
    else:
        parent[path[-1]] = new


def _pruned(value: Any, paths: Sequence[FieldPath], is_element: bool = False) -> Any:
    """`value` with nothing but these paths, and what names the elements on them."""
    if () in paths:
        return value
    tails: dict[Step, list[FieldPath]] = {}
    for path in paths:
        tails.setdefault(path[0], []).append(path[1:])
    if isinstance(value, list):
        ordered = sorted(tails, key=lambda step: step if isinstance(step, int) else -1)
        return [_pruned(at(value, step), tails[step], True) for step in ordered]
    children = {step: _pruned(at(value, step), tails[step]) for step in tails}
    shortest = min(len(path) for path in paths)
    if not isinstance(value, dict) or "metadata" in value or not (is_element or shortest <= 2):
        return children
    if shortest == 1 and len(value) <= _SMALL and len(str(value)) < _ENOUGH * 4:
        return {**value, **children}
    named = {key: item for key, item in value.items() if key in _IDENTIFYING and len(str(item)) < _ENOUGH}
    return {**named, **children}
