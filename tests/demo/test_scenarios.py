"""Every scenario of the demo is diagnosed as what it is, and leaves nothing behind."""

from __future__ import annotations

import asyncio
import socket
from pathlib import Path

import pytest

from grpcdoctor.demo.perform import Performance, staged
from grpcdoctor.demo.scenario import DEFAULT, Scenario, find_scenario, scenarios
from grpcdoctor.diagnosis.registry import rules
from grpcdoctor.model.report import Report

GUIDE = Path(__file__).parents[2] / "docs" / "demo.md"


def staged_and_diagnosed(scenario: Scenario) -> tuple[Performance, Report]:
    async def run() -> tuple[Performance, Report]:
        async with staged(scenario) as performance:
            return performance, await performance.diagnose()

    return asyncio.run(run())


@pytest.mark.parametrize("scenario", scenarios(), ids=lambda scenario: scenario.name)
def test_a_scenario_yields_its_cause_and_verdict(scenario: Scenario) -> None:
    performance, report = staged_and_diagnosed(scenario)
    first = report.first_cause.name if report.first_cause is not None else None
    assert (first, report.verdict) == (scenario.cause, scenario.verdict)
    assert performance.found(report)


def test_each_cause_is_the_name_of_a_rule() -> None:
    assert {scenario.cause for scenario in scenarios()} - {None} <= set(rules())


def test_each_scenario_says_in_two_lines_what_is_set_up() -> None:
    assert [s.name for s in scenarios() if not 20 < len(s.description) < 140 or not s.description.endswith(".")] == []


def test_the_guide_lists_every_scenario_with_its_cause_and_verdict() -> None:
    rows = [line.split("|") for line in GUIDE.read_text(encoding="utf-8").splitlines() if line.startswith("| `")]
    listed = {row[1].strip(" `"): row[3].replace("`", "").strip() for row in rows}
    assert listed == {s.name: f"{s.cause or 'none'}, {s.verdict.value}" for s in scenarios()}


def test_the_default_comes_first() -> None:
    assert scenarios()[0].name == DEFAULT


def test_a_name_is_found_in_either_spelling() -> None:
    assert find_scenario("ALPN_missing") == find_scenario("alpn-missing")
    assert find_scenario("no-such-thing") is None


@pytest.mark.parametrize("name", ["alpn-missing", "healthy", "http1-backend"])
def test_ports_and_certificates_are_gone_afterwards(name: str) -> None:
    scenario = find_scenario(name)
    assert scenario is not None

    async def run() -> Performance:
        async with staged(scenario) as performance:
            await performance.diagnose()
            return performance

    endpoint = asyncio.run(run()).endpoint
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", endpoint.port), timeout=1).close()
    assert endpoint.cacert is not None
    with pytest.raises(FileNotFoundError):
        open(endpoint.cacert).close()


def test_what_is_set_up_is_taken_down_when_the_diagnosis_is_cancelled() -> None:
    scenario = find_scenario("max-concurrent-streams-zero")
    assert scenario is not None

    async def run(port: asyncio.Future[int]) -> None:
        async with staged(scenario) as performance:
            port.set_result(performance.endpoint.port)
            await performance.diagnose()

    async def cancel_soon() -> int:
        port: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        task = asyncio.ensure_future(run(port))
        await port
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        return await port

    port = asyncio.run(cancel_soon())
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
