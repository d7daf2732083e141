"""max-concurrent-streams-low: the server's SETTINGS allow so few streams that calls will queue."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from grpcdoctor.model.codes import Setting
from grpcdoctor.model.facts.http2 import Http2Facts
from grpcdoctor.model.finding import Conclusion, Evidence, Finding, Fix
from grpcdoctor.model.rule import Rule, Severity
from grpcdoctor.model.run import Run

RULE = Rule(
    code="GD307",
    name="max-concurrent-streams-low",
    severity=Severity.WARNING,
    title="the server allows very few streams at once",
)
NEEDS = (Http2Facts,)

# RFC 9113 §6.5.2: "It is recommended that this value be no smaller than 100". That is also the smallest default in
# the field: haproxy and Kestrel 100, nginx 128, golang x/net 250, Envoy 1024; grpc-go, grpc-java and C-core have none.
RECOMMENDED: Final = 100
# Below this a handful of streaming calls, or a burst of ten, blocks everything else on the connection. A value in
# between is somebody's decision and works for them: worth knowing, and no warning.
FEW: Final = 10


def check(run: Run) -> Iterator[Conclusion]:
    http2 = run.get(Http2Facts)
    limit = http2.setting(Setting.MAX_CONCURRENT_STREAMS) if http2 is not None else None
    if limit is None or not 0 < limit < RECOMMENDED:
        return
    calls = "call" if limit == 1 else "calls"
    yield Finding(
        RULE,
        message=f"a connection carries at most {limit} {calls} at once (MAX_CONCURRENT_STREAMS)",
        explanation="A gRPC channel normally keeps one connection to a server. Further calls wait in the client until "
        f"one of {limit} ends, which looks like latency or DEADLINE_EXCEEDED and is in no server log; a few open "
        "streaming calls block the connection for good.",
        evidence=(
            Evidence(f"SETTINGS MAX_CONCURRENT_STREAMS (0x3) = {limit}; RFC 9113 recommends {RECOMMENDED} or more",
                     ref="http2"),
        ),
        fixes=(
            Fix("Raise it where HTTP/2 ends: Envoy", patch="http2_protocol_options: {max_concurrent_streams: 1024}"),
            Fix("nginx", patch="http2_max_concurrent_streams 128;"),
            Fix("Servers: grpc-go grpc.MaxConcurrentStreams, Java maxConcurrentCallsPerConnection, "
                "Python ('grpc.max_concurrent_streams', N); until then open several channels in the client"),
        ),
        severity=Severity.WARNING if limit < FEW else Severity.INFO,
    )
