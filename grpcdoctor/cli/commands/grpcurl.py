"""Call, list and describe with grpcurl's own command line."""

from __future__ import annotations

import click


class RawArguments(click.Command):
    """A command that gets its words as they are: `-d`, `-help` and what follows them mean what they mean to grpcurl."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        ctx.params["words"] = args
        return args


@click.command(cls=RawArguments, add_help_option=False)
def command(words: list[str]) -> int:
    """grpcurl's command line: the same output and exit codes.

    \b
      alias grpcurl='grpcdoctor grpcurl'
      grpcdoctor grpcurl -plaintext localhost:50051 list
      grpcdoctor grpcurl -help
    """
    from grpcdoctor.cli.grpcurl.run import run

    return run(words)
