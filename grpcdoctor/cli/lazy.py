"""LazyGroup: finds its commands in files and imports only the one that runs.

`grpcdoctor --help` must not pay for what the commands need: the short help is the first line of a command's file, read
as text.
"""

from __future__ import annotations

import os
from importlib import import_module
from typing import Final

import click

_COMMANDS: Final = os.path.join(os.path.dirname(__file__), "commands")
_QUOTES: Final = '"""'


class LazyGroup(click.Group):
    """A group whose commands are the modules of `grpcdoctor.cli.commands`."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        files = (name for name in os.listdir(_COMMANDS) if name.endswith(".py") and not name.startswith("_"))
        return sorted(name[:-3].replace("_", "-") for name in files)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in self.list_commands(ctx):
            return None
        module = import_module(f"grpcdoctor.cli.commands.{cmd_name.replace('-', '_')}")
        command: click.Command = module.command
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        word = args[0]
        if word.startswith("-") or word in self.list_commands(ctx) or ctx.resilient_parsing:
            return super().resolve_command(ctx, args)
        raise click.UsageError(self._unknown(ctx, word), ctx)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, short_help(name)) for name in self.list_commands(ctx)])

    def _unknown(self, ctx: click.Context, word: str) -> str:
        """A target in place of a command is the likeliest slip."""
        from difflib import get_close_matches

        if any(sign in word for sign in ".:/[") or word == "localhost":
            return f"there is no command {word!r}; to probe that endpoint write: {ctx.command_path} probe {word}"
        close = get_close_matches(word, self.list_commands(ctx), n=1)
        hint = f"did you mean {close[0]!r}?" if close else f"there are: {', '.join(self.list_commands(ctx))}"
        return f"there is no command {word!r}; {hint}"


def short_help(name: str) -> str:
    """The first line of the command's docstring, without importing the command."""
    with open(os.path.join(_COMMANDS, name.replace("-", "_") + ".py"), encoding="utf-8") as source:
        return source.readline().strip().removeprefix(_QUOTES).removesuffix(_QUOTES).strip()
