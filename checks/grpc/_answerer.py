"""Who wrote a reply: the application, or a proxy on the way."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from grpcdoctor.model.facts.grpc import CallFacts, GrpcFacts, HealthFacts, ReflectionFacts, Reply
from grpcdoctor.model.facts.http2 import Http2Facts
from grpcdoctor.model.run import Run

SERVICE_TIME: Final = "x-envoy-upstream-service-time"

# Whose name the header carries. Most proxies overwrite the application's own, so the name alone says who stands in
# front, not who wrote the reply.
_SERVER_NAMES: Final[tuple[tuple[str, re.Pattern[str], str], ...]] = (
    ("server", re.compile(r"^istio-envoy", re.I), "istio"),
    ("server", re.compile(r"^envoy", re.I), "envoy"),
    ("server", re.compile(r"^awselb/", re.I), "aws-alb"),
    ("server", re.compile(r"^cloudflare", re.I), "cloudflare"),
    ("server", re.compile(r"^(google frontend|gws|gse|esf|scaffolding|google-cloud)", re.I), "google"),
    ("server", re.compile(r"^kong", re.I), "kong"),
    ("server", re.compile(r"^apisix", re.I), "apisix"),
    ("server", re.compile(r"^caddy", re.I), "caddy"),
    ("server", re.compile(r"^traefik", re.I), "traefik"),
    ("server", re.compile(r"^haproxy", re.I), "haproxy"),
    ("server", re.compile(r"^microsoft-azure-application-gateway", re.I), "azure-app-gateway"),
    ("server", re.compile(r"^(nginx|openresty|tengine)", re.I), "nginx"),
    ("l5d-proxy-error", re.compile(r""), "linkerd"),
    ("cf-ray", re.compile(r""), "cloudflare"),
    ("via", re.compile(r"\bgoogle\b", re.I), "google"),
    ("via", re.compile(r"\bkong\b", re.I), "kong"),
    ("via", re.compile(r"\bcaddy\b", re.I), "caddy"),
    ("via", re.compile(r"\benvoy\b", re.I), "envoy"),
    ("x-kong-response-latency", re.compile(r""), "kong"),
)

# Error pages of proxies that send no `server` header, or whose page also travels through another proxy.
_PAGES: Final[tuple[tuple[re.Pattern[str], str], ...]] = (
    (re.compile(r"<html><body><h1>\d{3} [\w -]+</h1>\s*(The server (returned an invalid|didn't respond)|No server is "
                r"available|Request forbidden by admin|You need a valid user|Your browser sent|The server could not)"),
     "haproxy"),
    (re.compile(r"<center>(nginx|openresty)\b"), "nginx"),
    (re.compile(r"^no available server\s*$"), "traefik"),
    (re.compile(r"no Route matched with those values|from the upstream server\W+request_id"), "kong"),
    (re.compile(r"service rules for (the path|\[)|<title>(502 Server Error|Error 404 \(Not Found\)!!1)"), "google"),
)

# Words that only Envoy's own replies begin with (source/common/http/utility.cc, router.cc, filters).
ENVOY_WORDS: Final = re.compile(
    r"^(upstream connect error or disconnect/reset before headers|no healthy upstream|upstream request timeout"
    r"|stream timeout|downstream duration timeout|upstream max stream duration reached|fault filter abort"
    r"|RBAC: access denied|local_rate_limited|Jwt (is|not|issuer|verification|header)|Audiences in Jwt|Jwks "
    r"|maintenance mode|envoy overloaded|exceeded request buffer limit while retrying upstream)"
)
_ENVOYS: Final = ("envoy", "istio")
_WELL_KNOWN_PROXY_FINGERPRINTS: Final = ("envoy", "nginx", "haproxy")


@dataclass(frozen=True, slots=True)
class Answerer:
    """`who` wrote the reply: "application", "proxy" or "unknown". `proxy` names the one in front, where it shows."""

    who: str
    proxy: str | None = None
    """"envoy", "istio", "nginx", "haproxy", "aws-alb", "cloudflare", "google", "traefik", "caddy", "kong" …"""
    why: str = ""
    """What gave it away, for the evidence."""


def questions(run: Run) -> tuple[tuple[str, Reply], ...]:
    """All replies of the run with the name of their question, the user's own call first."""
    call, health = run.get(CallFacts), run.get(HealthFacts)
    reflection, unknown = run.get(ReflectionFacts), run.get(GrpcFacts)
    named = (
        ("call", call.reply if call else None),
        ("health", health.check if health else None),
        ("health-list", health.list if health else None),
        ("reflection-v1", reflection.v1 if reflection else None),
        ("reflection-v1alpha", reflection.v1alpha if reflection else None),
        ("unknown-method", unknown.reply if unknown else None),
    )
    return tuple((name, reply) for name, reply in named if reply is not None)


def text_of(reply: Reply) -> str:
    """What the reply says in words: its grpc-message, else its body, else Linkerd's header."""
    return (reply.grpc_message or reply.body or reply.header("l5d-proxy-error") or "").strip()


def proxy_in_front(reply: Reply, run: Run) -> str | None:
    """The proxy that the reply's headers, its error page, or else the SETTINGS of the connection point at."""
    for name, pattern, proxy in _SERVER_NAMES:
        value = reply.header(name)
        if value is not None and pattern.search(value):
            return proxy
    if reply.header(SERVICE_TIME) is not None:
        return "envoy"
    page = next((proxy for pattern, proxy in _PAGES if reply.body and pattern.search(reply.body)), None)
    if page is not None:
        return page
    http2 = run.get(Http2Facts)
    if http2 is not None and http2.terminator in _WELL_KNOWN_PROXY_FINGERPRINTS:
        return http2.terminator
    return None


def answered_by(reply: Reply, run: Run) -> Answerer:
    """Judged from headers, words, content type and the SETTINGS fingerprint, in this order of trust."""
    proxy = proxy_in_front(reply, run)
    if reply.http_status is None and reply.reset_code is None:
        return Answerer("unknown", proxy, "no answer came")
    if ENVOY_WORDS.match(text_of(reply)):
        return Answerer("proxy", proxy or "envoy", "the text is Envoy's own")
    if reply.header("l5d-proxy-error") is not None:
        return Answerer("proxy", "linkerd", "header l5d-proxy-error")
    if proxy in _ENVOYS:
        return _behind_envoy(reply, run, proxy)
    if reply.grpc_status is not None:
        return _with_a_status(reply, proxy)
    if reply.http_status is not None and not reply.is_grpc and proxy is not None and not _html_of_a_site(reply):
        return Answerer("proxy", proxy, f"HTTP {reply.http_status} without gRPC, {_named_by(reply, proxy)}")
    return Answerer("unknown", proxy, "nothing in the reply names its author")


def _with_a_status(reply: Reply, proxy: str | None) -> Answerer:
    # nginx's documented gRPC error pages (errors.grpc_conf) are `return 204` with grpc-status added.
    if reply.http_status == 204:
        return Answerer("proxy", proxy, "HTTP 204 with a grpc-status: an error page made for gRPC")
    if reply.messages or reply.grpc_message or not reply.trailers_only:
        return Answerer("application", proxy, "it speaks gRPC in its own words")
    return Answerer("application" if proxy is None else "unknown", proxy, "a bare grpc-status")


def _behind_envoy(reply: Reply, run: Run, proxy: str) -> Answerer:
    if reply.header(SERVICE_TIME) is not None:
        return Answerer("application", proxy, f"header {SERVICE_TIME}: it came from the backend")
    if reply.messages or (reply.grpc_status is not None and reply.grpc_message):
        return Answerer("application", proxy, "it is in nobody's words but the application's")
    if reply.grpc_status is None and (reply.is_grpc or reply.body):
        return Answerer("unknown", proxy, "a page that may be the backend's")
    if service_time_suppressed(run):
        return Answerer("unknown", proxy, "this Envoy hides the header that would tell")
    named = reply.header("server")
    seen = f"server: {named}" if named else "SETTINGS as Envoy sends them"
    return Answerer("proxy", proxy, f"{seen}, an empty message and no {SERVICE_TIME}")


def service_time_suppressed(run: Run) -> bool:
    """Whether an answer that is surely the application's came through Envoy without the header that marks it.

    `suppress_envoy_headers`, or Istio's `proxyHeaders.envoyDebugHeaders.disabled`.
    """
    return any(
        proxy_in_front(reply, run) in _ENVOYS
        and reply.header(SERVICE_TIME) is None
        and bool(reply.messages or (reply.grpc_message and not ENVOY_WORDS.match(text_of(reply))))
        for _, reply in questions(run)
        if reply.grpc_status is not None
    )


def service_time_shown(run: Run) -> bool:
    """Whether any answer of the run carries the header: then its absence in another one is proof."""
    return any(reply.header(SERVICE_TIME) is not None for _, reply in questions(run))


def _html_of_a_site(reply: Reply) -> bool:
    """A page that a web site behind the proxy serves: success or a redirect."""
    return reply.http_status is not None and 200 <= reply.http_status < 400


def _named_by(reply: Reply, proxy: str) -> str:
    server = reply.header("server")
    return f"server: {server}" if server else f"as {proxy} words it"
