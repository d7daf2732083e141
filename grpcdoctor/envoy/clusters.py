"""Cluster: where Envoy sends requests to, with the HTTP version and the TLS it really uses there and what decided."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from functools import cached_property
from typing import Final

from grpcdoctor.envoy.endpoints import Endpoint
from grpcdoctor.envoy.fields import Json, has, mapping, mappings, number, seconds, string_map, text, texts
from grpcdoctor.envoy.limits import CONNECT_TIMEOUT, CONNECTION_IDLE_TIMEOUT, Limit, limit
from grpcdoctor.envoy.tls import UpstreamTls, upstream_tls
from grpcdoctor.envoy.updates import Update

HTTP_OPTIONS: Final = "envoy.extensions.upstreams.http.v3.HttpProtocolOptions"
_OPTIONS: Final = ("typed_extension_protocol_options", HTTP_OPTIONS)
_SHORT: Final = "HttpProtocolOptions"


class HttpVersion(str, Enum):
    """What a cluster speaks. The values are those of the report's `hops[].protocol`, and one more."""

    HTTP1 = "http/1.1"
    H2 = "h2"
    H3 = "h3"
    SAME = "same-as-client"
    """use_downstream_protocol_config: whatever the client speaks to this Envoy."""
    BY_ALPN = "by-alpn"
    """auto_config: what the endpoint picks by ALPN."""


@dataclass(frozen=True, slots=True)
class UpstreamHttp:
    """The HTTP version, and the field that decided it."""

    version: HttpVersion
    field: str
    """`HttpProtocolOptions.explicit_http_config.http2_protocol_options`; empty where nothing is set."""

    @property
    def reason(self) -> str:
        """A clause without a verb: for a table's last column."""
        return self.field or "no HttpProtocolOptions: HTTP/1.1 is Envoy's default"


@dataclass(frozen=True, slots=True)
class SocketMatch:
    """One of transport_socket_matches: the TLS for endpoints with this metadata."""

    name: str
    match: Mapping[str, str]
    tls: UpstreamTls | None

    def fits(self, endpoint: Endpoint) -> bool:
        """An empty match fits all."""
        return all(endpoint.match.get(key) == value for key, value in self.match.items())


@dataclass(frozen=True, slots=True)
class Breaker:
    """Circuit breaker thresholds of one priority, Envoy's defaults filled in."""

    priority: str = "DEFAULT"
    max_connections: int = 1024
    max_pending_requests: int = 1024
    max_requests: int = 1024
    max_retries: int = 3
    is_default: bool = True
    """Nothing is set."""


@dataclass(frozen=True, slots=True)
class HealthCheck:
    """One active health check."""

    kind: str
    """"grpc", "http", "tcp" or "custom"."""
    detail: str
    """gRPC's service name, HTTP's path."""
    interval: float | None
    timeout: float | None


@dataclass(frozen=True, slots=True)
class Outliers:
    """Outlier detection, Envoy's defaults filled in."""

    consecutive_5xx: int
    interval: float
    base_ejection_time: float
    max_ejection_percent: int


@dataclass(frozen=True, slots=True)
class Keepalive:
    """What keeps an idle upstream connection alive: HTTP/2 PINGs, TCP keepalive."""

    interval: float | None = None
    """Of HTTP/2 PINGs; None: none are sent."""
    timeout: float | None = None
    tcp: bool = False


@dataclass(frozen=True, eq=False)
class Cluster:
    """One cluster. `raw` is Envoy's own message."""

    raw: Json = field(repr=False)
    name: str
    update: Update
    endpoints: tuple[Endpoint, ...] = ()
    status: Json | None = field(default=None, repr=False)
    """Of /clusters; None where it is not told."""

    @property
    def type(self) -> str:
        """STATIC, STRICT_DNS, LOGICAL_DNS, EDS, ORIGINAL_DST, or the name of a custom type."""
        return text(self.raw, "type") or text(self.raw, "cluster_type", "name") or "STATIC"

    @property
    def stat_name(self) -> str:
        """Under which /stats has it."""
        return text(self.raw, "alt_stat_name") or self.name

    @property
    def service_name(self) -> str:
        """Under which EDS knows it."""
        return text(self.raw, "eds_cluster_config", "service_name") or self.name

    @property
    def members(self) -> tuple[str, ...]:
        """The clusters that an aggregate cluster is made of."""
        return texts(self.raw, "cluster_type", "typed_config", "clusters")

    @cached_property
    def http(self) -> UpstreamHttp:
        """The HTTP version that it really uses."""
        return _http(self.raw)

    @cached_property
    def tls(self) -> UpstreamTls | None:
        """Of endpoints that no socket match takes; None for plaintext."""
        if has(self.raw, "tls_context"):  # Envoy before 1.13
            return upstream_tls({"typed_config": {"common_tls_context": {}, **mapping(self.raw, "tls_context")}})
        return upstream_tls(mapping(self.raw, "transport_socket"))

    @cached_property
    def socket_matches(self) -> tuple[SocketMatch, ...]:
        return tuple(
            SocketMatch(
                text(item, "name"), string_map(mapping(item, "match")), upstream_tls(mapping(item, "transport_socket"))
            )
            for item in mappings(self.raw, "transport_socket_matches")
        )

    def socket_match(self, endpoint: Endpoint) -> SocketMatch | None:
        """The first that fits this endpoint; None: the cluster's own transport socket."""
        return next((match for match in self.socket_matches if match.fits(endpoint)), None)

    def tls_to(self, endpoint: Endpoint) -> UpstreamTls | None:
        """The TLS that is really spoken to this endpoint."""
        match = self.socket_match(endpoint)
        return self.tls if match is None else match.tls

    @cached_property
    def breakers(self) -> tuple[Breaker, ...]:
        """By priority; the first is DEFAULT's."""
        found = {item.priority: item for item in map(_breaker, mappings(self.raw, "circuit_breakers", "thresholds"))}
        return (found.pop("DEFAULT", Breaker()), *found.values())

    @cached_property
    def health_checks(self) -> tuple[HealthCheck, ...]:
        return tuple(_health_check(item) for item in mappings(self.raw, "health_checks"))

    @cached_property
    def outliers(self) -> Outliers | None:
        """None where outlier detection is off."""
        if not has(self.raw, "outlier_detection"):
            return None
        found = mapping(self.raw, "outlier_detection")
        errors, percent = number(found, "consecutive_5xx"), number(found, "max_ejection_percent")
        return Outliers(
            5 if errors is None else errors,
            seconds(found, "interval") or 10.0,
            seconds(found, "base_ejection_time") or 30.0,
            10 if percent is None else percent,
        )

    @cached_property
    def keepalive(self) -> Keepalive:
        pings = mapping(self.http2, "connection_keepalive")
        tcp = has(self.raw, "upstream_connection_options", "tcp_keepalive")
        return Keepalive(seconds(pings, "interval"), seconds(pings, "timeout"), tcp)

    @property
    def connect_timeout(self) -> Limit:
        return limit(self.raw, "connect_timeout", default=CONNECT_TIMEOUT)

    @property
    def idle_timeout(self) -> Limit:
        """Of a connection without requests."""
        return limit(self.common_http, "idle_timeout", default=CONNECTION_IDLE_TIMEOUT)

    @property
    def max_stream_duration(self) -> Limit:
        return limit(self.common_http, "max_stream_duration")

    @property
    def max_requests_per_connection(self) -> int | None:
        return number(self.common_http, "max_requests_per_connection") or number(
            self.raw, "max_requests_per_connection"
        )

    @cached_property
    def common_http(self) -> Json:
        """common_http_protocol_options, wherever this version has them."""
        return mapping(self.raw, *_OPTIONS, "common_http_protocol_options") or mapping(
            self.raw, "common_http_protocol_options"
        )

    @cached_property
    def http2(self) -> Json:
        """http2_protocol_options, wherever they stand."""
        options = mapping(self.raw, *_OPTIONS)
        for place in ("explicit_http_config", "use_downstream_protocol_config", "auto_config"):
            if has(options, place, "http2_protocol_options"):
                return mapping(options, place, "http2_protocol_options")
        return mapping(self.raw, "http2_protocol_options")

    @property
    def healthy(self) -> int:
        """How many endpoints are healthy."""
        return sum(1 for endpoint in self.endpoints if endpoint.healthy)

    @property
    def panics_below(self) -> int:
        """The percentage of healthy endpoints below which Envoy takes no notice of health."""
        threshold = ("common_lb_config", "healthy_panic_threshold")
        return number(self.raw, *threshold, "value") or 0 if has(self.raw, *threshold) else 50


def _http(raw: Json) -> UpstreamHttp:
    """In the order in which Envoy decides (ClusterInfoImpl::upstreamHttpProtocol)."""
    options = mapping(raw, *_OPTIONS)
    if has(options, "use_downstream_protocol_config"):
        return UpstreamHttp(HttpVersion.SAME, f"{_SHORT}.use_downstream_protocol_config")
    if has(options, "auto_config"):
        return UpstreamHttp(HttpVersion.BY_ALPN, f"{_SHORT}.auto_config")
    for name, version in _EXPLICIT:
        if has(options, "explicit_http_config", name):
            return UpstreamHttp(version, f"{_SHORT}.explicit_http_config.{name}")
    if options:
        return UpstreamHttp(HttpVersion.HTTP1, f"{_SHORT} names no version: HTTP/1.1 is Envoy's default")
    return _legacy_http(raw)


_EXPLICIT: Final = (
    ("http3_protocol_options", HttpVersion.H3),
    ("http2_protocol_options", HttpVersion.H2),
    ("http_protocol_options", HttpVersion.HTTP1),
)


def _legacy_http(raw: Json) -> UpstreamHttp:
    """Fields of the cluster itself, from before Envoy 1.17; they still count."""
    if text(raw, "protocol_selection") == "USE_DOWNSTREAM_PROTOCOL":
        return UpstreamHttp(HttpVersion.SAME, "protocol_selection")
    if has(raw, "http2_protocol_options"):
        return UpstreamHttp(HttpVersion.H2, "http2_protocol_options")
    if has(raw, "http_protocol_options"):
        return UpstreamHttp(HttpVersion.HTTP1, "http_protocol_options")
    return UpstreamHttp(HttpVersion.HTTP1, "")


def _breaker(raw: Json) -> Breaker:
    known = Breaker()
    numbers = {
        name: default if (found := number(raw, name)) is None else found
        for name, default in (
            ("max_connections", known.max_connections),
            ("max_pending_requests", known.max_pending_requests),
            ("max_requests", known.max_requests),
            ("max_retries", known.max_retries),
        )
    }
    return Breaker(text(raw, "priority") or "DEFAULT", **numbers, is_default=False)


_CHECKS: Final = (
    ("grpc_health_check", "grpc", "service_name"),
    ("http_health_check", "http", "path"),
    ("tcp_health_check", "tcp", ""),
)


def _health_check(raw: Json) -> HealthCheck:
    kind, detail = "custom", text(raw, "custom_health_check", "name")
    for name, word, where in _CHECKS:
        if has(raw, name):
            kind, detail = word, text(raw, name, where)
    return HealthCheck(kind, detail, seconds(raw, "interval"), seconds(raw, "timeout"))
