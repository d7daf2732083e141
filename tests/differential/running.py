"""Runs a case through the real program, and through ours in this process."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import IO, TYPE_CHECKING

from tests.differential.outcome import Outcome, outcome

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from tests.differential.cases import Case
    from tests.differential.setting import Setting

SECONDS = 30.0
# The environment is the case's own and no more, but for what programs need to run at all.
_KEPT = ("PATH", "HOME", "TMPDIR", "LANG", "GRPCDOCTOR_TRACEBACK")


def run_real(path: str, case: Case, setting: Setting) -> Outcome:
    """`path`: where the case's program is. It tells its own name, which is not to be a path of this machine."""
    return _run([case.program], path, case, setting)


def run_ours_apart(case: Case, setting: Setting) -> Outcome:
    """As a process of its own, as users run it."""
    return _run([sys.executable, "-m", "grpcdoctor", case.command], sys.executable, case, setting)


def _run(command: list[str], path: str, case: Case, setting: Setting) -> Outcome:
    with _folder(case, setting) as folder:
        done = subprocess.run(
            [*command, *_arguments(case, setting)],
            executable=path,
            input=setting.fill(case.stdin).encode(),
            capture_output=True,
            cwd=folder,
            env=_environment(case),
            timeout=SECONDS,
            check=False,
        )
        return outcome(case, setting, folder, done.returncode, done.stdout, done.stderr)


def run_ours(case: Case, setting: Setting) -> Outcome:
    """Through grpcdoctor.cli.main.run, with file descriptors 0, 1 and 2 led to files."""
    from grpcdoctor.cli.main import run

    with (
        _folder(case, setting) as folder,
        _standard_streams(setting.fill(case.stdin).encode()) as (stdout, stderr),
        _environ(_environment(case)),
        _inside(folder),
    ):
        code = run([case.command, *_arguments(case, setting)])
        printed = []
        for stream, kept in ((sys.stdout, stdout), (sys.stderr, stderr)):
            stream.flush()
            kept.seek(0)
            printed.append(kept.read())
        return outcome(case, setting, folder, code, *printed)


def _arguments(case: Case, setting: Setting) -> list[str]:
    return [setting.fill(argument) for argument in case.arguments]


def _environment(case: Case) -> dict[str, str]:
    return {**{name: os.environ[name] for name in _KEPT if name in os.environ}, **case.environment}


@contextlib.contextmanager
def _folder(case: Case, setting: Setting) -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="grpcdoctor-differential-") as name:
        folder = Path(name)
        for file, content in case.files.items():
            path = folder / file
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(setting.fill(content), encoding="utf-8")
        yield folder


@contextlib.contextmanager
def _standard_streams(stdin: bytes) -> Iterator[tuple[IO[bytes], IO[bytes]]]:
    """The three file descriptors, and Python's objects over them, for programs that use either."""
    with tempfile.TemporaryFile() as given, tempfile.TemporaryFile() as stdout, tempfile.TemporaryFile() as stderr:
        given.write(stdin)
        given.seek(0)
        before = sys.stdin, sys.stdout, sys.stderr
        saved = [os.dup(number) for number in range(3)]
        for number, file in enumerate((given, stdout, stderr)):
            os.dup2(file.fileno(), number)
        sys.stdin = os.fdopen(0, encoding="utf-8", closefd=False)
        sys.stdout, sys.stderr = (os.fdopen(number, "w", encoding="utf-8", closefd=False) for number in (1, 2))
        try:
            yield stdout, stderr
        finally:
            sys.stdout.flush()
            sys.stderr.flush()
            sys.stdin, sys.stdout, sys.stderr = before
            for number, copy in enumerate(saved):
                os.dup2(copy, number)
                os.close(copy)


@contextlib.contextmanager
def _environ(environment: Mapping[str, str]) -> Iterator[None]:
    before = dict(os.environ)
    os.environ.clear()
    os.environ.update(environment)
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)


@contextlib.contextmanager
def _inside(folder: Path) -> Iterator[None]:
    before = Path.cwd()
    os.chdir(folder)
    try:
        yield
    finally:
        os.chdir(before)
