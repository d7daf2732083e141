"""How the words of an option are read: durations, methods, JSON. Every refusal says what to write."""

from __future__ import annotations

import json
import math
import re
import sys
from typing import Any, Final

import click

_UNITS: Final = {"": 1.0, "s": 1.0, "ms": 0.001, "m": 60.0}
_DURATION: Final = re.compile(r"^([0-9]+\.?[0-9]*|\.[0-9]+)\s*(ms|s|m|)$")
_IDENTIFIER = r"[A-Za-z_][A-Za-z0-9_]*"
_METHOD: Final = re.compile(rf"^/?({_IDENTIFIER}(?:\.{_IDENTIFIER})*)[/.]({_IDENTIFIER})$")


class Duration(click.ParamType):  # type: ignore[type-arg]
    """`5`, `5s`, `500ms`, `1m`: seconds as a float, more than zero."""

    name = "duration"

    def get_metavar(self, param: click.Parameter, ctx: click.Context | None = None) -> str:
        return "SECONDS"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        if isinstance(value, (int, float)):
            return float(value)
        match = _DURATION.match(value.strip().lower())
        seconds = float(match[1]) * _UNITS[match[2]] if match else 0.0
        if not 0 < seconds <= 86400 or not math.isfinite(seconds):
            self.fail(f"{value!r} is no time to wait; write seconds above zero, such as 5, 5s or 500ms", param, ctx)
        return seconds


class MethodName(click.ParamType):  # type: ignore[type-arg]
    """`package.Service/Method` or `package.Service.Method`, read into the former."""

    name = "method"

    def get_metavar(self, param: click.Parameter, ctx: click.Context | None = None) -> str:
        return "SERVICE/METHOD"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        match = _METHOD.match(value.strip())
        if match is None:
            self.fail(f"{value!r} is no method; write package.Service/Method", param, ctx)
        return f"{match[1]}/{match[2]}"


def read_data(value: str) -> str:
    """--data: JSON itself, `@file`, or `-` (`@-`) for standard input. Raises click.UsageError."""
    text, where = value, "--data"
    if value in ("-", "@-"):
        text, where = sys.stdin.read(), "--data from standard input"
    elif value.startswith("@"):
        text, where = read_text(value[1:], "--data"), f"--data {value}"
    try:
        json.loads(text)
    except (ValueError, RecursionError) as wrong:
        raise click.UsageError(f"{where} is no JSON: {wrong}") from wrong
    return text


def read_text(path: str, option: str) -> str:
    """A file's text. Raises click.UsageError with the reason."""
    try:
        with open(path, encoding="utf-8") as file:
            return file.read()
    except OSError as failed:
        raise click.UsageError(f"{option}: cannot read {path}: {failed.strerror}") from failed
    except UnicodeDecodeError as wrong:
        raise click.UsageError(f"{option}: {path} is no text file (UTF-8)") from wrong
