"""junit: a test case for every finding, and one for the whole, for CI systems that show test results."""

from __future__ import annotations

import xml.etree.ElementTree as ElementTree
from typing import Final

from grpcdoctor.model.finding import BlindSpot, Finding, Verdict
from grpcdoctor.model.report import Report
from grpcdoctor.model.rule import Severity
from grpcdoctor.report import clean
from grpcdoctor.report.blocks import place, unseen_line
from grpcdoctor.report.style import Style

_FAILED: Final = (Severity.ERROR, Severity.WARNING)


def render(report: Report, style: Style) -> str:
    name = report.scope.input if report.scope is not None else report.target.endpoint
    failures = sum(1 for finding in report.findings if finding.effective_severity in _FAILED)
    blind = [spot for spot in report.blind_spots if spot.blocks_verdict]
    seconds = f"{report.duration_ms / 1000:.3f}"
    counts = {
        "tests": str(len(report.findings) + len(blind) + 1),
        "failures": str(failures),
        "errors": str(int(_is_open(report))),
        "skipped": str(len(blind)),
        "time": seconds,
    }
    root = ElementTree.Element("testsuites", {"name": "grpcdoctor", **counts})
    stamp = report.started_at.removesuffix("Z")
    suite = ElementTree.SubElement(root, "testsuite", {"name": _text(name), "timestamp": stamp, **counts})
    _whole(suite, report, name, seconds)
    for finding in report.findings:
        _case(suite, finding, name)
    for spot in blind:
        _skipped(suite, spot)
    ElementTree.indent(root)
    text = ElementTree.tostring(root, encoding="unicode" if style.unicode else "us-ascii")
    body = text if isinstance(text, str) else text.decode("ascii")
    return f'<?xml version="1.0" encoding="utf-8"?>\n{body}\n'


def _whole(suite: ElementTree.Element, report: Report, name: str, seconds: str) -> None:
    """The verdict. An open one is an error of the test, as JUnit means it: nothing was decided."""
    case = ElementTree.SubElement(
        suite, "testcase", {"classname": f"grpcdoctor.{report.command}", "name": _text(name), "time": seconds}
    )
    if _is_open(report):
        ElementTree.SubElement(case, "error", {"type": "inconclusive", "message": "the verdict is open"})
    ElementTree.SubElement(case, "system-out").text = f"verdict: {report.verdict.value}"


def _case(suite: ElementTree.Element, finding: Finding, name: str) -> None:
    where = place(finding.subject) or name
    attributes = {"classname": f"grpcdoctor.{finding.rule.name}", "name": _text(where), "time": "0"}
    if finding.subject is not None and finding.subject.file:
        attributes["file"] = _text(finding.subject.file)
        attributes["line"] = str(finding.subject.line or 1)
    case = ElementTree.SubElement(suite, "testcase", attributes)
    body = "\n".join(_lines(finding))
    if finding.effective_severity in _FAILED:
        kind = f"{finding.effective_severity.value} {finding.rule.code}"
        failure = ElementTree.SubElement(case, "failure", {"type": kind, "message": _text(finding.message)})
        failure.text = body
    else:
        ElementTree.SubElement(case, "system-out").text = body


def _lines(finding: Finding) -> list[str]:
    words = (finding.message, finding.explanation, *(item.detail for item in finding.evidence))
    lines = [clean.line(text) for text in words]
    for fix in finding.fixes:
        lines += [f"Fix: {clean.line(fix.summary)}", clean.block(fix.command or fix.patch or "")]
    return [line for line in lines if line]


def _skipped(suite: ElementTree.Element, spot: BlindSpot) -> None:
    case = ElementTree.SubElement(
        suite, "testcase", {"classname": "grpcdoctor.blind-spot", "name": _text(spot.what), "time": "0"}
    )
    ElementTree.SubElement(case, "skipped", {"message": _text(unseen_line(spot))})


def _is_open(report: Report) -> bool:
    return report.verdict is Verdict.INCONCLUSIVE


def _text(text: str) -> str:
    """One line without the characters that XML 1.0 forbids."""
    return clean.line(text)
