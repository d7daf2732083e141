"""Recognises what a saved answer of an Envoy is by its content, never by its name."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any, Final

from grpcdoctor.envoy import text_forms
from grpcdoctor.envoy.answers import Answers, merged
from grpcdoctor.envoy.fields import Json, at, has, is_type, mappings, text

_SECTION_OF_TYPE: Final = {
    "BootstrapConfigDump": "bootstrap",
    "ClustersConfigDump": "clusters",
    "EndpointsConfigDump": "endpoints",
    "ListenersConfigDump": "listeners",
    "ScopedRoutesConfigDump": "scoped_routes",
    "RoutesConfigDump": "routes",
    "SecretsConfigDump": "secrets",
}
# The fields of a section's message -> the section: istioctl prints one without its @type.
_SECTION_OF_FIELD: Final = {
    "bootstrap": "bootstrap",
    "static_clusters": "clusters",
    "dynamic_active_clusters": "clusters",
    "dynamic_warming_clusters": "clusters",
    "static_endpoint_configs": "endpoints",
    "dynamic_endpoint_configs": "endpoints",
    "static_listeners": "listeners",
    "dynamic_listeners": "listeners",
    "static_route_configs": "routes",
    "dynamic_route_configs": "routes",
    "static_secrets": "secrets",
    "dynamic_active_secrets": "secrets",
    "dynamic_warming_secrets": "secrets",
}
# `?resource=dynamic_listeners` yields bare items: their type -> (section, the list that they belong to).
_ITEM_TYPES: Final = {
    "DynamicListener": ("listeners", "dynamic_listeners"),
    "StaticListener": ("listeners", "static_listeners"),
    "DynamicCluster": ("clusters", "dynamic_active_clusters"),
    "StaticCluster": ("clusters", "static_clusters"),
    "DynamicRouteConfig": ("routes", "dynamic_route_configs"),
    "StaticRouteConfig": ("routes", "static_route_configs"),
    "DynamicEndpointConfig": ("endpoints", "dynamic_endpoint_configs"),
    "StaticEndpointConfig": ("endpoints", "static_endpoint_configs"),
    "DynamicSecret": ("secrets", "dynamic_active_secrets"),
}
# A bare resource, as istioctl lists them: one of these fields gives it away. In this order. Fields that other JSON has
# too (a log's `type` and `cluster_name`) are looked at more closely, below.
_RESOURCES: Final = (
    ("status", ("host_statuses", "added_via_api", "observability_name")),
    ("routes", ("virtual_hosts", "validate_clusters", "vhds", "max_direct_response_body_size_bytes")),
    ("listeners", ("filter_chains", "default_filter_chain", "listener_filters", "traffic_direction", "api_listener")),
    ("secrets", ("tls_certificate", "validation_context", "generic_secret", "session_ticket_keys")),
    ("clusters", ("load_assignment", "eds_cluster_config", "transport_socket_matches", "common_lb_config",
                  "typed_extension_protocol_options", "lb_policy", "cluster_type", "http2_protocol_options")),
)  # fmt: skip
_CLUSTER_TYPES: Final = ("STATIC", "STRICT_DNS", "LOGICAL_DNS", "EDS", "ORIGINAL_DST")
# Where a bare resource goes: (section, list, the field that wraps it there).
_PLACES: Final = {
    "endpoints": ("dynamic_endpoint_configs", "endpoint_config"),
    "routes": ("dynamic_route_configs", "route_config"),
    "clusters": ("dynamic_active_clusters", "cluster"),
}
_STATES: Final = ("LIVE", "DRAINING", "PRE_INITIALIZING", "INITIALIZING")
_STATS: Final = ("cluster.", "http.", "listener.", "server.", "cluster_manager.", "listener_manager.")
_STATE_PAGE: Final = 40
_FIRST_LINES: Final = 400


def recognise(content: str) -> Answers | None:
    """What this text holds, or None where it is no answer of an Envoy. Raises nothing."""
    stripped = content.lstrip("\ufeff \t\r\n")
    if stripped[:1] in ("{", "["):
        found = [answers for value in _documents(stripped) if (answers := of_json(value)) is not None]
        return merged(found) if found else None
    return _of_text(content)


def _documents(content: str) -> Iterable[Any]:
    """Every JSON value of the text: some tools print several, one after the other. What is broken off ends it."""
    decoder, position = json.JSONDecoder(), 0
    while position < len(content):
        try:
            value, position = decoder.raw_decode(content, position)
        except (ValueError, RecursionError):
            return
        yield value
        while position < len(content) and content[position] in " \t\r\n,":
            position += 1


def of_json(value: Any) -> Answers | None:
    """What this JSON value holds."""
    if isinstance(value, list):
        return _of_resources([item for item in value if isinstance(item, dict)])
    if not isinstance(value, dict):
        return None
    if isinstance(at(value, "configs"), list):
        return of_config_dump(value)
    whole = _whole_answer(value)
    if whole is not None:
        return whole
    section = next((_SECTION_OF_FIELD[name] for name in _SECTION_OF_FIELD if has(value, name)), None)
    if section is not None:
        return Answers(sections={section: value})
    if has(value, "static_resources") or (has(value, "node") and has(value, "dynamic_resources")):
        return Answers(sections={"bootstrap": {"bootstrap": value}})
    return _of_resources([value])


def _whole_answer(value: Json) -> Answers | None:
    """The answer of one endpoint other than config_dump."""
    if isinstance(at(value, "cluster_statuses"), list):
        return Answers(clusters=tuple(mappings(value, "cluster_statuses")))
    if isinstance(at(value, "listener_statuses"), list):
        return Answers(listeners=tuple(mappings(value, "listener_statuses")))
    if isinstance(at(value, "certificates"), list):
        return Answers(certs=tuple(mappings(value, "certificates")))
    if isinstance(at(value, "stats"), list):
        return Answers(stats=text_forms.json_stats(value["stats"]))
    if has(value, "version") and (has(value, "command_line_options") or has(value, "uptime_all_epochs")):
        return Answers(server_info=value)
    return None


def of_config_dump(value: Json) -> Answers | None:
    """The sections of a config_dump; of one filtered by `?resource=` its items, put where they belong."""
    sections: dict[str, Json] = {}
    for config in mappings(value, "configs"):
        section = next((name for kind, name in _SECTION_OF_TYPE.items() if is_type(config, kind)), None)
        if section is not None:
            sections[section] = config
            continue
        item = next((place for kind, place in _ITEM_TYPES.items() if is_type(config, kind)), None)
        if item is not None:
            sections.setdefault(item[0], {}).setdefault(item[1], []).append(config)
    return Answers(sections=sections) if sections else None


def _of_resources(items: list[Json]) -> Answers | None:
    """Bare resources in a list: clusters, listeners, routes, endpoints, secrets, or statuses of clusters."""
    sections: dict[str, Json] = {}
    statuses: list[Json] = []
    for item in items:
        kind = _kind(item)
        if kind == "status":
            statuses.append(item)
        elif kind == "listeners":
            entry = {"name": text(item, "name"), "active_state": {"listener": item}}
            sections.setdefault("listeners", {}).setdefault("dynamic_listeners", []).append(entry)
        elif kind == "secrets":
            entry = item if has(item, "secret") else {"name": text(item, "name"), "secret": item}
            sections.setdefault("secrets", {}).setdefault("dynamic_active_secrets", []).append(entry)
        elif kind in _PLACES:
            place, wrapper = _PLACES[kind]
            sections.setdefault(kind, {}).setdefault(place, []).append({wrapper: item})
    if not sections and not statuses:
        return None
    return Answers(sections=sections, clusters=tuple(statuses) if statuses else None)


def _kind(item: Json) -> str | None:
    """Which resource this is; None for an object of Kubernetes, a line of a log, anything else."""
    if has(item, "kind") and has(item, "apiVersion"):
        return None
    if has(item, "cluster_name") and isinstance(at(item, "endpoints"), list):
        return "endpoints"
    if text(item, "type") in _CLUSTER_TYPES and text(item, "name"):
        return "clusters"
    if isinstance(at(item, "secret"), dict) and text(item, "name"):
        return "secrets"
    return next((kind for kind, names in _RESOURCES if any(has(item, name) for name in names)), None)


def _of_text(content: str) -> Answers | None:
    word = content.strip()
    if len(word) < _STATE_PAGE and word in _STATES:
        return Answers(ready=word)
    lines = content.splitlines()
    first = [line for line in lines[:_FIRST_LINES] if line.strip()]
    if text_forms.looks_like_clusters(first):
        return Answers(clusters=text_forms.clusters(lines))
    if any(line.startswith(("# TYPE envoy_", "envoy_")) for line in first):
        return Answers(stats=text_forms.prometheus(lines))
    known = text_forms.stats(lines)
    if len(text_forms.stats(first)) * 2 >= len(first) and any(name.startswith(_STATS) for name in known):
        return Answers(stats=known)
    found = text_forms.listeners(lines) if first else None
    return Answers(listeners=found) if found else None
