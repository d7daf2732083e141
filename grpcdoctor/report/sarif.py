"""sarif: SARIF 2.1.0, for code scanning: rules, results at file and line, and fixes where a line can be rewritten."""

from __future__ import annotations

import json
import re
from pathlib import PurePath
from typing import Any, Final
from urllib.parse import quote

from grpcdoctor.cluster.fields import dotted
from grpcdoctor.model.finding import BlindSpot, Finding, Fix, Operation, Subject
from grpcdoctor.model.report import Report
from grpcdoctor.model.rule import Rule, Severity
from grpcdoctor.report import clean
from grpcdoctor.report.blocks import place, unseen_line
from grpcdoctor.report.style import Style
from grpcdoctor.version import __version__

_SCHEMA: Final = "https://json.schemastore.org/sarif-2.1.0.json"
_LEVELS: Final = {Severity.ERROR: "error", Severity.WARNING: "warning", Severity.INFO: "note"}
_SIMPLE_LINE: Final = re.compile(r"^(?P<lead>\s*(?:- )*)(?P<key>[\w./-]+):\s+(?P<value>[^#{}\[\]&*|>\s][^#]*?)\s*$")
_PLAIN: Final = re.compile(r"^[A-Za-z0-9][\w./-]*$")


def render(report: Report, style: Style) -> str:
    rules = tuple({finding.rule.code: finding.rule for finding in report.findings}.values())
    index = {rule.code: number for number, rule in enumerate(rules)}
    run = {
        "tool": {
            "driver": {
                "name": "grpcdoctor",
                "version": __version__,
                "semanticVersion": __version__,
                "rules": [_rule(rule) for rule in rules],
            }
        },
        "columnKind": "unicodeCodePoints",
        "invocations": [
            {
                "executionSuccessful": True,
                "startTimeUtc": report.started_at,
                "toolExecutionNotifications": [_notification(spot) for spot in report.blind_spots],
            }
        ],
        "results": [_result(finding, index[finding.rule.code]) for finding in report.findings],
        "properties": {"verdict": report.verdict.value},
    }
    log = {"$schema": _SCHEMA, "version": "2.1.0", "runs": [run]}
    return clean.json_text(json.dumps(log, indent=2, ensure_ascii=not style.unicode)) + "\n"


def _rule(rule: Rule) -> dict[str, Any]:
    return {
        "id": rule.code,
        "name": "".join(part.capitalize() for part in rule.name.split("-")),
        "shortDescription": {"text": rule.title[0].upper() + rule.title[1:]},
        "help": {"text": f"grpcdoctor rule {rule.name}", "markdown": f"`grpcdoctor rule {rule.name}`"},
        "defaultConfiguration": {"level": _LEVELS[rule.severity]},
        "properties": {"tags": ["grpc", rule.layer.title], "rule": rule.name},
    }


def _result(finding: Finding, index: int) -> dict[str, Any]:
    text = " ".join(part for part in (finding.message + ".", finding.explanation) if part)
    found: dict[str, Any] = {
        "ruleId": finding.rule.code,
        "ruleIndex": index,
        "level": _LEVELS[finding.effective_severity],
        "message": {"text": clean.line(_with_fix(text, finding))},
        "locations": [_location(finding.subject)],
        "properties": {"confidence": round(finding.confidence, 3)},
    }
    fixes = [fix for one in finding.fixes if (fix := _fix(one, finding.subject)) is not None]
    if fixes:
        found["fixes"] = fixes
    return found


def _with_fix(text: str, finding: Finding) -> str:
    return f"{text} Fix: {finding.fixes[0].summary}." if finding.fixes else text


def _location(subject: Subject | None) -> dict[str, Any]:
    """The line where there is a file; the object in any case."""
    name = clean.line(place(subject)) or "endpoint"
    found: dict[str, Any] = {"logicalLocations": [{"fullyQualifiedName": name, "kind": "resource"}]}
    if subject is not None and subject.file is not None:
        region: dict[str, Any] = {"startLine": subject.line or 1}
        if subject.text is not None:
            region["snippet"] = {"text": clean.visible(subject.text)}
        found["physicalLocation"] = {"artifactLocation": {"uri": _uri(subject.file)}, "region": region}
    return found


def _fix(fix: Fix, subject: Subject | None) -> dict[str, Any] | None:
    """A rewrite of the subject's own line: a new value for its key, or one more key below it. None for all else."""
    if subject is None or subject.file is None or subject.line is None or subject.text is None or len(fix.changes) != 1:
        return None
    steps = fix.changes[0].operations
    shape = _SIMPLE_LINE.match(subject.text)
    if len(steps) != 1 or shape is None or not _is_plain(steps[0].value):
        return None
    if _parent(_field(steps[0].path)) != _parent(subject.field or ""):
        return None
    replacement = _replacement(steps[0], subject.line, shape)
    if replacement is None:
        return None
    change = {"artifactLocation": {"uri": _uri(subject.file)}, "replacements": [replacement]}
    return {"description": {"text": fix.summary}, "artifactChanges": [change]}


def _replacement(step: Operation, line: int, shape: re.Match[str]) -> dict[str, Any] | None:
    key = step.path.rpartition("/")[2].replace("~1", "/").replace("~0", "~")
    if step.op == "replace" and key == shape["key"]:
        start, end = shape.start("value") + 1, shape.end("value") + 1
        region = {"startLine": line, "startColumn": start, "endLine": line, "endColumn": end}
        return {"deletedRegion": region, "insertedContent": {"text": str(step.value)}}
    if step.op == "add" and not key.isdigit() and key != shape["key"]:
        column = len(shape.string.rstrip()) + 1
        region = {"startLine": line, "startColumn": column, "endLine": line, "endColumn": column}
        indent = " " * len(shape["lead"])
        return {"deletedRegion": region, "insertedContent": {"text": f"\n{indent}{key}: {step.value}"}}
    return None


def _field(pointer: str) -> str:
    """A JSON Pointer as the subject's field is written."""
    steps = [step.replace("~1", "/").replace("~0", "~") for step in pointer.split("/")[1:]]
    return dotted([int(step) if step.isdigit() else step for step in steps])


def _parent(field: str) -> str:
    return field.rpartition(".")[0]


def _is_plain(value: Any) -> bool:
    """A scalar that YAML reads as itself without quotes."""
    return isinstance(value, str) and _PLAIN.match(value) is not None


def _notification(spot: BlindSpot) -> dict[str, Any]:
    level = "warning" if spot.blocks_verdict else "note"
    return {"level": level, "message": {"text": clean.line(unseen_line(spot))}}


def _uri(file: str) -> str:
    """A relative reference, as code scanning wants it."""
    return quote(PurePath(file).as_posix().removeprefix("./"), safe="/")
