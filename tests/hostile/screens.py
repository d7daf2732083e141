"""What must never reach a terminal: characters of a peer that act on it, and words of a bug of ours."""

from __future__ import annotations

import json
import re

from grpcdoctor.model.observation import Outcome
from grpcdoctor.model.report import Report
from grpcdoctor.report.formats import find_format, format_names
from grpcdoctor.report.style import Style
from grpcdoctor.report.trace import trace_line

ACTS_ON_A_TERMINAL = re.compile("[\x00-\x09\x0b-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")


def assert_safe(report: Report) -> None:
    """No bug of ours, and in every format nothing that a terminal would obey."""
    assert_no_bug(report)
    for name in format_names():
        found = find_format(name)
        assert found is not None
        many = found.many([report.target.endpoint], Style())
        texts = [found.render(report, Style(verbose=verbose)) for verbose in (False, True)]
        texts.append(many.head() + many.line(report) + many.tail())
        for text in texts:
            assert_quiet(text)
        if name == "json":
            json.loads(texts[0])
    for frame in report.trace:
        assert_quiet(trace_line(frame, Style()))


def assert_quiet(text: str) -> None:
    loud = ACTS_ON_A_TERMINAL.search(text)
    assert loud is None, repr(text[max(0, loud.start() - 60) : loud.end() + 60])


def assert_no_bug(report: Report) -> None:
    bugs = [o for o in report.observations if o.outcome is Outcome.BUG]
    bugs_in_checks = [spot for spot in report.blind_spots if "bug in grpcdoctor" in spot.why]
    assert not bugs, bugs
    assert not bugs_in_checks, bugs_in_checks
