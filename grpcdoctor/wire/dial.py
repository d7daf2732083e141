"""Dialling one address: a connected ByteStream, or the exact way in which it failed, as a value."""

from __future__ import annotations

import asyncio
import errno
import os
from collections.abc import Awaitable, Callable
from time import monotonic
from typing import TYPE_CHECKING, Final, NamedTuple

from grpcdoctor.model.target import join_host_port
from grpcdoctor.wire.deadline import Deadline
from grpcdoctor.wire.stream import ByteStream

if TYPE_CHECKING:
    from grpcdoctor.model.facts.reach import TcpAttempt

_RESULTS: Final[dict[int, str]] = {
    errno.ECONNREFUSED: "refused",
    errno.ETIMEDOUT: "timeout",
    errno.EHOSTUNREACH: "unreachable",
    errno.ENETUNREACH: "unreachable",
    errno.EHOSTDOWN: "unreachable",
    errno.ENETDOWN: "unreachable",
    errno.EADDRNOTAVAIL: "unreachable",  # an IPv6 address where this machine has no IPv6
    errno.EAFNOSUPPORT: "unreachable",
    errno.ECONNRESET: "reset",
}
_OUT_OF_FILES: Final = frozenset((errno.EMFILE, errno.ENFILE))
_RETRY_SECONDS: Final = 0.05

Connect = Callable[[Callable[[], ByteStream]], Awaitable[object]]


class OutOfFilesError(Exception):
    """This process may open no more files, so nothing was learnt of the target."""

    def __init__(self) -> None:
        super().__init__("this machine's limit on open files is reached: raise it (ulimit -n) or lower --concurrency")


class Dialled(NamedTuple):
    """How the attempt ended, in the words of TcpAttempt, and the stream where it connected."""

    address: str
    result: str
    duration_ms: float
    error: str | None = None
    stream: ByteStream | None = None

    @property
    def attempt(self) -> TcpAttempt:
        """The facts of it."""
        from grpcdoctor.model.facts.reach import TcpAttempt

        return TcpAttempt(self.address, self.result, self.duration_ms, self.error)


async def dial(host: str, port: int, deadline: Deadline) -> Dialled:
    """Connect to one address literal. Raises OutOfFilesError."""
    loop = asyncio.get_running_loop()
    return await _dial(join_host_port(host, port), deadline, lambda made: loop.create_connection(made, host, port))


async def dial_unix(path: str, deadline: Deadline) -> Dialled:
    """Connect to a unix socket. Raises OutOfFilesError."""
    loop = asyncio.get_running_loop()
    return await _dial(f"unix:{path}", deadline, lambda made: loop.create_unix_connection(made, path))


async def _dial(address: str, deadline: Deadline, connect: Connect) -> Dialled:
    started = monotonic()
    stream = ByteStream()
    result, error = "connected", None
    try:
        await _connect(stream, deadline, connect)
    except TimeoutError as late:
        result, error = "timeout", os.strerror(late.errno) if late.errno else None
    except OSError as failed:
        result = _RESULTS.get(failed.errno or 0, "error")
        error = os.strerror(failed.errno) if failed.errno else str(failed)
    except ValueError as failed:  # a path or an address that the system cannot express
        result, error = "error", str(failed)
    duration_ms = (monotonic() - started) * 1000
    return Dialled(address, result, duration_ms, error, stream if result == "connected" else None)


async def _connect(stream: ByteStream, deadline: Deadline, connect: Connect) -> None:
    """Where no descriptor is free, wait for another target of the run to give one back."""
    while True:
        try:
            await deadline.wait(connect(lambda: stream))
            return
        except OSError as failed:
            if failed.errno not in _OUT_OF_FILES:
                raise
            if deadline.remaining < _RETRY_SECONDS:
                raise OutOfFilesError from failed
        except asyncio.CancelledError:
            stream.abort()  # the connection may just have been made
            raise
        await asyncio.sleep(_RETRY_SECONDS)
