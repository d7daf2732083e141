"""envoy-max-concurrent-streams-low: max_concurrent_streams of a listener with gRPC routes is low."""

from __future__ import annotations

from collections.abc import Iterator

from grpcdoctor.checks.envoy._findings import LISTENER, in_envoy, said
from grpcdoctor.checks.envoy._grpc import grpc_entries, reason
from grpcdoctor.envoy.snapshot import Proxy
from grpcdoctor.model.finding import Conclusion, Fix
from grpcdoctor.model.rule import Rule, Severity

RULE = Rule(
    code="GD920",
    name="envoy-max-concurrent-streams-low",
    severity=Severity.WARNING,
    title="a listener allows few calls at a time on a connection",
)
ASKS = ("config_dump",)

_LOW = 100
"""What RFC 9113 §6.5.2 recommends as the least."""


def check(proxy: Proxy) -> Iterator[Conclusion]:
    for entry in grpc_entries(proxy):
        limit, name = entry.manager.max_concurrent_streams, entry.listener.name
        if limit is None or limit >= _LOW:
            continue
        yield in_envoy(
            RULE,
            LISTENER,
            name,
            f"listener {name} allows {limit} calls at a time on a connection",
            symptom="A gRPC channel has one connection; further calls wait in the client until one ends: "
            "DEADLINE_EXCEEDED that no server's log has. A few open streams use it up for good.",
            evidence=[said(f"http2_protocol_options.max_concurrent_streams: {limit}", "config_dump"),
                      reason(entry.why)],
            fixes=(Fix("Raise it, or leave it to Envoy (1024 from 1.36 on)",
                       patch="http2_protocol_options: {max_concurrent_streams: 1024}"),),
            field="http2_protocol_options.max_concurrent_streams",
        )  # fmt: skip
