"""alpn-missing: the server selects no protocol at all in ALPN."""

from __future__ import annotations

from collections.abc import Iterator

from grpcdoctor.model.conclusions import alpn_triple
from grpcdoctor.model.facts.http2 import Http2Facts
from grpcdoctor.model.facts.tls import AlpnFacts, TlsFacts
from grpcdoctor.model.finding import Conclusion, Evidence, Finding, Fix
from grpcdoctor.model.rule import Rule, Severity
from grpcdoctor.model.run import Run

RULE = Rule(
    code="GD204",
    name="alpn-missing",
    severity=Severity.ERROR,
    title="the TLS listener does not negotiate ALPN",
    explains=("http2-not-spoken", "not-grpc", "connection-closed-silently"),
)
NEEDS = (TlsFacts,)


def check(run: Run) -> Iterator[Conclusion]:
    tls = run.get(TlsFacts)
    if tls is None or tls.handshake is None or not tls.completed or tls.handshake.selected is not None:
        return
    alpn = run.get(AlpnFacts)
    if alpn is None or alpn.with_http1 is None or alpn.with_http1.version is None:
        return  # nothing says whether the server would select http/1.1
    if alpn.with_http1.selected is not None:
        return  # the server does negotiate, only not h2: alpn-not-h2
    http2 = run.get(Http2Facts)
    spoken = http2.first.spoken if http2 is not None and http2.first is not None else None
    yield Finding(
        RULE,
        message="the TLS listener negotiates no protocol (ALPN is not configured)",
        explanation="gRPC clients require h2 to be selected in ALPN: grpc-go >= 1.67, grpcio and grpc-java refuse "
        "such a connection. Older clients and old grpcurl still connect, so it may look fine there.",
        evidence=(Evidence(alpn_triple(tls.handshake, spoken), ref="tls"),),
        fixes=(
            Fix("haproxy: add alpn to the bind line", patch="bind :443 ssl crt /etc/haproxy/cert.pem alpn h2,http/1.1"),
            Fix("Envoy: add to the listener's common_tls_context", patch='alpn_protocols: ["h2", "http/1.1"]'),
            Fix("AWS NLB with a TLS listener: annotate the Service",
                patch="service.beta.kubernetes.io/aws-load-balancer-alpn-policy: HTTP2Preferred"),
        ),
    )
