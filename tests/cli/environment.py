"""The command line as a function: arguments in, exit code and both streams out."""

from __future__ import annotations

import io
import sys
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from grpcdoctor.cli.main import run
from grpcdoctor.model.options import ProbeOptions
from grpcdoctor.model.report import Report
from grpcdoctor.model.target import Target
from tests.report import samples


class Terminal(io.StringIO):
    """A stream that says it is a terminal."""

    encoding = "utf-8"

    def isatty(self) -> bool:
        return True


class Pipe(io.StringIO):
    encoding = "utf-8"


@dataclass
class Result:
    code: int
    out: str
    err: str

    @property
    def errors(self) -> list[str]:
        return self.err.rstrip("\n").split("\n") if self.err else []


@dataclass
class Environment:
    """Runs commands with streams of its own, and with fakes in place of the engine."""

    patch: pytest.MonkeyPatch
    out: Callable[[], io.StringIO] = Pipe
    err: Callable[[], io.StringIO] = Pipe
    probed: list[tuple[Target, ProbeOptions]] = field(default_factory=list)

    def run(self, *arguments: str, stdin: str = "") -> Result:
        out, err = self.out(), self.err()
        with pytest.MonkeyPatch.context() as streams:
            streams.setattr(sys, "stdin", io.StringIO(stdin))
            streams.setattr(sys, "stdout", out)
            streams.setattr(sys, "stderr", err)
            code = run(arguments)
        return Result(code, out.getvalue(), err.getvalue())

    def answer(self, *reports: Report) -> None:
        """Let the engine answer with these, in turn, without a network."""
        waiting = list(reports)

        async def diagnose(target: Target, options: ProbeOptions, *, on_frame: Any = None, **_: Any) -> Report:
            self.probed.append((target, options))
            if on_frame is not None:
                on_frame(samples.frame())
            return replace(waiting.pop(0), target=target)

        async def diagnose_many(
            targets: Sequence[Target], options: ProbeOptions, *, concurrency: int = 200, on_frame: Any = None
        ) -> AsyncIterator[Report]:
            for target in targets:
                yield await diagnose(target, options)

        self.patch.setattr("grpcdoctor.diagnosis.engine.diagnose", diagnose)
        self.patch.setattr("grpcdoctor.diagnosis.many.diagnose_many", diagnose_many)
