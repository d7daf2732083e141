"""`grpcdoctor`: the group of commands, and the one place where errors become a line and an exit code."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from typing import NoReturn

import click

from grpcdoctor.cli.ending import exit_code_of, leave_at_once
from grpcdoctor.cli.errors import Interrupted, say
from grpcdoctor.cli.exit_codes import ExitCode
from grpcdoctor.cli.lazy import LazyGroup
from grpcdoctor.version import __version__

COMPLETION_VARIABLE = "_GRPCDOCTOR_COMPLETE"
"""click's own variable: what a shell sets to ask for completions."""


@click.group(
    cls=LazyGroup,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog="""Exit codes: 0 nothing found, 1 found, 2 usage, 3 inconclusive, 130 interrupted; of call and grpcurl
    64 + the status's code; of health those of grpc_health_probe.""",
)
@click.version_option(__version__, "-V", "--version", prog_name="grpcdoctor", message="%(prog)s %(version)s")
def group() -> None:
    """Name a gRPC endpoint: grpcdoctor says whether it works, which hop breaks it, why, and what to change.

    \b
      grpcdoctor probe grpc.example.com
      grpcdoctor probe localhost:50051 --plaintext
    """


def main() -> NoReturn:
    """The command line of this process."""
    leave_at_once(run(sys.argv[1:]))


def run(arguments: Sequence[str]) -> int:
    """One command line to its exit code. Writes to sys.stdout and sys.stderr, and raises nothing."""
    return exit_code_of(lambda: _run(arguments))


def _run(arguments: Sequence[str]) -> int:
    if COMPLETION_VARIABLE in os.environ:
        from grpcdoctor.cli.completion import register

        register()
    try:
        return int(group.main(list(arguments), prog_name="grpcdoctor", standalone_mode=False) or ExitCode.OK)
    except click.exceptions.NoArgsIsHelpError as without_arguments:
        click.echo(without_arguments.format_message(), err=True)
        return ExitCode.USAGE
    except click.ClickException as wrong:
        return _explain(wrong)
    except click.Abort as interrupted:
        raise Interrupted from interrupted
    except SystemExit as left:  # click leaves so after shell completion, and where --help meets a closed pipe
        return int(left.code or 0) if COMPLETION_VARIABLE in os.environ else ExitCode.READER_GONE


def _explain(wrong: click.ClickException) -> int:
    """What is wrong in one line, and where to read the options in another; a command may have an exit code of its own
    for it."""
    context = wrong.ctx if isinstance(wrong, click.UsageError) else None
    path = context.command_path if context is not None else "grpcdoctor"
    say(f"{path}: {wrong.format_message()}")
    if isinstance(wrong, click.UsageError):
        say(f"Try '{path} --help'.")
    return int(getattr(context.command if context is not None else None, "usage_exit_code", ExitCode.USAGE))
