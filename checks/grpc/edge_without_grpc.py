"""A CDN, firewall or load balancer in front does not let gRPC through."""

from __future__ import annotations

from collections.abc import Iterator

from grpcdoctor.checks._suspects import suspected
from grpcdoctor.model.facts.text import TextFacts
from grpcdoctor.model.finding import Conclusion
from grpcdoctor.model.rule import Rule, Severity
from grpcdoctor.model.run import Run

RULE = Rule(
    code="GD419",
    name="edge-without-grpc",
    severity=Severity.ERROR,
    title="a CDN, firewall or load balancer in front does not let gRPC through",
)
NEEDS = (TextFacts,)


def check(run: Run) -> Iterator[Conclusion]:
    """Texts show it: an error message or a log line that points to it."""
    yield from suspected(run, RULE)
