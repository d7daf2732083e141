"""Errors that end the program, with their exit codes."""

from __future__ import annotations

from typing import Final

from grpcdoctor.cli.go_words import code_name
from grpcdoctor.client.errors import RpcError

FAILED: Final = 1
MISUSED: Final = 2
STATUS_OFFSET: Final = 64
"""A call that ended with status N exits with 64 + N, so that 1 and 2 keep their meaning."""


class Misuse(Exception):  # noqa: N818 - it is the user's
    """A command line that asks for nothing that can be done: exit 2."""


class Failure(Exception):  # noqa: N818 - many kinds of error end as one
    """It could not be done: exit 1. Its message is `WHAT: WHY`, where `error` is why; `hint` is a line more."""

    def __init__(self, what: str, error: Exception | str, hint: str = "") -> None:
        super().__init__(f"{what}: {said_by(error)}")
        self.error = error if isinstance(error, Exception) else None
        self.hint = hint

    def hints(self) -> list[str]:
        """What else is known of it, a line each."""
        lines = [line for line in (self.hint, getattr(self.error, "explanation", "")) if line]
        cause = getattr(self.error, "caused_by", None)
        if cause is not None and str(cause) not in str(self):
            lines.append(f"caused by: {cause}")
        suggestions = getattr(self.error, "suggestions", ())
        if suggestions:
            lines.append(f"Did you mean {' or '.join(suggestions)}?")
        return lines


def exit_code_of(status: int) -> int:
    """As a process's exit code, of which the system keeps eight bits."""
    return (STATUS_OFFSET + status) & 0xFF


def said_by(error: Exception | str) -> str:
    """An error in grpcurl's words: a status has Go's name for its code, a file the system's words."""
    if isinstance(error, RpcError):
        return f"rpc error: code = {code_name(error.status.code)} desc = {error.status.message}"
    if isinstance(error, OSError) and error.strerror:
        return f"open {error.filename}: {error.strerror.lower()}"
    return str(error)
