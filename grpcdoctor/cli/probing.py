"""Runs probes for the command line and prints their reports."""

from __future__ import annotations

import os
import sys
from collections.abc import AsyncGenerator, Coroutine, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar, cast

import click

from grpcdoctor.cli.errors import Interrupted, say
from grpcdoctor.cli.exit_codes import ExitCode
from grpcdoctor.cli.output import FailOn, exit_code, worst
from grpcdoctor.cli.running import run_interruptible
from grpcdoctor.cli.status import Status
from grpcdoctor.cli.terminal import style_of, write
from grpcdoctor.model.finding import Verdict
from grpcdoctor.model.frame import FrameRecord
from grpcdoctor.model.options import ProbeOptions
from grpcdoctor.model.report import Report
from grpcdoctor.model.target import Target
from grpcdoctor.report.formats import Format, ManyReports
from grpcdoctor.report.style import Style
from grpcdoctor.report.trace import trace_line

if TYPE_CHECKING:
    from grpcdoctor.diagnosis.envoy_hearing import AskedEnvoy
    from grpcdoctor.diagnosis.hearing import AskedCluster

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Presentation:
    """How the results of this command line are shown and judged."""

    format: Format
    style: Style
    fail_on: FailOn
    trace: bool = False

    def frame(self, frame: FrameRecord) -> None:
        write(trace_line(frame, style_of(sys.stderr)), sys.stderr)

    def trace_of(self, report: Report) -> None:
        """The frames of one of several targets, together: interleaved with the others' nobody could read them."""
        if self.trace and report.trace:
            say(f"{report.target.endpoint}:")
            for frame in report.trace:
                self.frame(frame)


def replay(path: str, shown: Presentation) -> int:
    """Judge a saved run again and print it."""
    from grpcdoctor.diagnosis.saved import SavedRunError, replay_run

    try:
        report = replay_run(path)
    except SavedRunError as wrong:
        raise click.UsageError(f"--replay: {wrong}") from wrong
    if shown.trace:
        for frame in report.trace:
            shown.frame(frame)
    write(shown.format.render(report, shown.style))
    return exit_code(report, shown.fail_on)


def probe_one(
    target: Target,
    options: ProbeOptions,
    shown: Presentation,
    save: str | None = None,
    cluster: AskedCluster | None = None,
    envoy: AskedEnvoy | None = None,
) -> int:
    """Probe one target, ask the cluster behind it and an Envoy on the way if there is one, and print the report."""
    if save is not None:
        _check_writable(save)
    report = run_probe(_diagnose(target, options, shown, cluster, envoy))
    write(shown.format.render(report, shown.style))
    if save is not None:
        _save(save, report, options)
    return exit_code(report, shown.fail_on)


def report_of(target: Target, options: ProbeOptions) -> Report:
    """Probe one target for another command, which makes its own use of the report."""

    async def diagnosed() -> Report:
        from grpcdoctor.diagnosis.engine import diagnose

        async with Status(target.endpoint).live():
            return await diagnose(target, options)

    return run_probe(diagnosed())


async def _diagnose(
    target: Target,
    options: ProbeOptions,
    shown: Presentation,
    cluster: AskedCluster | None,
    envoy: AskedEnvoy | None,
) -> Report:
    from grpcdoctor.diagnosis.engine import diagnose

    async with Status(target.endpoint, enabled=not shown.trace).live():
        on_frame = shown.frame if shown.trace else None
        return await diagnose(target, options, on_frame=on_frame, cluster=cluster, envoy=envoy)


def probe_many(targets: Sequence[Target], options: ProbeOptions, shown: Presentation, concurrency: int) -> int:
    """Probe all targets and print a line for each as it finishes; after Ctrl-C, for those that are done."""
    lines = shown.format.many([target.endpoint for target in targets], shown.style)
    run = _ManyRun(shown, lines, Status("", len(targets), enabled=not shown.trace))
    write(lines.head())
    try:
        run_probe(run.go(targets, options, concurrency))
    except Interrupted:
        write(lines.tail())
        say(f"grpcdoctor: interrupted after {run.status.done} of {len(targets)} targets")
        raise
    write(lines.tail())
    return run.code


@dataclass
class _ManyRun:
    shown: Presentation
    lines: ManyReports
    status: Status
    code: ExitCode = ExitCode.OK

    async def go(self, targets: Sequence[Target], options: ProbeOptions, concurrency: int) -> None:
        from grpcdoctor.diagnosis.many import diagnose_many

        running = diagnose_many(targets, options, concurrency=concurrency)
        async with (
            self.status.live(),
            aclosing(cast("AsyncGenerator[Report, None]", running)) as reports,
        ):
            async for report in reports:
                self._print(report)

    def _print(self, report: Report) -> None:
        self.status.done += 1
        self.status.trouble += report.verdict is not Verdict.HEALTHY
        self.status.clear()
        self.shown.trace_of(report)
        write(self.lines.line(report))
        self.code = worst(self.code, exit_code(report, self.shown.fail_on))


def run_probe(work: Coroutine[Any, Any, T]) -> T:
    """The result of the work; a certificate file that OpenSSL refuses is the user's error, not ours."""
    from grpcdoctor.wire.tls import ContextError

    try:
        return run_interruptible(work)
    except ContextError as wrong:
        raise click.UsageError(str(wrong)) from wrong


def _check_writable(path: str) -> None:
    """Before the probe runs: nobody wants to lose the run for a wrong path."""
    folder = os.path.dirname(path) or "."
    if os.path.isdir(path):
        raise click.UsageError(f"--save: {path} is a folder; name a file")
    if not os.path.isdir(folder):
        raise click.UsageError(f"--save: there is no folder {folder}")
    if not os.access(path if os.path.exists(path) else folder, os.W_OK):
        raise click.UsageError(f"--save: {path} cannot be written: permission denied")


def _save(path: str, report: Report, options: ProbeOptions) -> None:
    from grpcdoctor.diagnosis.saved import SavedRunError, save_run

    try:
        save_run(path, report, options)
    except SavedRunError as failed:
        raise click.UsageError(f"--save: {failed}") from failed
