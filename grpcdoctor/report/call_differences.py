"""How two answers to the same call differ, of what `call --output json` prints of them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, Final

from grpcdoctor.report import clean

# Different every time, by what they are for.
_VOLATILE: Final = frozenset({
    "date", "age", "server-timing", "x-request-id", "x-envoy-upstream-service-time", "traceparent", "tracestate",
    "x-b3-traceid", "x-b3-spanid", "grpc-trace-bin", "cf-ray", "alt-svc", "x-cloud-trace-context",
})  # fmt: skip
_LONGEST_VALUE: Final = 60
_MOST: Final = 50
_MISSING: Final = object()


def differences(saved: dict[str, Any], now: dict[str, Any]) -> list[str]:
    """A line for each thing that is otherwise now: `status.code: 0 -> 5`. At most 50, and then how many more."""
    found = list(_differences(saved, now))
    more = [f"… and {len(found) - _MOST} more"] if len(found) > _MOST else []
    return found[:_MOST] + more


def _differences(saved: dict[str, Any], now: dict[str, Any]) -> Iterator[str]:
    for part in ("status", "error"):
        yield from _compare(part, saved.get(part), now[part])
    old, new = saved["response"], now["response"]
    yield from _compare("messages", old["messages"], new["messages"])
    for part in ("headers", "trailers"):
        yield from _compare(part, _lasting(old[part]), _lasting(new[part]))


def _lasting(headers: dict[str, Any]) -> dict[str, Any]:
    return {name: values for name, values in headers.items() if name not in _VOLATILE}


def _compare(path: str, old: Any, new: Any) -> Iterator[str]:
    if isinstance(old, dict) and isinstance(new, dict):
        for key in dict.fromkeys([*old, *new]):
            yield from _compare(f"{path}.{key}", old.get(key, _MISSING), new.get(key, _MISSING))
    elif isinstance(old, list) and isinstance(new, list):
        for index in range(max(len(old), len(new))):
            yield from _compare(f"{path}[{index}]", _item(old, index), _item(new, index))
    elif old is _MISSING or new is _MISSING or old != new or isinstance(old, bool) is not isinstance(new, bool):
        yield clean.visible(f"{path}: {_shown(old)} -> {_shown(new)}")


def _item(items: list[Any], index: int) -> Any:
    return items[index] if index < len(items) else _MISSING


def _shown(value: Any) -> str:
    if value is _MISSING:
        return "(nothing)"
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= _LONGEST_VALUE else f"{text[: _LONGEST_VALUE - 1]}…"
