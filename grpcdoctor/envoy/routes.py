"""RouteConfiguration, VirtualHost, Route: what takes a request, where it goes, and every limit on the way."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Final

from grpcdoctor.envoy.fields import Json, at, flag, has, mapping, mappings, number, seconds, text, texts
from grpcdoctor.envoy.http import FilterOnRoute, filters_on
from grpcdoctor.envoy.limits import ROUTE_TIMEOUT, Limit, limit
from grpcdoctor.envoy.updates import Update

_PATHS: Final = ("prefix", "path", "path_separated_prefix")


@dataclass(frozen=True, slots=True)
class Retries:
    """A retry policy, Envoy's defaults filled in."""

    on: tuple[str, ...]
    """`unavailable`, `connect-failure` …; empty: nothing is retried."""
    times: int
    per_try: float | None
    where: str
    """"route" or "virtual host"."""

    @property
    def is_on(self) -> bool:
        return bool(self.on)


@dataclass(frozen=True, slots=True)
class Target:
    """A cluster that a route leads to, and its share of the requests (of `Route.total_weight`)."""

    cluster: str
    weight: int = 1


@dataclass(frozen=True, eq=False)
class Route:
    """One route of a virtual host. The first that matches is taken."""

    raw: Json = field(repr=False)
    index: int
    host: Json = field(repr=False)
    """The virtual host's own message: what it says counts for its routes."""
    config: Json = field(repr=False)
    """And the route configuration's."""

    @property
    def name(self) -> str:
        return text(self.raw, "name")

    @property
    def match(self) -> Json:
        return mapping(self.raw, "match")

    @property
    def match_words(self) -> str:
        """`prefix /shop.Cart/`, with ` + 2 headers` where there is more to it."""
        extra = [
            f"{count} {word}{'s' if count > 1 else ''}"
            for field, word in (("headers", "header"), ("query_parameters", "query parameter"))
            if (count := sum(1 for _ in mappings(self.match, field)))
        ]
        if has(self.match, "grpc"):
            extra.insert(0, "gRPC only")
        return " + ".join((self._path_words, *extra))

    @property
    def _path_words(self) -> str:
        for name in _PATHS:
            if has(self.match, name):
                return f"{name} {text(self.match, name)}"
        if has(self.match, "safe_regex") or has(self.match, "regex"):
            return f"regex {text(self.match, 'safe_regex', 'regex') or text(self.match, 'regex')}"
        if has(self.match, "connect_matcher"):
            return "CONNECT"
        return "path pattern" if has(self.match, "path_match_policy") else "no path"

    @property
    def action(self) -> str:
        """A name of _ACTIONS; empty: none that is known."""
        return next((name for name in _ACTIONS if has(self.raw, name)), "")

    @property
    def forward(self) -> Json:
        """The `route` action; empty for the others."""
        return mapping(self.raw, "route")

    @cached_property
    def targets(self) -> tuple[Target, ...]:
        """The clusters by name; empty where a header or a plugin picks one."""
        single = text(self.forward, "cluster")
        if single:
            return (Target(single),)
        weighted = mappings(self.forward, "weighted_clusters", "clusters")
        return tuple(Target(text(item, "name"), number(item, "weight") or 0) for item in weighted if text(item, "name"))

    @property
    def picked_by(self) -> str:
        """What picks the cluster where no name stands here: `header x-cluster`; empty where one does."""
        header = text(self.forward, "cluster_header")
        if header:
            return f"header {header}"
        plugin = text(self.forward, "cluster_specifier_plugin") or text(
            self.forward, "inline_cluster_specifier_plugin", "extension", "name"
        )
        return f"plugin {plugin}" if plugin else ""

    @property
    def direct_status(self) -> int | None:
        """Of a direct_response."""
        return number(self.raw, "direct_response", "status")

    @property
    def timeout(self) -> Limit:
        """For the whole response: it cuts streams."""
        return limit(self.raw, "route", "timeout", default=ROUTE_TIMEOUT)

    @property
    def idle_timeout(self) -> Limit | None:
        """None where nothing is set: the connection manager's stream_idle_timeout counts then."""
        return limit(self.raw, "route", "idle_timeout") if has(self.raw, "route", "idle_timeout") else None

    @property
    def max_stream_duration(self) -> Limit | None:
        """None where nothing is set: the connection manager's counts then."""
        path = ("route", "max_stream_duration", "max_stream_duration")
        return limit(self.raw, *path) if has(self.raw, *path) else None

    @property
    def grpc_timeout_header_max(self) -> Limit | None:
        """Up to which the client's grpc-timeout counts in place of the route's timeout; off: whatever the client says.

        None: Envoy takes no notice of that header.
        """
        for path in (("route", "max_stream_duration", "grpc_timeout_header_max"), ("route", "max_grpc_timeout")):
            if has(self.raw, *path):
                return limit(self.raw, *path)
        return None

    @cached_property
    def retries(self) -> Retries | None:
        """The route's policy, else that of its virtual host (never both together)."""
        for policy, where in (
            (mapping(self.forward, "retry_policy"), "route"),
            (mapping(self.host, "retry_policy"), "virtual host"),
        ):
            if policy:
                on = tuple(word.strip() for word in text(policy, "retry_on").split(",") if word.strip())
                times = number(policy, "num_retries")
                return Retries(on, 1 if times is None else times, seconds(policy, "per_try_timeout"), where)
        return None

    @cached_property
    def filters(self) -> Mapping[str, FilterOnRoute]:
        """filter name -> what is said to it here; the innermost level counts."""
        return {
            **filters_on(self.config, "route configuration"),
            **filters_on(self.host, "virtual host"),
            **filters_on(self.raw, "route"),
            **filters_on(self.forward, "route"),
        }

    @property
    def host_rewrite(self) -> str:
        """The authority that the backend sees instead of the client's."""
        found = text(self.forward, "host_rewrite_literal") or text(self.forward, "host_rewrite")
        if not found and flag(self.forward, "auto_host_rewrite"):
            return "the endpoint's hostname"
        return found

    @property
    def mirrors(self) -> tuple[str, ...]:
        """Clusters that get a copy."""
        return tuple(text(item, "cluster") for item in mappings(self.forward, "request_mirror_policies"))


_ACTIONS: Final = ("route", "redirect", "direct_response", "non_forwarding_action", "filter_action")


@dataclass(frozen=True, eq=False)
class VirtualHost:
    """One virtual host."""

    raw: Json = field(repr=False)
    config: Json = field(repr=False)

    @property
    def name(self) -> str:
        return text(self.raw, "name")

    @property
    def domains(self) -> tuple[str, ...]:
        return texts(self.raw, "domains")

    @property
    def require_tls(self) -> str:
        """NONE, EXTERNAL_ONLY or ALL: who is redirected to https."""
        return text(self.raw, "require_tls") or "NONE"

    @cached_property
    def routes(self) -> tuple[Route, ...]:
        """In the order in which they are tried. Those of a `matcher` tree are not in here."""
        return tuple(
            Route(item, index, self.raw, self.config) for index, item in enumerate(mappings(self.raw, "routes"))
        )

    @property
    def has_matcher(self) -> bool:
        """Routes by Envoy's generic matcher, which this view does not read."""
        return has(self.raw, "matcher")


@dataclass(frozen=True, eq=False)
class RouteConfiguration:
    """One route configuration: RDS's, or inline in an HTTP connection manager."""

    raw: Json = field(repr=False)
    name: str
    update: Update

    @cached_property
    def virtual_hosts(self) -> tuple[VirtualHost, ...]:
        return tuple(VirtualHost(item, self.raw) for item in mappings(self.raw, "virtual_hosts"))

    @property
    def ignores_port(self) -> bool:
        """Domains are compared without the authority's port."""
        return flag(self.raw, "ignore_port_in_host_matching")

    @property
    def discovers_hosts(self) -> bool:
        """VHDS: virtual hosts come on demand, so one that is not here may exist."""
        return at(self.raw, "vhds") is not None
