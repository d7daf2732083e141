"""stream-idle-timeout-short: proxies are told to end streams that are quiet, or that last."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from grpcdoctor.checks._findings import about, seen
from grpcdoctor.checks.policies._cluster import grpc_witness
from grpcdoctor.checks.policies._http import seconds, shown
from grpcdoctor.cluster.changes import Edit
from grpcdoctor.cluster.fields import FieldPath, mapping_at, mappings_at, number_at, text_at
from grpcdoctor.cluster.istio.proxy_config import proxy_settings
from grpcdoctor.cluster.kinds import ENVOY_FILTER
from grpcdoctor.cluster.objects import Object
from grpcdoctor.cluster.paths import ROUTE_KINDS
from grpcdoctor.cluster.snapshot import Cluster
from grpcdoctor.model.finding import Conclusion, Fix
from grpcdoctor.model.rule import Rule, Severity

RULE = Rule(
    code="GD715",
    name="stream-idle-timeout-short",
    severity=Severity.WARNING,
    title="proxies end gRPC streams after a set time",
)
READS = ROUTE_KINDS

_HOUR: Final = 3600.0
# Of ProxyConfig.connectionSettings -> (from what length on it is no trouble, what it does).
_SETTINGS: Final = {
    "httpStreamIdleTimeout": (_HOUR, "ends streams that are quiet"),
    "httpMaxStreamDuration": (24 * _HOUR, "ends every stream"),
    "httpRequestTimeout": (_HOUR, "ends client streams"),
}
# The same in an EnvoyFilter, where both spellings are read.
_ENVOY: Final = {
    "stream_idle_timeout": "httpStreamIdleTimeout", "streamIdleTimeout": "httpStreamIdleTimeout",
    "max_stream_duration": "httpMaxStreamDuration", "maxStreamDuration": "httpMaxStreamDuration",
    "request_timeout": "httpRequestTimeout", "requestTimeout": "httpRequestTimeout",
}  # fmt: skip
_DEEPEST: Final = 12


def check(cluster: Cluster) -> Iterator[Conclusion]:
    witness = grpc_witness(cluster)
    if witness is None:
        return
    for settings in proxy_settings(cluster):
        block = mapping_at(settings.values, "connectionSettings")
        for field in _SETTINGS:
            value = seconds(text_at(block, field))
            if value and value < _SETTINGS[field][0]:
                fix = settings.edit(("connectionSettings", field), "0s").fix(f"Set {field}: 0s, which means never")
                yield _finding((settings.object, settings.path), field, value, fix, witness)
    for item in cluster.all(ENVOY_FILTER):
        for index, raw in mappings_at(item.raw, "spec", "configPatches"):
            base = ("spec", "configPatches", index, "patch", "value")
            for path, key, value in _found(mapping_at(raw, "patch", "value"), base, 0):
                if value < _SETTINGS[_ENVOY[key]][0]:
                    fix = Edit(item).set(path, "0s").fix(f"Set {key}: 0s, which means never")
                    yield _finding((item, path), _ENVOY[key], value, fix, witness)


def _finding(place: tuple[Object, FieldPath], field: str, value: float, fix: Fix, witness: Object) -> Conclusion:
    return about(
        RULE,
        *place,
        f"{place[0].title} {_SETTINGS[field][1]} after {shown(value)}",
        symptom="Istio's default is no limit. A watch that has no news, or a long stream, ends at the client with "
        "INTERNAL: Received RST_STREAM with error code 2, always after the same time; keepalive pings do not help.",
        evidence=(seen(witness, (), f"{witness.title} is for gRPC"),),
        fixes=(fix,),
        confidence=0.7,
    )


def _found(value: Any, path: FieldPath, depth: int) -> Iterator[tuple[FieldPath, str, float]]:
    """(path, key, seconds) of every timeout in a patch."""
    if depth > _DEEPEST:
        return
    if isinstance(value, dict):
        for key, inner in value.items():
            length = _length(inner) if key in _ENVOY else None
            if length:
                yield (*path, key), key, length
            elif isinstance(key, str):
                yield from _found(inner, (*path, key), depth + 1)
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            yield from _found(inner, (*path, index), depth + 1)


def _length(value: Any) -> float | None:
    """`300s`, or {seconds: 300}."""
    if isinstance(value, dict):
        whole = number_at(value, "seconds")
        return float(whole) if whole is not None else None
    return seconds(value) if isinstance(value, str) else None
