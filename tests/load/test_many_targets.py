"""1,000 targets in one run, 200 at a time: every report comes, no descriptor leaks, memory stays bounded."""

from __future__ import annotations

import asyncio
import gc
import os
import resource
import time
import warnings
from collections import Counter
from collections.abc import Callable, Coroutine
from typing import Any

import psutil
import pytest

from grpcdoctor.diagnosis import many
from grpcdoctor.diagnosis.many import diagnose_many
from grpcdoctor.model.options import ProbeOptions
from grpcdoctor.model.report import Report
from grpcdoctor.model.target import Target, parse_target
from grpcdoctor.wire.open_files import affordable_concurrency
from tests.hostile.screens import assert_no_bug
from tests.lab.certificates import Certificates
from tests.lab.grpc_server import grpc_server
from tests.load.fleet import fleet
from tests.patience import AT_ONCE

pytestmark = [pytest.mark.slow, pytest.mark.timeout(180)]


def targets_at(ports: list[int], count: int, scheme: str = "grpc") -> list[Target]:
    return [parse_target(f"{scheme}://127.0.0.1:{ports[index % len(ports)]}") for index in range(count)]


async def gathered(targets: list[Target], options: ProbeOptions, concurrency: int = 200) -> list[Report]:
    return [report async for report in diagnose_many(targets, options, concurrency=concurrency)]


def open_files() -> int:
    return len(os.listdir("/proc/self/fd"))


def resident() -> int:
    return psutil.Process().memory_info().rss


def test_a_thousand_targets_leave_no_descriptor_and_little_memory() -> None:
    options = ProbeOptions(timeout=20)
    with fleet(500) as ports:
        asyncio.run(gathered(targets_at(ports, 20), options))  # what is made once is made
        files, memory = open_files(), resident()
        reports = asyncio.run(gathered(targets_at(ports, 1000), options))
        assert open_files() <= files
        held = resident() - memory
    assert len(reports) == 1000
    assert Counter(report.verdict.value for report in reports) == {"healthy": 1000}
    assert held < 150 << 20
    del reports


def test_a_thousand_tls_handshakes_give_their_memory_back(certificates: Certificates) -> None:
    options = ProbeOptions(timeout=20, quick=True, cacert=str(certificates.ca))

    async def counted(targets: list[Target]) -> tuple[int, int]:
        good, peak = 0, 0
        async for report in diagnose_many(targets, options):
            good += report.verdict.value == "healthy"
            peak = max(peak, resident())
        return good, peak

    with grpc_server(tls=True, ports=50) as server:
        asyncio.run(counted(targets_at(list(server.ports), 20, "grpcs")))
        files, memory = open_files(), resident()
        good, peak = asyncio.run(counted(targets_at(list(server.ports), 1000, "grpcs")))
    assert (good, open_files() <= files) == (1000, True)
    assert peak - memory < 200 << 20


def test_targets_of_every_fate_are_all_reported() -> None:
    with fleet(40) as good, fleet(40, silent=True) as silent:
        closed = [1] * 20
        targets = targets_at(good + silent + closed, 100)
        started = time.monotonic()
        reports = asyncio.run(gathered(targets, ProbeOptions(timeout=2), concurrency=50))
    assert time.monotonic() - started < 3 * AT_ONCE
    assert sorted(r.target.endpoint for r in reports) == sorted(t.endpoint for t in targets)
    fates = Counter(report.verdict.value for report in reports)
    assert (fates["healthy"], sum(fates.values())) == (40, 100)
    for report in reports:
        assert_no_bug(report)


def limited(files: int, body: Callable[[], list[Report]]) -> list[Report]:
    """Runs it where only so many descriptors beyond those in use may be opened."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(map(int, os.listdir("/proc/self/fd"))) + files, hard))
    try:
        return body()
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


@pytest.mark.parametrize("foreseen", [True, False])
def test_with_few_descriptors_targets_wait_for_each_other_and_none_is_blamed(
    monkeypatch: pytest.MonkeyPatch, foreseen: bool
) -> None:
    if not foreseen:
        monkeypatch.setattr(many, "affordable_concurrency", lambda: 1000)
    options = ProbeOptions(timeout=15)
    with fleet(50) as ports:
        targets = targets_at(ports, 100)
        reports = limited(24, lambda: asyncio.run(gathered(targets, options, concurrency=100)))
    assert Counter(report.verdict.value for report in reports) == {"healthy": 100}


def test_without_any_descriptor_the_verdict_is_inconclusive_and_names_the_limit(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    import errno

    async def out_of_files(*_: object, **__: object) -> None:
        raise OSError(errno.EMFILE, "Too many open files")

    monkeypatch.setattr(asyncio.BaseEventLoop, "create_connection", out_of_files)
    (report,) = asyncio.run(gathered([parse_target("grpc://192.0.2.1:1")], ProbeOptions(timeout=0.5)))
    assert (report.verdict.value, report.causes) == ("inconclusive", ())
    assert "ulimit -n" in report.blind_spots[0].why


def test_the_limit_on_open_files_bounds_how_many_run_at_once() -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (264, hard))
        assert affordable_concurrency() == 50
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def debugged(main: Coroutine[Any, Any, Any], caplog: pytest.LogCaptureFixture) -> None:
    """Runs it in asyncio's debug mode: nothing may complain, neither at once nor when the garbage is collected."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        asyncio.run(main, debug=True)
        gc.collect()
    complaints = [
        r.getMessage() for r in caplog.records if r.name == "asyncio" and "Using selector" not in r.getMessage()
    ]
    complaints = [text for text in complaints if not text.startswith("Executing ")]  # slow only because debugged
    assert complaints == []
    assert [str(w.message) for w in caught if issubclass(w.category, (ResourceWarning, RuntimeWarning))] == []


def test_asyncio_in_debug_mode_has_no_complaint(caplog: pytest.LogCaptureFixture) -> None:
    with fleet(10) as good, fleet(5, silent=True) as silent:
        debugged(gathered(targets_at([*good, *silent, 1], 32), ProbeOptions(timeout=1)), caplog)


def test_a_run_that_is_given_up_stops_at_once_and_leaves_nothing(caplog: pytest.LogCaptureFixture) -> None:
    async def interrupted(targets: list[Target], after: float) -> None:
        running = asyncio.create_task(gathered(targets, ProbeOptions(timeout=20)))
        await asyncio.sleep(after)
        started = time.monotonic()
        running.cancel()
        await asyncio.wait((running,))
        assert running.cancelled()
        assert time.monotonic() - started < AT_ONCE

    with fleet(40) as good, fleet(10, silent=True) as silent:
        files = open_files()
        for after in (0.0, 0.02, 0.1, 0.4):
            debugged(interrupted(targets_at(good + silent, 200), after), caplog)
        assert open_files() <= files


def test_no_single_step_holds_up_the_event_loop(caplog: pytest.LogCaptureFixture) -> None:
    async def watched(targets: list[Target]) -> float:
        longest, running = 0.0, asyncio.create_task(gathered(targets, ProbeOptions(timeout=20)))
        while not running.done():
            before = time.monotonic()
            await asyncio.sleep(0.005)
            longest = max(longest, time.monotonic() - before)
        await running
        return longest

    with fleet(50) as ports:
        asyncio.run(gathered(targets_at(ports, 5), ProbeOptions(timeout=20)))  # imports
        assert asyncio.run(watched(targets_at(ports, 50))) < AT_ONCE
