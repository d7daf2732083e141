"""The words that make a command do the same again: for a saved call, and for a user to paste."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Final

import click

from grpcdoctor.cli.metadata import has_variable, metadata_lines
from grpcdoctor.model.redact import is_secret_name, redact_text

HEADER_OPTIONS: Final = ("header", "rpc_header", "reflect_header")


def option_words(ctx: click.Context, without: frozenset[str] = frozenset()) -> list[str]:
    """Every option that differs from its default. Credentials become variables of the environment:
    `-H 'authorization: ${AUTHORIZATION}'`."""
    return [
        word
        for param in ctx.command.params
        if isinstance(param, click.Option) and param.name is not None and param.name not in without
        for word in _words_of(param, ctx.params.get(param.name), param.get_default(ctx))
    ]


def _words_of(param: click.Option, value: Any, default: Any) -> Iterator[str]:
    name = max(param.opts, key=len)
    if value is None or value == default or value == ():
        return
    if param.is_flag:
        yield name if value else max(param.secondary_opts, key=len)
        return
    values = value if param.multiple else (value,)
    if param.name in HEADER_OPTIONS:
        values = safe_lines(metadata_lines(values, name))
    for each in values:
        yield name
        yield f"{each:g}" if isinstance(each, float) else str(each)


def safe_lines(lines: Sequence[str]) -> tuple[str, ...]:
    """Lines of metadata that may be kept: in place of a credential stands a variable named as it is."""
    return tuple(_safe(line) for line in lines)


def _safe(line: str) -> str:
    name, colon, value = line.partition(":")
    if has_variable(line):
        return line
    if is_secret_name(name.strip()) or redact_text(value) != value:
        return f"{name}{colon} ${{{name.strip().upper().replace('-', '_').replace('.', '_')}}}"
    return line
