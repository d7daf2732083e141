"""Errors that end a command, each told in one line.

Exception
└── click.ClickException
    └── click.UsageError   a wrong flag, target or file: exit 2
ReaderGone                 the output's reader closed the pipe: exit 141, in silence
OutputLost                 the output cannot be written, such as on a full disk: exit 3
Interrupted                Ctrl-C: exit 130
"""

from __future__ import annotations

import sys
from collections.abc import Iterable

from grpcdoctor.version import __version__

TRACEBACK_VARIABLE = "GRPCDOCTOR_TRACEBACK"


class ReaderGone(Exception):  # noqa: N818 - it happens, and is nobody's error
    """Nobody reads the output any more."""


class OutputLost(Exception):  # noqa: N818 - the same
    """What was to be printed could not be; the message says why."""


class Interrupted(Exception):  # noqa: N818 - the same
    """The user pressed Ctrl-C; what was done so far is printed."""


def lost_output(failed: OSError) -> ReaderGone | OutputLost:
    """What it means that writing to stdout failed so."""
    return ReaderGone() if isinstance(failed, BrokenPipeError) else OutputLost(failed.strerror)


def say(text: str) -> None:
    """One line on stderr, whatever stderr is."""
    say_lines([" ".join(text.split())])


def say_lines(lines: Iterable[str]) -> None:
    """Lines on stderr as they are. What a peer wrote has to be made visible before (report.clean)."""
    text = "".join(f"{line}\n" for line in lines)
    encoding = getattr(sys.stderr, "encoding", None) or "ascii"
    try:
        sys.stderr.write(text.encode(encoding, "backslashreplace").decode(encoding))
        sys.stderr.flush()
    except (OSError, ValueError):
        pass  # no stderr: the exit code alone must do


def describe_bug(error: BaseException) -> str:
    """A bug in grpcdoctor, in one line that helps whoever mends it."""
    import traceback  # 3 ms to load

    frames = traceback.extract_tb(error.__traceback__)
    where = f" at {'/'.join(frames[-1].filename.split('/')[-2:])}:{frames[-1].lineno}" if frames else ""
    return (
        f"grpcdoctor: this is a bug in grpcdoctor {__version__}: {type(error).__name__}: {error}{where}; "
        f"please report it ({TRACEBACK_VARIABLE}=1 shows the traceback)"
    )
