"""Errors that end the program, with their exit codes."""

from __future__ import annotations

from typing import Final

from grpcdoctor.cli.go_words import code_name
from grpcdoctor.client.close_names import either
from grpcdoctor.client.errors import ClientError, RpcError

FAILED: Final = 1
MISUSED: Final = 2


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
        lines = [self.hint] if self.hint else []
        cause = getattr(self.error, "caused_by", None)
        if cause is not None and str(cause) not in str(self):
            lines.append(f"caused by: {cause}")
        suggestions = getattr(self.error, "suggestions", ())
        if suggestions and "did you mean" not in str(self):
            lines.append(f"Did you mean {either(suggestions)}?")
        return lines


def root_of(error: BaseException | None) -> ClientError | None:
    """The client's error that others were made of to say where it happened."""
    root = None
    while isinstance(error, ClientError | Failure):
        root = error if isinstance(error, ClientError) else root
        error = error.__cause__
    return root


def said_by(error: Exception | str) -> str:
    """An error in grpcurl's words: a status has Go's name for its code, a file the system's words."""
    if isinstance(error, RpcError):
        return f"rpc error: code = {code_name(error.status.code)} desc = {error.status.message}"
    if isinstance(error, OSError) and error.strerror:
        return f"open {error.filename}: {error.strerror.lower()}"
    return str(error)
