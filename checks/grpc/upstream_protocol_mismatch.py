"""upstream-protocol-mismatch: proxy and backend speak different versions of HTTP to each other."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from grpcdoctor.checks.grpc._effect import Effect, effect_of
from grpcdoctor.checks.grpc._replies import Kind, evidence_of
from grpcdoctor.checks.grpc._upstream import PORT_FORWARD, PROBE_BACKEND, called, doubts, proxy_of, surest, tailored
from grpcdoctor.model.facts.grpc import CallFacts, GrpcFacts, HealthFacts, ReflectionFacts, Reply
from grpcdoctor.model.finding import Conclusion, Evidence, Finding, Fix
from grpcdoctor.model.rule import Rule, Severity
from grpcdoctor.model.run import Run

RULE = Rule(
    code="GD423",
    name="upstream-protocol-mismatch",
    severity=Severity.ERROR,
    title="proxy and backend speak different HTTP versions",
    explains=("rst-stream", "trailers-missing", "upstream-timeout", "response-timeout", "not-grpc"),
)
NEEDS = (GrpcFacts, HealthFacts, ReflectionFacts, CallFacts)

_HTTP2_UPSTREAM: Final = (
    "typed_extension_protocol_options:\n  envoy.extensions.upstreams.http.v3.HttpProtocolOptions:\n"
    '    "@type": type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions\n'
    "    explicit_http_config: {http2_protocol_options: {}}"
)
_SPEAK_HTTP2: Final[dict[str, tuple[Fix, ...]]] = {
    "istio": (Fix("Declare the Service's port as gRPC (or rename it grpc-…)",
                  patch="ports: [{name: grpc, port: 50051, appProtocol: kubernetes.io/h2c}]"),),
    "envoy": (Fix("Envoy: speak HTTP/2 to the cluster", patch=_HTTP2_UPSTREAM),),
    "nginx": (
        Fix("nginx: hand gRPC on with grpc_pass, not proxy_pass",
            patch="location / { grpc_pass grpc://BACKEND; }"),
        Fix("ingress-nginx: annotate the Ingress (upper case matters)",
            patch='nginx.ingress.kubernetes.io/backend-protocol: "GRPC"'),
    ),
    "haproxy": (
        Fix("haproxy: speak HTTP/2 to a plaintext server", patch="server app BACKEND:PORT proto h2"),
        Fix("haproxy: to a TLS server, offer h2 in ALPN", patch="server app BACKEND:PORT ssl alpn h2 verify required "
            "ca-file /etc/ssl/ca.pem"),
        Fix("HAProxy ingress: annotate the Service", patch='haproxy.org/server-proto: "h2"'),
    ),
    "aws-alb": (Fix("AWS: give the target group the gRPC protocol version",
                    patch="alb.ingress.kubernetes.io/backend-protocol-version: GRPC"),),
    "azure-app-gateway": (Fix("Application Gateway v2 cannot carry gRPC: use Application Gateway for Containers, or "
                              "a layer 4 load balancer"),),
    "traefik": (Fix("Traefik: annotate the Service",
                    patch="traefik.ingress.kubernetes.io/service.serversscheme: h2c"),),
    "kong": (Fix("Kong: annotate the Service", patch="konghq.com/protocol: grpc"),),
    "": (Fix("Any Gateway API proxy: declare HTTP/2 on the Service's port",
             patch="ports: [{name: grpc, port: 50051, appProtocol: kubernetes.io/h2c}]"),),
}


def check(run: Run) -> Iterator[Conclusion]:
    effect = effect_of(run, lambda item: item.kind is Kind.PROTOCOL_MISMATCH)
    if effect is None:
        return
    proxy = proxy_of(effect)
    proven = any(_is_proof(item.reply) for item in effect.hit)
    yield Finding(
        RULE,
        message=_message(effect, proxy, proven),
        explanation=_explanation(effect, proxy, proven),
        evidence=(*_bytes_of(effect), *evidence_of(effect.hit)),
        fixes=(*tailored(proxy, _SPEAK_HTTP2)[: 3 if proven else 2], *(() if proven else (_what_decides(),))),
        severity=effect.severity,
        confidence=surest(effect),
        alternatives=doubts(effect),
    )


def _is_proof(reply: Reply) -> bool:
    """The backend's SETTINGS frame in the body: type 4 on stream 0, right after the 3-byte length."""
    data = reply.body_hex.replace(" ", "").lower()
    return data.startswith("0000") and data[6:18] == "040000000000"


def _message(effect: Effect, proxy: str | None, proven: bool) -> str:
    if proven:
        return f"{called(proxy)} speaks HTTP/1 to a backend that speaks HTTP/2"
    if effect.first.http_status == 464:
        return "HTTP/2 client, but the target group is set to another protocol version"
    if effect.first.reset_code is not None:
        return f"{called(proxy)} cannot speak HTTP/2 with its backend"
    return f"{called(proxy)} and its backend speak different HTTP versions"


def _explanation(effect: Effect, proxy: str | None, proven: bool) -> str:
    if proven:
        return "The bytes in the answer are the first an HTTP/2 server sends, passed on as if they were HTTP/1 text. " \
            "gRPC needs HTTP/2 on every hop."
    if effect.first.reset_code is not None:
        return "haproxy took the call and could not agree on HTTP/2 with the server: TLS without `alpn h2`, or " \
            "`proto h2` in clear to a TLS port. REFUSED_STREAM makes clients retry, in vain."
    if proxy in ("envoy", "istio"):
        return "Mostly HTTP/1.1 sent to a gRPC backend: the Service's port is not named grpc-… or http2-… and has no " \
            "appProtocol. The reverse, HTTP/2 sent to an HTTP/1.1 backend, looks the same from here."
    return "gRPC needs HTTP/2 on every hop, and this proxy speaks HTTP/1.1 to backends unless it is told otherwise."


def _bytes_of(effect: Effect) -> tuple[Evidence, ...]:
    data = next((item.reply.body_hex for item in effect.hit if _is_proof(item.reply)), None)
    return (Evidence(f"the body begins {data[:36]}: a SETTINGS frame", ref="grpc"),) if data else ()


def _what_decides() -> Fix:
    return Fix("To see which side is wrong, ask the backend itself: healthy there means that the proxy must speak "
               f"HTTP/2, http2-not-spoken that the backend does not (outside a cluster: {PROBE_BACKEND})",
               command=PORT_FORWARD)
