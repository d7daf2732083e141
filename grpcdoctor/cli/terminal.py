"""What the streams can show: width, colour, Unicode; and writing that knows when its reader has gone."""

from __future__ import annotations

import io
import os
import sys
from typing import TYPE_CHECKING, BinaryIO, Final, TextIO

from grpcdoctor.cli.errors import lost_output

if TYPE_CHECKING:
    from grpcdoctor.report.style import Style

WIDEST: Final = 120
"""Longer lines are hard to read, however wide the terminal."""
NARROWEST: Final = 40
_NEEDED: Final = "✓✗–—→·…×─▶└│"


def style_of(stream: TextIO, *, colour: bool = True, verbose: bool = False) -> Style:
    """The style for this stream. Colour only on a terminal that has some, and never against NO_COLOR."""
    from grpcdoctor.report.style import DEFAULT_WIDTH, Style

    terminal = is_terminal(stream)
    return Style(
        width=_width(DEFAULT_WIDTH) if terminal or "COLUMNS" in os.environ else DEFAULT_WIDTH,
        colour=colour and terminal and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb",
        unicode=_speaks_unicode(stream),
        verbose=verbose,
    )


def is_terminal(stream: TextIO) -> bool:
    try:
        return stream.isatty()
    except ValueError:  # closed
        return False


def standard_input() -> BinaryIO:
    """Bytes: it may be packed. A stream of text, as a program's own stand-in is, gives its text."""
    buffer: BinaryIO | None = getattr(sys.stdin, "buffer", None)
    return buffer if buffer is not None else io.BytesIO(sys.stdin.read().encode())


def write(text: str, stream: TextIO | None = None) -> None:
    """Write and flush, to stdout unless told. Raises ReaderGone, OutputLost."""
    out = stream or sys.stdout
    try:
        out.write(text)
        out.flush()
    except OSError as failed:
        raise lost_output(failed) from failed


def _width(default: int) -> int:
    import shutil

    return max(NARROWEST, min(shutil.get_terminal_size((default, 24)).columns, WIDEST))


def _speaks_unicode(stream: TextIO) -> bool:
    try:
        _NEEDED.encode(stream.encoding or "ascii")
    except (UnicodeError, LookupError):
        return False
    return True
