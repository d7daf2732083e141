"""How every command ends: what it raises becomes an exit code, and the process is left."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from typing import NoReturn

from grpcdoctor.cli.errors import (
    TRACEBACK_VARIABLE,
    Interrupted,
    OutputLost,
    ReaderGone,
    describe_bug,
    lost_output,
    say,
)
from grpcdoctor.cli.exit_codes import ExitCode


def exit_code_of(work: Callable[[], int]) -> int:
    """What `work` returns, or the code for what it raises. Raises nothing."""
    try:
        code = work()
        _flush()
        return code
    except (ReaderGone, BrokenPipeError):
        return ExitCode.READER_GONE
    except (Interrupted, KeyboardInterrupt):
        return ExitCode.INTERRUPTED
    except OutputLost as lost:
        say(f"grpcdoctor: the output could not be written: {lost}")
        return ExitCode.INCONCLUSIVE
    except Exception as bug:
        if os.environ.get(TRACEBACK_VARIABLE):
            raise
        say(describe_bug(bug))
        return ExitCode.INCONCLUSIVE


def _flush() -> None:
    try:
        sys.stdout.flush()
    except OSError as failed:
        raise lost_output(failed) from failed


def leave_at_once(code: int) -> NoReturn:
    """Exit without taking the interpreter down piece by piece, which costs 20 ms, and without waiting for threads that
    hang in the resolver or for a last flush into a closed pipe."""
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except (OSError, ValueError):
            pass
    os._exit(code)
