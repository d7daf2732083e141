"""diagnose_many: many targets, so many at a time, reported in the order that they finish."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from typing import Final

from grpcdoctor.diagnosis.engine import diagnose
from grpcdoctor.model.options import ProbeOptions
from grpcdoctor.model.report import Report
from grpcdoctor.model.target import Target
from grpcdoctor.wire.open_files import affordable_concurrency
from grpcdoctor.wire.session import FrameSink, Shared

DEFAULT_CONCURRENCY: Final = 200
# A target's objects live as long as its probe, so looking for garbage among them finds none; with Python's default of
# 700 that took a seventh of the time.
_OBJECTS_BETWEEN_COLLECTIONS: Final = 20_000


async def diagnose_many(
    targets: Sequence[Target],
    options: ProbeOptions,
    *,
    concurrency: int = DEFAULT_CONCURRENCY,
    on_frame: FrameSink | None = None,
) -> AsyncIterator[Report]:
    """Reports as they come. Closing the iterator ends what still runs. grpcio is asked only if the user said so."""
    if options.second_opinion is None and len(targets) > 1:
        options = replace(options, second_opinion=False)
    shared = Shared()
    waiting = iter(targets)
    running: set[asyncio.Task[Report]] = set()
    limit = min(concurrency, affordable_concurrency())
    thresholds = gc.get_threshold()
    gc.set_threshold(max(thresholds[0], _OBJECTS_BETWEEN_COLLECTIONS), *thresholds[1:])
    try:
        while True:
            for target in waiting:
                running.add(asyncio.create_task(diagnose(target, options, on_frame=on_frame, shared=shared)))
                if len(running) >= limit:
                    break
            if not running:
                return
            done, _ = await asyncio.wait(running, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                running.discard(task)
                yield task.result()
    finally:
        gc.set_threshold(*thresholds)
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)
