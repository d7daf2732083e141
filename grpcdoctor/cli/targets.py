"""The targets of a command line: its arguments, then the lines of --targets."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator, Sequence
from typing import Final

import click

from grpcdoctor.cli.words import read_text
from grpcdoctor.model.target import Target, TargetError, parse_target

_COMMENT: Final = re.compile(r"(^|\s)#.*")


def read_targets(words: Sequence[str], file: str | None, plaintext: bool) -> list[Target]:
    """All targets, in order. Raises click.UsageError that names the argument, or the file and line."""
    found = [_parse(word, plaintext, "") for word in words]
    if file is not None:
        listed = [_parse(word, plaintext, f"{where}: ") for word, where in _lines(file)]
        if not listed:
            raise click.UsageError(f"--targets: {file} names no target; write one a line, such as grpc.example.com:443")
        found += listed
    if not found:
        raise click.UsageError("name a TARGET, such as grpc.example.com or localhost:50051 (or --targets FILE)")
    return found


def _lines(file: str) -> Iterator[tuple[str, str]]:
    """(target, `file:line`) of every line that is more than a comment."""
    name = "standard input" if file == "-" else file
    text = sys.stdin.read() if file == "-" else read_text(file, "--targets")
    for number, line in enumerate(text.splitlines(), 1):
        word = _COMMENT.sub("", line).strip()
        if word:
            yield word, f"{name}:{number}"


def _parse(word: str, plaintext: bool, where: str) -> Target:
    try:
        return parse_target(word, plaintext)
    except TargetError as wrong:
        raise click.UsageError(f"{where}{wrong}") from wrong
