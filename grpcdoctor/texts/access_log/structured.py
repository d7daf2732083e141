"""Structured lines: Istio's JSON, Envoy's json_format and typed_json under any names, Traefik, nginx with escape=json,
and what wraps a line: docker's json-file, Fluent Bit, Loki, Google's and Amazon's log viewers."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Final, cast

from grpcdoctor.texts.access_log.entry import Entry
from grpcdoctor.texts.access_log.field_names import Plan, plan_for, spelt, text_of
from grpcdoctor.texts.access_log.requests import split_request, split_url
from grpcdoctor.texts.access_log.shapes import by_shape
from grpcdoctor.texts.access_log.times import time_of

Json = Mapping[str, object]
ParseText = Callable[[str], Entry | None]

_WRAPPERS: Final = (
    "log", "message", "msg", "textPayload", "jsonPayload", "line", "body", "MESSAGE", "_raw", "event", "data",
    "content", "@message", "text",
)  # fmt: skip
# What describes where a line comes from. Its `host` is a node and no authority.
_ORIGIN: Final = frozenset({"kubernetes", "resource", "labels", "docker", "agent", "ecs", "stream", "k8s", "metadata"})
_DEEPEST: Final = 3
_MOST_PLANS: Final = 1000
_MOST_KEYS: Final = 200

_decode: Final = json.JSONDecoder().raw_decode
_plans: dict[tuple[str, ...], Plan | None] = {}
_NOTHING: Final[list[object]] = list(Entry(""))


def parse_json(line: str, parse_text: ParseText, start: int = 0) -> Entry | None:
    """The entry in the object that begins at `start`; `parse_text` reads a line that is wrapped in it."""
    try:
        value, _ = _decode(line, start)
    except (ValueError, RecursionError):
        return None
    return parse_object(value, parse_text) if isinstance(value, dict) else None


def parse_object(value: Json, parse_text: ParseText, depth: int = 0) -> Entry | None:
    """The entry in an object, or in what the object wraps."""
    keys = tuple(value)
    if len(keys) > _MOST_KEYS:
        return None
    if keys not in _plans:
        if len(_plans) >= _MOST_PLANS:
            _plans.clear()
        _plans[keys] = plan_for(keys)
    plan = _plans[keys]
    if plan is not None:
        entry = entry_by(plan, value)
        if entry is not None:
            return entry
    return _unwrapped(value, parse_text, depth) if depth < _DEEPEST else None


def entry_by(plan: Plan, value: Json) -> Entry | None:
    """The entry that a plan makes; None where the fields are there and say nothing of an outcome."""
    fields = list(_NOTHING)
    fields[0] = plan.source
    for place, key in plan.texts:
        word = value[key]
        if word is not None and word != "-":
            fields[place] = word if type(word) is str else text_of(word)
    for place, key, convert in plan.steps:
        fields[place] = convert(value[key])
    entry = Entry._make(fields)
    if entry.response_code is None and not entry.flags and entry.grpc_status is None:
        return None
    if not entry.path or entry.path[0] != "/":
        entry = _with_path(entry, value)
    return by_shape(entry, [value[key] for key in plan.unknown]) if plan.unknown else entry


def _with_path(entry: Entry, value: Json) -> Entry:
    """The path from a whole URL, or from a request line."""
    authority, path = split_url(entry.path)
    request = value.get("request")
    if not path and isinstance(request, str):
        method, path, protocol, authority = split_request(request)
        entry = entry._replace(method=entry.method or method, protocol=entry.protocol or protocol)
    return entry._replace(path=path, authority=entry.authority or authority)


def _unwrapped(value: Json, parse_text: ParseText, depth: int) -> Entry | None:
    for name in _WRAPPERS:
        inner = value.get(name)
        entry = None
        if isinstance(inner, str):
            entry = parse_text(inner)
        elif isinstance(inner, dict):
            entry = parse_object(inner, parse_text, depth + 1)
        if entry is not None:
            return entry if entry.time is not None else entry._replace(time=_time_in(value))
    flat = flattened(value)
    return parse_object(flat, parse_text, _DEEPEST) if len(flat) > len(value) else None


def _time_in(value: Json) -> float | None:
    times = (time_of(value[key]) for key in value if spelt(key) in {"time", "timestamp", "ts"})
    return next((time for time in times if time is not None), None)


def flattened(value: Json) -> dict[str, object]:
    """One object of a few nested ones; the parts of a name are apart by a NUL, which no real key has."""
    flat: dict[str, object] = {}
    waiting: list[tuple[str, Json, int]] = [("", value, 0)]
    while waiting:
        prefix, each, depth = waiting.pop()
        for key, inner in each.items():
            if len(flat) > _MOST_KEYS:
                return flat
            if not isinstance(inner, dict):
                flat[prefix + key] = inner
            elif depth < _DEEPEST and key not in _ORIGIN:
                waiting.append((f"{prefix}{key}\0", cast("Json", inner), depth + 1))
    return flat
