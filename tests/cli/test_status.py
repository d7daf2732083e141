"""The live line: only on a terminal, only when it takes long, and never in the way of results."""

from __future__ import annotations

import asyncio
import sys

import pytest

from grpcdoctor.cli import status
from grpcdoctor.cli.status import Status
from tests.cli.environment import Pipe, Terminal


def written(
    stream: Pipe | Terminal, monkeypatch: pytest.MonkeyPatch, seconds: float = 0.05, enabled: bool = True
) -> str:
    monkeypatch.setattr(sys, "stderr", stream)
    monkeypatch.setattr(status, "_EVERY_SECONDS", 0.01)
    monkeypatch.setattr(status, "_SILENT_SECONDS", 0.02)

    async def go() -> None:
        async with Status("h:443", 1, enabled).live():
            await asyncio.sleep(seconds)

    asyncio.run(go())
    return stream.getvalue()


def test_a_terminal_sees_what_is_going_on_and_then_a_clean_line(monkeypatch: pytest.MonkeyPatch) -> None:
    text = written(Terminal(), monkeypatch)
    assert "probing h:443 … 0 s" in text
    assert text.endswith("\r\x1b[K")


def test_a_short_run_shows_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    assert written(Terminal(), monkeypatch, seconds=0.0) == ""


def test_a_file_or_pipe_sees_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    assert written(Pipe(), monkeypatch) == ""
    assert written(Terminal(), monkeypatch, enabled=False) == ""


def test_of_many_the_done_are_counted() -> None:
    assert Status("", 1000, done=12, trouble=3).text(4.2) == "12 of 1000 done, 3 not healthy … 4 s"
