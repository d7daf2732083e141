"""The summary of several calls: figures that so few calls can carry."""

from __future__ import annotations

from grpcdoctor.client.latency import Latencies
from grpcdoctor.client.status import Status


def test_without_a_call_there_is_no_summary() -> None:
    assert Latencies().summary() is None


def test_one_call_has_no_rest() -> None:
    found = Latencies()
    found.add(5.0, Status(0))
    summary = found.summary()
    assert summary is not None
    assert (summary.minimum, summary.median, summary.maximum, summary.rest_median) == (5.0, 5.0, 5.0, None)


def test_the_first_is_told_apart_and_statuses_are_counted() -> None:
    found = Latencies()
    for milliseconds, code in ((90.0, 0), (1.0, 0), (3.0, 14), (2.0, 0)):
        found.add(milliseconds, Status(code))
    summary = found.summary()
    assert summary is not None
    assert summary.calls == 4
    assert summary.statuses == (("OK", 3), ("UNAVAILABLE", 1))
    assert (summary.minimum, summary.median, summary.maximum) == (1.0, 2.5, 90.0)
    assert (summary.first, summary.rest_median) == (90.0, 2.0)
