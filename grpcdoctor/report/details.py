"""What -v adds: the findings that were folded under a cause, and every observation with its facts in words."""

from __future__ import annotations

from grpcdoctor.model.conclusions import milliseconds
from grpcdoctor.model.observation import Observation, Outcome
from grpcdoctor.model.report import Report
from grpcdoctor.report.layout import LABEL_COLUMN, Page
from grpcdoctor.report.wording import in_words

_ROLES = {Outcome.OK: "good", Outcome.FAIL: "bad", Outcome.SKIPPED: "dim", Outcome.BUG: "bad"}


def details(page: Page, report: Report) -> None:
    for cause in report.causes:
        for finding in cause.consequences:
            page.prose("Folded", f"{finding.message} ({finding.rule.name}), explained by {cause.name}")
    if report.addresses:
        page.prose("At", ", ".join(report.addresses))
    page.prose("Run", f"{report.started_at}, {milliseconds(report.duration_ms)}")
    page.blank()
    for item in report.observations:
        _observation(page, item)


def _observation(page: Page, item: Observation) -> None:
    took = f"at {milliseconds(item.started_ms)}, took {milliseconds(item.duration_ms)}"
    error = f": {item.error}" if item.error else ""
    page.prose("", [(item.probe, "label"), (" ", ""), (item.outcome.value, _ROLES[item.outcome]),
                    (f"{error} ", ""), (f"({took})", "dim")], indent=2)  # fmt: skip
    if item.facts is not None:
        for text in in_words(item.facts):
            page.prose("", text, indent=LABEL_COLUMN)
