"""A bug in grpcdoctor is a visible outcome with a request to report it, and never the caller's problem."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

import grpcdoctor
from grpcdoctor.diagnosis import engine, judge, plan, registry
from grpcdoctor.diagnosis.probe_registry import probes
from grpcdoctor.model.finding import Conclusion
from grpcdoctor.model.observation import Outcome
from grpcdoctor.model.options import ProbeOptions
from grpcdoctor.model.report import Report
from grpcdoctor.model.run import Run
from grpcdoctor.probes import health, http2
from grpcdoctor.report import text
from grpcdoctor.report.style import Style
from tests.lab import fakes


class OursError(Exception):
    """A mistake in grpcdoctor."""


def broken(*_: Any, **__: Any) -> Any:
    raise OursError("a mistake")


async def broken_run(*_: Any) -> Any:
    raise OursError("a mistake")


def probed() -> Report:
    with fakes.healthy() as server:
        return grpcdoctor.probe(f"grpc://127.0.0.1:{server.port}", ProbeOptions(timeout=5, second_opinion=False))


def assert_confessed(report: Report, probe: str) -> None:
    (bug,) = [o for o in report.observations if o.outcome is Outcome.BUG]
    assert (bug.probe, report.verdict.value) == (probe, "inconclusive")
    assert "a bug in grpcdoctor, please report it: OursError: a mistake (test_bugs.py:" in (bug.error or "")
    assert "report" in text.render(report, Style())


def with_probe(monkeypatch: pytest.MonkeyPatch, name: str, **changes: Any) -> None:
    changed = tuple(replace(probe, **changes) if probe.name == name else probe for probe in probes())
    monkeypatch.setattr(plan, "probes", lambda: changed)


@pytest.mark.parametrize("changes", [{"run": broken_run}, {"ready": broken, "run": broken_run}])
def test_a_probe_that_raises_is_an_outcome(monkeypatch: pytest.MonkeyPatch, changes: dict[str, Any]) -> None:
    with_probe(monkeypatch, health.NAME, **changes)
    report = probed()
    assert_confessed(report, "health")
    assert any(o.probe == "grpc" and o.outcome is Outcome.OK for o in report.observations)


def test_a_probe_whose_end_raises_is_an_outcome(monkeypatch: pytest.MonkeyPatch) -> None:
    with_probe(monkeypatch, http2.NAME, finish=broken)
    assert_confessed(probed(), "http2")


@pytest.mark.parametrize("where", ["wanted", "skipped"])
def test_what_surrounds_a_probe_may_raise_too(monkeypatch: pytest.MonkeyPatch, where: str) -> None:
    with_probe(monkeypatch, "other-port", **{where: broken})
    report = probed()
    assert report.verdict.value == "inconclusive"
    assert "OursError" in text.render(report, Style())


def test_a_check_that_raises_is_a_blind_spot(monkeypatch: pytest.MonkeyPatch) -> None:
    def check(run: Run) -> Iterator[Conclusion]:
        raise OursError("a mistake")

    checks = tuple(replace(c, function=check) if c.rule.name == "rst-stream" else c for c in registry.checks())
    monkeypatch.setattr(judge, "checks", lambda: checks)
    judge._applicable.cache_clear()
    try:
        report = probed()
    finally:
        judge._applicable.cache_clear()
    assert report.verdict.value == "inconclusive"
    (spot,) = [spot for spot in report.blind_spots if "rst-stream" in spot.what]
    assert "please report it: OursError" in spot.why


@pytest.mark.parametrize("name", ["causes_of", "hops_of", "run_probes"])
def test_an_engine_that_raises_gives_a_report_all_the_same(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setattr(engine, name, broken)
    report = probed()
    assert_confessed(report, "diagnosis")
    assert report.causes == ()
