"""Print the script that completes commands, services and methods."""

from __future__ import annotations

import click

from grpcdoctor.cli.terminal import write


@click.command()
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
@click.pass_context
def command(ctx: click.Context, shell: str) -> int:
    """Print the completion script of SHELL. It completes commands, options, and for list, describe and call the
    services and methods that the target's reflection knows, asked with the options on the line.

    \b
      eval "$(grpcdoctor completion bash)"
      eval "$(grpcdoctor completion zsh)"
      grpcdoctor completion fish | source
    """
    from grpcdoctor.cli.completion import SHELLS
    from grpcdoctor.cli.main import COMPLETION_VARIABLE

    write(SHELLS[shell](ctx.find_root().command, {}, "grpcdoctor", COMPLETION_VARIABLE).source())
    return 0
