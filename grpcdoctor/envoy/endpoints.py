"""Endpoint: one host of a cluster: its address, its health by EDS and by Envoy's own checks, and its counters."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final

from grpcdoctor.envoy.addresses import address_host, address_text
from grpcdoctor.envoy.fields import Json, flag, mapping, mappings, number, string_map, text

SOCKET_MATCH: Final = "envoy.transport_socket_match"
_BAD_EDS: Final = frozenset(("UNHEALTHY", "DRAINING", "TIMEOUT"))
_FLAGS: Final[Mapping[str, str]] = {
    "failed_active_health_check": "its health check fails",
    "failed_outlier_check": "ejected by outlier detection",
    "pending_dynamic_removal": "being removed",
    "pending_active_hc": "its first health check is pending",
    "excluded_via_immediate_hc_fail": "excluded by its own answer to a health check",
}


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One host."""

    address: str
    hostname: str = ""
    eds_health: str = ""
    """HEALTHY, UNHEALTHY, DRAINING, TIMEOUT, DEGRADED, UNKNOWN; empty: not told, which counts as healthy."""
    flags: tuple[str, ...] = ()
    """Envoy's own fields for what is wrong with it, of /clusters: `failed_active_health_check`."""
    is_live: bool = False
    """Known from /clusters; else by configuration only."""
    weight: int = 1
    priority: int = 0
    locality: str = ""
    counts: Mapping[str, int] = field(default_factory=dict)
    """`rq_total`, `cx_connect_fail` …; what was never counted is absent."""
    match: Mapping[str, str] = field(default_factory=dict)
    """The metadata that picks one of the cluster's transport_socket_matches: `{"tlsMode": "istio"}`."""

    @property
    def healthy(self) -> bool:
        """Whether it is picked before a panic: a degraded one is, where nothing better is left."""
        return self.eds_health not in _BAD_EDS and not self.flags

    @property
    def ejected(self) -> bool:
        return "failed_outlier_check" in self.flags

    @property
    def ailments(self) -> tuple[str, ...]:
        """In words; empty for a healthy one."""
        said = tuple(_FLAGS[name] for name in self.flags)
        return (*said, f"the control plane says {self.eds_health}") if self.eds_health in _BAD_EDS else said

    def count(self, name: str) -> int:
        return self.counts.get(name, 0)


def configured(assignment: Json) -> Iterator[Endpoint]:
    """Of a ClusterLoadAssignment."""
    for group in mappings(assignment, "endpoints"):
        shared = _socket_match(group)
        for item in mappings(group, "lb_endpoints"):
            yield Endpoint(
                address=address_text(mapping(item, "endpoint", "address")),
                hostname=text(item, "endpoint", "hostname") or address_host(mapping(item, "endpoint", "address")),
                eds_health=text(item, "health_status"),
                weight=number(item, "load_balancing_weight") or 1,
                priority=number(group, "priority") or 0,
                locality=_locality(group),
                match={**shared, **_socket_match(item)},
            )


def live(status: Json, known: tuple[Endpoint, ...]) -> Iterator[Endpoint]:
    """Of one `cluster_statuses[]`, with the metadata that only the configuration has."""
    by_address = {item.address: item for item in known}
    by_name = {item.hostname: item for item in known if item.hostname}
    for host in mappings(status, "host_statuses"):
        address = address_text(mapping(host, "address"))
        found = by_address.get(address) or by_name.get(text(host, "hostname"))
        health = mapping(host, "health_status")
        yield Endpoint(
            address=address,
            hostname=text(host, "hostname"),
            eds_health=text(health, "eds_health_status"),
            flags=tuple(name for name in _FLAGS if flag(health, name)),
            is_live=True,
            weight=number(host, "weight") or 1,
            priority=number(host, "priority") or 0,
            locality=_locality(host),
            counts=_counts(host),
            match=found.match if found is not None else {},
        )


def _counts(host: Json) -> dict[str, int]:
    """A value of 0 is absent."""
    return {text(item, "name"): number(item, "value") or 0 for item in mappings(host, "stats")}


def _locality(value: Json) -> str:
    return "/".join(filter(None, (text(value, "locality", part) for part in ("region", "zone", "sub_zone"))))


def _socket_match(value: Json) -> dict[str, str]:
    return string_map(mapping(value, "metadata", "filter_metadata", SOCKET_MATCH))
