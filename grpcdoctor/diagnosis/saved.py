"""A run on disk: --save writes all that was observed, --replay judges it again without a network."""

from __future__ import annotations

import json
from dataclasses import fields, replace
from pathlib import Path
from typing import Any, Final

from grpcdoctor.diagnosis.engine import report_of, with_secrets
from grpcdoctor.model.codec import CodecError, decode, encode
from grpcdoctor.model.frame import FrameRecord
from grpcdoctor.model.observation import Facts, Observation, Observations, Outcome
from grpcdoctor.model.options import ProbeOptions
from grpcdoctor.model.redact import REDACTED, redact
from grpcdoctor.model.report import Report
from grpcdoctor.model.run import Run
from grpcdoctor.model.target import Target
from grpcdoctor.version import __version__

SCHEMA: Final = "grpcdoctor.run/v1"


class SavedRunError(Exception):
    """The file cannot be written or read as a saved run; the message says why, in one line."""


def save_run(path: str, report: Report, options: ProbeOptions) -> None:
    """Write the run. Header values are left out: only their names are kept. Raises SavedRunError."""
    headers = tuple((name, REDACTED) for name, _ in options.headers)
    kept = replace(options, headers=headers, secrets=())
    data = {
        "schema": SCHEMA,
        "tool": {"name": "grpcdoctor", "version": __version__},
        "target": encode(report.target),
        "options": encode(kept),
        "started_at": report.started_at,
        "duration_ms": report.duration_ms,
        "observations": [_encode_observation(o) for o in report.observations],
        "trace": encode(report.trace),
    }
    safe = redact(data, with_secrets(options).secrets)
    try:
        Path(path).write_text(json.dumps(safe, indent=1) + "\n", encoding="utf-8")
    except OSError as failed:
        raise SavedRunError(f"cannot write {path}: {failed.strerror}") from failed


def replay_run(path: str) -> Report:
    """Judge a saved run again. Raises SavedRunError."""
    data = _load(path)
    try:
        run = Run(
            decode(Target, data.get("target")),
            decode(ProbeOptions, data.get("options", {})),
            Observations(tuple(_decode_observation(item) for item in data["observations"])),
        )
        trace = tuple(decode(FrameRecord, item) for item in data.get("trace", ()))
        report = report_of(run, str(data.get("started_at", "")), float(data.get("duration_ms", 0.0)))
    except (CodecError, KeyError, TypeError, ValueError) as wrong:
        raise SavedRunError(f"{path} is no run that this version can read: {wrong}") from wrong
    return replace(report, trace=trace)


def _load(path: str) -> dict[str, Any]:
    try:
        data = json.loads(Path(path).read_text(encoding="utf-8"))
    except OSError as failed:
        raise SavedRunError(f"cannot read {path}: {failed.strerror}") from failed
    except (ValueError, RecursionError) as wrong:
        raise SavedRunError(f"{path} is no JSON: {wrong}") from wrong
    if not isinstance(data, dict) or data.get("schema") != SCHEMA:
        raise SavedRunError(f"{path} is no run saved by grpcdoctor (its schema is not {SCHEMA})")
    return data


def _encode_observation(observation: Observation) -> dict[str, Any]:
    data: dict[str, Any] = encode(observation)
    data["kind"] = observation.facts.kind if observation.facts is not None else None
    return data


def _decode_observation(data: dict[str, Any]) -> Observation:
    values = dict(data)
    kind, facts = values.pop("kind", None), values.pop("facts", None)
    if kind is not None and kind not in Facts.kinds:
        raise CodecError(f"unknown kind of facts {kind!r}")
    known = {field.name for field in fields(Observation)}
    unknown = sorted(set(values) - known)
    if unknown:
        raise CodecError(f"observation: unknown field {unknown[0]!r}")
    values["outcome"] = Outcome(values.get("outcome", "ok"))
    return Observation(**values, facts=decode(Facts.kinds[kind], facts) if kind is not None else None)
