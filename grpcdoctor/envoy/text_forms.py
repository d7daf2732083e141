"""The admin API's text forms, read into the shape of its JSON: /clusters, /listeners, /stats, /stats/prometheus."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any, Final

from grpcdoctor.envoy.fields import Json, whole

# `cluster_name::1.2.3.4:80::cx_active::0`, `name::default_priority::max_requests::1024`, `name::added_via_api::true`
_PARTS: Final = "::"
_STAT: Final = re.compile(r"([^\s:][^:\n]*): (\d+|\".*\"|P0\(.*|No recorded values)\s*")
_SAMPLE: Final = re.compile(r"(envoy_[A-Za-z0-9_:]+)(?:\{(.*)\})? ([0-9.eE+-]+|NaN|\+Inf)(?: \d+)?")
_LABEL: Final = re.compile(r'([A-Za-z_][A-Za-z0-9_]*)="((?:[^"\\]|\\.)*)"')
_ESCAPED: Final = re.compile(r"\\(.)")
_FLAGS: Final = {  # the text form's words -> the JSON form's fields
    "failed_active_hc": "failed_active_health_check",
    "failed_outlier_check": "failed_outlier_check",
    "degraded_active_hc": "failed_active_degraded_check",
    "pending_dynamic_removal": "pending_dynamic_removal",
    "pending_active_hc": "pending_active_hc",
    "excluded_via_immediate_hc_fail": "excluded_via_immediate_hc_fail",
    "active_hc_timeout": "active_hc_timeout",
}
_EDS_FLAGS: Final = {
    "failed_eds_health": "UNHEALTHY",
    "degraded_eds_health": "DEGRADED",
    "eds_status_draining": "DRAINING",
}
_COUNTERS: Final = frozenset(
    ("cx_active", "cx_connect_fail", "cx_total", "rq_active", "rq_error", "rq_pending_active", "rq_success",
     "rq_timeout", "rq_total")
)  # fmt: skip
_THRESHOLDS: Final = ("default_priority", "high_priority")


def looks_like_clusters(lines: Iterable[str]) -> bool:
    """/clusters: every line has parts between double colons, and some are circuit breakers or flags."""
    return any("::added_via_api::" in line or "::default_priority::" in line for line in lines)


def clusters(lines: Iterable[str]) -> tuple[Json, ...]:
    """`cluster_statuses` of the text form."""
    found: dict[str, Json] = {}
    for line in lines:
        name, _, rest = line.strip().partition(_PARTS)
        if not rest:
            continue
        status = found.setdefault(name, {"name": name, "host_statuses": [], "_hosts": {}})
        parts = _host_parts(rest)
        if parts[0] in _THRESHOLDS and len(parts) == 3:
            _threshold(status, parts)
        elif len(parts) == 2 and parts[0] == "added_via_api":
            status["added_via_api"] = parts[1] == "true"
        elif len(parts) == 2 and parts[0] == "observability_name":
            status["observability_name"] = parts[1]
        elif len(parts) == 3 and parts[0] != "outlier":  # `x::outlier::success_rate_average::-1` is of the cluster
            _host(status, *parts)
    for status in found.values():
        del status["_hosts"]
    return tuple(found.values())


def _host_parts(rest: str) -> list[str]:
    """An IPv6 address has double colons of its own, in brackets: `[::1]:80::cx_active::0`."""
    if rest.startswith("["):
        head, bracket, tail = rest.partition("]")
        port, *more = tail.split(_PARTS)
        return [head + bracket + port, *more]
    first, *more = rest.split(_PARTS)
    return [first, *more] if len(more) <= 2 else [first, more[0], _PARTS.join(more[1:])]


def _threshold(status: Json, parts: list[str]) -> None:
    breakers = status.setdefault("circuit_breakers", {"thresholds": [{}, {"priority": "HIGH"}]})
    breakers["thresholds"][_THRESHOLDS.index(parts[0])][parts[1]] = parts[2]


def _host(status: Json, address: str, key: str, value: str) -> None:
    host = status["_hosts"].get(address)
    if host is None:
        host = status["_hosts"][address] = {"address": _address(address), "stats": [], "health_status": {}}
        status["host_statuses"].append(host)
    if key in _COUNTERS:
        host["stats"].append({"name": key, "value": value})
    elif key == "health_flags":
        host["health_status"] = _health(value)
    elif key in ("hostname", "weight", "priority"):
        host[key] = value
    elif key in ("region", "zone", "sub_zone") and value:
        host.setdefault("locality", {})[key] = value


def _health(value: str) -> Json:
    """`/failed_active_hc/failed_outlier_check`, or `healthy`."""
    health: Json = {"eds_health_status": "HEALTHY"}
    for flag in value.strip("/").split("/"):
        if flag in _FLAGS:
            health[_FLAGS[flag]] = True
        elif flag in _EDS_FLAGS:
            health["eds_health_status"] = _EDS_FLAGS[flag]
    return health


def _address(text: str) -> Json:
    host, _, port = text.rpartition(":")
    number = whole(port)
    if number is None or text.startswith(("/", "@", "envoy://")):
        return {"pipe": {"path": text}}
    return {"socket_address": {"address": host.strip("[]"), "port_value": number}}


def listeners(lines: Iterable[str]) -> tuple[Json, ...] | None:
    """`listener_statuses` of the text form; None where it is something else."""
    found = []
    for line in filter(None, (line.strip() for line in lines)):
        name, _, address = line.partition(_PARTS)
        if not address or (whole(address.rpartition(":")[2]) is None and not address.startswith(("/", "@"))):
            return None
        found.append({"name": name, "local_address": _address(address)})
    return tuple(found) or None


def stats(lines: Iterable[str]) -> dict[str, int | str]:
    """Counters, gauges and text readouts; histograms are left out."""
    found: dict[str, int | str] = {}
    for line in lines:
        match = _STAT.fullmatch(line.rstrip("\r\n"))
        if match is None:
            continue
        value = whole(match[2])
        if value is not None:
            found[match[1]] = value
        elif match[2].startswith('"'):
            found[match[1]] = match[2].strip('"')
    return found


def prometheus(lines: Iterable[str]) -> dict[str, int | str]:
    """The same from /stats/prometheus. Its names have lost their dots: `cluster.x.ssl_connection_error`."""
    found: dict[str, int | str] = {}
    for line in lines:
        match = None if line.startswith("#") else _SAMPLE.fullmatch(line.strip())
        if match is None or match[1].endswith(("_bucket", "_sum", "_count")):
            continue
        labels = {key: _ESCAPED.sub(r"\1", value) for key, value in _LABEL.findall(match[2] or "")}
        try:
            found[_envoy_name(match[1].removeprefix("envoy_"), labels)] = int(float(match[3]))
        except (ValueError, OverflowError):  # NaN, Inf
            continue
    return found


# Prometheus' prefix -> (Envoy's, the label that names which one).
_SCOPES: Final = (
    ("cluster_manager_", "cluster_manager.", ""),
    ("cluster_", "cluster.", "envoy_cluster_name"),
    ("http_", "http.", "envoy_http_conn_manager_prefix"),
    ("listener_manager_", "listener_manager.", ""),
    ("listener_", "listener.", "envoy_listener_address"),
    ("tcp_", "tcp.", "envoy_tcp_prefix"),
    ("server_", "server.", ""),
    ("control_plane_", "control_plane.", ""),
)


def _envoy_name(name: str, labels: dict[str, str]) -> str:
    for prefix, scope, label in _SCOPES:
        if name.startswith(prefix) and (not label or label in labels):
            middle = f"{labels[label]}." if label else ""
            rest = name.removeprefix(prefix)
            for extra in ("envoy_response_code", "envoy_response_code_class"):
                if extra in labels:
                    rest += f"_{labels[extra]}" + ("xx" if extra.endswith("class") else "")
            return scope + middle + rest
    return name + "".join(f".{value}" for value in labels.values())


def json_stats(value: Any) -> dict[str, int | str]:
    """Of `{"stats": [{"name": …, "value": …}, {"histograms": …}]}`."""
    found: dict[str, int | str] = {}
    for item in value if isinstance(value, list) else ():
        if isinstance(item, dict) and isinstance(item.get("name"), str):
            content = item.get("value", 0)
            amount = whole(content)
            if amount is not None:
                found[item["name"]] = amount
            elif isinstance(content, str):
                found[item["name"]] = content
    return found
