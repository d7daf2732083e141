"""http2-protocol-error: the peer's bytes break HTTP/2."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from grpcdoctor.checks._commands import probe_command
from grpcdoctor.checks.grpc._replies import replies
from grpcdoctor.model.facts.http2 import Http2Facts
from grpcdoctor.model.finding import Alternative, Conclusion, Evidence, Finding, Fix
from grpcdoctor.model.rule import Rule, Severity
from grpcdoctor.model.run import Run

RULE = Rule(
    code="GD309",
    name="http2-protocol-error",
    severity=Severity.ERROR,
    title="the peer breaks the HTTP/2 protocol",
    explains=("trailers-missing", "clients-disagree"),
)
NEEDS = (Http2Facts,)

# Words of a violation -> what that means for the one who must mend it.
_MEANINGS: Final = (
    (r"uppercase header", "A header name has capital letters, which HTTP/2 forbids (RFC 9113 §8.2): something copies "
     "HTTP/1.1 headers unchanged."),
    (r"connection-specific header|connection header|\bte header", "A hop-by-hop header (connection, keep-alive, "
     "transfer-encoding …) was sent, which HTTP/2 forbids (RFC 9113 §8.2.2): something copies HTTP/1.1 headers."),
    (r":status|pseudo-header", "The response lacks a valid :status or mixes up the pseudo-headers (RFC 9113 §8.3)."),
    (r"trailers", "Trailers came without END_STREAM, so they end nothing (RFC 9113 §8.1)."),
    (r"expected \d+ bytes|content-length|body length", "The content-length does not fit the body (RFC 9113 §8.1.1): "
     "something rewrote the body, or copied the header of another message."),
    (r"overlong|frame size|max_frame_size|invalid size", "A frame has a size that was not agreed (RFC 9113 §4.2). A "
     "length that spells ASCII means that another protocol was spoken."),
    (r"header block|hpack|header list|decod", "A header block cannot be decoded (HPACK): the compression state of the "
     "two ends differs, as when a proxy passes on header blocks of another connection."),
    (r"flow.control|window", "Flow control was overrun or its windows are wrong (RFC 9113 §6.9)."),
    (r"settings", "The SETTINGS exchange is not as RFC 9113 §6.5 wants it."),
)
_ANY_MEANING: Final = "Strict clients close the connection on it (RFC 9113 §5.4.1), lenient ones carry on for a while."


def check(run: Run) -> Iterator[Conclusion]:
    http2 = run.get(Http2Facts)
    if http2 is None or not http2.violation or (http2.first is not None and http2.first.spoken != "h2"):
        return
    if http2.goaways and re.search(r"state \S*CLOSED", http2.violation):
        return  # h2 refuses frames after GOAWAY, which RFC 9113 §6.8 allows: its opinion, and no violation
    answered = any(reply.grpc_status is not None for _, reply in replies(run))
    frame = (Evidence(f"the frame: {http2.violation_frame}", ref="http2"),) if http2.violation_frame else ()
    yield Finding(
        RULE,
        message="the peer breaks HTTP/2" + (", though calls were answered" if answered else ""),
        explanation=_meaning(http2.violation) + " Whether a call survives depends on how strict the client is: "
        "INTERNAL or UNAVAILABLE with PROTOCOL_ERROR in one, nothing in another.",
        evidence=(Evidence(http2.violation, ref="http2"), *frame, *_who(http2)),
        fixes=(
            Fix("Find the hop: the same question straight to the application, past every proxy",
                command="kubectl port-forward deploy/NAME 50051 & grpcdoctor probe --plaintext localhost:50051"),
            Fix("Update the server's or proxy's HTTP/2 library, or the plugin that writes the headers named above"),
        ),
        severity=Severity.WARNING if answered else Severity.ERROR,
        confidence=0.9 if answered else 1.0,
        alternatives=(
            Alternative("upstream-protocol-mismatch", "a proxy that speaks HTTP/1.1 to a gRPC backend passes its "
                        "bytes on as headers or body", decide=probe_command(run, "--trace")),
        ),
    )


def _meaning(violation: str) -> str:
    text = violation.lower()
    return next((meaning for pattern, meaning in _MEANINGS if re.search(pattern, text)), _ANY_MEANING)


def _who(http2: Http2Facts) -> tuple[Evidence, ...]:
    if http2.terminator is None:
        return ()
    return (Evidence(f"SETTINGS look like {http2.terminator}: HTTP/2 probably ends there", ref="http2"),)
