"""Watches the health of one target: Health/Watch where there is one, otherwise Check again and again; for ever."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from grpcdoctor.client.errors import ConnectError
from grpcdoctor.client.health import HealthClient, ServiceHealth
from grpcdoctor.client.health_check import HealthQuestion, HealthResult
from grpcdoctor.client.transport.channel import open_channel
from grpcdoctor.model.codes import GrpcStatus

if TYPE_CHECKING:
    from grpcdoctor.client.call import Channel
    from grpcdoctor.client.options import ChannelOptions

POLL_SECONDS: Final = 1.0
# https://github.com/grpc/grpc/blob/master/doc/connection-backoff.md, but that somebody is looking on.
_FIRST_PAUSE, _GROWTH, _LONGEST_PAUSE = 0.5, 1.6, 10.0


async def watch_service(
    options: ChannelOptions, question: HealthQuestion, service: str, on_polling: Callable[[], None]
) -> AsyncIterator[HealthResult]:
    """Every change, the first state at once; a lost connection is one, and is made anew. Never ends by itself.

    `on_polling` hears once that Watch is not implemented, and that what follows is asked for with Check.
    """
    channel = open_channel(options)
    watching = _Watching(channel, HealthResult(options.target, replace(question, services=(service,))), on_polling)
    try:
        async for result in watching.results():
            yield result
    finally:
        await channel.close()


class _Watching:
    def __init__(self, channel: Channel, blank: HealthResult, on_polling: Callable[[], None]) -> None:
        self._blank = blank
        self._client = HealthClient(channel, blank.question.metadata, blank.question.compress)
        self._service = blank.question.services[0]
        self._on_polling = on_polling
        self._polls = False
        self._last: tuple[str | None, str | None] | None = None
        self._pause = _FIRST_PAUSE

    async def results(self) -> AsyncIterator[HealthResult]:
        while True:
            try:
                async for answered in self._ask():
                    if answered.serving is not None:
                        self._pause = _FIRST_PAUSE
                    result = self._blank._replace(services=(answered,))
                    if self._is_news(result, answered.serving):
                        yield result
            except ConnectError as failed:
                result = self._blank._replace(failure=failed)
                if self._is_news(result, None):
                    yield result
            await asyncio.sleep(POLL_SECONDS if self._polls else self._pause)
            self._pause = min(self._pause * _GROWTH, _LONGEST_PAUSE)

    async def _ask(self) -> AsyncIterator[ServiceHealth]:
        if not self._polls:
            async for answered in self._client.watch(self._service):
                if answered.status.code == GrpcStatus.UNIMPLEMENTED:
                    self._polls = True
                    self._on_polling()
                    break
                yield answered
        if self._polls:
            yield await self._client.check(self._service, self._blank.question.rpc_seconds)

    def _is_news(self, result: HealthResult, serving: str | None) -> bool:
        news = (serving, result.reason) != self._last
        self._last = (serving, result.reason)
        return news
