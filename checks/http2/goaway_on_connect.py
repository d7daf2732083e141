"""goaway-on-connect: the server sends GOAWAY before it has answered anything."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from grpcdoctor.checks._commands import probe_command
from grpcdoctor.checks.grpc._replies import replies
from grpcdoctor.model.codes import Http2Error, name_of
from grpcdoctor.model.conclusions import milliseconds
from grpcdoctor.model.facts.http2 import Goaway, Http2Facts
from grpcdoctor.model.finding import Alternative, Conclusion, Evidence, Finding, Fix
from grpcdoctor.model.rule import Rule, Severity
from grpcdoctor.model.run import Run

RULE = Rule(
    code="GD304",
    name="goaway-on-connect",
    severity=Severity.ERROR,
    title="the server closes the HTTP/2 connection with GOAWAY",
    explains=("rst-stream", "not-grpc", "trailers-missing", "connection-closed-silently", "http2-protocol-error",
              "upstream-timeout", "response-timeout", "clients-disagree"),
)
NEEDS = (Http2Facts,)


@dataclass(frozen=True, slots=True)
class _Meaning:
    """What a code says of the server, and what to do about it."""

    why: str
    fixes: tuple[Fix, ...]
    other: str | None = None
    """The rule that has the same symptom."""


_LOG: Final = Fix("Read the log of whoever ends HTTP/2 here at this second; it names the reason",
                  command="kubectl logs deploy/NAME --since=5m | grep -iE 'goaway|http2|h2'")
_DRAIN: Final = (
    Fix("Wait for the rollout or scale-down to end, then probe again", command="kubectl rollout status deploy/NAME"),
    Fix("If every new connection gets it: raise the age limit (grpc-go keepalive.ServerParameters.MaxConnectionAge, "
        "Java maxConnectionAge, Python grpc.max_connection_age_ms); a few seconds is too short"),
)
_PINGS: Final = Fix(
    "Clients: keepalive time of 5 minutes or more, or permit shorter ones at the server (grpc-go "
    "keepalive.EnforcementPolicy.MinTime, Python grpc.http2.min_ping_interval_without_data_ms)"
)
_MEANINGS: Final[dict[int, _Meaning]] = {
    Http2Error.NO_ERROR: _Meaning(
        "NO_ERROR means an orderly goodbye: the server is draining or shutting down, or its maximum connection age is "
        "shorter than one call. Calls that it has not taken are safe to retry.", _DRAIN),
    Http2Error.PROTOCOL_ERROR: _Meaning(
        "PROTOCOL_ERROR means that the server could not read our HTTP/2: a middlebox that changes bytes, or a peer "
        "that speaks another protocol.", (_LOG,), "http2-protocol-error"),
    Http2Error.INTERNAL_ERROR: _Meaning(
        "INTERNAL_ERROR means that the server failed at the level of the connection. (C-core servers also use it for "
        "'connection idle', which is harmless.)", (_LOG,)),
    Http2Error.FLOW_CONTROL_ERROR: _Meaning("The server says that flow-control windows were overrun.", (_LOG,)),
    Http2Error.SETTINGS_TIMEOUT: _Meaning(
        "The server did not see our SETTINGS acknowledged in time: something on the way holds bytes back.", (_LOG,)),
    Http2Error.FRAME_SIZE_ERROR: _Meaning(
        "The server read a frame length that it does not take, as when another protocol's bytes are read as frames.",
        (_LOG,), "http2-protocol-error"),
    Http2Error.ENHANCE_YOUR_CALM: _Meaning(
        "ENHANCE_YOUR_CALM means that the server takes the client for abusive: a guard against floods of pings, resets "
        "or headers has tripped, perhaps because of earlier connections from the same address.",
        (_LOG, Fix("nginx: request headers may be too large for it", patch="large_client_header_buffers 4 32k;")),
        "header-limit-exceeded"),
    Http2Error.INADEQUATE_SECURITY: _Meaning(
        "INADEQUATE_SECURITY means that the TLS version or cipher is below what RFC 9113 §9.2 wants for HTTP/2.",
        (Fix("Allow TLS 1.3, or ECDHE with AES-GCM or ChaCha20 under TLS 1.2, at whoever terminates TLS"),),
        "tls-version-too-old"),
    Http2Error.HTTP_1_1_REQUIRED: _Meaning(
        "HTTP_1_1_REQUIRED means that the server insists on HTTP/1.1 for this host, as IIS and http.sys do for client "
        "certificates or Windows authentication. gRPC cannot run on HTTP/1.1.",
        (Fix("Serve gRPC under a host name or port without that demand"), _LOG)),
}
_UNKNOWN: Final = _Meaning("The code is none that RFC 9113 or gRPC knows.", (_LOG,))

# Words in the debug data say more than the code: what they mean, and what to do (empty: as for the code).
_DEBUG: Final[tuple[tuple[re.Pattern[str], str, tuple[Fix, ...]], ...]] = (
    (re.compile(r"too_many_pings"), "The debug data says too_many_pings: a client's keepalive is more frequent than "
     "the server allows. This connection sent at most two pings, so the server counts those of others or allows none.",
     (_PINGS,)),
    (re.compile(r"max_age|max_connection_age"), "The debug data says max_age: the server's maximum connection age is "
     "over already.", _DRAIN[1:]),
    (re.compile(r"graceful|shut(ting)?[ _]?down|app_requested|drain"), "The debug data says that the server shuts down "
     "in good order.", _DRAIN[:1]),
    (re.compile(r"session_timed_out"), "The debug data says session_timed_out, Google's front end closing a session.",
     ()),
    (re.compile(r"too_many_rst"), "The debug data says that too many streams were reset: a guard against "
     "rapid resets tripped.", (_LOG,)),
)
# grpcio up to 1.85 calls abort() on a GOAWAY with such a code (http2_status.h, UNREACHABLE CODE).
_KILLS_GRPCIO: Final = 13


def check(run: Run) -> Iterator[Conclusion]:
    http2 = run.get(Http2Facts)
    if http2 is None:
        return
    asked = [reply for _, reply in replies(run)]
    unanswered = [reply for reply in asked if reply.http_status is None]
    goaway = next((item for item in http2.goaways if _hurts(item, len(asked), len(unanswered))), None)
    if goaway is None:
        return
    meaning = _MEANINGS.get(goaway.code, _UNKNOWN)
    name = name_of(Http2Error, goaway.code)
    yield Finding(
        RULE,
        message=f"the server sent GOAWAY ({name})" + (" before any answer" if goaway.before_any_answer else ""),
        explanation=_explanation(goaway, meaning),
        evidence=_evidence(goaway, http2, len(unanswered)),
        fixes=_told_by_debug_data(goaway)[1] or meaning.fixes,
        severity=Severity.ERROR if len(unanswered) == len(asked) else Severity.WARNING,
        alternatives=() if _told_by_debug_data(goaway)[0] else _alternatives(meaning, run),
    )


def _hurts(goaway: Goaway, asked: int, unanswered: int) -> bool:
    """A GOAWAY after which everything was answered all the same is a graceful end (RFC 9113 §6.8), and so is
    NO_ERROR after an answer: what the server did not take, clients put to it again on the next connection."""
    if goaway.before_any_answer:
        return unanswered > 0 or asked == 0
    return unanswered > 0 and goaway.code != Http2Error.NO_ERROR


def _told_by_debug_data(goaway: Goaway) -> tuple[str, tuple[Fix, ...]]:
    debug = goaway.debug.lower()
    return next(((words, fixes) for pattern, words, fixes in _DEBUG if pattern.search(debug)), ("", ()))


def _explanation(goaway: Goaway, meaning: _Meaning) -> str:
    said, _ = _told_by_debug_data(goaway)
    parts = [said or meaning.why, "Calls that were not processed fail with UNAVAILABLE."]
    if goaway.code >= _KILLS_GRPCIO:
        parts.append("grpcio (Python, C++, Ruby) up to 1.85 aborts its whole process on this code.")
    return " ".join(parts)


def _evidence(goaway: Goaway, http2: Http2Facts, unanswered: int) -> tuple[Evidence, ...]:
    debug = f' · debug data "{goaway.debug[:120]}"' if goaway.debug else " · no debug data"
    code = f"{goaway.code} {name_of(Http2Error, goaway.code)}"
    frame = f"GOAWAY code {code} · last stream {goaway.last_stream_id}{debug}, after {milliseconds(goaway.at_ms)}"
    items = [Evidence(frame, ref="http2")]
    if unanswered:
        items.append(Evidence(f"{unanswered} of our questions got no answer", ref="grpc"))
    if http2.terminator:
        items.append(Evidence(f"SETTINGS look like {http2.terminator}: it probably sent this", ref="http2"))
    return tuple(items)


def _alternatives(meaning: _Meaning, run: Run) -> tuple[Alternative, ...]:
    if meaning.other is None:
        return ()
    decide = probe_command(run, "--trace")
    return (Alternative(meaning.other, "the same code is sent for that; the frame before it tells", decide=decide),)
