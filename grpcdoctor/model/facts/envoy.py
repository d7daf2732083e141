"""Facts about an Envoy on the way, from its own admin API: what it counted meanwhile, and where it sends the calls."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from grpcdoctor.model.observation import Facts


@dataclass(frozen=True, slots=True)
class Counted:
    """A counter that rose between the reading before the probe and the one after it."""

    scope: str = ""
    """"cluster", "http" (a connection manager), "listener" or "" for all others."""
    of: str = ""
    """The cluster's name, the stat_prefix, the listener's address; empty for all others."""
    what: str = ""
    """`upstream_cx_connect_fail`."""
    by: int = 0


@dataclass(frozen=True, slots=True)
class AllowedTime:
    """A time that ends calls, as the configuration has it."""

    what: str = ""
    """"route timeout", "timeout of one try", "stream idle timeout" …"""
    field: str = ""
    """The configuration's own: `route.timeout`."""
    seconds: float = 0.0
    is_default: bool = False
    counters: tuple[str, ...] = ()
    """The counters that rise when it cuts a call."""


@dataclass(frozen=True, slots=True)
class EnvoyEndpoint:
    """One endpoint of a cluster, after the probe."""

    address: str = ""
    healthy: bool = True
    ailments: tuple[str, ...] = ()
    """In words: "ejected by outlier detection"."""
    requests: int = 0
    """How many it got meanwhile."""
    failed_connects: int = 0
    """How many connections to it failed meanwhile."""
    tls_elsewhere: str = ""
    """Another cluster of this Envoy that has completed TLS handshakes with this very address."""


@dataclass(frozen=True, slots=True)
class EnvoyBackend:
    """A cluster that the calls lead to."""

    name: str = ""
    state: str = "active"
    """"active", "static", "warming", "missing" or "unknown" (the clusters were not told)."""
    stat_name: str = ""
    version: str = ""
    """"h2", "http/1.1", "h3", "same-as-client", "by-alpn"; empty where it is not told."""
    version_field: str = ""
    """What decided; empty: nothing is set."""
    tls: str = ""
    """"TLS", "mTLS"; empty for plaintext."""
    sni: str = ""
    alpn: tuple[str, ...] = ()
    connect_timeout: float | None = None
    limits: tuple[tuple[str, int], ...] = ()
    """The circuit breakers: (`max_requests`, 1024)."""
    endpoints: tuple[EnvoyEndpoint, ...] = ()
    """The first ones."""
    total: int = 0
    healthy: int = 0
    made_by: tuple[str, ...] = ()
    """The objects that Istio made it of: `DestinationRule prod/greeter`."""


@dataclass(frozen=True, slots=True)
class EnvoyWay:
    """Where one of the probe's paths leads."""

    path: str = ""
    host: str = ""
    """The virtual host; empty: none has the authority."""
    domains: tuple[str, ...] = ()
    route: str = ""
    """What the route matches: `prefix /shop.Cart/`; empty: no route takes the path."""
    routes: tuple[str, ...] = ()
    """What the virtual host does route, where this path is not among it."""
    near: tuple[str, ...] = ()
    """What would nearly have taken it, and why not."""
    action: str = ""
    """"route", "redirect", "direct_response" …"""
    status: int | None = None
    """Of a direct response."""
    require_tls: str = "NONE"
    clusters: tuple[str, ...] = ()
    times: tuple[AllowedTime, ...] = ()
    filters: tuple[tuple[str, str], ...] = ()
    """The filters that act on it, and what each does, where that is known: ("fault", "aborts 50% with HTTP 503")."""
    sure: bool = True
    """False: other conditions of the routes (headers, plugins) may lead elsewhere."""
    made_by: str = ""
    """The object that Istio made the route of."""


@dataclass(frozen=True, slots=True)
class EnvoyEntrance:
    """The listener and the filter chain that took the calls."""

    listener: str = ""
    address: str = ""
    chain: str = ""
    """`filter_chains[0]`."""
    found_by: str = ""
    """"port and counters", "port", "counters" or "routes"."""
    stat_prefix: str = ""
    codec: str = ""
    tls: bool = False
    alpn: tuple[str, ...] = ()
    client_certificate: bool = False
    max_concurrent_streams: int | None = None
    filters: tuple[str, ...] = ()
    route_configuration: str = ""


@dataclass(frozen=True, slots=True)
class EnvoyFacts(Facts):
    """An Envoy read before and after the probe."""

    kind: ClassVar[str] = "envoy"
    source: str = ""
    version: str = ""
    istio_version: str = ""
    calls: int = 0
    """How many calls the probe made."""
    took: int | None = None
    """How many requests its connection manager took meanwhile; None where it does not count them (Istio)."""
    counters_hidden: bool = False
    """It leaves counters out: an absent one is no zero."""
    entrance: EnvoyEntrance | None = None
    ways: tuple[EnvoyWay, ...] = ()
    backends: tuple[EnvoyBackend, ...] = ()
    counted: tuple[Counted, ...] = ()
    """Of the listener, the connection manager and the clusters on the way, and those that belong to none."""

    def rose(self, scope: str, of: str, *names: str) -> int:
        """By how much these counters rose together."""
        return sum(item.by for item in self.counted if (item.scope, item.of) == (scope, of) and item.what in names)

    def backend(self, name: str) -> EnvoyBackend | None:
        return next((item for item in self.backends if item.name == name), None)

    def way(self, path: str) -> EnvoyWay | None:
        return next((item for item in self.ways if item.path == path), None)

    @property
    def saw_nothing(self) -> bool:
        """It counts requests, and counted none: the calls went elsewhere."""
        return self.calls > 0 and self.took == 0 and not self.counters_hidden

    @property
    def others(self) -> int:
        """Requests of others that went through meanwhile, as far as they are counted."""
        return max(self.took - self.calls, 0) if self.took is not None else 0
