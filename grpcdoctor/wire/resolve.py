"""Names to addresses with the system's resolver, in daemon threads: a resolver that hangs cannot hold up the exit."""

from __future__ import annotations

import asyncio
import socket
import threading
from typing import Final, NamedTuple

from grpcdoctor.wire.deadline import Deadline

# getaddrinfo blocks its thread; more at once only queue in the resolver.
LOOKUPS_AT_ONCE: Final = 64

_NO_SUCH_NAME = {socket.EAI_NONAME, getattr(socket, "EAI_NODATA", socket.EAI_NONAME)}
_TRY_AGAIN = {socket.EAI_AGAIN}


class Resolved(NamedTuple):
    """Every A and AAAA in the resolver's order, or the failure ("nxdomain", "try-again", "timeout", "error")."""

    addresses: tuple[str, ...] = ()
    failure: str | None = None
    error: str | None = None


class Resolver:
    """Looks each name up once a run, however many targets share it."""

    def __init__(self) -> None:
        self._slots = asyncio.Semaphore(LOOKUPS_AT_ONCE)
        self._answers: dict[str, asyncio.Future[Resolved]] = {}

    async def resolve(self, host: str, deadline: Deadline) -> Resolved:
        answer = self._answers.get(host)
        if answer is None:
            answer = self._answers[host] = asyncio.get_running_loop().create_future()
            await self._start(host, answer, deadline)
        try:
            return await deadline.wait(asyncio.shield(answer))
        except TimeoutError:
            return Resolved(failure="timeout", error="the resolver did not answer in time")

    async def _start(self, host: str, answer: asyncio.Future[Resolved], deadline: Deadline) -> None:
        loop = asyncio.get_running_loop()
        try:
            await deadline.wait(self._slots.acquire())
        except TimeoutError:
            answer.set_result(Resolved(failure="timeout", error="too many names are being looked up"))
            return

        def deliver(result: Resolved) -> None:
            self._slots.release()
            if not answer.done():
                answer.set_result(result)

        def work() -> None:
            result = _lookup(host)
            try:
                loop.call_soon_threadsafe(deliver, result)
            except RuntimeError:  # the run is over, nobody waits
                pass

        threading.Thread(target=work, name=f"resolve {host}", daemon=True).start()


def _lookup(host: str) -> Resolved:
    try:
        found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
    except socket.gaierror as failed:
        return Resolved(failure=_failure(failed.errno), error=failed.strerror)
    except (OSError, ValueError) as failed:  # UnicodeError is one; so is a name with a NUL
        return Resolved(failure="error", error=str(failed))
    addresses = tuple(dict.fromkeys(str(entry[4][0]) for entry in found))
    return Resolved(addresses=addresses)


def _failure(code: int | None) -> str:
    if code in _NO_SUCH_NAME:
        return "nxdomain"
    return "try-again" if code in _TRY_AGAIN else "error"
