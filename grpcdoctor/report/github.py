"""github: workflow commands, which GitHub Actions shows as annotations at the lines of a pull request."""

from __future__ import annotations

from typing import Final

from grpcdoctor.model.finding import BlindSpot, Finding
from grpcdoctor.model.report import Report
from grpcdoctor.model.rule import Severity
from grpcdoctor.report import clean
from grpcdoctor.report.blocks import place, unseen_line
from grpcdoctor.report.style import Style

_COMMANDS: Final = {Severity.ERROR: "error", Severity.WARNING: "warning", Severity.INFO: "notice"}


def render(report: Report, style: Style) -> str:
    lines = [_annotation(finding) for finding in report.findings]
    lines += [_blind(spot) for spot in report.blind_spots if spot.blocks_verdict]
    lines.append(f"{report.name}: {report.verdict.value}")
    return style.fit("\n".join(lines) + "\n")


def _annotation(finding: Finding) -> str:
    subject = finding.subject
    where = []
    if subject is not None and subject.file and not subject.file.startswith("<"):
        where = [f"file={_property(subject.file)}", f"line={subject.line or 1}"]
    where.append(f"title={_property(f'{finding.rule.code} {finding.rule.name}')}")
    parts = [finding.message, finding.explanation, *(f"Fix: {fix.summary}" for fix in finding.fixes[:1])]
    if not (subject is not None and subject.file):
        parts.insert(0, place(subject))
    text = "\n".join(clean.line(part) for part in parts if part)
    return f"::{_COMMANDS[finding.effective_severity]} {','.join(where)}::{_data(text)}"


def _blind(spot: BlindSpot) -> str:
    return f"::warning title=not looked at::{_data(clean.line(unseen_line(spot)))}"


def _data(text: str) -> str:
    """The escapes of @actions/core's command."""
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(clean.line(text)).replace(":", "%3A").replace(",", "%2C")
