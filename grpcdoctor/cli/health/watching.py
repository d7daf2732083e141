"""--watch: a line for every change, with its time, until Ctrl-C."""

from __future__ import annotations

import asyncio
import sys
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Final

from grpcdoctor.cli.errors import say
from grpcdoctor.cli.health.exit_codes import exit_code_of
from grpcdoctor.cli.terminal import is_terminal, write
from grpcdoctor.client.health_watching import POLL_SECONDS, watch_service
from grpcdoctor.report import clean
from grpcdoctor.report.health import HealthRows

if TYPE_CHECKING:
    from grpcdoctor.cli.health.running import Order
    from grpcdoctor.client.health_check import HealthResult
    from grpcdoctor.client.options import ChannelOptions

_NO_WATCH: Final = f"Watch is not implemented there; asking with Check every {POLL_SECONDS:g} s"


async def watch(order: Order) -> int:
    """Ends only by being cancelled, or with what it raises: ReaderGone."""
    endpoints = [options.target.endpoint for options in order.targets]
    rows = HealthRows(endpoints, order.question.services, order.style, wrap=is_terminal(sys.stdout))
    watchers = [
        asyncio.ensure_future(_watch_one(order, rows, options, service))
        for options in order.targets
        for service in order.question.services
    ]
    try:
        await asyncio.gather(*watchers)
    finally:
        for watcher in watchers:
            watcher.cancel()
    raise AssertionError("watching has no end")


async def _watch_one(order: Order, rows: HealthRows, options: ChannelOptions, service: str) -> None:
    def polling() -> None:
        say(clean.line(f"{options.target.endpoint}: {_NO_WATCH}"))

    async for result in watch_service(options, order.question, service, polling):
        _print(order, rows, result)


def _print(order: Order, rows: HealthRows, result: HealthResult) -> None:
    now = datetime.now(timezone.utc).isoformat(timespec="milliseconds" if order.json else "seconds")
    now = now.replace("+00:00", "Z")
    if order.json:
        from grpcdoctor.report.health_json import health_json

        write(health_json(result, exit_code_of(result), time=now))
        return
    write(rows.result(result, now))
