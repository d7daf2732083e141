"""What proxies other than Envoy say, by their error pages and statuses; and the statuses that mean one thing."""

from __future__ import annotations

import re
from typing import Final

from grpcdoctor.checks.grpc._kinds import Kind
from grpcdoctor.checks.grpc._signature import Signature, words

# A server SETTINGS frame on stream 0: length, type 04, flags 00. No HTTP body begins so by chance.
_SETTINGS_FRAME: Final = re.compile(r"0000[0-9a-f]{2}040000000000")
_CANNOT_TELL: Final = (Kind.UPSTREAM_TLS, Kind.PROTOCOL_MISMATCH, Kind.CONNECTION_TERMINATED, Kind.NO_HEALTHY)
_NGINX: Final = ("nginx", "kong", "apisix")

PROXIES: Final[tuple[Signature, ...]] = (
    # -- bytes that prove
    Signature(Kind.PROTOCOL_MISMATCH, 1.0, "the body is the backend's own HTTP/2 SETTINGS frame",
              body_hex=_SETTINGS_FRAME),
    Signature(Kind.PROTOCOL_MISMATCH, 0.9, ":status 000 is nginx's for an answer that is not HTTP/1", http=(0,)),
    Signature(Kind.PROTOCOL_MISMATCH, 1.0, "464: client and target group speak different versions", http=(464,)),
    # -- haproxy
    Signature(Kind.PROTOCOL_MISMATCH, 0.8, "haproxy cannot read the backend's answer",
              also=(Kind.UNREACHABLE, Kind.CONNECTION_TERMINATED), http=(502,),
              text=words(r"The server returned an invalid or incomplete response")),
    # A server that is up is retried for `retries 3` with a second in between; one that checks have marked down is not.
    Signature(Kind.UNREACHABLE, 0.6, "haproxy tried for seconds before it gave up",
              also=(Kind.UPSTREAM_TLS, Kind.PROTOCOL_MISMATCH, Kind.NO_HEALTHY), http=(503,), at_least_ms=800,
              text=words(r"No server is available to handle this request")),
    Signature(Kind.NO_HEALTHY, 0.7, "haproxy has no server that is up", also=(Kind.UNREACHABLE,), http=(503,),
              text=words(r"No server is available to handle this request")),
    # Measured: TLS to a server without ALPN h2 is refused at once, `proto h2` in clear to a TLS port after its retries.
    Signature(Kind.UPSTREAM_TLS, 0.6, "haproxy refuses the stream after its retries: the server hung up on it",
              also=(Kind.PROTOCOL_MISMATCH, Kind.UNREACHABLE), reset=(7,), proxies=("haproxy",), at_least_ms=800),
    Signature(Kind.PROTOCOL_MISMATCH, 0.7, "haproxy refuses streams when TLS to the server negotiates no h2",
              also=(Kind.UPSTREAM_TLS,), reset=(7,), proxies=("haproxy",)),
    # -- Amazon
    Signature(Kind.NO_HEALTHY, 0.9, "ALB: no registered target to send to", http=(503,), proxies=("aws-alb",)),
    Signature(Kind.UNREACHABLE, 0.5, "ALB: the target refused, reset or answered badly", also=_CANNOT_TELL,
              http=(502,), proxies=("aws-alb",)),
    Signature(Kind.UPSTREAM_TIMEOUT, 0.8, "ALB: the target did not answer in time", also=(Kind.UNREACHABLE,),
              http=(504,), proxies=("aws-alb",)),
    Signature(Kind.NO_ROUTE, 0.7, "ALB: no listener rule matched", http=(404,), proxies=("aws-alb",)),
    # -- Cloudflare
    Signature(Kind.CONNECTION_TERMINATED, 0.6, "Cloudflare 520: the origin's answer was empty or broken",
              also=(Kind.PROTOCOL_MISMATCH,), http=(520,)),
    Signature(Kind.UNREACHABLE, 1.0, "Cloudflare 521-523, 530: the origin cannot be reached",
              http=(521, 522, 523, 530)),
    Signature(Kind.UPSTREAM_TIMEOUT, 1.0, "Cloudflare 524: the origin did not answer in time", http=(524,)),
    Signature(Kind.UPSTREAM_TLS, 1.0, "Cloudflare 525, 526: TLS to the origin failed", http=(525, 526)),
    # -- Google
    Signature(Kind.NO_ROUTE, 0.95, "GCE's default backend", http=(404,),
              text=words(r"response 404 \(backend NotFound\)|service rules for (the path|\[)")),
    Signature(Kind.NO_ROUTE, 0.8, "Google's front end knows no such host or path", http=(404,),
              text=words(r"Error 404 \(Not Found\)!!1")),
    Signature(Kind.NO_HEALTHY, 0.6, "Google: no healthy backend, or none that answers", also=_CANNOT_TELL,
              http=(502, 503), proxies=("google",)),
    # -- Linkerd, whose proxy gives its reason in a header
    Signature(Kind.NO_HEALTHY, 0.9, "Linkerd: fail-fast, no endpoint is ready", header=("l5d-proxy-error", ""),
              text=words(r"fail-?fast")),
    Signature(Kind.RBAC, 1.0, "Linkerd's policy", header=("l5d-proxy-error", ""),
              text=words(r"unauthorized|not authorized|forbidden")),
    Signature(Kind.NO_ROUTE, 0.95, "Linkerd knows no such route", header=("l5d-proxy-error", ""),
              text=words(r"no route found")),
    Signature(Kind.UPSTREAM_TIMEOUT, 0.9, "Linkerd's timeout", header=("l5d-proxy-error", ""),
              text=words(r"(response|request|stream) timeout|timed out")),
    Signature(Kind.UNREACHABLE, 0.9, "Linkerd could not connect", header=("l5d-proxy-error", "")),
    # -- default backends and routers
    Signature(Kind.NO_ROUTE, 0.95, "an ingress controller's default backend", http=(404,),
              text=words(r"^\s*default backend - 404")),
    Signature(Kind.NO_ROUTE, 0.95, "Kong knows no such route", text=words(r"no Route matched with those values")),
    Signature(Kind.NO_ROUTE, 0.95, "APISIX knows no such route", http=(404,), text=words(r"404 Route Not Found")),
    Signature(Kind.NO_ROUTE, 0.8, "Traefik's (and any Go router's) page for what it does not know",
              also=(Kind.NOT_GRPC,), http=(404,), text=words(r"^\s*404 page not found\s*$")),
    Signature(Kind.NO_ROUTE, 0.8, "an empty 404 of Envoy's own", http=(404,), empty=True, proxies=("envoy", "istio"),
              who=("proxy",)),
    Signature(Kind.NO_ROUTE, 0.7, "421: this connection's certificate or SNI is not for this authority", http=(421,)),
    Signature(Kind.NO_HEALTHY, 0.9, "Traefik: no server behind the service", http=(503,),
              text=words(r"^\s*no available server\s*$")),
    Signature(Kind.NO_HEALTHY, 0.9, "Kong: no target in the upstream",
              text=words(r"failure to get a peer from the ring-balancer")),
    Signature(Kind.UPSTREAM_TIMEOUT, 1.0, "Kong's timeout", text=words(r"^.{0,20}The upstream server is timing out")),
    # -- nginx: error pages made for gRPC (its documented errors.grpc_conf), then the plain ones
    Signature(Kind.NO_ROUTE, 0.8, "nginx's 404 in gRPC's clothes", http_with_status=204, grpc=(12,)),
    Signature(Kind.UNREACHABLE, 0.4, "nginx's 502, 503 or 504 in gRPC's clothes",
              also=(*_CANNOT_TELL, Kind.UPSTREAM_TIMEOUT), http_with_status=204, grpc=(14,)),
    Signature(Kind.UPSTREAM_TIMEOUT, 0.9, "nginx's 504: proxy_read_timeout or grpc_read_timeout ran out", http=(504,),
              proxies=_NGINX),
    # nginx that cannot reach its backends says 502; its 503 is limit_req's, limit_conn's or a `return`. ingress-nginx
    # (which hides the version) says 503 for a Service without endpoints.
    Signature(Kind.RATE_LIMITED, 0.6, "nginx's 503: limit_req or limit_conn, or a page that says closed",
              also=(Kind.NO_HEALTHY,), http=(503,), header=("server", "nginx/")),
    Signature(Kind.NO_HEALTHY, 0.6, "ingress-nginx answers so for a Service without endpoints",
              also=(Kind.UNREACHABLE, Kind.RATE_LIMITED), http=(503,), proxies=_NGINX),
    Signature(Kind.UNREACHABLE, 0.5, "502: the proxy got no usable answer from the backend", also=_CANNOT_TELL,
              http=(502,), proxies=_NGINX),
    # AGIC: Application Gateway v2 speaks HTTP/1.1 to every backend.
    Signature(Kind.PROTOCOL_MISMATCH, 0.6, "Application Gateway speaks only HTTP/1.1 to backends",
              also=(Kind.UNREACHABLE, Kind.NO_HEALTHY), http=(502,), proxies=("azure-app-gateway",)),
)

# RFC 9110 §15.6: 502 and 504 are gateways' words by definition; 503 may be anybody's.
GATEWAY_STATUSES: Final[tuple[Signature, ...]] = (
    Signature(Kind.UNREACHABLE, 0.4, "502: a gateway got no usable answer from its backend", also=_CANNOT_TELL,
              http=(502,)),
    Signature(Kind.UPSTREAM_TIMEOUT, 0.8, "504: a gateway's backend did not answer in time",
              also=(Kind.UNREACHABLE,), http=(504,)),
    Signature(Kind.NO_HEALTHY, 0.4, "503: service unavailable",
              also=(Kind.UNREACHABLE, Kind.UPSTREAM_OVERLOADED, Kind.RATE_LIMITED), http=(503,)),
)
