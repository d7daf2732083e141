"""not-grpc: HTTP/2 is spoken, and the answers are not gRPC's."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from grpcdoctor.checks._commands import probe_command
from grpcdoctor.checks.grpc._effect import Effect, effect_of
from grpcdoctor.checks.grpc._replies import Kind, evidence_of
from grpcdoctor.checks.grpc._upstream import A_METHOD
from grpcdoctor.model.codes import STATUS_OF_HTTP, GrpcStatus
from grpcdoctor.model.facts.grpc import CallFacts, GrpcFacts, HealthFacts, ReflectionFacts, Reply
from grpcdoctor.model.finding import Alternative, BlindSpot, Conclusion, Evidence, Finding, Fix
from grpcdoctor.model.rule import Rule, Severity
from grpcdoctor.model.run import Run

RULE = Rule(
    code="GD401",
    name="not-grpc",
    severity=Severity.ERROR,
    title="what answers is not a gRPC server",
    explains=("clients-disagree",),
)
NEEDS = (GrpcFacts, HealthFacts, ReflectionFacts, CallFacts)

# Answers that a gateway with routes for other paths, or a Connect server, gives to paths that it does not know.
_ONLY_THESE_PATHS: Final = (404, 405, 415, 501)

# Beginning of the `server` header -> what to change there.
_BY_SERVER: Final[tuple[tuple[tuple[str, ...], Fix], ...]] = (
    (("nginx", "openresty"),
     Fix("nginx: pass the gRPC paths on; without a location they are looked for among the files",
         patch="location /package.Service/ {\n  grpc_pass grpc://backend:50051;\n}")),
    (("envoy", "istio-envoy"),
     Fix("Envoy: route the gRPC paths to the gRPC cluster, before the catch-all route of the web site",
         patch='- match: {prefix: "/package.Service/"}\n  route: {cluster: grpc_backend, timeout: 0s}')),
    (("apache",), Fix("Apache: pass the gRPC paths on in HTTP/2",
                      patch='ProxyPass "/package.Service/" "h2c://backend:50051/package.Service/"')),
    (("caddy",), Fix("Caddy: pass gRPC on in clear-text HTTP/2", patch="reverse_proxy h2c://backend:50051")),
    (("awselb",), Fix("AWS ALB: a listener rule for the gRPC paths, to a target group with protocol version GRPC",
                      patch="alb.ingress.kubernetes.io/backend-protocol-version: GRPC")),
    (("cloudflare",), Fix("Cloudflare: turn gRPC on for the zone (Network > gRPC); ask the origin itself too")),
    (("google frontend", "gws"), Fix("Google: is the host right? Cloud Run needs `--use-http2` for gRPC")),
    (("kestrel", "microsoft-iis"), Fix("ASP.NET: is the service mapped?",
                                       patch="app.MapGrpcService<GreeterService>();")),
    (("uvicorn", "hypercorn", "gunicorn", "daphne", "werkzeug"),
     Fix("This is a Python web server (ASGI or WSGI); the gRPC server listens on a port of its own")),
    (("jetty", "apache-coyote", "undertow"),
     Fix("This is a Java web server; the gRPC server of the application listens on a port of its own (Spring: "
         "spring.grpc.server.port or grpc.server.port)")),
)
_RIGHT_PLACE: Final = Fix("Is it the right host and port? Look for the one that speaks gRPC",
                          command="kubectl get services,ingress -A | grep -i grpc")
# A call is one request, and a stream of messages its body: limits meant for uploads cut streams.
_BODY_TOO_LARGE: Final = Fix("nginx: lift the limit on request bodies, which a stream of messages outgrows",
                             patch="client_max_body_size 0;")
_WEB_TRANSLATOR: Final = Fix(
    "Envoy: let the grpc_web filter translate, which leaves plain gRPC as it is",
    patch="http_filters:\n- name: envoy.filters.http.grpc_web\n- name: envoy.filters.http.router",
)


def check(run: Run) -> Iterator[Conclusion]:
    effect = effect_of(run, lambda item: item.kind is Kind.NOT_GRPC)
    if effect is None or (not effect.hits_the_call and _something_else_answers(effect)):
        return
    undecided = not effect.hits_the_call and all(
        item.reply.http_status in _ONLY_THESE_PATHS for item in effect.hit
    )
    reply = effect.first
    yield Finding(
        RULE,
        message=_message(reply, effect.hits_the_call),
        explanation=_explanation(reply, undecided),
        evidence=(*evidence_of(effect.hit), *_server(reply)),
        fixes=_fixes(reply),
        severity=Severity.WARNING if undecided else Severity.ERROR,
        confidence=0.7 if undecided else 1.0,
        alternatives=_alternatives(run, reply, undecided),
    )
    if undecided:
        yield BlindSpot(
            what="whether any real method is served here",
            why=f"the paths that every server may have all got HTTP {reply.http_status}; other paths may be routed",
            decide=probe_command(run, "--call", A_METHOD),
        )


def _something_else_answers(effect: Effect) -> bool:
    """A gRPC answer, or a fault that another rule names, on another question: the web page is only for our paths."""
    return any(item.kind not in (Kind.UNANSWERED, Kind.LOST) for item in effect.spared)


def _media_type(reply: Reply) -> str:
    return reply.content_type.split(";", 1)[0].strip().lower() or "no content type"


def _message(reply: Reply, call: bool) -> str:
    where = f"{reply.path or 'the call'}: " if call else ""
    media_type = _media_type(reply)
    if media_type.startswith("application/grpc-web"):
        return f"{where}the answer is gRPC-Web, not gRPC"
    if reply.http_status == 413:
        return f"{where}the request body is larger than a web server on the way allows"
    if reply.http_status == 415:
        return f"{where}the server refuses application/grpc (HTTP 415)"
    if reply.http_status == 200:
        return f"{where}a web server answers, not gRPC (HTTP 200, {media_type})"
    return f"{where}HTTP {reply.http_status} with {media_type} comes back, not gRPC"


def _explanation(reply: Reply, undecided: bool) -> str:
    status = STATUS_OF_HTTP.get(reply.http_status or 0, GrpcStatus.UNKNOWN)
    clients = f"Clients make {status.name} of it, with the HTTP status or the content type in the message. "
    if undecided:
        return clients + "Either this is no gRPC endpoint at all, or it routes only the methods that it knows by name."
    if _media_type(reply).startswith("application/grpc-web"):
        return clients + "Whatever answers expects browsers; a native client needs application/grpc."
    if reply.http_status == 413:
        return clients + "The limit is a proxy's (HTTP 413); the application behind it did not see the call."
    return clients + "HTTP/2 works; the request reached a web server, a default page or an API that is not gRPC."


def _server(reply: Reply) -> tuple[Evidence, ...]:
    server = reply.header("server")
    return (Evidence(f"server: {server}", ref="grpc"),) if server else ()


def _fixes(reply: Reply) -> tuple[Fix, ...]:
    if _media_type(reply).startswith("application/grpc-web"):
        return (_WEB_TRANSLATOR, _RIGHT_PLACE)
    if reply.http_status == 413:
        return (_BODY_TOO_LARGE,)
    server = (reply.header("server") or "").lower()
    named = next((fix for names, fix in _BY_SERVER if server.startswith(names)), None)
    return (named, _RIGHT_PLACE) if named is not None else (_RIGHT_PLACE,)


def _alternatives(run: Run, reply: Reply, undecided: bool) -> tuple[Alternative, ...]:
    if not undecided:
        return ()
    return (
        Alternative("route-not-found", "a gateway that routes by method knows none of the paths that were tried",
                    decide=probe_command(run, "--call", A_METHOD)),
    )
