"""Some hundreds of generated servers over real sockets, many at a time, through the whole of `diagnose`."""

from __future__ import annotations

import asyncio
import time
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from grpcdoctor.diagnosis.many import diagnose_many
from grpcdoctor.model.options import ProbeOptions
from grpcdoctor.model.report import Report
from grpcdoctor.model.target import parse_target
from tests.hostile.mutations import BYTE_OPERATIONS, FRAME_OPERATIONS, mutated, mutated_frames
from tests.hostile.recorded import healthy_frames, healthy_pieces
from tests.hostile.screens import assert_safe
from tests.patience import PATIENCE
from tests.search import SEARCHES_ANEW

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]

ROUNDS, AT_ONCE, BUDGET = 12, 40, 1.0
Case = tuple[list[Any], list[Any], bool, bool]
CASES = st.tuples(BYTE_OPERATIONS, FRAME_OPERATIONS, st.booleans(), st.booleans())


async def _serve(case: Case, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    on_bytes, on_frames, greeting_too, close = case
    greeting = healthy_pieces()[0]
    answers = b"".join(frame.encode() for frame in mutated_frames(healthy_frames()[2:], on_frames))
    try:
        writer.write(mutated(greeting, on_bytes) if greeting_too else greeting)
        await reader.read(65536)
        await asyncio.sleep(0.1)  # the questions are out
        writer.write(mutated(answers, on_bytes))
        await writer.drain()
        while not close and await reader.read(65536):
            pass
    except ConnectionError:
        pass
    finally:
        writer.close()


async def _reports(cases: list[Case]) -> list[Report]:
    async with asyncio.timeout(BUDGET + 6) if hasattr(asyncio, "timeout") else _no_limit():
        servers = [
            await asyncio.start_server(lambda r, w, case=case: _serve(case, r, w), "127.0.0.1", 0)  # type: ignore[misc]
            for case in cases
        ]
        targets = [parse_target(f"grpc://127.0.0.1:{server.sockets[0].getsockname()[1]}") for server in servers]
        options = ProbeOptions(timeout=BUDGET, trace=True)
        try:
            return [report async for report in diagnose_many(targets, options, concurrency=AT_ONCE)]
        finally:
            for server in servers:
                server.close()


class _no_limit:  # noqa: N801
    """asyncio.timeout came with Python 3.11; there pytest's own limit has to do."""

    async def __aenter__(self) -> None: ...

    async def __aexit__(self, *_: object) -> None: ...


def test_generated_servers_are_diagnosed_within_their_budget() -> None:
    judged, _ = 0, healthy_pieces()  # recorded before a loop runs

    @settings(
        max_examples=ROUNDS, deadline=None, database=None, derandomize=not SEARCHES_ANEW,
        suppress_health_check=list(HealthCheck), phases=[Phase.generate],
    )  # fmt: skip
    @given(st.lists(CASES, min_size=AT_ONCE, max_size=AT_ONCE))
    def batch(cases: list[Case]) -> None:
        nonlocal judged
        started = time.monotonic()
        reports = asyncio.run(_reports(cases))
        assert time.monotonic() - started < BUDGET + PATIENCE
        assert len(reports) == len(cases)
        for report in reports:
            assert_safe(report)
        judged += len(reports)

    batch()
    print(f"generated servers over sockets: {judged} cases")
    assert judged >= 400
