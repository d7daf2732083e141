"""Dialling one address: a connected ByteStream, or the exact way in which it failed, as a value."""

from __future__ import annotations

import asyncio
import errno
import os
from dataclasses import dataclass
from time import monotonic
from typing import Final

from grpcdoctor.model.facts.reach import TcpAttempt
from grpcdoctor.model.target import join_host_port
from grpcdoctor.wire.deadline import Deadline
from grpcdoctor.wire.stream import ByteStream

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


@dataclass(frozen=True, slots=True)
class Dialled:
    """The attempt as measured, and the stream where it connected."""

    attempt: TcpAttempt
    stream: ByteStream | None = None


async def dial(host: str, port: int, deadline: Deadline) -> Dialled:
    """Connect to one address literal."""
    loop = asyncio.get_running_loop()
    return await _dial(join_host_port(host, port), deadline, loop.create_connection(ByteStream, host, port))


async def dial_unix(path: str, deadline: Deadline) -> Dialled:
    """Connect to a unix socket."""
    loop = asyncio.get_running_loop()
    return await _dial(f"unix:{path}", deadline, loop.create_unix_connection(ByteStream, path))


async def _dial(address: str, deadline: Deadline, connecting: object) -> Dialled:
    started = monotonic()
    stream: ByteStream | None = None
    result, error = "connected", None
    try:
        _, stream = await deadline.wait(connecting)  # type: ignore[arg-type]
    except TimeoutError as late:
        result, error = "timeout", os.strerror(late.errno) if late.errno else None
    except OSError as failed:
        result = _RESULTS.get(failed.errno or 0, "error")
        error = os.strerror(failed.errno) if failed.errno else str(failed)
    except ValueError as failed:  # a path or an address that the system cannot express
        result, error = "error", str(failed)
    return Dialled(TcpAttempt(address, result, (monotonic() - started) * 1000, error), stream)
