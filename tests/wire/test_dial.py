"""Dialling: each failure by its own name, and our own limits blamed on nobody."""

from __future__ import annotations

import asyncio
import errno
import os
import socket
from pathlib import Path

import pytest

from grpcdoctor.wire.deadline import Deadline
from grpcdoctor.wire.dial import Dialled, OutOfFilesError, dial, dial_unix


def dialled(host: str, port: int, seconds: float = 5) -> Dialled:
    return asyncio.run(_dialled(host, port, seconds))


async def _dialled(host: str, port: int, seconds: float) -> Dialled:
    found = await dial(host, port, Deadline.after(seconds))
    if found.stream is not None:
        found.stream.abort()
    return found


def test_a_listening_port_connects() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        found = dialled("127.0.0.1", listener.getsockname()[1])
    assert (found.attempt.result, found.attempt.error) == ("connected", None)


def test_a_closed_port_refuses() -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        found = dialled("127.0.0.1", unused.getsockname()[1])
    assert (found.attempt.result, found.stream) == ("refused", None)


@pytest.mark.parametrize(
    ("number", "result"),
    [(errno.EHOSTUNREACH, "unreachable"), (errno.ETIMEDOUT, "timeout"), (errno.EACCES, "error"), (None, "error")],
)
def test_the_systems_error_becomes_a_word(monkeypatch: pytest.MonkeyPatch, number: int | None, result: str) -> None:
    async def fails(*_: object, **__: object) -> None:
        raise OSError(number, "text") if number else OSError("text")

    monkeypatch.setattr(asyncio.BaseEventLoop, "create_connection", fails)
    attempt = dialled("192.0.2.1", 1).attempt
    assert attempt.result == result
    assert attempt.error == (os.strerror(number) if number else "text")


def test_an_answer_that_never_comes_is_a_timeout(monkeypatch: pytest.MonkeyPatch) -> None:
    async def hangs(*_: object, **__: object) -> None:
        await asyncio.sleep(60)

    monkeypatch.setattr(asyncio.BaseEventLoop, "create_connection", hangs)
    assert dialled("192.0.2.1", 1, seconds=0.05).attempt.result == "timeout"


def test_a_socket_path_that_is_missing_or_too_long_is_a_failed_attempt(tmp_path: Path) -> None:
    for path in (str(tmp_path / "none"), "/" + "x" * 300):
        attempt = asyncio.run(dial_unix(path, Deadline.after(1))).attempt
        assert (attempt.result, attempt.address) == ("error", f"unix:{path}")


def test_no_free_descriptor_is_waited_for_and_then_said_to_be_ours(monkeypatch: pytest.MonkeyPatch) -> None:
    tries: list[int] = []

    async def out_of_files(*_: object, **__: object) -> None:
        tries.append(1)
        raise OSError(errno.EMFILE, "Too many open files")

    monkeypatch.setattr(asyncio.BaseEventLoop, "create_connection", out_of_files)
    with pytest.raises(OutOfFilesError, match="ulimit -n"):
        dialled("192.0.2.1", 1, seconds=0.3)
    assert len(tries) > 2


def test_a_descriptor_that_becomes_free_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    original, tries = asyncio.BaseEventLoop.create_connection, []

    async def at_first_out_of_files(*given: object, **named: object) -> object:
        tries.append(1)
        if len(tries) < 3:
            raise OSError(errno.EMFILE, "Too many open files")
        return await original(*given, **named)  # type: ignore[call-overload]

    monkeypatch.setattr(asyncio.BaseEventLoop, "create_connection", at_first_out_of_files)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        assert dialled("127.0.0.1", listener.getsockname()[1]).attempt.result == "connected"


def test_a_cancelled_dial_leaves_no_connection_behind() -> None:
    async def run(port: int) -> None:
        for turns in range(12):
            dialling = asyncio.create_task(dial("127.0.0.1", port, Deadline.after(5)))
            for _ in range(turns):
                await asyncio.sleep(0)
            dialling.cancel()
            (found,) = await asyncio.gather(dialling, return_exceptions=True)
            if isinstance(found, Dialled) and found.stream is not None:
                found.stream.abort()
        await asyncio.sleep(0.05)

    with socket.create_server(("127.0.0.1", 0), backlog=64) as listener:
        before = len(os.listdir("/proc/self/fd"))
        asyncio.run(run(listener.getsockname()[1]))
        assert len(os.listdir("/proc/self/fd")) <= before
