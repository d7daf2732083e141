"""The :scheme of a request is not that of the connection it comes by."""

from __future__ import annotations

from collections.abc import Iterator

from grpcdoctor.checks._suspects import suspected
from grpcdoctor.model.facts.text import TextFacts
from grpcdoctor.model.finding import Conclusion
from grpcdoctor.model.rule import Rule, Severity
from grpcdoctor.model.run import Run

RULE = Rule(
    code="GD317",
    name="scheme-mismatch",
    severity=Severity.ERROR,
    title="the :scheme of a request is not that of the connection it comes by",
)
NEEDS = (TextFacts,)


def check(run: Run) -> Iterator[Conclusion]:
    """Texts show it: an error message or a log line that points to it."""
    yield from suspected(run, RULE)
