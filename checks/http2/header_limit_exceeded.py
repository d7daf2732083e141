"""header-limit-exceeded: the request's headers are larger than somebody on the way allows."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from grpcdoctor.checks.grpc._effect import Effect, effect_of
from grpcdoctor.checks.grpc._replies import Kind, evidence_of, seen
from grpcdoctor.model.codes import Http2Error, Setting, name_of
from grpcdoctor.model.facts.grpc import CallFacts, GrpcFacts, HealthFacts, ReflectionFacts
from grpcdoctor.model.facts.http2 import Http2Facts
from grpcdoctor.model.finding import Conclusion, Evidence, Finding, Fix
from grpcdoctor.model.rule import Rule, Severity
from grpcdoctor.model.run import Run

RULE = Rule(
    code="GD308",
    name="header-limit-exceeded",
    severity=Severity.ERROR,
    title="the request headers are over a limit",
    explains=("goaway-on-connect", "rst-stream", "not-grpc", "rate-limited", "clients-disagree"),
)
NEEDS = (Http2Facts, GrpcFacts, HealthFacts, ReflectionFacts, CallFacts)

# RFC 9113 §6.5.2: a header counts its name, its value and 32 octets.
_OVERHEAD: Final = 32
# What every gRPC client sends, with short values: :method, :scheme, te, content-type, user-agent, grpc-timeout,
# grpc-accept-encoding, and the pseudo-headers' names.
_ORDINARY: Final = 420
_LONGEST_OWN_PATH: Final = len("/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo")
# The smallest limit among common peers: nginx takes a header of 8 KiB (large_client_header_buffers), C-core refuses at
# random from a soft limit of 8 KiB on, grpc-java at 8 KiB.
_LARGE: Final = 8000
_WORDS: Final = re.compile(r"header|metadata", re.IGNORECASE)


def check(run: Run) -> Iterator[Conclusion]:
    effect = effect_of(run, lambda item: item.kind is Kind.HEADER_LIMIT)
    evidence = _from_replies(effect) or _from_settings(run) or _from_refusal(run)
    if not evidence:
        return
    size = _request_size(run)
    own = sum(len(name) + len(value) + _OVERHEAD for name, value in run.options.headers)
    yield Finding(
        RULE,
        message="the request headers are larger than the peer allows",
        explanation="Metadata travels as HTTP/2 headers, and every hop has a limit: C-core 8 KiB soft and 16 KiB hard, "
        "grpc-java 8 KiB, nginx 8 KiB a line, Envoy 60 KiB. Over it a call fails with RESOURCE_EXHAUSTED, UNKNOWN or a "
        "lost connection, and near C-core's soft limit only now and then.",
        evidence=(*evidence, Evidence(f"this run's headers: about {size} bytes, {own} of them from -H", ref="grpc")),
        fixes=(
            Fix("Send less metadata: large tokens, cookies and baggage are the usual cause"),
            Fix("nginx", patch="large_client_header_buffers 4 32k;"),
            Fix("Envoy max_request_headers_kb · grpc-go grpc.MaxHeaderListSize · Java maxInboundMetadataSize · "
                "Python ('grpc.max_metadata_size', N) and ('grpc.absolute_max_metadata_size', N)"),
        ),
        severity=effect.severity if effect is not None else Severity.ERROR,
        confidence=0.8 if effect is None and _setting_too_small(run) is None else 1.0,
    )


def _from_replies(effect: Effect | None) -> tuple[Evidence, ...]:
    return evidence_of(effect.hit) if effect is not None else ()


def _from_settings(run: Run) -> tuple[Evidence, ...]:
    limit = _setting_too_small(run)
    if limit is None:
        return ()
    return (Evidence(f"SETTINGS MAX_HEADER_LIST_SIZE (0x6) = {limit} bytes", ref="http2"),)


def _setting_too_small(run: Run) -> int | None:
    """SETTINGS_MAX_HEADER_LIST_SIZE where the calls of this run do not fit, and none was answered in spite of it.

    The setting is advisory (RFC 9113 §10.5.1): a server may well take more than it announces.
    """
    http2 = run.get(Http2Facts)
    limit = http2.setting(Setting.MAX_HEADER_LIST_SIZE) if http2 is not None else None
    if limit is None or limit >= _request_size(run):
        return None
    answered = any(item.kind in (Kind.OK, Kind.UNIMPLEMENTED, Kind.APPLICATION) for item in seen(run))
    return None if answered else limit


def _from_refusal(run: Run) -> tuple[Evidence, ...]:
    """GOAWAY or RST_STREAM that speaks of headers, or says ENHANCE_YOUR_CALM to a request with large metadata."""
    http2 = run.get(Http2Facts)
    for goaway in http2.goaways if http2 is not None else ():
        if goaway.code and (_WORDS.search(goaway.debug) or _calm_down(goaway.code, run)):
            said = f' "{goaway.debug[:120]}"' if goaway.debug else ""
            return (Evidence(f"GOAWAY {name_of(Http2Error, goaway.code)}{said}", ref="http2"),)
    resets = [item for item in seen(run) if item.kind is Kind.RESET and _calm_down(item.reply.reset_code, run)]
    return evidence_of(resets)


def _calm_down(code: int | None, run: Run) -> bool:
    return code == Http2Error.ENHANCE_YOUR_CALM and _request_size(run) > _LARGE


def _request_size(run: Run) -> int:
    """The size of our largest header list as RFC 9113 counts it."""
    call = run.get(CallFacts)
    path = max(len(call.method) if call is not None else 0, _LONGEST_OWN_PATH)
    own = sum(len(name) + len(value) + _OVERHEAD for name, value in run.options.headers)
    return _ORDINARY + path + len(run.target.authority_header) + own
