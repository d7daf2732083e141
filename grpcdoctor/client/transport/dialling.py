"""Dialling: from a target to a connected ByteStream, or a ConnectError that names each address that was tried."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Sequence
from time import monotonic
from typing import TYPE_CHECKING, Final, NamedTuple

from grpcdoctor.client.errors import ConnectError, Stage
from grpcdoctor.model.target import Target, is_address, join_host_port
from grpcdoctor.wire.deadline import Deadline
from grpcdoctor.wire.dial import Dialled, OutOfFilesError, dial, dial_unix
from grpcdoctor.wire.proxy import Proxy, TunnelError, open_tunnel, proxy_for
from grpcdoctor.wire.stream import ByteStream

if TYPE_CHECKING:
    from grpcdoctor.wire.resolve import Resolved

Dialling = Coroutine[None, None, Dialled]

# RFC 8305 §5, "Connection Attempt Delay"; grpc-go's pick_first waits as long.
_HEAD_START: Final = 0.25

_DNS_WORDS: Final = {
    "nxdomain": "there is no such name",
    "try-again": "the resolver could not find out; try again",
    "timeout": "the resolver did not answer in time",
}
_TCP_WORDS: Final = {
    "refused": "connection refused",
    "timeout": "no answer in time",
    "unreachable": "unreachable",
    "reset": "connection reset",
}


class Reached(NamedTuple):
    """A stream to the target, nothing said on it yet; times in milliseconds."""

    stream: ByteStream
    address: str
    proxy: str | None = None
    dns_ms: float | None = None
    tcp_ms: float | None = None


async def reach(target: Target, use_proxy: bool, deadline: Deadline) -> Reached:
    """Connect to the target, through the proxy that the environment names for it. Raises ConnectError."""
    try:
        if target.unix_path is not None:
            return await _reach_first([dial_unix(target.unix_path, deadline)], target.endpoint, None)
        proxy = proxy_for(target.dial_host, target.dial_port) if use_proxy else None
        if proxy is not None:
            return await _reach_through(proxy, target, deadline)
        addresses, dns_ms = await _resolve(target.dial_host, deadline, Stage.DNS)
        name = join_host_port(target.dial_host, target.dial_port)
        return await _reach_first([dial(each, target.dial_port, deadline) for each in addresses], name, dns_ms)
    except OutOfFilesError as none_left:
        raise ConnectError(Stage.TCP, str(none_left)) from none_left


async def _resolve(host: str, deadline: Deadline, stage: Stage) -> tuple[Sequence[str], float | None]:
    if is_address(host):
        return (host,), None
    from grpcdoctor.wire.resolve import Resolver

    started = monotonic()
    resolved = await Resolver().resolve(host, deadline)
    if not resolved.addresses:
        raise ConnectError(stage, _dns_words(host, resolved), timed_out=resolved.failure == "timeout")
    return resolved.addresses, (monotonic() - started) * 1000


def _dns_words(host: str, resolved: Resolved) -> str:
    why = _DNS_WORDS.get(resolved.failure or "", resolved.error or "it has no address")
    return f'cannot resolve "{host}": {why}'


async def _reach_first(dialling: Sequence[Dialling], name: str, dns_ms: float | None) -> Reached:
    """The first address that answers, in the resolver's order, each with a head start on the next."""
    dialled = await _race(dialling)
    chosen = next((each for each in dialled if each.stream is not None), None)
    if chosen is None or chosen.stream is None:
        raise ConnectError(
            Stage.TCP,
            _tcp_words(name, dialled),
            dialled[-1].address if dialled else None,
            timed_out=any(each.result == "timeout" for each in dialled),
        )
    for other in dialled:
        if other is not chosen and other.stream is not None:
            other.stream.abort()
    return Reached(chosen.stream, chosen.address, dns_ms=dns_ms, tcp_ms=chosen.duration_ms)


async def _race(dialling: Sequence[Dialling]) -> list[Dialled]:
    """Start one after the other until one connects; those that are still dialling then are given up."""
    waiting, tasks = list(dialling), []
    try:
        while waiting:
            tasks.append(asyncio.ensure_future(waiting.pop(0)))
            await asyncio.wait(tasks[-1:], timeout=_HEAD_START if waiting else None)
            if any(task.done() and task.result().stream is not None for task in tasks):
                break
        pending = {task for task in tasks if not task.done()}
        while pending and not any(task.done() and task.result().stream is not None for task in tasks):
            _, pending = await asyncio.wait(pending, return_when=asyncio.FIRST_COMPLETED)
        return [task.result() for task in tasks if task.done()]
    finally:
        for left in waiting:
            left.close()
        for task in tasks:
            task.cancel()


def _tcp_words(name: str, attempts: Sequence[Dialled]) -> str:
    if len(attempts) == 1 and attempts[0].address in (name, f"unix:{name}"):
        return f"cannot connect to {name}: {_attempt_words(attempts[0])}"
    tried = "; ".join(f"{attempt.address} {_attempt_words(attempt)}" for attempt in attempts)
    return f"cannot connect to {name}: {tried}"


def _attempt_words(attempt: Dialled) -> str:
    return _TCP_WORDS.get(attempt.result, attempt.error or attempt.result)


async def _reach_through(proxy: Proxy, target: Target, deadline: Deadline) -> Reached:
    where = f"the proxy {proxy.url} ({proxy.variable})"
    if proxy.error is not None:
        raise ConnectError(Stage.PROXY, f"{proxy.variable} cannot be used: {proxy.error}")
    try:
        addresses, dns_ms = await _resolve(proxy.host, deadline, Stage.PROXY)
        dialling = [dial(each, proxy.port, deadline) for each in addresses]
        reached = await _reach_first(dialling, join_host_port(proxy.host, proxy.port), dns_ms)
    except ConnectError as failed:
        raise ConnectError(Stage.PROXY, f"{where}: {failed}", failed.address, failed.timed_out) from failed
    try:
        await open_tunnel(reached.stream, proxy, target.dial_host, target.dial_port, deadline)
    except (TunnelError, OSError) as refused:  # TimeoutError is an OSError
        reached.stream.abort()
        late = isinstance(refused, TimeoutError)
        why = "it did not answer CONNECT in time" if late else f"it opened no tunnel: {refused}"
        raise ConnectError(Stage.PROXY, f"{where}: {why}", reached.address, timed_out=late) from refused
    return Reached(
        reached.stream, reached.address, join_host_port(proxy.host, proxy.port), reached.dns_ms, reached.tcp_ms
    )
