"""The kinds of a reply, and the rule that each belongs to."""

from __future__ import annotations

from enum import Enum
from typing import Final


class Kind(str, Enum):
    """Exactly one for every reply."""

    OK = "ok"
    """grpc-status 0, or a stream that still gives messages."""

    # a proxy's word
    NO_ROUTE = "no-route"
    CLUSTER_MISSING = "cluster-missing"
    PROTOCOL_MISMATCH = "protocol-mismatch"
    UNREACHABLE = "unreachable"
    CONNECTION_TERMINATED = "connection-terminated"
    UPSTREAM_TLS = "upstream-tls"
    NO_HEALTHY = "no-healthy"
    UPSTREAM_OVERLOADED = "overloaded-upstream"
    UPSTREAM_TIMEOUT = "upstream-timeout"
    FAULT = "fault"
    RBAC = "rbac"

    # a proxy's or the application's
    AUTH = "auth"
    """UNAUTHENTICATED, HTTP 401."""
    DENIED = "denied"
    """PERMISSION_DENIED or HTTP 403, by anything but Envoy's RBAC."""
    RATE_LIMITED = "rate-limited"
    OVERLOADED = "overloaded"
    """The server or proxy itself sheds load."""
    HEADER_LIMIT = "header-limit"
    """Request metadata too large for it: HTTP 431, RESOURCE_EXHAUSTED about metadata."""
    REDIRECT = "redirect"
    NOT_GRPC = "not-grpc"
    """An HTTP answer without gRPC in it."""
    TRAILERS_MISSING = "trailers-missing"
    """application/grpc, ended, and no grpc-status."""
    UNIMPLEMENTED = "unimplemented"
    """The application's own UNIMPLEMENTED: for our unknown method, the healthy answer."""
    APPLICATION = "application"
    """Any other status: the application's own business."""
    RESET = "reset"
    """RST_STREAM without a status."""
    UNANSWERED = "unanswered"
    """Nothing, or no end, until our deadline, on a connection that lives."""
    LOST = "lost"
    """The connection was lost or closed over it (GOAWAY, FIN, TCP reset, MAX_CONCURRENT_STREAMS 0)."""


# kind -> the rule that speaks of it; a kind with no rule is healthy, or spoken of by the HTTP/2 rules.
RULE_OF: Final[dict[Kind, str]] = {
    Kind.NO_ROUTE: "route-not-found",
    Kind.CLUSTER_MISSING: "cluster-not-found",
    Kind.PROTOCOL_MISMATCH: "upstream-protocol-mismatch",
    Kind.UNREACHABLE: "upstream-unreachable",
    Kind.CONNECTION_TERMINATED: "upstream-connection-terminated",
    Kind.UPSTREAM_TLS: "upstream-tls-mismatch",
    Kind.NO_HEALTHY: "no-healthy-upstream",
    Kind.UPSTREAM_OVERLOADED: "upstream-overloaded",
    Kind.UPSTREAM_TIMEOUT: "upstream-timeout",
    Kind.UNANSWERED: "response-timeout",
    Kind.FAULT: "fault-injected",
    Kind.RBAC: "rbac-denied",
    Kind.AUTH: "authentication-required",
    Kind.DENIED: "permission-denied",
    Kind.RATE_LIMITED: "rate-limited",
    Kind.OVERLOADED: "server-overloaded",
    Kind.HEADER_LIMIT: "header-limit-exceeded",
    Kind.REDIRECT: "http-redirect",
    Kind.NOT_GRPC: "not-grpc",
    Kind.TRAILERS_MISSING: "trailers-missing",
    Kind.UNIMPLEMENTED: "method-unimplemented",
    Kind.RESET: "rst-stream",
}

# A sure reply of one of these settles what a doubtful one (a bare 502) means in the same run.
DECISIVE: Final = frozenset(
    {
        Kind.PROTOCOL_MISMATCH, Kind.UNREACHABLE, Kind.CONNECTION_TERMINATED, Kind.UPSTREAM_TLS, Kind.NO_HEALTHY,
        Kind.UPSTREAM_OVERLOADED, Kind.UPSTREAM_TIMEOUT, Kind.FAULT, Kind.NO_ROUTE, Kind.CLUSTER_MISSING,
    }
)
