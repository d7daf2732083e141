"""HttpManager: the HTTP connection manager of a filter chain: codec, filters, timeouts, where its routes are."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Final

from grpcdoctor.envoy.fields import Json, flag, has, is_type, mapping, mappings, number, text, type_name
from grpcdoctor.envoy.limits import STREAM_IDLE_TIMEOUT, Limit, limit

# What people call a filter: by its message's name, since its own name is the user's choice.
_WORDS: Final = {
    "Router": "router",
    "Cors": "cors",
    "CorsPolicy": "cors",
    "HTTPFault": "fault",
    "RBAC": "rbac",
    "RBACPerRoute": "rbac",
    "JwtAuthentication": "jwt_authn",
    "PerRouteConfig": "jwt_authn",
    "ExtAuthz": "ext_authz",
    "ExtAuthzPerRoute": "ext_authz",
    "ExternalProcessor": "ext_proc",
    "ExtProcPerRoute": "ext_proc",
    "LocalRateLimit": "local_ratelimit",
    "RateLimit": "ratelimit",
    "RateLimitPerRoute": "ratelimit",
    "GrpcWeb": "grpc_web",
    "GrpcJsonTranscoder": "grpc_json_transcoder",
    "GrpcStats": "grpc_stats",
    "FilterConfig": "",
    "Lua": "lua",
    "Buffer": "buffer",
    "Compressor": "compressor",
    "HealthCheck": "health_check",
}
_PREFIXES: Final = ("envoy.filters.http.", "envoy.")
# Filters that can refuse, delay or change a call; the others count, trace or route.
ACTING: Final = frozenset(
    ("cors", "fault", "rbac", "jwt_authn", "ext_authz", "ext_proc", "local_ratelimit", "ratelimit", "buffer", "lua",
     "grpc_json_transcoder", "grpc_web", "wasm", "oauth2", "csrf", "compressor", "bandwidth_limit", "health_check")
)  # fmt: skip


@dataclass(frozen=True, slots=True, eq=False)
class HttpFilter:
    """One HTTP filter."""

    name: str
    kind: str
    """`fault`, `grpc_web`, whatever its own name is."""
    disabled: bool
    """It is in the chain and does nothing unless a route asks for it."""
    raw: Json = field(repr=False)
    """Its own configuration."""
    discovered: bool = False
    """ECDS sends its configuration; it is not in here."""


def http_filter(item: Json) -> HttpFilter:
    """Of `http_filters[]`."""
    name, config = text(item, "name"), mapping(item, "typed_config") or mapping(item, "config")
    discovered = has(item, "config_discovery")
    return HttpFilter(name, filter_kind(name, config), flag(item, "disabled"), config, discovered)


def filter_kind(name: str, config: Json) -> str:
    """By the message, then by the name."""
    kind = _WORDS.get(type_name(config), "")
    if kind:
        return kind
    for prefix in _PREFIXES:
        name = name.removeprefix(prefix)
    return name


@dataclass(frozen=True, eq=False)
class HttpManager:
    """One HTTP connection manager."""

    raw: Json = field(repr=False)

    @property
    def stat_prefix(self) -> str:
        return text(self.raw, "stat_prefix")

    @property
    def codec(self) -> str:
        """AUTO (by ALPN, or by the first bytes), HTTP1, HTTP2 or HTTP3."""
        return text(self.raw, "codec_type") or "AUTO"

    @cached_property
    def filters(self) -> tuple[HttpFilter, ...]:
        """In the order in which a request passes them."""
        return tuple(http_filter(item) for item in mappings(self.raw, "http_filters"))

    def filter(self, kind: str) -> HttpFilter | None:
        return next((item for item in self.filters if item.kind == kind), None)

    @property
    def route_name(self) -> str:
        """Of the route configuration that RDS sends; empty for an inline one."""
        return text(self.raw, "rds", "route_config_name")

    @property
    def inline_routes(self) -> Json | None:
        return mapping(self.raw, "route_config") if has(self.raw, "route_config") else None

    @property
    def scoped(self) -> bool:
        """Its routes are picked by a header of each request (scoped routes)."""
        return has(self.raw, "scoped_routes")

    @property
    def stream_idle_timeout(self) -> Limit:
        return limit(self.raw, "stream_idle_timeout", default=STREAM_IDLE_TIMEOUT)

    @property
    def request_timeout(self) -> Limit:
        """For the whole request to arrive; it cuts client streams."""
        return limit(self.raw, "request_timeout")

    @property
    def request_headers_timeout(self) -> Limit:
        return limit(self.raw, "request_headers_timeout")

    @property
    def max_stream_duration(self) -> Limit:
        return limit(self.raw, "common_http_protocol_options", "max_stream_duration")

    @property
    def max_connection_duration(self) -> Limit:
        return limit(self.raw, "common_http_protocol_options", "max_connection_duration")

    @property
    def max_concurrent_streams(self) -> int | None:
        """None where nothing is set: 2^31-1 before Envoy 1.36, 1024 from then on."""
        return number(self.raw, "http2_protocol_options", "max_concurrent_streams")

    @property
    def keepalive(self) -> Json:
        return mapping(self.raw, "http2_protocol_options", "connection_keepalive")

    @property
    def strips_port(self) -> str:
        """"any", "matching" (the listener's own) or "": what of the authority's port is taken off before routing."""
        if flag(self.raw, "strip_any_host_port"):
            return "any"
        return "matching" if flag(self.raw, "strip_matching_host_port") else ""

    @property
    def server_name(self) -> str:
        """`envoy`, `istio-envoy`: what its own answers carry in `server`."""
        return text(self.raw, "server_name") or "envoy"


def is_manager(config: Json) -> bool:
    return is_type(config, "HttpConnectionManager") or (has(config, "http_filters") and has(config, "stat_prefix"))


@dataclass(frozen=True, slots=True, eq=False)
class FilterOnRoute:
    """What a virtual host or a route says to one of the filters."""

    name: str
    kind: str
    disabled: bool
    raw: Json = field(repr=False)
    where: str
    """"route", "virtual host" or "route configuration"."""


def filters_on(item: Json, where: str) -> Mapping[str, FilterOnRoute]:
    """name -> typed_per_filter_config of one level."""
    found = {each.name: each for each in _typed(item, where)}
    if has(item, "cors"):  # its own field until Envoy 1.24
        found.setdefault("cors", FilterOnRoute("cors", "cors", False, mapping(item, "cors"), where))
    return found


def _typed(item: Json, where: str) -> Iterator[FilterOnRoute]:
    configs = mapping(item, "typed_per_filter_config") or mapping(item, "per_filter_config")
    for name, config in configs.items():
        if not isinstance(config, dict):
            continue
        disabled = flag(config, "disabled")
        inner = mapping(config, "config") if type_name(config) == "FilterConfig" else config
        yield FilterOnRoute(name, filter_kind(name, inner), disabled, inner, where)
