"""http2-not-spoken: the port speaks HTTP/1.x, SSH or something else, and no HTTP/2."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from grpcdoctor.checks.http2._spoken import Spoken, leads_elsewhere, plaintext_is_tls, spoken, whose_banner
from grpcdoctor.model.facts.http2 import H2cFacts, Http1Facts, Http2Facts
from grpcdoctor.model.facts.tls import AlpnFacts, TlsFacts
from grpcdoctor.model.finding import Alternative, Conclusion, Evidence, Finding, Fix
from grpcdoctor.model.rule import Rule, Severity
from grpcdoctor.model.run import Run

RULE = Rule(
    code="GD301",
    name="http2-not-spoken",
    severity=Severity.ERROR,
    title="the port does not speak HTTP/2",
    explains=("not-grpc", "clients-disagree"),
)
NEEDS = (Http2Facts, H2cFacts, Http1Facts)

# Sixteen bytes name a protocol; the rest is in --trace.
_HEX_SHOWN: Final = 32
_RIGHT_PORT: Final = Fix(
    "Is it the right port? Look for the one that speaks gRPC (named grpc, often 50051, 9090 or 8443)",
    command="kubectl get services --all-namespaces -o wide | grep -i grpc",
)
# Beginning of the `server` header -> how that server is told to speak HTTP/2 without TLS.
_BY_SERVER: Final[tuple[tuple[str, Fix], ...]] = (
    ("nginx", Fix("nginx: speak HTTP/2 on this listener, and pass gRPC on with grpc_pass",
                  patch="server { listen 80; http2 on;  # before 1.25.1: listen 80 http2;\n"
                        "  location / { grpc_pass grpc://backend:50051; } }")),
    ("openresty", Fix("openresty: `listen 80 http2;` and grpc_pass in the location")),
    ("awselb", Fix("AWS ALB: HTTP/2 is spoken on HTTPS listeners only; add one and set the target group's protocol",
                   patch="alb.ingress.kubernetes.io/backend-protocol-version: GRPC\n"
                         "alb.ingress.kubernetes.io/listen-ports: '[{\"HTTPS\": 443}]'")),
    ("envoy", Fix("Envoy: let the listener take both protocols", patch="codec_type: AUTO  # not HTTP1")),
    ("istio-envoy", Fix("Istio: declare the port as gRPC in the Gateway", patch="protocol: GRPC  # or HTTP2")),
    ("apache", Fix("Apache: offer clear-text HTTP/2", patch="Protocols h2c http/1.1")),
    ("kestrel", Fix("Kestrel: without TLS it takes one protocol a port; give gRPC a port of its own",
                    patch='"Endpoints": {"Grpc": {"Url": "http://*:5001", "Protocols": "Http2"}}')),
)
_ANY_SERVER: Final = Fix(
    "Make this listener speak HTTP/2 (in clear: with prior knowledge); haproxy: `bind :80 proto h2`; "
    "Go net/http: set http.Server.Protocols with SetUnencryptedHTTP2(true)"
)


def check(run: Run) -> Iterator[Conclusion]:
    found = spoken(run)
    if found is None or found.first.spoken not in ("http/1.1", "ssh", "garbage") or plaintext_is_tls(run):
        return
    if found.first.spoken == "http/1.1" and _another_rule_says_it(found, run):
        return
    owner = whose_banner(found.first)
    yield Finding(
        RULE,
        message=_message(found, owner),
        explanation="gRPC runs on HTTP/2 only: after the connection is made a client sends the HTTP/2 preface and "
        "waits for a SETTINGS frame. " + _what_clients_say(found),
        evidence=_evidence(found),
        fixes=_fixes(found, owner),
        confidence=1.0 if found.first.spoken != "garbage" or owner else 0.9,
        alternatives=_alternatives(found, run),
    )


def _another_rule_says_it(found: Spoken, run: Run) -> bool:
    """Another rule knows better why HTTP/1.1 is spoken here: a redirect in clear, ALPN under TLS."""
    if not found.over_tls:
        return found.http1 is not None and leads_elsewhere(found.http1, run.target)
    tls, alpn = run.get(TlsFacts), run.get(AlpnFacts)
    if tls is not None and tls.handshake is not None and tls.handshake.selected == "h2":
        return True  # alpn-h2-but-http1
    # alpn-not-h2 or alpn-missing, where the second handshake told which of the two
    return alpn is not None and alpn.with_http1 is not None and alpn.with_http1.version is not None


def _message(found: Spoken, owner: str | None) -> str:
    if found.first.spoken == "http/1.1":
        return f"the port speaks HTTP/1.1 only{' inside TLS' if found.over_tls else ', in clear'}: no HTTP/2, no gRPC"
    if owner:
        return f"{owner} answers on this port, no gRPC server"
    return "the port answers with bytes that are neither HTTP/2, TLS nor HTTP/1.1"


def _what_clients_say(found: Spoken) -> str:
    if found.first.spoken == "http/1.1":
        return (
            'Here HTTP/1.1 comes instead: grpcio says "Trying to connect an http1.x server", grpc-go "error reading '
            'server preface: http2: frame too large", grpc-java "First received frame was not SETTINGS".'
        )
    return "Here other bytes come instead, so every gRPC client gives up with UNAVAILABLE or runs into its deadline."


def _evidence(found: Spoken) -> tuple[Evidence, ...]:
    first = found.first
    seen = f'"{first.text}"' if first.text else f"bytes {first.data[:_HEX_SHOWN] or '(none kept)'}"
    where = "inside TLS" if found.over_tls else "in clear"
    items = [Evidence(f"first bytes, {where}: {seen} ({first.spoken})", ref="http2")]
    if found.http1 is not None:
        server = found.http1.header("server")
        answer = f"HTTP/1.1 {found.http1.status} {found.http1.reason}".rstrip()
        items.append(Evidence(f"{found.request}: {answer}{f' · server {server}' if server else ''}", ref="http1"))
    return tuple(items)


def _fixes(found: Spoken, owner: str | None) -> tuple[Fix, ...]:
    if found.first.spoken != "http/1.1" or owner:
        return (_RIGHT_PORT,)
    server = ((found.http1.header("server") if found.http1 else None) or "").lower()
    named = next((fix for name, fix in _BY_SERVER if server.startswith(name)), None)
    if named is not None and not found.over_tls:
        return (named, _RIGHT_PORT)
    return (_RIGHT_PORT, _ANY_SERVER)


def _alternatives(found: Spoken, run: Run) -> tuple[Alternative, ...]:
    if found.first.spoken != "garbage" or found.over_tls:
        return ()
    return (
        Alternative(
            "connection-closed-silently",
            "a proxy that expects another protocol first (PROXY protocol, mutual TLS of a mesh) may answer so",
            decide=f"nc -w 3 {run.target.dial_host} {run.target.dial_port} </dev/null | xxd | head",
        ),
    )
