"""The entry point of the installed command.

`grpcdoctor grpcurl` and `grpcdoctor health -addr` run in scripts and probes, call by call, in the place of programs
that take 20 ms: they go past the library that reads the other commands' options, which takes as long to load alone.
"""

from __future__ import annotations

import gc
import sys
from collections.abc import Callable, Sequence
from typing import Final, NoReturn

# What is loaded stays: to look for garbage among it, as Python does at every 700 objects, takes 6 ms.
_OBJECTS_BETWEEN_LOOKS: Final = 50_000


def main() -> NoReturn:
    """The command line of this process."""
    run = _short_cut(sys.argv[1:2], sys.argv[2:])
    if run is not None:
        from grpcdoctor.cli.ending import exit_code_of, leave_at_once

        leave_at_once(exit_code_of(lambda: run(sys.argv[2:])))
    from grpcdoctor.cli import main as commands

    commands.main()


def _short_cut(command: Sequence[str], words: Sequence[str]) -> Callable[[Sequence[str]], int] | None:
    """What runs this command line, where it is another program's."""
    if command in (["grpcurl"], ["health"]):
        gc.set_threshold(_OBJECTS_BETWEEN_LOOKS)
    if command == ["grpcurl"]:
        from grpcdoctor.cli.grpcurl.run import run

        return run
    if command == ["health"]:
        from grpcdoctor.cli.health.names import speaks_as_the_probe

        if speaks_as_the_probe(words):
            from grpcdoctor.cli.health.as_probe import run_as_probe

            return run_as_probe
    return None
