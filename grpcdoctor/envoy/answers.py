"""Answers: what an Envoy said of itself, raw, by the admin endpoint that said it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from grpcdoctor.envoy.fields import Json

CONFIG_DUMP: Final = "config_dump"
CLUSTERS: Final = "clusters"
LISTENERS: Final = "listeners"
STATS: Final = "stats"
CERTS: Final = "certs"
SERVER_INFO: Final = "server_info"
READY: Final = "ready"

ENDPOINTS: Final = (CONFIG_DUMP, CLUSTERS, LISTENERS, STATS, CERTS, SERVER_INFO, READY)
"""The admin endpoints, as rules name them in ASKS."""

SECTIONS: Final = ("bootstrap", "clusters", "endpoints", "listeners", "scoped_routes", "routes", "secrets")
"""The parts of a config_dump. istioctl hands out one part at a time."""


@dataclass(frozen=True, slots=True)
class Answers:
    """Each field is None (or empty) where the endpoint was not asked or did not answer."""

    sections: Mapping[str, Json] = field(default_factory=dict)
    """The parts of config_dump by their names in SECTIONS, each as its `…ConfigDump` message."""
    clusters: tuple[Json, ...] | None = None
    """`cluster_statuses`."""
    listeners: tuple[Json, ...] | None = None
    """`listener_statuses`."""
    stats: Mapping[str, int | str] | None = None
    """Counters and gauges by name, text readouts as strings; Prometheus' form is taken back to Envoy's names."""
    certs: tuple[Json, ...] | None = None
    """`certificates`."""
    server_info: Json | None = None
    ready: str | None = None

    def answered(self, endpoint: str) -> bool:
        """Whether this endpoint (or, of config_dump, at least one part) answered."""
        if endpoint == CONFIG_DUMP:
            return bool(self.sections)
        return getattr(self, endpoint, None) is not None if endpoint in ENDPOINTS else False

    @property
    def holds(self) -> frozenset[str]:
        """What is in it: endpoints, and of config_dump the sections as `config_dump/clusters`."""
        found = {name for name in ENDPOINTS if name != CONFIG_DUMP and self.answered(name)}
        return frozenset(found | {f"{CONFIG_DUMP}/{name}" for name in self.sections})


def merged(parts: Iterable[Answers]) -> Answers:
    """All of them as one; of two that hold the same the later one counts."""
    sections: dict[str, Json] = {}
    rest: dict[str, Any] = {}
    for part in parts:
        sections.update(part.sections)
        for name in ENDPOINTS:
            if name != CONFIG_DUMP and part.answered(name):
                rest[name] = getattr(part, name)
    return Answers(sections=sections, **rest)
