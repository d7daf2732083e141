"""Every limit in time that a request meets on its way: the connection manager's, its route's, its clusters'."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from grpcdoctor.envoy.clusters import Cluster
from grpcdoctor.envoy.http import HttpManager
from grpcdoctor.envoy.limits import Limit
from grpcdoctor.envoy.routes import Route


@dataclass(frozen=True, slots=True)
class NamedLimit:
    """A limit that can end the call, and whose it is."""

    name: str
    limit: Limit
    owner: str
    """"route", "connection manager" or "cluster NAME"."""
    note: str = ""


def limits_on_the_way(
    manager: HttpManager, route: Route | None, clusters: Sequence[Cluster] = ()
) -> Iterator[NamedLimit]:
    """Everything that can end the call by time, in the order in which it meets them."""
    mine = "connection manager"
    yield NamedLimit("request_timeout", manager.request_timeout, mine, "until the client has half-closed")
    if route is None or route.idle_timeout is None:
        yield NamedLimit("stream_idle_timeout", manager.stream_idle_timeout, mine, "silence")
    if route is not None:
        yield from _route_limits(route)
    if route is None or route.max_stream_duration is None:
        yield NamedLimit("max_stream_duration", manager.max_stream_duration, mine, "whole stream")
    yield NamedLimit("max_connection_duration", manager.max_connection_duration, mine, "whole connection")
    for cluster in clusters:
        owner = f"cluster {cluster.name}"
        yield NamedLimit("connect_timeout", cluster.connect_timeout, owner)
        yield NamedLimit("max_stream_duration", cluster.max_stream_duration, owner, "whole stream")


def _route_limits(route: Route) -> Iterator[NamedLimit]:
    yield NamedLimit("timeout", route.timeout, "route", "whole response: it cuts streams")
    if route.idle_timeout is not None:
        yield NamedLimit("idle_timeout", route.idle_timeout, "route", "silence")
    retries = route.retries
    if retries is not None and retries.is_on and retries.per_try:
        yield NamedLimit("per_try_timeout", Limit(retries.per_try, "retry_policy.per_try_timeout"), retries.where)
    if route.max_stream_duration is not None:
        yield NamedLimit("max_stream_duration", route.max_stream_duration, "route", "whole stream")
    if route.grpc_timeout_header_max is not None:
        yield NamedLimit(
            "grpc_timeout_header_max", route.grpc_timeout_header_max, "route", "up to which grpc-timeout counts"
        )
