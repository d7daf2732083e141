"""json: the contract for scripts (docs/json.md, schema.json). One object for one target, a line each for several."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import fields
from functools import lru_cache, partial
from typing import Any

from grpcdoctor.model.codec import encode
from grpcdoctor.model.finding import BlindSpot, Change, Evidence, Finding, Fix, Operation
from grpcdoctor.model.observation import Observation
from grpcdoctor.model.report import SCHEMA, Cause, Hop, HopPath, Report
from grpcdoctor.report import clean
from grpcdoctor.report.style import Style
from grpcdoctor.version import __version__


def render(report: Report, style: Style) -> str:
    return _dump(to_json(report), style, indent=2) + "\n"


class Many:
    """NDJSON: a report a line, in the order that they finish."""

    def __init__(self, endpoints: Sequence[str], style: Style) -> None:
        self._style = style

    def head(self) -> str:
        return ""

    def line(self, report: Report) -> str:
        return _dump(to_json(report), self._style) + "\n"

    def tail(self) -> str:
        return ""


def to_json(report: Report) -> dict[str, Any]:
    """The report as the contract has it."""
    target = report.target
    found: dict[str, Any] = {
        "schema": SCHEMA,
        "tool": {"name": "grpcdoctor", "version": __version__},
        "command": report.command,
        "target": {
            "input": target.input,
            "host": target.host,
            "port": target.port,
            "tls": target.tls,
            "authority": target.authority_header if target.host else "",
            "addresses": list(report.addresses),
        },
        "started_at": report.started_at,
        "duration_ms": _ms(report.duration_ms),
        "verdict": report.verdict.value,
        "causes": [_cause(cause) for cause in report.causes],
        "findings": [_finding(finding, target.endpoint) for finding in report.findings],
        "hops": [_hop(hop) for hop in report.hops],
        "observations": [_observation(item) for item in report.observations],
        "blind_spots": [_blind_spot(spot) for spot in report.blind_spots],
    }
    if report.scope is not None:
        found["scope"] = encode(report.scope)
        found["paths"] = [_path(path) for path in report.paths]
        found["suppressed"] = [{"name": name, "count": count} for name, count in report.suppressed]
    if report.envoy is not None:
        found["envoy"] = encode(report.envoy)
    if report.service_routes:
        found["service_routes"] = [encode(item) for item in report.service_routes]
    return found


@lru_cache(maxsize=1)
def schema() -> dict[str, Any]:
    """The published JSON Schema."""
    from importlib.resources import files

    loaded: dict[str, Any] = json.loads(files("grpcdoctor.report").joinpath("schema.json").read_text("utf-8"))
    return loaded


def _cause(cause: Cause) -> dict[str, Any]:
    found = {
        "code": cause.code,
        "name": cause.name,
        "severity": cause.severity.value,
        "confidence": round(cause.confidence, 3),
        "title": cause.title,
        "explanation": cause.explanation,
        "evidence": [_evidence(item) for item in cause.evidence],
        "fixes": [_fix(fix) for fix in cause.fixes],
        "alternatives": list(cause.alternatives),
    }
    subject = cause.root.subject
    return found if subject is None else {**found, "subject": _without_none(subject)}


def _finding(finding: Finding, endpoint: str) -> dict[str, Any]:
    subject = {} if finding.subject is None else _without_none(finding.subject)
    found = {
        "code": finding.rule.code,
        "name": finding.rule.name,
        "severity": finding.effective_severity.value,
        "message": finding.message,
        "subject": subject or {"endpoint": endpoint},
        "evidence": [_evidence(item) for item in finding.evidence],
        "fixes": [_fix(fix) for fix in finding.fixes],
    }
    return {**found, "related": list(finding.related)} if finding.related else found


def _evidence(item: Evidence) -> dict[str, Any]:
    return {"source": item.source.value, "detail": item.detail, "ref": item.ref}


def _fix(fix: Fix) -> dict[str, Any]:
    """The change for programs goes in whole; where there is none the field is left out."""
    found = _without_none(fix)
    del found["changes"]
    if fix.changes:
        found["changes"] = [_change(change) for change in fix.changes]
    return found


def _change(change: Change) -> dict[str, Any]:
    about = {"api_version": change.api_version, "kind": change.kind, "namespace": change.namespace, "name": change.name}
    if change.create is not None:
        return {**about, "create": change.create}
    if change.delete:
        return {**about, "delete": True}
    return {**about, "json_patch": [_operation(operation) for operation in change.operations]}


def _operation(operation: Operation) -> dict[str, Any]:
    about = {"op": operation.op, "path": operation.path}
    return about if operation.op == "remove" else {**about, "value": operation.value}


def _hop(hop: Hop) -> dict[str, Any]:
    decided_by = None if hop.decided_by is None else _without_none(hop.decided_by)
    found = {
        "from": hop.source,
        "to": hop.destination,
        "protocol": hop.protocol,
        "tls": hop.tls,
        "decided_by": decided_by,
    }
    more = {"reason": hop.reason, "problem": hop.problem, "from_kind": hop.source_kind, "to_kind": hop.destination_kind}
    return {**found, **{name: value for name, value in more.items() if value}}


def _path(path: HopPath) -> dict[str, Any]:
    return {
        "host": path.host,
        "route": path.route,
        "match": path.match,
        "grpc": path.is_grpc,
        "problem": path.problem,
        "hops": [_hop(hop) for hop in path.hops],
    }


def _observation(item: Observation) -> dict[str, Any]:
    return {
        "probe": item.probe,
        "outcome": item.outcome.value,
        "started_ms": _ms(item.started_ms),
        "duration_ms": _ms(item.duration_ms),
        "facts": {} if item.facts is None else encode(item.facts),
        "error": item.error,
    }


def _blind_spot(spot: BlindSpot) -> dict[str, Any]:
    why = f"{spot.why}; this decides: {spot.decide}" if spot.decide else spot.why
    return {"what": spot.what, "why": why, "blocks_verdict": spot.blocks_verdict}


def _without_none(value: Any) -> dict[str, Any]:
    return {f.name: item for f in fields(value) if (item := getattr(value, f.name)) is not None}


def _ms(value: float) -> float:
    return round(value, 3)


def _finite(value: Any) -> Any:
    """JSON has no infinity and no NaN; such a measure becomes null."""
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, dict):
        return {key: _finite(item) for key, item in value.items()}
    return [_finite(item) for item in value] if isinstance(value, list) else value


def _dump(value: dict[str, Any], style: Style, indent: int | None = None) -> str:
    separators = (",", ":") if indent is None else (",", ": ")
    dump = partial(json.dumps, ensure_ascii=not style.unicode, allow_nan=False, indent=indent, separators=separators)
    try:
        text = dump(value)
    except ValueError:  # a measure that is not finite; looking for one in every report would cost more than the dump
        text = dump(_finite(value))
    return clean.json_text(text)
