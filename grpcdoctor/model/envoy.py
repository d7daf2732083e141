"""EnvoyView: one Envoy as a report shows it: what listens, what is spoken upstream and why, and one request's way."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ShownLimit:
    """A time that can end a call. `seconds` is None where there is none."""

    name: str
    seconds: float | None
    default: bool
    """Nothing sets it, and this is what Envoy does then."""
    owner: str = ""
    note: str = ""


@dataclass(frozen=True, slots=True)
class ShownFilter:
    """An HTTP filter, in its place."""

    kind: str
    on: bool = True
    note: str = ""
    acts: bool = False
    """It can refuse, delay or change a call."""


@dataclass(frozen=True, slots=True)
class ShownChain:
    """A filter chain: which connections it takes, and what it does with them."""

    match: str
    speaks: str
    kind: str
    """"http", "tcp" (handed on unread) or "other"."""
    codec: str
    alpn: tuple[str, ...]
    tls: bool
    client_certificate: bool
    """Whether one is required."""
    routes: str
    """The name of its route configuration; of a TCP proxy its cluster."""
    filters: tuple[ShownFilter, ...]
    limits: tuple[ShownLimit, ...]


@dataclass(frozen=True, slots=True)
class ShownListener:
    """A listener."""

    name: str
    address: str
    state: str
    """static, active, warming or draining."""
    direction: str
    version: str
    chains: tuple[ShownChain, ...]


@dataclass(frozen=True, slots=True)
class ShownRoute:
    """A route, in its place: the first that matches is taken."""

    match: str
    action: str
    """`cluster greeter`, `90% a, 10% b`, `redirect`, `direct response 404`."""
    limits: tuple[ShownLimit, ...]
    retries: str
    filters: tuple[ShownFilter, ...]
    """What it (or its virtual host) says to filters."""


@dataclass(frozen=True, slots=True)
class ShownHost:
    """A virtual host."""

    name: str
    domains: tuple[str, ...]
    routes: tuple[ShownRoute, ...]


@dataclass(frozen=True, slots=True)
class ShownRoutes:
    """A route configuration."""

    name: str
    state: str
    version: str
    hosts: tuple[ShownHost, ...]


@dataclass(frozen=True, slots=True)
class ShownEndpoint:
    """One host of a cluster."""

    address: str
    healthy: bool
    ailments: tuple[str, ...]
    tls: str
    requests: int
    failed_connects: int


@dataclass(frozen=True, slots=True)
class Counted:
    """A counter that is not 0 and says that something was refused or failed."""

    name: str
    """Envoy's, below the cluster's or the listener's: `upstream_cx_connect_fail`."""
    value: int
    words: str


@dataclass(frozen=True, slots=True)
class ShownCluster:
    """A cluster, with what it really speaks."""

    name: str
    type: str
    state: str
    protocol: str
    """h2, http/1.1, h3, same-as-client or by-alpn."""
    decided_by: str
    """The field; empty where nothing is set and Envoy's default counts."""
    tls: str
    """"plaintext", "TLS", "mTLS", or "mixed" where endpoints differ."""
    tls_details: str
    """SNI, ALPN, how the peer is verified; empty for plaintext."""
    healthy: int
    endpoints: tuple[ShownEndpoint, ...]
    endpoints_known: bool
    """False: the answers that would tell them are missing."""
    counted: tuple[Counted, ...]
    settings: tuple[str, ...]
    """Circuit breakers, outlier detection, health checks, keepalive, in words."""
    used: bool
    """Whether a route or a TCP proxy in force leads to it."""


@dataclass(frozen=True, slots=True)
class ShownCertificate:
    """A certificate that Envoy holds."""

    names: tuple[str, ...]
    path: str
    serial: str
    expires: str
    days_left: float | None
    authority: bool


@dataclass(frozen=True, slots=True)
class ShownRejection:
    """An update that was refused."""

    kind: str
    name: str
    reason: str
    last_attempt: str
    still_in_force: bool


@dataclass(frozen=True, slots=True)
class ShownStep:
    """One step of a request: the listener, the chain, the host, the route."""

    name: str
    value: str
    """Empty: it goes no further."""
    why: str = ""


@dataclass(frozen=True, slots=True)
class ShownDestination:
    """A cluster that the request may go to."""

    cluster: str
    share: float
    """Percent."""
    exists: bool
    protocol: str
    tls: str
    decided_by: str
    endpoints: tuple[ShownEndpoint, ...]


@dataclass(frozen=True, slots=True)
class ShownRequest:
    """How one request would be routed."""

    input: str
    outcome: str
    """"forwarded", "no route", "no virtual host", "cluster missing", "no endpoint" …"""
    symptom: str
    """What the client gets where it goes no further; empty where that is not Envoy's doing."""
    tls: bool
    steps: tuple[ShownStep, ...]
    destinations: tuple[ShownDestination, ...]
    limits: tuple[ShownLimit, ...]
    retries: str
    filters: tuple[ShownFilter, ...]
    near_misses: tuple[str, ...]
    notes: tuple[str, ...]
    also: tuple[str, ...]
    """Other listeners that would take it as well."""


@dataclass(frozen=True, slots=True)
class EnvoyView:
    """One Envoy."""

    version: str
    state: str
    node: str
    role: str
    istio_version: str
    uptime_seconds: float | None
    control_plane: bool | None
    """Connected to it; None where it is not told."""
    counters_hidden: bool
    """It keeps only some of its counters: one that is absent is no zero."""
    listeners: tuple[ShownListener, ...] = ()
    routes: tuple[ShownRoutes, ...] = ()
    clusters: tuple[ShownCluster, ...] = ()
    certificates: tuple[ShownCertificate, ...] = ()
    rejections: tuple[ShownRejection, ...] = ()
    request: ShownRequest | None = None
    shown: str = "some"
    """"named": only what was asked for by name is in the lists, and is shown in full. "some": a text shows the first of
    each list; "all": every one."""
