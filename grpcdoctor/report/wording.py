"""Facts in words, for -v: every field that holds something, the usual shapes (replies, handshakes …) on one line."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import fields, is_dataclass
from enum import Enum
from typing import Any, Final

from grpcdoctor.model.codes import GrpcStatus, Http2Error, Setting, TlsAlert, name_of
from grpcdoctor.model.conclusions import alpn_triple, milliseconds
from grpcdoctor.model.facts.grpc import Reply
from grpcdoctor.model.facts.http2 import FirstBytes, Goaway, Http1Answer
from grpcdoctor.model.facts.reach import TcpAttempt
from grpcdoctor.model.facts.tls import Certificate, Handshake
from grpcdoctor.model.observation import Facts
from grpcdoctor.report.envoy_wording import ENVOY_SHAPES
from grpcdoctor.report.glance import compact


def in_words(facts: Facts) -> Iterator[str]:
    """`field: value`, one a line; fields that are empty, False or None are left out."""
    for field in fields(facts):
        value = getattr(facts, field.name)
        if value is None or value is False or value == () or value == "":
            continue
        name = field.name.replace("_", " ")
        if field.name.endswith("_ms"):
            yield f"{name[:-3]}: {milliseconds(value)}"
        elif field.name == "settings":
            yield f"{name}: {_settings(value)}"
        elif isinstance(value, tuple) and value and is_dataclass(value[0]):
            yield from (f"{name}: {_value(item)}" for item in value)
        else:
            yield f"{name}: {_value(value)}"


def _value(value: Any) -> str:
    say = _SHAPES.get(type(value))
    if say is not None:
        return say(value)
    if is_dataclass(value) and not isinstance(value, type):
        return ", ".join(f"{f.name.replace('_', ' ')} {_value(getattr(value, f.name))}" for f in fields(value))
    if value is True:
        return "yes"
    if isinstance(value, Enum):
        return str(value.value)
    if isinstance(value, float):
        return f"{value:.4g}"
    if isinstance(value, tuple):
        return ", ".join(" ".join(map(str, item)) if isinstance(item, tuple) else _value(item) for item in value)
    return value if isinstance(value, str) else compact(value)


_SAID: Final = ("grpc-status", "grpc-message")


def _reply(reply: Reply) -> str:
    parts = [reply.path]
    if reply.http_status is not None:
        parts.append(f"HTTP {reply.http_status}")
    if reply.grpc_status is not None:
        parts.append(name_of(GrpcStatus, reply.grpc_status) + (" (trailers only)" if reply.trailers_only else ""))
    if reply.grpc_message:
        parts.append(f'"{reply.grpc_message}"')
    if reply.reset_code is not None:
        parts.append(f"RST_STREAM {name_of(Http2Error, reply.reset_code)}")
    if reply.lost:
        parts.append(f"lost: {reply.lost}")
    parts += [f"{name}: {value}" for name, value in reply.headers + reply.trailers if name not in _SAID]
    if reply.messages:
        parts.append(f"{reply.messages} {'message' if reply.messages == 1 else 'messages'}")
    if reply.body:
        parts.append(f"body {compact(reply.body)}")
    parts.append(milliseconds(reply.duration_ms))
    return ", ".join(parts)


def _handshake(shake: Handshake) -> str:
    parts = [shake.version or "no TLS version", shake.cipher or "", f"SNI {shake.server_name or 'none'}"]
    parts.append(alpn_triple(shake, None).rpartition(" · ")[0])
    if shake.result != "ok":
        parts.append(shake.result)
    if shake.alert is not None:
        when = " after the handshake" if shake.alert_after_handshake else ""
        parts.append(f"alert {name_of(TlsAlert, shake.alert).lower()} ({shake.alert}){when}")
    if shake.closed_after_handshake:
        parts.append("closed right after the handshake")
    parts += [text for text in (shake.verify_message, shake.error) if text]
    parts.append(milliseconds(shake.duration_ms))
    return ", ".join(part for part in parts if part)


def _certificate(found: Certificate) -> str:
    names = f" for {', '.join(found.names)}" if found.names else ""
    return f"{found.subject}{names}, {found.key}, {found.not_before} to {found.not_after}, issued by {found.issuer}"


def _first_bytes(first: FirstBytes) -> str:
    parts = [first.spoken, compact(first.text) if first.text else first.data]
    if first.tls_alert is not None:
        parts.append(f"alert {name_of(TlsAlert, first.tls_alert).lower()}")
    if first.reset:
        parts.append("reset")
    return ", ".join([*(part for part in parts if part), milliseconds(first.duration_ms)])


def _http1(answer: Http1Answer) -> str:
    headers = "".join(f", {name}: {value}" for name, value in answer.headers)
    return f"HTTP/1.1 {answer.status} {answer.reason}{headers}"


def _goaway(goaway: Goaway) -> str:
    debug = f' "{goaway.debug}"' if goaway.debug else ""
    when = milliseconds(goaway.at_ms)
    return f"{name_of(Http2Error, goaway.code)}{debug}, last stream {goaway.last_stream_id}, at {when}"


def _attempt(attempt: TcpAttempt) -> str:
    why = f" ({attempt.error})" if attempt.error else ""
    return f"{attempt.address} {attempt.result}{why} in {milliseconds(attempt.duration_ms)}"


def _settings(pairs: tuple[tuple[int, int], ...]) -> str:
    return ", ".join(f"{name_of(Setting, identifier)} {value}" for identifier, value in pairs)


_SHAPES: Final[dict[type, Callable[[Any], str]]] = {
    Reply: _reply,
    Handshake: _handshake,
    Certificate: _certificate,
    FirstBytes: _first_bytes,
    Http1Answer: _http1,
    Goaway: _goaway,
    TcpAttempt: _attempt,
    **ENVOY_SHAPES,
}
