"""What the lab's Envoy serves: one listener a scenario. Each is in clear unless its `tls` says otherwise."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from typing import TYPE_CHECKING, Any

from tests.lab.envoy_config import Json, Scenario, cluster, http_filter, route

if TYPE_CHECKING:
    from tests.lab.backends import Backends
    from tests.lab.certificates import Certificates

JWT_KEY = b"the lab's shared secret, of no use elsewhere"
ALWAYS = {"numerator": 100, "denominator": "HUNDRED"}


def _b64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def jwt_token() -> str:
    """A token that the scenario jwt-required accepts: send it as `authorization: Bearer <token>`."""
    head = _b64(json.dumps({"alg": "HS256", "typ": "JWT", "kid": "lab"}).encode())
    claims = _b64(json.dumps({"iss": "lab", "sub": "tester", "exp": 4102444800}).encode())
    signed = f"{head}.{claims}"
    return f"{signed}.{_b64(hmac.new(JWT_KEY, signed.encode(), hashlib.sha256).digest())}"


def _jwt() -> Json:
    key = {"kty": "oct", "alg": "HS256", "kid": "lab", "k": _b64(JWT_KEY)}
    provider = {"issuer": "lab", "local_jwks": {"inline_string": json.dumps({"keys": [key]})}}
    rules = [{"match": {"prefix": "/"}, "requires": {"provider_name": "lab"}}]
    return http_filter("jwt_authn", "JwtAuthentication", providers={"lab": provider}, rules=rules)


def _rbac(permission: Json) -> Json:
    policy = {"permissions": [permission], "principals": [{"any": True}]}
    return http_filter("rbac", "RBAC", rules={"action": "DENY", "policies": {"lab-deny": policy}})


def _rate_limit(**more: Any) -> Json:
    enabled = {"default_value": ALWAYS, "runtime_key": "lab"}
    return http_filter(
        "local_ratelimit",
        "LocalRateLimit",
        stat_prefix="lab",
        token_bucket={"max_tokens": 1, "tokens_per_fill": 1, "fill_interval": "86400s"},
        filter_enabled=enabled,
        filter_enforced=enabled,
        **more,
    )


def _abort(percent: int = 100, **abort: Any) -> Json:
    percentage = {"numerator": percent, "denominator": "HUNDRED"}
    return http_filter("fault", "HTTPFault", abort={"percentage": percentage, **abort})


def _delay(seconds: float) -> Json:
    return http_filter("fault", "HTTPFault", delay={"percentage": ALWAYS, "fixed_delay": f"{seconds:g}s"})


_GREETER = "/lab.Greeter/"
_HTML = {"inline_string": "<html><body>It works!</body></html>"}
_TEXT_HTML = [{"header": {"key": "content-type", "value": "text/html"}, "append_action": "OVERWRITE_IF_EXISTS_OR_ADD"}]


def _direct(status: int, body: Json | None = None, **more: Any) -> Json:
    response = {"status": status, **({"body": body} if body else {})}
    return {"match": {"prefix": "/"}, "direct_response": response, **more}


def _to(target: str, **action: Any) -> list[Json]:
    return [route(target, **action)]


LISTENERS: dict[str, Scenario] = {
    "healthy-tls": Scenario("healthy: TLS with ALPN h2", tls=True),
    "healthy-h2c": Scenario("healthy: HTTP/2 in clear"),
    "healthy-h2c-codec-http2": Scenario("healthy: HTTP/2 in clear, codec HTTP2 instead of AUTO", codec="HTTP2"),
    "alpn-http1-only": Scenario("TLS whose ALPN list is http/1.1", tls=True, alpn=("http/1.1",)),
    "alpn-none": Scenario("TLS without ALPN", tls=True, alpn=()),
    "alpn-h2-codec-http1": Scenario("TLS agrees on h2, codec is HTTP1", tls=True, codec="HTTP1"),
    "codec-http1": Scenario("codec HTTP1 in clear", codec="HTTP1"),
    "mtls": Scenario("client certificate required", tls=True, client_certificates=True),
    "mtls-alpn-none": Scenario("client certificate required, no ALPN", tls=True, client_certificates=True, alpn=()),
    "no-route-host": Scenario("only other.example.test is served", domains=("other.example.test",)),
    "no-route-path": Scenario("only /lab.Nothing/ is routed", routes=[route(prefix="/lab.Nothing/")]),
    "greeter-only": Scenario("only /lab.Greeter/ is routed", routes=[route(prefix=_GREETER)]),
    "greeter-only-tls": Scenario("the same behind TLS", tls=True, routes=[route(prefix=_GREETER)]),
    "cluster-missing": Scenario("route to a cluster that does not exist", routes=_to("nowhere")),
    "http1-to-grpc": Scenario("HTTP/1.1 to the gRPC backend", routes=_to("grpc-http1")),
    "h2-to-http1": Scenario("HTTP/2 to an HTTP/1.1 backend", routes=_to("http1-h2")),
    "http1-to-http1": Scenario("HTTP/1.1 to an HTTP/1.1 web server: 200 text/html", routes=_to("http1")),
    "upstream-refused": Scenario("the backend's port is closed", routes=_to("closed")),
    "plaintext-to-tls": Scenario("plaintext HTTP/2 to a TLS backend", routes=_to("grpc-tls-clear")),
    "tls-to-plaintext": Scenario("TLS to a plaintext backend", routes=_to("grpc-over-tls")),
    "tls-upstream": Scenario("healthy: TLS to a TLS backend", routes=_to("grpc-tls")),
    "no-endpoints": Scenario("a cluster without endpoints", routes=_to("empty")),
    "circuit-open": Scenario("max_requests 0", routes=_to("circuit")),
    "circuit-open-connections": Scenario(
        "max_connections 0, max_pending_requests 0", routes=_to("circuit-connections")
    ),
    "upstream-silent": Scenario(
        "the backend accepts and never answers; route timeout 1 s", routes=_to("silent", timeout="1s")
    ),
    "per-try-timeout": Scenario(
        "the backend accepts and never answers; per_try_timeout 1 s, route timeout 6 s",
        routes=_to("silent", timeout="6s", retry_policy={"num_retries": 0, "per_try_timeout": "1s"}),
    ),
    "tls-untrusted": Scenario("TLS to a backend whose CA is not trusted", routes=_to("grpc-tls-untrusted")),
    "tls-other-name": Scenario("TLS to a backend with another name", routes=_to("grpc-tls-other-name")),
    "unhealthy": Scenario("the only endpoint fails its health check", routes=_to("unhealthy")),
    "ejected": Scenario("one endpoint, ejected after its first failure", routes=_to("ejected")),
    "upstream-closes": Scenario("the backend closes each connection at once", routes=_to("closes")),
    "upstream-saturated": Scenario("a grpcio backend with all its threads busy", routes=_to("saturated")),
    "route-timeout": Scenario("route timeout 1 s", routes=_to("grpc", timeout="1s")),
    "route-timeout-0": Scenario("healthy: no route timeout", routes=_to("grpc", timeout="0s")),
    "stream-idle-timeout": Scenario(
        "stream_idle_timeout 1 s", routes=_to("grpc", timeout="0s"), manager={"stream_idle_timeout": "1s"}
    ),
    "max-stream-duration": Scenario(
        "max_stream_duration 1 s",
        routes=_to("grpc", timeout="0s"),
        manager={"common_http_protocol_options": {"max_stream_duration": "1s"}},
    ),
    "fault-abort-grpc": Scenario("fault: abort with grpc_status 14", filters=[_abort(grpc_status=14)]),
    "fault-abort-http": Scenario("fault: abort with http_status 503", filters=[_abort(http_status=503)]),
    "fault-abort-http-500": Scenario("fault: abort with http_status 500", filters=[_abort(http_status=500)]),
    "fault-abort-half": Scenario("fault: half of all calls aborted", filters=[_abort(50, http_status=503)]),
    "fault-delay": Scenario("fault: every call delayed by 3 s", filters=[_delay(3)]),
    "rbac-deny-all": Scenario("RBAC denies every call", filters=[_rbac({"any": True})]),
    "rbac-deny-greeter": Scenario(
        "RBAC denies /lab.Greeter/ only", filters=[_rbac({"url_path": {"path": {"prefix": _GREETER}}})]
    ),
    "jwt-required": Scenario("a JWT is required (envoy_scenarios.jwt_token)", filters=[_jwt()]),
    "rate-limited": Scenario("local rate limit, exhausted", filters=[_rate_limit()]),
    "rate-limited-grpc": Scenario(
        "local rate limit, exhausted, as RESOURCE_EXHAUSTED",
        filters=[_rate_limit(rate_limited_as_resource_exhausted=True)],
    ),
    "https-redirect": Scenario("every request redirected to https", require_tls="ALL"),
    "html-200": Scenario("200 text/html", routes=[_direct(200, _HTML, response_headers_to_add=_TEXT_HTML)]),
    "direct-404": Scenario("direct response 404", routes=[_direct(404)]),
    "direct-503": Scenario("direct response 503 with a body", routes=[_direct(503, {"inline_string": "closed"})]),
    "max-concurrent-streams-1": Scenario(
        "healthy but for max_concurrent_streams 1", http2={"max_concurrent_streams": 1}
    ),
    "not-serving": Scenario("the backend's health says NOT_SERVING", routes=_to("not-serving")),
    "backend-unauthenticated": Scenario("the application answers UNAUTHENTICATED", routes=_to("unauthenticated")),
    "backend-bare": Scenario("healthy: a backend without reflection and health", routes=_to("bare")),
    "grpc-web": Scenario("healthy: with the grpc_web filter", filters=[http_filter("grpc_web", "GrpcWeb")]),
}


_NO_PANIC: Json = {"healthy_panic_threshold": {"value": 0}}
_CHECK: Json = {
    "timeout": "1s", "interval": "1s", "unhealthy_threshold": 1, "healthy_threshold": 1, "grpc_health_check": {},
}  # fmt: skip
_EJECTS_AT_ONCE: Json = {
    "consecutive_5xx": 1, "interval": "0.1s", "base_ejection_time": "300s", "max_ejection_percent": 100,
}  # fmt: skip


def clusters(backends: Backends, certificates: Certificates) -> list[Json]:
    """Where the listeners' routes lead."""
    ca = str(certificates.ca)
    none: Json = {"thresholds": [{"max_requests": 0}]}
    no_connections: Json = {"thresholds": [{"max_connections": 0, "max_pending_requests": 0}]}
    return [
        cluster("grpc", backends.h2c),
        cluster("grpc-http1", backends.h2c, http2=False),
        cluster("grpc-tls", backends.tls, tls_ca=ca),
        cluster("grpc-tls-clear", backends.tls),
        cluster("grpc-over-tls", backends.h2c, tls_ca=ca),
        cluster("http1", backends.http1, http2=False),
        cluster("http1-h2", backends.http1),
        cluster("grpc-tls-untrusted", backends.tls, tls_ca=str(certificates.self_signed.cert)),
        cluster("grpc-tls-other-name", backends.tls, tls_ca=ca, tls_name="other.example.test"),
        cluster("unhealthy", backends.closed, health_checks=[_CHECK], common_lb_config=_NO_PANIC),
        cluster("ejected", backends.closed, outlier_detection=_EJECTS_AT_ONCE, common_lb_config=_NO_PANIC),
        cluster("closed", backends.closed),
        cluster("empty", None),
        cluster("circuit", backends.h2c, circuit_breakers=none),
        cluster("circuit-connections", backends.h2c, circuit_breakers=no_connections),
        cluster("silent", backends.silent),
        cluster("closes", backends.closes),
        cluster("saturated", backends.saturated),
        cluster("not-serving", backends.not_serving),
        cluster("unauthenticated", backends.unauthenticated),
        cluster("bare", backends.bare),
    ]
