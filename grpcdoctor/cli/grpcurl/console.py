"""The program's two outputs: bytes of UTF-8 whatever the locale is, each piece at once."""

from __future__ import annotations

import sys
from typing import TextIO

from grpcdoctor.cli.errors import lost_output


class Console:
    """Answers go to stdout; warnings and errors to stderr."""

    def out(self, text: str) -> None:
        """Raises ReaderGone, OutputLost."""
        try:
            _write(sys.stdout, text)
        except OSError as failed:
            raise lost_output(failed) from failed

    def err(self, text: str) -> None:
        """Part of it may be a server's: on a terminal it cannot act."""
        try:
            if sys.stderr.isatty():
                from grpcdoctor.report.clean import block

                text = block(text)
            _write(sys.stderr, text)
        except (OSError, ValueError):
            pass  # no stderr: the exit code alone must do

    def warn(self, text: str) -> None:
        self.err(f"Warning: {text}\n")


def _write(stream: TextIO, text: str) -> None:
    """Bytes that were no UTF-8 when they were read come out as they came in."""
    binary = getattr(stream, "buffer", None)
    if binary is None:  # a program's own stand-in for the stream
        stream.write(text)
        stream.flush()
        return
    stream.flush()
    binary.write(text.encode("utf-8", "surrogateescape"))
    binary.flush()
