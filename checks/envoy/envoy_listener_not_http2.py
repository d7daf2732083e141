"""envoy-listener-not-http2: a filter chain with gRPC routes whose codec or ALPN keeps clients from HTTP/2."""

from __future__ import annotations

from collections.abc import Iterator

from grpcdoctor.checks.envoy._findings import LISTENER, in_envoy, said
from grpcdoctor.checks.envoy._grpc import Entry, grpc_entries, reason
from grpcdoctor.envoy.snapshot import Proxy
from grpcdoctor.model.finding import Conclusion, Fix
from grpcdoctor.model.rule import Rule, Severity

RULE = Rule(
    code="GD913",
    name="envoy-listener-not-http2",
    severity=Severity.ERROR,
    title="a listener with gRPC routes lets no client speak HTTP/2",
)
ASKS = ("config_dump",)

_REFUSED = "gRPC clients refuse: grpc-go and grpcio want h2 in ALPN (UNAVAILABLE, missing selected ALPN property)."
_HTTP1 = "gRPC clients find HTTP/1.1: UNAVAILABLE, Trying to connect an http1.x server."


def check(proxy: Proxy) -> Iterator[Conclusion]:
    for entry in grpc_entries(proxy):
        tls = entry.chain.tls
        if entry.manager.codec == "HTTP1":
            yield _finding(entry, "its codec is HTTP1", "codec_type: HTTP1", _HTTP1, "codec_type",
                           Fix("Let Envoy tell the version by ALPN or the first bytes", patch="codec_type: AUTO"))
        elif tls is not None and tls.kind == "tls" and "h2" not in tls.alpn:
            offers = f"offers {', '.join(tls.alpn)} and not h2" if tls.alpn else "offers nothing"
            yield _finding(entry, f"its TLS {offers} in ALPN", f"alpn_protocols: [{', '.join(tls.alpn)}]", _REFUSED,
                           "transport_socket", Fix("Offer h2", patch='alpn_protocols: ["h2", "http/1.1"]'))


def _finding(entry: Entry, what: str, setting: str, symptom: str, field: str, fix: Fix) -> Conclusion:
    chain = "default_filter_chain" if entry.chain.is_default else f"filter_chains[{entry.chain.index}]"
    return in_envoy(
        RULE,
        LISTENER,
        entry.listener.name,
        f"listener {entry.listener.name} ({entry.listener.address}) routes gRPC, and {what}",
        symptom=symptom,
        evidence=[said(f"{chain}: {setting}", "config_dump"), reason(entry.why)],
        fixes=(fix,),
        field=f"{chain}.{field}",
    )
