"""max-concurrent-streams-zero: the server's SETTINGS allow no stream at all."""

from __future__ import annotations

from collections.abc import Iterator

from grpcdoctor.checks.grpc._replies import replies
from grpcdoctor.model.codes import Setting
from grpcdoctor.model.facts.http2 import Http2Facts
from grpcdoctor.model.finding import Conclusion, Evidence, Finding, Fix
from grpcdoctor.model.rule import Rule, Severity
from grpcdoctor.model.run import Run

RULE = Rule(
    code="GD306",
    name="max-concurrent-streams-zero",
    severity=Severity.ERROR,
    title="the server allows no streams",
    explains=(
        "rst-stream", "goaway-on-connect", "not-grpc", "upstream-timeout", "response-timeout", "clients-disagree",
    ),
)
NEEDS = (Http2Facts,)


def check(run: Run) -> Iterator[Conclusion]:
    http2 = run.get(Http2Facts)
    if http2 is None or http2.setting(Setting.MAX_CONCURRENT_STREAMS) != 0:
        return
    if any(reply.http_status is not None for _, reply in replies(run)):
        return  # RFC 9113 §5.1.2 permits 0 for a moment; a later SETTINGS frame raised it
    yield Finding(
        RULE,
        message="the server allows no streams (MAX_CONCURRENT_STREAMS is 0)",
        explanation="A gRPC call is an HTTP/2 stream. With a limit of 0 a client may open none: calls wait in the "
        "client until their deadline, and no error names the reason. The connection itself looks perfect.",
        evidence=(Evidence("SETTINGS MAX_CONCURRENT_STREAMS (0x3) = 0 on a fresh connection", ref="http2"),),
        fixes=(
            Fix("Raise it where HTTP/2 ends: Envoy", patch="http2_protocol_options: {max_concurrent_streams: 1024}"),
            Fix("nginx", patch="http2_max_concurrent_streams 128;"),
            Fix("grpc-go: remove grpc.MaxConcurrentStreams(0); Java: maxConcurrentCallsPerConnection; "
                "Python: ('grpc.max_concurrent_streams', N). A server that sheds load this way: add capacity"),
        ),
    )
