"""What goes wrong in the lab, and by which cause `explain` must know the words that programs have for it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

SLOW: Final = "/lab.Greeter/Slow"
HELLO: Final = "/lab.Greeter/SayHello"


@dataclass(frozen=True)
class Scenario:
    """One listener of a gateway, called in one way."""

    gateway: str
    """envoy | nginx | haproxy"""
    name: str
    causes: tuple[str, ...]
    """Ids; where two faults have one text, both."""
    method: str = HELLO
    tls: bool | None = None
    """None: as the listener does."""

    @property
    def key(self) -> str:
        """`envoy-healthy-h2c|/lab.Greeter/Slow`: unlike any other's."""
        how = "" if self.tls is None else f"-tls-{self.tls}"
        return f"{self.gateway}-{self.name}{how}|{self.method}"


# Envoy puts one text for each of these pairs: which of the two it was only its own log says.
_PROTOCOL: Final = ("hop-downgraded-to-http1", "http2-to-http1-upstream")
_NO_CONNECTION: Final = ("connection-refused", "mtls-to-plaintext")
_BROKEN_OFF: Final = ("plaintext-to-tls", "plaintext-to-mtls", "istio-port-naming", "mtls-to-plaintext")
# nginx answers 502 text/html for all of these.
_BAD_GATEWAY: Final = (*_PROTOCOL, *_NO_CONNECTION, "plaintext-to-tls")

ENVOY: Final = (
    Scenario("envoy", "alpn-http1-only", ("alpn-missing",)),
    Scenario("envoy", "alpn-none", ("alpn-missing",)),
    Scenario("envoy", "alpn-h2-codec-http1", ("peer-not-http2", "hop-downgraded-to-http1")),
    Scenario("envoy", "codec-http1", ("peer-not-http2", "hop-downgraded-to-http1")),
    Scenario("envoy", "mtls", ("client-cert-required",)),
    Scenario("envoy", "healthy-h2c", ("tls-to-plaintext",), tls=True),
    Scenario("envoy", "healthy-tls", ("plaintext-to-tls",), tls=False),
    Scenario("envoy", "no-route-host", ("route-not-found",)),
    Scenario("envoy", "no-route-path", ("route-not-found",)),
    Scenario("envoy", "cluster-missing", ("cluster-not-found",)),
    Scenario("envoy", "http1-to-grpc", _PROTOCOL),
    Scenario("envoy", "h2-to-http1", _PROTOCOL),
    Scenario("envoy", "upstream-refused", _NO_CONNECTION),
    Scenario("envoy", "tls-to-plaintext", _NO_CONNECTION),
    Scenario("envoy", "plaintext-to-tls", _BROKEN_OFF),
    Scenario("envoy", "no-endpoints", ("no-endpoints",)),
    Scenario("envoy", "circuit-open", ("circuit-breaker-overflow",)),
    Scenario("envoy", "circuit-open-connections", ("circuit-breaker-overflow",)),
    Scenario("envoy", "route-timeout", ("proxy-route-timeout",), method=SLOW),
    Scenario("envoy", "fault-abort-grpc", ("fault-injection",)),
    Scenario("envoy", "fault-abort-http", ("fault-injection",)),
    Scenario("envoy", "rbac-deny-all", ("rbac-denied",)),
    Scenario("envoy", "jwt-required", ("jwt-invalid",)),
    Scenario("envoy", "rate-limited", ("rate-limited",)),
    Scenario("envoy", "rate-limited-grpc", ("rate-limited",)),
    Scenario("envoy", "https-redirect", ("non-grpc-endpoint", "plaintext-to-tls")),
    Scenario("envoy", "html-200", ("non-grpc-endpoint",)),
    Scenario("envoy", "backend-unauthenticated", ("jwt-invalid", "app-error")),
    Scenario("envoy", "healthy-h2c", ("unknown-method",), method="/lab.Greeter/SayHelo"),
    Scenario("envoy", "healthy-h2c", ("deadline-exceeded",), method=SLOW),
)
NGINX: Final = (
    Scenario("nginx", "no-http2", ("alpn-missing", "peer-not-http2")),
    Scenario("nginx", "plain-no-http2", ("peer-not-http2", "hop-downgraded-to-http1")),
    Scenario("nginx", "404", ("route-not-found", "non-grpc-endpoint")),
    Scenario("nginx", "404-h2c", ("route-not-found", "non-grpc-endpoint")),
    Scenario("nginx", "html-200", ("non-grpc-endpoint",)),
    Scenario("nginx", "html-200-http1", ("peer-not-http2", "non-grpc-endpoint", "hop-downgraded-to-http1")),
    Scenario("nginx", "https-redirect-h2c", ("non-grpc-endpoint", "plaintext-to-tls")),
    Scenario("nginx", "healthy", ("plaintext-to-tls",), tls=False),
    Scenario("nginx", "upstream-refused", _BAD_GATEWAY),
    Scenario("nginx", "upstream-http1", _BAD_GATEWAY),
    Scenario("nginx", "upstream-tls-to-plaintext", _BAD_GATEWAY),
    Scenario("nginx", "upstream-plaintext-to-tls", _BAD_GATEWAY),
    Scenario("nginx", "read-timeout", ("proxy-route-timeout", "idle-timeout"), method=SLOW),
    Scenario("nginx", "rate-limited-429", ("rate-limited",)),
    Scenario("nginx", "auth-basic", ("jwt-invalid", "ext-authz-denied", "non-grpc-endpoint")),
    Scenario("nginx", "forbidden", ("ext-authz-denied", "edge-grpc-disabled", "non-grpc-endpoint")),
)
HAPROXY: Final = (
    Scenario("haproxy", "no-alpn", ("alpn-missing",)),
    Scenario("haproxy", "alpn-http1-only", ("alpn-missing",)),
    Scenario("haproxy", "mtls", ("client-cert-required",)),
    Scenario("haproxy", "no-proto-h2", _BAD_GATEWAY),
    Scenario("haproxy", "backend-down", ("connection-refused", "no-endpoints", *_PROTOCOL)),
    Scenario("haproxy", "no-server", ("no-endpoints",)),
    Scenario("haproxy", "https-redirect", ("non-grpc-endpoint", "plaintext-to-tls")),
    Scenario("haproxy", "server-timeout", ("proxy-route-timeout", "idle-timeout"), method=SLOW),
    Scenario("haproxy", "deny", ("ext-authz-denied", "edge-grpc-disabled", "non-grpc-endpoint")),
    # The backend answers grpcurl's reflection with silence, and then there is only the deadline.
    Scenario("haproxy", "http1-backend", ("non-grpc-endpoint", "http2-to-http1-upstream", "deadline-exceeded")),
)
ALL: Final = (*ENVOY, *NGINX, *HAPROXY)
