"""One line of an access log, whatever proxy wrote it, and what the name of its upstream cluster tells."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Final, NamedTuple


class Entry(NamedTuple):
    """What one line says. Empty text and None mean that the line does not say it (Envoy's `-`).

    A named tuple and no dataclass: tens of thousands are made in a second, and a frozen dataclass costs ten times
    as much to make.
    """

    source: str
    """The format, as `istio-text` or `nginx`."""
    time: float | None = None
    """When the request started, in seconds since 1970."""
    method: str = ""
    path: str = ""
    protocol: str = ""
    response_code: int | None = None
    flags: tuple[str, ...] = ()
    """Envoy's response flags, the short ones."""
    code_details: str = ""
    """Envoy's response code details; haproxy's termination state; the ALB's error reason."""
    connection_termination_details: str = ""
    transport_failure_reason: str = ""
    bytes_received: int = 0
    bytes_sent: int = 0
    duration_ms: float | None = None
    upstream_service_time_ms: float | None = None
    authority: str = ""
    upstream_host: str = ""
    upstream_cluster: str = ""
    route_name: str = ""
    user_agent: str = ""
    downstream_address: str = ""
    requested_server_name: str = ""
    grpc_status: int | None = None
    upstream_code: int | None = None
    """The HTTP status that the upstream gave, where the format tells it apart from the proxy's own."""
    request_id: str = ""

    @property
    def cluster(self) -> UpstreamCluster:
        return upstream_cluster(self.upstream_cluster)


class UpstreamCluster(NamedTuple):
    """The parts of a cluster's name as Istio gives it; only `raw` for others' names."""

    raw: str
    direction: str = ""
    """`outbound`, `inbound` or empty."""
    port: int | None = None
    subset: str = ""
    host: str = ""
    service: str = ""
    namespace: str = ""
    special: str = ""
    """`passthrough` (the mesh does not know the destination), `inbound-passthrough` (no port of a Service that the
    sidecar knows), `black-hole` (REGISTRY_ONLY refused it), or empty."""


_SPECIAL: Final = {
    "PassthroughCluster": ("passthrough", "outbound"),
    "InboundPassthroughCluster": ("inbound-passthrough", "inbound"),
    "InboundPassthroughClusterIpv4": ("inbound-passthrough", "inbound"),
    "InboundPassthroughClusterIpv6": ("inbound-passthrough", "inbound"),
    "BlackHoleCluster": ("black-hole", "outbound"),
}
# `outbound|50051|v1|host`, and the form of it that is a valid server name: `outbound_.50051_.v1_.host`.
_PARTS: Final = re.compile(r"(outbound|inbound)(?:\||_\.)(\d{0,5})(?:\||_\.)([^|]*?)(?:\||_\.)([^|]*)")


@lru_cache(maxsize=4096)
def upstream_cluster(name: str) -> UpstreamCluster:
    """`outbound|50051|v1|greeter.prod.svc.cluster.local` taken apart."""
    if name in _SPECIAL:
        special, direction = _SPECIAL[name]
        return UpstreamCluster(name, direction=direction, special=special)
    found = _PARTS.fullmatch(name)
    if found is None:
        return UpstreamCluster(name)
    direction, port, subset, host = found.groups()
    labels = host.split(".")
    in_cluster = len(labels) >= 3 and labels[2] == "svc"
    return UpstreamCluster(
        raw=name,
        direction=direction,
        port=int(port) if port else None,
        subset=subset,
        host=host,
        service=labels[0] if in_cluster else "",
        namespace=labels[1] if in_cluster else "",
    )
