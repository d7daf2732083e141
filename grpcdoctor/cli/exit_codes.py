"""What the commands' exit codes mean."""

from enum import IntEnum


class ExitCode(IntEnum):
    """Of probe, inspect and explain; the same for all targets of a run, the worst wins."""

    OK = 0
    """Nothing at or above --fail-on."""
    FOUND = 1
    USAGE = 2
    """A wrong flag or file; nothing was probed."""
    INCONCLUSIVE = 3
    """Nothing found, yet something that decides could not be looked at (or grpcdoctor itself failed)."""
    INTERRUPTED = 130
    """Ctrl-C: 128 + SIGINT."""
    READER_GONE = 141
    """Whoever read the output went away: 128 + SIGPIPE, as for any other program in a pipe."""
