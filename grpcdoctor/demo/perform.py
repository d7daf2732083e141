"""Sets a scenario up, diagnoses it with the real engine as if it were anybody's endpoint, and takes it down."""

from __future__ import annotations

import shlex
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from grpcdoctor.demo.scenario import Scenario
from grpcdoctor.demo.stage import Endpoint, Stage
from grpcdoctor.diagnosis.engine import diagnose
from grpcdoctor.model.options import ProbeOptions
from grpcdoctor.model.report import Report
from grpcdoctor.model.target import parse_target


@dataclass(frozen=True, slots=True)
class Performance:
    """A scenario that is running."""

    scenario: Scenario
    endpoint: Endpoint

    @property
    def command(self) -> str:
        """The same diagnosis as a command line; good as long as the scenario is up."""
        endpoint = self.endpoint
        trust = () if endpoint.cacert is None else ("--cacert", endpoint.cacert)
        return shlex.join(("grpcdoctor", "probe", endpoint.target, *trust))

    async def diagnose(self) -> Report:
        return await diagnose(parse_target(self.endpoint.target), ProbeOptions(cacert=self.endpoint.cacert))

    def found(self, report: Report) -> bool:
        """Whether the diagnosis is the one that the scenario was made for."""
        first = report.first_cause.name if report.first_cause is not None else None
        return first == self.scenario.cause and report.verdict is self.scenario.verdict


@asynccontextmanager
async def staged(scenario: Scenario) -> AsyncIterator[Performance]:
    """The scenario, up and listening inside the block."""
    async with Stage() as stage:
        yield Performance(scenario, await scenario.start(stage))
