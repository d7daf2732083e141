"""Asks all targets at once, prints each result as it comes, and gives the exit code."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from grpcdoctor.cli.errors import say
from grpcdoctor.cli.health.exit_codes import HealthExit, exit_code_of, worst
from grpcdoctor.cli.status import Status
from grpcdoctor.cli.terminal import is_terminal, write
from grpcdoctor.client.health_check import HealthQuestion, HealthResult, examine, examine_until_healthy
from grpcdoctor.report import clean
from grpcdoctor.report.health import HealthRows, summary
from grpcdoctor.wire.open_files import affordable_concurrency

if TYPE_CHECKING:
    from grpcdoctor.client.options import ChannelOptions
    from grpcdoctor.report.style import Style


@dataclass(frozen=True, slots=True)
class Order:
    """What a command line asks for."""

    targets: Sequence[ChannelOptions]
    question: HealthQuestion
    style: Style
    json: bool = False
    wait_seconds: float | None = None
    concurrency: int = 200


async def run(order: Order) -> HealthExit:
    """Raises ReaderGone."""
    return await _Run(order).go()


class _Run:
    def __init__(self, order: Order) -> None:
        endpoints = [options.target.endpoint for options in order.targets]
        self._order = order
        self._rows = HealthRows(endpoints, order.question.services, order.style, wrap=is_terminal(sys.stdout))
        self._status = Status(endpoints[0], len(endpoints), doing="asking")
        self._codes: list[HealthExit] = []
        self._turn = asyncio.Semaphore(min(order.concurrency, affordable_concurrency()))
        self._said: dict[str, str] = {}

    async def go(self) -> HealthExit:
        tasks = [asyncio.ensure_future(self._one(options)) for options in self._order.targets]
        async with self._status.live():
            try:
                for done in asyncio.as_completed(tasks):
                    options, result = await done
                    self._print(result)
            finally:
                for task in tasks:
                    task.cancel()
        if self._order.json:
            return worst(self._codes)
        if len(tasks) > 1:
            write(summary(self._codes.count(HealthExit.HEALTHY), len(tasks)))
        elif not result.healthy:
            from grpcdoctor.cli.health.causes import say_cause

            await say_cause(options, result)
        return worst(self._codes)

    async def _one(self, options: ChannelOptions) -> tuple[ChannelOptions, HealthResult]:
        question, wait = self._order.question, self._order.wait_seconds
        async with self._turn:
            if wait is None:
                return options, await examine(options, question)
            return options, await examine_until_healthy(options, question, wait, self._waiting)

    def _print(self, result: HealthResult) -> None:
        code = exit_code_of(result)
        self._codes.append(code)
        self._status.done += 1
        self._status.trouble += code is not HealthExit.HEALTHY
        self._status.clear()
        if self._order.json:
            from grpcdoctor.report.health_json import health_json

            write(health_json(result, code))
            return
        write(self._rows.result(result))
        if result.not_listed:
            say(f"{result.target.endpoint}: List is not implemented there (it is younger than Check); this is Check's")

    def _waiting(self, result: HealthResult) -> None:
        """What it waits for, once for each reason."""
        endpoint, reason = result.target.endpoint, f"{result.stage or 'health'}: {result.reason}"
        if self._said.get(endpoint) != reason:
            self._said[endpoint] = reason
            self._status.clear()
            say(clean.line(f"waiting for {endpoint}: {reason}"))
