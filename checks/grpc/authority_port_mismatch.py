"""The port in :authority keeps the proxy from finding its route."""

from __future__ import annotations

from collections.abc import Iterator

from grpcdoctor.checks._suspects import suspected
from grpcdoctor.model.facts.text import TextFacts
from grpcdoctor.model.finding import Conclusion
from grpcdoctor.model.rule import Rule, Severity
from grpcdoctor.model.run import Run

RULE = Rule(
    code="GD433",
    name="authority-port-mismatch",
    severity=Severity.ERROR,
    title="the port in :authority keeps the proxy from finding its route",
)
NEEDS = (TextFacts,)


def check(run: Run) -> Iterator[Conclusion]:
    """Texts show it: an error message or a log line that points to it."""
    yield from suspected(run, RULE)
