"""What a page says of the findings in its example."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Final

from grpcdoctor.model.finding import BlindSpot, Conclusion, Finding, Subject

if TYPE_CHECKING:
    from tests.checks.pages import ClusterExample, EnvoyExample

_KNOWN: Final = {"severity", "subject", "field", "count", "fixed", "blind_spot"}


def assert_as_expected(example: ClusterExample | EnvoyExample, found: Iterable[Conclusion]) -> None:
    """It fires or stays quiet as its heading says, and does all that its `expect` says."""
    conclusions, expect = list(found), example.expect
    findings = [each for each in conclusions if isinstance(each, Finding)]
    assert bool(findings) == example.fires, findings
    assert all(finding.rule.name == example.page for finding in findings)
    assert not set(expect) - _KNOWN, set(expect) - _KNOWN
    if "severity" in expect:
        assert findings[0].effective_severity.value == expect["severity"]
    if "count" in expect:
        assert len(findings) == expect["count"], findings
    if "blind_spot" in expect:
        assert any(isinstance(each, BlindSpot) for each in conclusions) == expect["blind_spot"]
    subjects = [finding.subject for finding in findings if finding.subject is not None]
    if "subject" in expect:
        assert expect["subject"] in [_title(subject) for subject in subjects]
    if "field" in expect:
        assert expect["field"] in [subject.field for subject in subjects]


def _title(subject: Subject) -> str:
    name = f"{subject.namespace}/{subject.name}" if subject.namespace else subject.name
    return f"{subject.kind} {name}"
