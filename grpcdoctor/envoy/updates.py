"""The resources of a config_dump with their update state: in force, warming, draining, or rejected and why."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Final

from grpcdoctor.envoy.fields import Json, has, mapping, mappings, text

LONGEST_REASON: Final = 2000


class State(str, Enum):
    """Where a resource stands."""

    STATIC = "static"
    """From the bootstrap."""
    ACTIVE = "active"
    WARMING = "warming"
    """Received, not in force: it waits for something else (a secret, endpoints, a route configuration)."""
    DRAINING = "draining"
    """Gone or replaced; its connections are being ended."""

    @property
    def in_force(self) -> bool:
        return self in (State.STATIC, State.ACTIVE)


@dataclass(frozen=True, slots=True)
class Update:
    """The version of a resource that is here."""

    state: State
    version: str = ""
    last_updated: str = ""


@dataclass(frozen=True, slots=True)
class Rejection:
    """An update that Envoy refused (NACK). The version before it, if there is one, stays in force."""

    kind: str
    """"listener", "cluster", "route configuration", "endpoints" or "secret"."""
    name: str
    reason: str
    last_attempt: str = ""
    still_in_force: bool = True
    """Whether an older version serves; else there is nothing at all under this name."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One resource of a dump: its own message, and its state."""

    resource: Json
    update: Update
    name: str = ""


# kind -> (the static list, the dynamic lists with their state, the field that holds the resource)
_LISTS: Final[Mapping[str, tuple[str, tuple[tuple[str, State], ...], str]]] = {
    "clusters": (
        "static_clusters",
        (("dynamic_active_clusters", State.ACTIVE), ("dynamic_warming_clusters", State.WARMING)),
        "cluster",
    ),
    "routes": ("static_route_configs", (("dynamic_route_configs", State.ACTIVE),), "route_config"),
    "endpoints": ("static_endpoint_configs", (("dynamic_endpoint_configs", State.ACTIVE),), "endpoint_config"),
    "secrets": (
        "static_secrets",
        (("dynamic_active_secrets", State.ACTIVE), ("dynamic_warming_secrets", State.WARMING)),
        "secret",
    ),
}
_WORDS: Final = {
    "listeners": "listener",
    "clusters": "cluster",
    "routes": "route configuration",
    "endpoints": "endpoints",
    "secrets": "secret",
}
_LISTENER_STATES: Final = (
    ("active_state", State.ACTIVE),
    ("warming_state", State.WARMING),
    ("draining_state", State.DRAINING),
)


def entries(section: str, dump: Json) -> Iterator[Entry]:
    """Every resource of a section, in the dump's order: the static ones first."""
    if section == "listeners":
        yield from _listeners(dump)
        return
    static, dynamic, wrapper = _LISTS[section]
    for item in mappings(dump, static):
        yield _entry(item, wrapper, State.STATIC)
    for place, state in dynamic:
        for item in mappings(dump, place):
            if has(item, wrapper):
                yield _entry(item, wrapper, state)


def _entry(item: Json, wrapper: str, state: State) -> Entry:
    resource = mapping(item, wrapper)
    name = text(resource, "name") or text(resource, "cluster_name") or text(item, "name")
    return Entry(resource, Update(state, text(item, "version_info"), text(item, "last_updated")), name)


def _listeners(dump: Json) -> Iterator[Entry]:
    """A dynamic listener may be in several states at a time: the old one drains while the new one serves."""
    for item in mappings(dump, "static_listeners"):
        yield _entry(item, "listener", State.STATIC)
    for item in mappings(dump, "dynamic_listeners"):
        for field, state in _LISTENER_STATES:
            if has(item, field, "listener"):
                found = _entry(mapping(item, field), "listener", state)
                yield Entry(found.resource, found.update, found.name or text(item, "name"))


def rejections(sections: Mapping[str, Json]) -> Iterator[Rejection]:
    """What was refused, each once: Envoy lists a refused listener twice, the second time without its name."""
    seen: set[tuple[str, str]] = set()
    for section, word in _WORDS.items():
        dump = sections.get(section, {})
        for place in _dynamic_lists(section):
            for item in mappings(dump, place):
                found = _rejection(section, word, item)
                if found is not None and (word, found.name) not in seen:
                    seen.add((word, found.name))
                    yield found


def _dynamic_lists(section: str) -> tuple[str, ...]:
    if section == "listeners":
        return ("dynamic_listeners",)
    return tuple(place for place, _ in _LISTS[section][1])


def _rejection(section: str, word: str, item: Json) -> Rejection | None:
    error = mapping(item, "error_state")
    reason = text(error, "details")
    if not reason:
        return None
    failed = mapping(error, "failed_configuration")
    inner = mapping(failed, _LISTS[section][2]) if section in _LISTS else failed
    name = text(item, "name") or text(inner, "name") or text(failed, "name") or text(inner, "cluster_name")
    wrapper = _LISTS[section][2] if section in _LISTS else "active_state"
    serves = has(item, wrapper)
    return Rejection(word, name, reason[:LONGEST_REASON], text(error, "last_update_attempt"), serves)
