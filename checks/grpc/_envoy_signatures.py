"""What Envoy (and Istio, Contour, Emissary, Cilium and others built on it) says, in its own words.

Many versions before 1.40 go on with `, transport failure reason: …`, such as `delayed connect error: 111`, which tells
more than the reset reason, so those rows come first.
"""

from __future__ import annotations

from typing import Final

from grpcdoctor.checks.grpc._kinds import Kind
from grpcdoctor.checks.grpc._signature import Signature, words

_RESET: Final = r"^upstream connect error or disconnect/reset before headers\b.*"
_REASON: Final = _RESET + r"reset reason: "
_ENVOYS: Final = ("envoy", "istio")

ENVOY: Final[tuple[Signature, ...]] = (
    # -- the transport failure reason, where this Envoy tells it
    Signature(Kind.UPSTREAM_TLS, 1.0, "WRONG_VERSION_NUMBER: the backend answers TLS in plaintext",
              text=words(_RESET + r"(WRONG_VERSION_NUMBER|268435703)")),
    Signature(Kind.UPSTREAM_TLS, 1.0, "the proxy does not trust the backend's certificate",
              text=words(_RESET + r"(CERTIFICATE_VERIFY_FAILED|268435581|verify cert failed|SAN matcher)")),
    Signature(Kind.UPSTREAM_TLS, 0.95, "the proxy has no certificate yet to speak TLS with",
              text=words(_RESET + r"Secret is not supplied by SDS")),
    Signature(Kind.UPSTREAM_TLS, 1.0, "TLS between the proxy and the backend failed",
              text=words(_RESET + r"(TLS[_ ]error|SSL routines|OPENSSL_internal|2684[0-9]{5})")),
    Signature(Kind.UNREACHABLE, 1.0, "the proxy's connect() failed",
              text=words(_RESET + r"(delayed|immediate)[_ ]connect[_ ]error")),
    # -- the reset reason
    Signature(Kind.PROTOCOL_MISMATCH, 0.9, "the backend's bytes are not the HTTP version that the proxy speaks",
              also=(Kind.UPSTREAM_TLS,),
              text=words(_REASON + r"(protocol error|HTTP/1 premature upstream half close)")),
    Signature(Kind.UPSTREAM_OVERLOADED, 1.0, "a circuit breaker is open", text=words(_REASON + r"overflow")),
    Signature(Kind.UPSTREAM_OVERLOADED, 0.7, "the backend refuses the stream", also=(Kind.CONNECTION_TERMINATED,),
              text=words(_REASON + r"remote refused stream reset")),
    Signature(Kind.OVERLOADED, 1.0, "Envoy's overload manager", text=words(_REASON + r"overload manager")),
    Signature(Kind.UNREACHABLE, 0.9, "the proxy's connect() got no answer in connect_timeout",
              text=words(_REASON + r"connection timeout")),
    Signature(Kind.UNREACHABLE, 0.7, "the proxy could not connect", also=(Kind.UPSTREAM_TLS,),
              text=words(_REASON + r"((remote|local) )?connection failure")),
    Signature(Kind.CONNECTION_TERMINATED, 0.8, "the backend closed the connection with the call in flight",
              also=(Kind.UPSTREAM_TLS, Kind.PROTOCOL_MISMATCH), text=words(_REASON + r"connection termination")),
    Signature(Kind.CONNECTION_TERMINATED, 0.8, "the backend reset the stream",
              text=words(_REASON + r"(remote reset|remote error|local (refused stream )?reset)")),
    # Very old Envoys give no reason.
    Signature(Kind.UNREACHABLE, 0.5, "this Envoy does not say why",
              also=(Kind.CONNECTION_TERMINATED, Kind.UPSTREAM_TLS, Kind.PROTOCOL_MISMATCH), text=words(_RESET)),
    # -- other words
    Signature(Kind.NO_HEALTHY, 1.0, "the proxy has no endpoint to send to", text=words(r"^no healthy upstream")),
    Signature(Kind.UPSTREAM_TIMEOUT, 1.0, "the route's timeout (or that of one try) ran out",
              text=words(r"^upstream request timeout")),
    Signature(Kind.UPSTREAM_TIMEOUT, 1.0, "a limit on the stream's age ran out",
              text=words(r"^(upstream max stream duration reached|downstream duration timeout)")),
    Signature(Kind.UPSTREAM_TIMEOUT, 1.0, "stream_idle_timeout ran out", text=words(r"^stream timeout")),
    Signature(Kind.FAULT, 1.0, "Envoy's fault filter", text=words(r"^fault filter abort")),
    Signature(Kind.RBAC, 1.0, "Envoy's RBAC filter", text=words(r"^RBAC: access denied")),
    Signature(Kind.AUTH, 1.0, "Envoy's JWT filter",
              text=words(r"^(Jwt (is|not|issuer|verification|header)|Audiences in Jwt|Jwks )")),
    Signature(Kind.RATE_LIMITED, 1.0, "Envoy's local rate limit", text=words(r"^local_rate_limited")),
    Signature(Kind.RATE_LIMITED, 1.0, "header x-envoy-ratelimited", header=("x-envoy-ratelimited", "")),
    Signature(Kind.UPSTREAM_OVERLOADED, 1.0, "header x-envoy-overloaded", header=("x-envoy-overloaded", ""),
              grpc=(8, 14)),
    Signature(Kind.OVERLOADED, 1.0, "header x-envoy-local-overloaded", header=("x-envoy-local-overloaded", ""),
              grpc=(8, 14)),
    Signature(Kind.OVERLOADED, 1.0, "Envoy sheds load", text=words(r"^envoy overloaded")),
    Signature(Kind.UPSTREAM_OVERLOADED, 0.8, "upstream.maintenance_mode or drop_overload of the cluster",
              text=words(r"^maintenance mode")),
    # -- no words at all
    Signature(Kind.REDIRECT, 1.0, "a redirect in a gRPC answer", grpc=(2,), empty=True, header=("location", "")),
    Signature(Kind.NO_ROUTE, 0.85, "an empty UNIMPLEMENTED of Envoy's own is its 404", grpc=(12,), empty=True,
              proxies=_ENVOYS, who=("proxy",)),
    Signature(Kind.NO_ROUTE, 0.5, "an empty UNIMPLEMENTED, by this Envoy or a terse application behind it",
              also=(Kind.UNIMPLEMENTED,), grpc=(12,), empty=True, proxies=_ENVOYS, who=("unknown",)),
    Signature(Kind.CLUSTER_MISSING, 0.85, "an empty UNAVAILABLE of Envoy's own is its 503 cluster_not_found",
              grpc=(14,), empty=True, proxies=_ENVOYS, who=("proxy",)),
    Signature(Kind.CLUSTER_MISSING, 0.5, "an empty UNAVAILABLE, by this Envoy or the application behind it",
              also=(Kind.APPLICATION,), grpc=(14,), empty=True, proxies=_ENVOYS, who=("unknown",)),
)
