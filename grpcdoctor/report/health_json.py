"""Health results for programs: one JSON object a target, in one line. The fields are told in docs/health.md."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

from grpcdoctor.report.clean import json_text
from grpcdoctor.report.connection_json import connection_json

if TYPE_CHECKING:
    from grpcdoctor.client.connection_facts import ConnectionFacts
    from grpcdoctor.client.health import ServiceHealth
    from grpcdoctor.client.health_check import HealthResult

SCHEMA: Final = "grpcdoctor.health/v1"


def health_json(result: HealthResult, exit_code: int, **more: Any) -> str:
    """`more` comes first: the time of an event that was watched."""
    target = result.target
    return _line(
        {
            "schema": SCHEMA,
            **more,
            "target": {
                "input": target.input,
                "endpoint": target.endpoint,
                "tls": target.tls,
                "authority": target.authority_header,
            },
            "healthy": result.healthy,
            "exit_code": exit_code,
            "expected": result.question.expected,
            "stage": result.stage,
            "reason": result.reason,
            "services": [_service(service) for service in result.services],
            "list_implemented": not result.not_listed if result.question.list else None,
            "connection": _connection(result.connection) if result.connection is not None else None,
            "attempts": result.attempts,
            "connect_ms": _rounded(result.connect_ms),
            "duration_ms": _rounded(result.duration_ms),
        }
    )


def _service(service: ServiceHealth) -> dict[str, Any]:
    return {
        "service": service.service,
        "status": service.serving,
        "grpc_status": service.status.name,
        "message": service.status.message,
        "duration_ms": _rounded(service.duration_ms),
    }


def _connection(facts: ConnectionFacts) -> dict[str, Any]:
    steps = {"dns": facts.dns_ms, "tcp": facts.tcp_ms, "tls": facts.tls_ms, "http2": facts.http2_ms}
    return {**connection_json(facts), "steps_ms": {name: _rounded(took) for name, took in steps.items()}}


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 3)


def _line(value: dict[str, Any]) -> str:
    return json_text(json.dumps(value, ensure_ascii=False)) + "\n"
