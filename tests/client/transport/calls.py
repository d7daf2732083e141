"""Channels and calls for the transport's tests: a call is put, and its whole answer told."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

from grpcdoctor.client.options import ChannelOptions
from grpcdoctor.client.transport.channel import open_channel
from grpcdoctor.model.target import parse_target
from grpcdoctor.wire.deadline import Deadline

if TYPE_CHECKING:
    from grpcdoctor.client.call import Call, Channel
    from grpcdoctor.client.status import Status
    from grpcdoctor.wire.streams import Headers

T = TypeVar("T")
SECONDS = 10.0
HEALTH = "/grpc.health.v1.Health/Check"
SERVING = b"\x08\x01"


@dataclass(frozen=True)
class Answer:
    """Everything that came of a call."""

    headers: Headers
    messages: list[bytes]
    status: Status
    trailers: Headers
    call: Call

    @property
    def words(self) -> str:
        return str(self.status)


def on_channel(target: str, body: Callable[[Channel], Awaitable[T]], **options: Any) -> T:
    """Run `body` with a channel to `target`, which is closed afterwards; nothing of it may be left running."""

    async def run() -> T:
        channel = open_channel(ChannelOptions(parse_target(target), **options))
        try:
            return await asyncio.wait_for(body(channel), 2 * SECONDS)
        finally:
            await channel.close()
            await asyncio.sleep(0.01)  # what was cancelled ends in the loop's next turns
            assert asyncio.all_tasks() == {asyncio.current_task()}

    return asyncio.run(run())


async def answer_of(
    channel: Channel,
    path: str = HEALTH,
    requests: Sequence[bytes] = (b"",),
    metadata: Headers = (),
    seconds: float | None = SECONDS,
    compress: str | None = None,
    server_streaming: bool = False,
) -> Answer:
    """Put a call with these requests and read its answer to the end; `seconds` are the call's own, once connected."""
    if seconds is None or seconds > 0:
        await channel.connect()
    deadline = None if seconds is None else Deadline.after(seconds)
    call = await channel.call(path, metadata, deadline=deadline, compress=compress, server_streaming=server_streaming)
    for request in requests:
        if not await call.send(request):
            break
    await call.close_sending()
    headers, messages = await call.headers(), []
    while (message := await call.receive()) is not None:
        messages.append(message)
    assert call.status is not None
    return Answer(headers, messages, call.status, call.trailers, call)


def ask(port: int, path: str = HEALTH, requests: Sequence[bytes] = (b"",), **how: Any) -> Answer:
    """One call on a channel of its own to a plaintext server on this machine."""
    options = {name: how.pop(name) for name in list(how) if name in ChannelOptions._fields}
    return on_channel(f"grpc://127.0.0.1:{port}", lambda channel: answer_of(channel, path, requests, **how), **options)
