"""alpn-h2-but-http1: the server selects h2 in ALPN and then speaks HTTP/1.1."""

from __future__ import annotations

from collections.abc import Iterator

from grpcdoctor.model.conclusions import alpn_triple
from grpcdoctor.model.facts.http2 import Http1Facts, Http2Facts
from grpcdoctor.model.facts.tls import TlsFacts
from grpcdoctor.model.finding import Conclusion, Evidence, Finding, Fix
from grpcdoctor.model.rule import Rule, Severity
from grpcdoctor.model.run import Run

RULE = Rule(
    code="GD302",
    name="alpn-h2-but-http1",
    severity=Severity.ERROR,
    title="ALPN promises HTTP/2 and HTTP/1.1 is spoken",
    explains=("http2-not-spoken", "http-redirect", "not-grpc", "http2-protocol-error", "clients-disagree"),
)
NEEDS = (TlsFacts,)


def check(run: Run) -> Iterator[Conclusion]:
    tls, http2 = run.get(TlsFacts), run.get(Http2Facts)
    if tls is None or tls.handshake is None or tls.handshake.selected != "h2":
        return
    if http2 is None or http2.first is None or http2.transport != "tls" or http2.first.spoken != "http/1.1":
        return
    said = http2.first.text or "HTTP/1.1"
    yield Finding(
        RULE,
        message="the listener agrees on h2 in ALPN, then speaks HTTP/1.1",
        explanation="The TLS side promises HTTP/2 and whatever reads the bytes behind it knows only HTTP/1.1. The two "
        "are configured in different places: the ALPN list by the TLS settings, the codec by the listener or by the "
        "server behind a TLS-terminating load balancer. Browsers fail here as gRPC clients do.",
        evidence=(
            Evidence(alpn_triple(tls.handshake, http2.first.spoken), ref="tls"),
            Evidence(f'answer to the HTTP/2 preface: "{said}"', ref="http2"),
            *_server(run),
        ),
        fixes=(
            Fix("Envoy: let the connection manager speak what ALPN says", patch="codec_type: AUTO  # not HTTP1"),
            Fix("A TLS-terminating load balancer (NLB, haproxy in tcp mode, stunnel) in front of an HTTP/1.1 port: "
                "send it to the port that speaks HTTP/2 in clear, or make that one speak it"),
            Fix("Where the server can only do HTTP/1.1: take h2 out of its ALPN list and give gRPC another port"),
        ),
    )


def _server(run: Run) -> tuple[Evidence, ...]:
    http1 = run.get(Http1Facts)
    if http1 is None or http1.answer is None or http1.answer.header("server") is None:
        return ()
    answer = http1.answer
    return (Evidence(f"{http1.request or 'GET /'}: {answer.status} · server {answer.header('server')}", ref="http1"),)
