"""grpcio, asked in a child: it may die of the peer, or hang, and neither reaches us."""

from __future__ import annotations

import asyncio
import os
import sys
import time
from pathlib import Path

import psutil
import pytest

import grpcdoctor
from grpcdoctor.model.facts.grpc import SecondOpinionFacts
from grpcdoctor.model.observation import Outcome
from grpcdoctor.model.options import ProbeOptions
from grpcdoctor.model.report import Report
from grpcdoctor.probes import second_opinion
from tests.hostile.screens import assert_safe
from tests.lab import fakes
from tests.patience import AT_ONCE

ASKED = ProbeOptions(timeout=8, second_opinion=True)


def opinion_of(report: Report) -> SecondOpinionFacts | None:
    return next((o.facts for o in report.observations if isinstance(o.facts, SecondOpinionFacts)), None)


@pytest.mark.slow
@pytest.mark.parametrize("code", [0, 2, 11, 12, 13, 14, 255])
def test_grpcio_may_die_of_a_goaway_and_we_do_not(code: int) -> None:
    with fakes.goaway(code) as server:
        report = grpcdoctor.probe(f"grpc://127.0.0.1:{server.port}", ASKED)
    assert_safe(report)
    opinion = opinion_of(report)
    assert opinion is not None
    assert (opinion.code is None) == (opinion.exit_signal is not None)


def test_a_child_that_hangs_is_killed_and_it_is_said(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    _replace_child(monkeypatch, tmp_path, "import time; time.sleep(600)")
    started = time.monotonic()
    with fakes.rst_stream(2) as server:
        report = grpcdoctor.probe(f"grpc://127.0.0.1:{server.port}", ASKED)
    assert time.monotonic() - started < AT_ONCE
    observation = next(o for o in report.observations if o.probe == "second-opinion")
    assert (observation.outcome, observation.error) == (Outcome.SKIPPED, "the child process gave no answer")
    assert not _children()
    assert_safe(report)


@pytest.mark.parametrize(
    "program", ["print('no JSON')", "pass", "import sys; sys.exit(3)", "import os; os.kill(os.getpid(), 9)"]
)
def test_a_child_without_an_answer_is_no_bug(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, program: str) -> None:
    _replace_child(monkeypatch, tmp_path, program)
    with fakes.rst_stream(2) as server:
        report = grpcdoctor.probe(f"grpc://127.0.0.1:{server.port}", ASKED)
    assert_safe(report)
    assert report.first_cause is not None


def test_a_run_that_is_cancelled_takes_its_child_along(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    _replace_child(monkeypatch, tmp_path, "import time; time.sleep(600)", patience=30.0)

    async def run(port: int) -> None:
        running = asyncio.create_task(grpcdoctor.probe_async(f"grpc://127.0.0.1:{port}", ASKED))
        while not _children():  # noqa: ASYNC110 - the child tells nobody that it has started
            await asyncio.sleep(0.02)
        running.cancel()
        await asyncio.wait((running,), timeout=3)
        assert running.cancelled()

    with fakes.rst_stream(2) as server:
        asyncio.run(asyncio.wait_for(run(server.port), 10))
    assert not _children()


def _replace_child(monkeypatch: pytest.MonkeyPatch, folder: Path, program: str, patience: float = 0.5) -> None:
    """A program in place of the child's interpreter; it says who it is by its folder."""
    executable = folder / "child"
    executable.write_text(f"#!{sys.executable}\n{program}\n")
    executable.chmod(0o755)
    monkeypatch.setattr(second_opinion, "_QUESTION_SECONDS", patience)
    monkeypatch.setattr(second_opinion, "_START_SECONDS", patience)
    monkeypatch.setattr(sys, "executable", os.fspath(executable))


def _children() -> list[psutil.Process]:
    return [
        child
        for child in psutil.Process().children()
        if child.status() != psutil.STATUS_ZOMBIE and any("grpcdoctor.client" in word for word in child.cmdline())
    ]
