"""The entry point of the installed command.

`grpcdoctor grpcurl` runs in scripts, call by call, in the place of a program that takes 20 ms: it goes past the library
that reads the other commands' options, which takes as long to load alone.
"""

from __future__ import annotations

import sys
from typing import NoReturn


def main() -> NoReturn:
    """The command line of this process."""
    if sys.argv[1:2] == ["grpcurl"]:
        from grpcdoctor.cli.ending import exit_code_of, leave_at_once
        from grpcdoctor.cli.grpcurl.run import run

        leave_at_once(exit_code_of(lambda: run(sys.argv[2:])))
    from grpcdoctor.cli import main as commands

    commands.main()
