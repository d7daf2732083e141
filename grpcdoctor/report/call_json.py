"""A call as JSON: the contract for scripts (docs/calling.md, call_schema.json)."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from grpcdoctor.model.redact import redact_headers, redact_text, secrets_of
from grpcdoctor.model.target import Target
from grpcdoctor.report import clean
from grpcdoctor.report.connection_json import connection_json
from grpcdoctor.version import __version__

if TYPE_CHECKING:
    from grpcdoctor.client.call_record import CallRecord, Messages
    from grpcdoctor.client.latency import LatencySummary
    from grpcdoctor.client.status import Status

CALL_SCHEMA: Final = "grpcdoctor.call/v1"
LATENCY_SCHEMA: Final = "grpcdoctor.latency/v1"

Headers = tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class CallFrame:
    """What is the same for all calls of a run."""

    target: Target
    protocol: str
    metadata: Headers
    """As given by the user: the secrets in it are taken out of what the server sent back."""
    show_secrets: bool = False

    @property
    def secrets(self) -> tuple[str, ...]:
        return () if self.show_secrets else secrets_of(self.metadata)

    def headers(self, headers: Headers) -> Headers:
        """As they may be shown."""
        if self.show_secrets:
            return headers
        return tuple((name, redact_text(value, self.secrets)) for name, value in redact_headers(headers))

    def words(self, text: str) -> str:
        return text if self.show_secrets else redact_text(text, self.secrets)


@dataclass(frozen=True, slots=True)
class Failure:
    """Why a call did not come to a status. `stage`: connect (then `step` is the one that failed), schema, request."""

    stage: str
    message: str
    step: str | None = None


def call_json(
    record: CallRecord, frame: CallFrame, failure: Failure | None, likely_cause: str | None, exit_code: int
) -> dict[str, Any]:
    """One call as the contract has it."""
    return {
        "schema": CALL_SCHEMA,
        "tool": {"name": "grpcdoctor", "version": __version__},
        "target": target_json(frame.target),
        "protocol": frame.protocol,
        "method": {"name": record.method, "kind": record.kind} if record.kind else None,
        "connection": None if record.connection is None else connection_json(record.connection),
        "request": {
            "metadata": _headers(frame.headers(record.sent_headers)),
            **_messages(record.requests),
            "bytes": record.bytes_sent,
            "compression": record.compression,
            "deadline_ms": _ms(record.deadline_seconds * 1000 if record.deadline_seconds is not None else None),
        },
        "response": {
            "headers": _headers(frame.headers(record.headers)),
            **_messages(record.responses),
            "bytes": record.bytes_received,
            "trailers": _headers(frame.headers(record.trailers)),
        },
        "status": None if record.status is None else _status(record.status, record.details, frame),
        "error": None if failure is None else _failure(failure, frame),
        "timings": _timings(record),
        "retries": record.retries,
        "likely_cause": likely_cause,
        "exit_code": exit_code,
    }


def latency_json(summary: LatencySummary) -> dict[str, Any]:
    return {
        "schema": LATENCY_SCHEMA,
        "calls": summary.calls,
        "statuses": dict(summary.statuses),
        "min_ms": _ms(summary.minimum),
        "median_ms": _ms(summary.median),
        "max_ms": _ms(summary.maximum),
        "first_ms": _ms(summary.first),
        "rest_median_ms": _ms(summary.rest_median),
    }


def target_json(target: Target) -> dict[str, Any]:
    return {
        "input": target.input,
        "host": target.host,
        "port": target.port,
        "tls": target.tls,
        "authority": target.authority_header,
    }


def dump(value: Any, *, one_line: bool = False) -> str:
    """As text that no terminal obeys, with a line break at the end."""
    return clean.json_text(json.dumps(value, indent=None if one_line else 2, ensure_ascii=False)) + "\n"


def _messages(messages: Messages) -> dict[str, Any]:
    return {"messages": [json.loads(text) for text in messages.texts], "messages_left_out": messages.left_out}


def _headers(headers: Headers) -> dict[str, list[str]]:
    """Values by name: a name may stand several times."""
    found: dict[str, list[str]] = {}
    for name, value in headers:
        found.setdefault(name, []).append(value)
    return found


def _status(status: Status, details: Sequence[str], frame: CallFrame) -> dict[str, Any]:
    return {
        "code": status.code,
        "name": status.name,
        "message": frame.words(status.message),
        "details": [json.loads(frame.words(text)) for text in details],
        "from_peer": status.from_peer,
    }


def _failure(failure: Failure, frame: CallFrame) -> dict[str, Any]:
    return {"stage": failure.stage, "step": failure.step, "message": frame.words(failure.message)}


def _timings(record: CallRecord) -> dict[str, Any]:
    facts = record.connection
    steps = {name: _ms(getattr(facts, name) if facts else None) for name in ("dns_ms", "tcp_ms", "tls_ms", "http2_ms")}
    return {**steps, "first_byte_ms": _ms(record.first_byte_ms), "total_ms": _ms(record.total_ms)}


def _ms(value: float | None) -> float | None:
    return None if value is None else round(value, 3)
