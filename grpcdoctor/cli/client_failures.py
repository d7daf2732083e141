"""What a client's failure is called on stderr and in JSON, and with which code it ends the program."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from grpcdoctor.cli.errors import say
from grpcdoctor.client.close_names import either
from grpcdoctor.client.errors import ClientError, ConnectError, RequestError, RpcError
from grpcdoctor.report import clean

if TYPE_CHECKING:
    from grpcdoctor.client.options import ChannelOptions
    from grpcdoctor.client.status import Status
    from grpcdoctor.report.call_json import Failure
    from grpcdoctor.wire.streams import Headers

FAILED: Final = 1
"""Anything but a call that ended with a status: no connection, no such method, a request that does not fit."""
_STATUS_OFFSET: Final = 64


def exit_code_of(status: Status) -> int:
    """0, or 64 + the code as grpcurl has it; of which a process keeps eight bits."""
    return 0 if status.ok else (_STATUS_OFFSET + status.code) & 0xFF


def failure_of(error: ClientError) -> Failure:
    from grpcdoctor.report.call_json import Failure

    if isinstance(error, ConnectError):
        return Failure("connect", str(error), error.stage.value)
    if isinstance(error, RequestError):
        return Failure("request", str(error))
    return Failure("reflection" if isinstance(error, RpcError) else "schema", str(error))


def say_failure(command: str, error: ClientError) -> None:
    """Why, and what was probably meant."""
    why = str(error)
    if isinstance(error, RpcError):
        why = f"the server's reflection: {why}"
        if not error.status.message.rpartition(": ")[2]:
            why = f"{why.rstrip(': ')} (no message)"
    cause = getattr(error, "caused_by", None)
    if cause is not None and str(cause) not in why:
        why += f"\ncaused by: {cause}"
    why = why.replace("\ncaused by:", ", caused by:")
    suggestions = () if isinstance(error, RequestError) else getattr(error, "suggestions", ())
    if suggestions:  # a RequestError names its own
        why += f"; did you mean {either(suggestions)}?"
    say(clean.line(f"{command}: {why}"))


async def say_cause(
    options: ChannelOptions,
    failed: ClientError | Status,
    seconds_left: float,
    metadata: Headers = (),
    answer: Headers = (),
    method: str | None = None,
) -> str | None:
    """The line that ends a failed call: said, and returned. None where nothing is known."""
    from grpcdoctor.cli.true_cause import true_cause

    cause = await true_cause(
        options, failed, budget=seconds_left, metadata=metadata, answer=answer, method=method
    )
    if cause is not None:
        say(clean.line(cause))
    return cause
