"""A header of HTTP/1.1 connections is sent over HTTP/2."""

from __future__ import annotations

from collections.abc import Iterator

from grpcdoctor.checks._suspects import suspected
from grpcdoctor.model.facts.text import TextFacts
from grpcdoctor.model.finding import Conclusion
from grpcdoctor.model.rule import Rule, Severity
from grpcdoctor.model.run import Run

RULE = Rule(
    code="GD315",
    name="connection-header-forwarded",
    severity=Severity.ERROR,
    title="a header of HTTP/1.1 connections is sent over HTTP/2",
)
NEEDS = (TextFacts,)


def check(run: Run) -> Iterator[Conclusion]:
    """Texts show it: an error message or a log line that points to it."""
    yield from suspected(run, RULE)
