"""One target's health: connect, ask, and say how far it came. All services share one connection."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace
from time import monotonic
from typing import TYPE_CHECKING, Final, NamedTuple

from grpcdoctor.client.errors import ConnectError, Stage
from grpcdoctor.client.health import SERVING, HealthClient, ServiceHealth
from grpcdoctor.client.transport.channel import open_channel
from grpcdoctor.model.codes import GrpcStatus
from grpcdoctor.wire.deadline import Deadline

if TYPE_CHECKING:
    from grpcdoctor.client.call import Channel
    from grpcdoctor.client.connection_facts import ConnectionFacts
    from grpcdoctor.client.options import ChannelOptions
    from grpcdoctor.model.target import Target
    from grpcdoctor.wire.streams import Headers

RPC: Final = "rpc"
# A server that is about to start, or a sidecar that has none behind it yet, looks so.
_PASSING: Final = (Stage.DNS, Stage.TCP, Stage.PROXY, Stage.HTTP2)
# https://github.com/grpc/grpc/blob/master/doc/connection-backoff.md
_FIRST_PAUSE, _GROWTH, _LONGEST_PAUSE = 1.0, 1.6, 10.0
# Who waits for a server wants to go on as soon as it is there.
_FIRST_WAIT, _LONGEST_WAIT = 0.25, 2.0
# The last attempt may begin late, and must have a chance.
_LEAST_ATTEMPT: Final = 0.2


@dataclass(frozen=True, slots=True)
class HealthQuestion:
    """What is asked of each target; times in seconds."""

    services: tuple[str, ...] = ("",)
    list: bool = False
    connect_only: bool = False
    expected: str = SERVING
    rpc_seconds: float = 10.0
    total_seconds: float | None = None
    """For everything together; None: connecting and asking have each their own."""
    reconnect: bool = False
    """Connect again until the connect timeout is over, as grpc-go's blocking dial does."""
    facts: bool = False
    """Whether to tell of the connection, which takes reading certificates."""
    metadata: Headers = field(default=(), repr=False)
    compress: str | None = None


class HealthResult(NamedTuple):
    """How far one target came."""

    target: Target
    question: HealthQuestion
    services: tuple[ServiceHealth, ...] = ()
    failure: ConnectError | None = None
    connection: ConnectionFacts | None = None
    connect_ms: float | None = None
    duration_ms: float = 0.0
    attempts: int = 1
    not_listed: bool = False
    """List was asked for, and is not implemented: `services` is Check's answer."""

    @property
    def failed_call(self) -> ServiceHealth | None:
        """The first that ended in another way than with an answer."""
        expected = self.question.expected
        return next((one for one in self.services if one.serving is None and not one.is_as(expected)), None)

    @property
    def unexpected(self) -> ServiceHealth | None:
        """The first that was answered, and otherwise than expected."""
        expected = self.question.expected
        return next((one for one in self.services if one.serving is not None and not one.is_as(expected)), None)

    @property
    def stage(self) -> str | None:
        """What failed, if anything did: a Stage of connecting, or "rpc"."""
        if self.failure is not None:
            return self.failure.stage.value
        return RPC if self.failed_call is not None else None

    @property
    def healthy(self) -> bool:
        """Everything asked was answered as expected."""
        return self.stage is None and self.unexpected is None

    @property
    def reason(self) -> str | None:
        """Why it is not healthy, without the target's name."""
        if self.failure is not None:
            return str(self.failure).removeprefix(f"cannot connect to {self.target.endpoint}: ")
        if self.failed_call is not None:
            return str(self.failed_call.status)
        return f"the status is {self.unexpected.serving}" if self.unexpected is not None else None


async def examine(options: ChannelOptions, question: HealthQuestion) -> HealthResult:
    """Never raises for what a peer does."""
    result = HealthResult(options.target, question)
    channel = open_channel(options)
    # What a first channel loads of our own code is no time of the server's.
    started = monotonic()
    total = Deadline.after(question.total_seconds) if question.total_seconds is not None else None
    try:
        await _connect(channel, options, question, total)
        result = result._replace(connect_ms=_since(started))
        if not question.connect_only:
            result = await _ask(HealthClient(channel, question.metadata, question.compress), result, total)
        if question.facts:
            result = result._replace(connection=channel.connection)
    except ConnectError as failed:
        result = result._replace(failure=failed)
    finally:
        await channel.close()
    return result._replace(duration_ms=_since(started))


async def examine_until_healthy(
    options: ChannelOptions, question: HealthQuestion, seconds: float, waiting: Callable[[HealthResult], None]
) -> HealthResult:
    """Again and again until it is healthy or the time is over; `waiting` hears of every attempt that was not."""
    deadline, started = Deadline.after(seconds), monotonic()
    attempts, pause = 0, _FIRST_WAIT
    while True:
        attempts += 1
        total = min(question.total_seconds or seconds, max(deadline.remaining, _LEAST_ATTEMPT))
        result = await examine(options, replace(question, total_seconds=total))
        result = result._replace(attempts=attempts, duration_ms=_since(started), question=question)
        if result.healthy or deadline.remaining < pause:
            return result
        waiting(result)
        await asyncio.sleep(pause)
        pause = min(pause * _GROWTH, _LONGEST_WAIT)


async def _connect(channel: Channel, options: ChannelOptions, question: HealthQuestion, total: Deadline | None) -> None:
    deadline = Deadline.after(options.connect_timeout)
    deadline = deadline if total is None else total.within(options.connect_timeout)
    pause = _FIRST_PAUSE
    while True:
        try:
            await channel.connect(deadline)
            return
        except ConnectError as failed:
            if not question.reconnect or failed.stage not in _PASSING or deadline.remaining < pause:
                raise
        await asyncio.sleep(pause)
        pause = min(pause * _GROWTH, _LONGEST_PAUSE)


async def _ask(client: HealthClient, result: HealthResult, total: Deadline | None) -> HealthResult:
    question = result.question

    def seconds() -> float:
        return question.rpc_seconds if total is None else min(question.rpc_seconds, total.remaining)

    if question.list:
        listed = await client.list(seconds())
        not_listed = _cannot_list(listed)
        services = listed if listed and not not_listed else (await client.check("", seconds()),)
        return result._replace(services=services, not_listed=not_listed)
    asked: list[Awaitable[ServiceHealth]] = [client.check(service, seconds()) for service in question.services]
    return result._replace(services=tuple(await asyncio.gather(*asked)))


def _cannot_list(listed: tuple[ServiceHealth, ...]) -> bool:
    """List is younger than Check by ten years: that it is not there says nothing of the health service itself."""
    return len(listed) == 1 and listed[0].status.code == GrpcStatus.UNIMPLEMENTED


def _since(started: float) -> float:
    return (monotonic() - started) * 1000
