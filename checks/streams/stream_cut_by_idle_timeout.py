"""A hop cuts streams or connections on which nothing moves for a while."""

from __future__ import annotations

from collections.abc import Iterator

from grpcdoctor.checks._suspects import suspected
from grpcdoctor.model.facts.text import TextFacts
from grpcdoctor.model.finding import Conclusion
from grpcdoctor.model.rule import Rule, Severity
from grpcdoctor.model.run import Run

RULE = Rule(
    code="GD442",
    name="stream-cut-by-idle-timeout",
    severity=Severity.ERROR,
    title="a hop cuts streams or connections on which nothing moves for a while",
)
NEEDS = (TextFacts,)


def check(run: Run) -> Iterator[Conclusion]:
    """Texts show it: an error message or a log line that points to it."""
    yield from suspected(run, RULE)
