"""What list and describe share: the words TARGET and SYMBOL, a session, and how a failure is told."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any

import click

from grpcdoctor.cli.client_failures import FAILED, failure_of, say_cause, say_failure
from grpcdoctor.cli.running import run_interruptible
from grpcdoctor.cli.session import open_session
from grpcdoctor.client.errors import ClientError

if TYPE_CHECKING:
    from grpcdoctor.cli.client_options import ClientOptions
    from grpcdoctor.client.call import DescriptorSource
    from grpcdoctor.model.target import Target
    from grpcdoctor.report.call_json import Failure

Work = Callable[["DescriptorSource"], Awaitable[None]]


def target_and_symbol(
    client: ClientOptions, target: str | None, symbol: str | None
) -> tuple[Target | None, str | None]:
    """With files and without reflection a single word is the symbol, unless it can only be a target. Raises
    click.UsageError where nothing says what to look at."""
    if client.has_files and not client.reflects:
        if target is not None and symbol is None and not _only_a_target(target):
            return None, target
        return None, symbol
    if target is None:
        raise click.UsageError("name a TARGET, such as localhost:50051 (or give files: --protoset, --proto)")
    return client.target(target), symbol


def _only_a_target(word: str) -> bool:
    """No symbol has a colon, and nobody's package is called localhost."""
    return ":" in word or word == "localhost"


def run_on_source(
    command: str, client: ClientOptions, target: Target | None, work: Work, failed: Callable[[Failure], Any]
) -> int:
    """0, or 1 where the descriptors could not be had: that is said, and told to `failed`."""
    return run_interruptible(_run(command, client, target, work, failed))


async def _run(
    command: str, client: ClientOptions, target: Target | None, work: Work, failed: Callable[[Failure], Any]
) -> int:
    try:
        async with open_session(client, target) as session:
            await work(session.source)
    except ClientError as wrong:
        failed(failure_of(wrong))
        say_failure(f"grpcdoctor {command}", wrong)
        if target is not None:
            options = client.channel_options(target)
            await say_cause(options, wrong, client.step_seconds, client.reflection_metadata())
        return FAILED
    return 0
