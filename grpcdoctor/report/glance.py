"""What a healthy endpoint is known by, each in one line: certificate, HTTP/2, health, services, the user's call."""

from __future__ import annotations

import json
from typing import Any, Final

from grpcdoctor.model.codes import GrpcStatus, Setting, name_of
from grpcdoctor.model.conclusions import milliseconds
from grpcdoctor.model.facts.grpc import CallFacts, HealthFacts, ReflectionFacts, RepeatFacts
from grpcdoctor.model.facts.http2 import Http2Facts
from grpcdoctor.model.facts.tls import TlsFacts
from grpcdoctor.model.observation import Observations

# Every server has these; the user's own services are the news.
_HOUSEKEEPING: Final = ("grpc.health.", "grpc.reflection.", "grpc.channelz.", "envoy.service.status.")

_TERMINATORS: Final = {
    "grpc-c-core": "gRPC C-core",
    "grpc-go": "gRPC-Go",
    "grpc-java": "gRPC-Java",
    "grpc-js": "gRPC on Node.js",
    "go-http2": "Go's net/http",
    "hyper": "Rust's hyper",
    "envoy": "Envoy",
    "haproxy": "HAProxy",
}
_USUAL_HEADER_LIMIT: Final = 16384


def tls(seen: Observations) -> str | None:
    facts = seen.get(TlsFacts)
    if facts is None or not facts.completed or facts.handshake is None:
        return None
    parts = [facts.handshake.version or ""]
    if facts.leaf is not None:
        parts += [_name_of_certificate(facts.leaf.subject, facts.leaf.names), _days(facts.leaf.days_left)]
    if facts.client_certificate_requested:
        parts.append("client certificate sent" if facts.client_certificate_given else "client certificate requested")
    if facts.verified is None:
        parts.append("not verified (--insecure)")
    return ", ".join(parts)


def http2(seen: Observations, verbose: bool = False) -> tuple[str, ...]:
    """Who seems to terminate HTTP/2, the round trip, and the settings that gRPC feels, the most telling first."""
    facts = seen.get(Http2Facts)
    if facts is None or not (facts.settings or facts.settings_acked):
        return ()
    # A fingerprint is never proof: versions and tuning vary.
    parts = [f"looks like {_TERMINATORS.get(facts.terminator, facts.terminator)}"] if facts.terminator else []
    if facts.ping_ms is not None:
        parts.append(f"ping {milliseconds(facts.ping_ms)}")
    streams = facts.setting(Setting.MAX_CONCURRENT_STREAMS)
    parts.append(f"{streams} streams" if streams is not None else "unlimited streams")
    headers = facts.setting(Setting.MAX_HEADER_LIST_SIZE)
    if headers is not None and (headers < _USUAL_HEADER_LIMIT or verbose):
        parts.append(f"headers {_size(headers)}")
    window = facts.setting(Setting.INITIAL_WINDOW_SIZE)
    parts.append(f"window {_size(window if window is not None else 65535)}")
    return tuple(parts)


def health(seen: Observations) -> str | None:
    """The overall status, then every service that differs from it."""
    facts = seen.get(HealthFacts)
    if facts is None or facts.status is None:
        return None
    differing = [f"{service} {status}" for service, status in facts.statuses if service and status != facts.status]
    services = sum(1 for service, _ in facts.statuses if service)
    alike = f" ({services} services alike)" if services > 1 and not differing else ""
    return facts.status + alike + "".join(f", {text}" for text in differing)


def services(seen: Observations) -> tuple[str, ...]:
    """The services that reflection lists, the user's own first."""
    facts = seen.get(ReflectionFacts)
    if facts is None:
        return ()
    return tuple(sorted(facts.services, key=lambda name: (name.startswith(_HOUSEKEEPING), name)))


def call(seen: Observations) -> str | None:
    facts = seen.get(CallFacts)
    if facts is None:
        return None
    method = facts.method.lstrip("/")
    if facts.reply is None:
        return f"{method} was not called: {facts.error or 'the run did not get that far'}"
    status = facts.reply.grpc_status
    missing = f"no grpc-status ({facts.reply.lost or 'none sent'})"
    outcome = name_of(GrpcStatus, status) if status is not None else missing
    message = f': "{facts.reply.grpc_message}"' if facts.reply.grpc_message else ""
    return f"{method} → {outcome} in {milliseconds(facts.reply.duration_ms)}{message}"


def response(seen: Observations, indent: int | None = None) -> str | None:
    """The user's answer, where there is one."""
    facts = seen.get(CallFacts)
    if facts is None or facts.response is None:
        return None
    return compact(facts.response) if indent is None else json.dumps(facts.response, indent=indent, ensure_ascii=False)


def tries(seen: Observations) -> str | None:
    facts = seen.get(RepeatFacts)
    if facts is None or facts.tries < 2:
        return None
    return f"{facts.tries} connections: " + ", ".join(f"{times} × {answer}" for answer, times in facts.mix)


def compact(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)


def _name_of_certificate(subject: str, names: tuple[str, ...]) -> str:
    common = next((part for part in subject.split(",") if part.strip().upper().startswith("CN=")), None)
    return common.strip() if common else (names[0] if names else subject)


def _days(left: float) -> str:
    if left < 0:
        return f"expired {_count(-left)} ago"
    return f"{_count(left)} left"


def _count(days: float) -> str:
    if days < 2:
        return f"{days * 24:.0f} hours"
    return f"{int(min(days, 99_999))} days"


def _size(value: int) -> str:
    for unit, size in (("GiB", 1 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10)):
        if value + 1 >= size:
            return f"{(value + (value & 1)) / size:.4g} {unit}"
    return f"{value} B"
