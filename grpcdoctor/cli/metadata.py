"""Metadata from the command line: `NAME: VALUE`, `@FILE` of such lines, `${NAME}` from the environment.

No error repeats a value: it may be a secret.
"""

from __future__ import annotations

import base64
import binascii
import os
import re
from collections.abc import Iterator, Sequence
from typing import Final

import click

from grpcdoctor.cli.words import read_text

_NAME: Final = re.compile(r"^[0-9a-z_.-]+$")
# As grpcurl's -expand-headers: braces are needed, and nothing escapes them.
_VARIABLE: Final = re.compile(r"\$\{(\w+)\}")
# The transport's own: a call that sets them is refused by every client library, or breaks in ways that mislead.
_RESERVED: Final = frozenset(
    ("content-type", "te", "connection", "host", "content-length", "transfer-encoding", "upgrade")
)


def read_metadata(words: Sequence[str], option: str) -> tuple[tuple[str, str], ...]:
    """(name in lower case, value) of every word, files read and variables put in. Raises click.UsageError."""
    return tuple(_pair(line, where) for word in words for line, where in _lines(word, option))


def metadata_lines(words: Sequence[str], option: str) -> tuple[str, ...]:
    """The same as `name: value` lines, before variables are put in: what may be kept of them says what to put in."""
    return tuple(line for word in words for line, _ in _lines(word, option))


def has_variable(line: str) -> bool:
    return _VARIABLE.search(line) is not None


def _lines(word: str, option: str) -> Iterator[tuple[str, str]]:
    """(line, where it stands) of a word, or of the file that it names; blank lines and # comments are skipped."""
    if not word.startswith("@"):
        yield word, option
        return
    path = word[1:]
    for number, line in enumerate(read_text(path, option).splitlines(), 1):
        if line.strip() and not line.lstrip().startswith("#"):
            yield line, f"{option}: {path}:{number}"


def _pair(line: str, where: str) -> tuple[str, str]:
    name, colon, value = _expand(line, where).partition(":")
    name, value = name.strip().lower(), value.strip()
    wrong = _fault(name, colon)
    if wrong is not None:
        raise click.UsageError(f"{where}: {wrong}")
    if name.endswith("-bin"):
        return name, _base64(value)
    if not all(" " <= letter <= "~" for letter in value):
        raise click.UsageError(f"{where}: the value of {name!r} is not all printable ASCII; name it {name}-bin")
    return name, value


def _fault(name: str, colon: str) -> str | None:
    if not colon:
        return "metadata needs a colon; write it as 'name: value', or as @FILE with such lines"
    if not name:
        return "metadata needs a name before its colon (pseudo-headers: use --authority)"
    if not _NAME.match(name):
        return f"metadata name {name!r} may hold only 0-9 a-z _ - ."
    if name in _RESERVED or (name.startswith("grpc-") and not name.endswith("-bin")):
        return f"{name!r} belongs to gRPC itself and cannot be set"
    return None


def _expand(line: str, where: str) -> str:
    def value_of(match: re.Match[str]) -> str:
        found = os.environ.get(match[1])
        if found is None:
            raise click.UsageError(f"{where}: {match[0]} is not set in the environment; export {match[1]}=…")
        return found

    return _VARIABLE.sub(value_of, line)


def _base64(text: str) -> str:
    """Binary metadata as it travels: base64 without padding. Any of the four usual forms is read, else raw bytes."""
    plain = text.rstrip("=").replace("-", "+").replace("_", "/")
    try:
        raw = base64.b64decode(plain + "=" * (-len(plain) % 4), validate=True)
    except (binascii.Error, ValueError):
        raw = text.encode("utf-8", "surrogateescape")
    return base64.b64encode(raw).decode("ascii").rstrip("=")
