"""--replay: the saved call's options, where the command line does not say otherwise."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import click
from click.core import ParameterSource

from grpcdoctor.cli.command_line import HEADER_OPTIONS


class ReplayableCommand(click.Command):
    """`ctx.obj` is the SavedCall of --replay."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        rest = super().parse_args(ctx, args)
        if ctx.params.get("replay") and not ctx.resilient_parsing:
            self._take_over(ctx, ctx.params["replay"])
        return rest

    def _take_over(self, ctx: click.Context, path: str) -> None:
        from grpcdoctor.cli.saved_call import is_saved, load

        try:
            ctx.obj = saved = load(path)
        except click.UsageError as unusable:
            unusable.ctx = ctx
            raise
        words = [*saved.arguments, "--", saved.target, saved.method]
        before = click.Context(self, parent=ctx.parent, info_name=ctx.info_name)
        try:
            super().parse_args(before, list(words))
        except click.UsageError as wrong:
            why = f"--replay: {path} holds words that `call` does not take: {wrong.format_message()}"
            raise click.UsageError(why, ctx) from wrong
        for name, value in before.params.items():
            if name in HEADER_OPTIONS:
                ctx.params[name] = _merged(value, ctx.params[name])
            elif (is_saved(name) or name in ("target", "method", "format")) and not _was_given(ctx, name):
                ctx.params[name] = value


def _was_given(ctx: click.Context, name: str) -> bool:
    return ctx.get_parameter_source(name) is ParameterSource.COMMANDLINE and ctx.params[name] is not None


def _merged(saved: Sequence[str], given: Sequence[str]) -> tuple[Any, ...]:
    """What is given replaces saved lines with the same name; a file of lines may hold any name, and adds to them."""
    names = {_name(line) for line in given}
    return (*(line for line in saved if _name(line) not in names), *given)


def _name(line: str) -> str:
    return line.partition(":")[0].strip().lower()
