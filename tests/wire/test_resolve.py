"""Names: every address in order, each failure by its own name, a hanging resolver bounded."""

from __future__ import annotations

import asyncio
import socket
import threading
import time
from typing import Any

import pytest

from grpcdoctor.wire.deadline import Deadline
from grpcdoctor.wire.resolve import Resolved, Resolver
from tests.patience import AT_ONCE


def resolve(*hosts: str, seconds: float = 5) -> list[Resolved]:
    async def run() -> list[Resolved]:
        resolver = Resolver()
        return list(await asyncio.gather(*(resolver.resolve(host, Deadline.after(seconds)) for host in hosts)))

    return asyncio.run(run())


def answering(monkeypatch: pytest.MonkeyPatch, answer: Any) -> list[str]:
    """Replaces getaddrinfo; returns the list of names that it is asked for."""
    asked: list[str] = []

    def getaddrinfo(host: str, *_: Any, **__: Any) -> Any:
        asked.append(host)
        if isinstance(answer, Exception):
            raise answer
        return answer() if callable(answer) else answer

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
    return asked


def test_addresses_keep_the_resolvers_order_without_doubles(monkeypatch: pytest.MonkeyPatch) -> None:
    entries = [(2, 1, 6, "", (address, 0)) for address in ("192.0.2.2", "2001:db8::1", "192.0.2.2")]
    asked = answering(monkeypatch, entries)
    found = resolve("a", "a", "a")
    assert found == [Resolved(("192.0.2.2", "2001:db8::1"))] * 3
    assert asked == ["a"]


@pytest.mark.parametrize(
    ("raised", "failure"),
    [
        (socket.gaierror(socket.EAI_NONAME, "no"), "nxdomain"),
        (socket.gaierror(socket.EAI_AGAIN, "later"), "try-again"),
        (socket.gaierror(socket.EAI_FAIL, "broken"), "error"),
        (OSError("odd"), "error"),
        (ValueError("embedded null character"), "error"),
    ],
)
def test_each_failure_has_its_own_name(monkeypatch: pytest.MonkeyPatch, raised: Exception, failure: str) -> None:
    answering(monkeypatch, raised)
    assert resolve("a")[0].failure == failure


def test_a_name_that_cannot_be_encoded_is_an_error_and_no_exception() -> None:
    assert resolve("a" * 70)[0].failure in ("error", "nxdomain")
    assert resolve("a\0b")[0].failure in ("error", "nxdomain")


def test_a_resolver_that_hangs_is_a_timeout(monkeypatch: pytest.MonkeyPatch) -> None:
    release = threading.Event()
    answering(monkeypatch, lambda: release.wait(20) and [])
    started = time.monotonic()
    try:
        assert resolve("a", seconds=0.1)[0].failure == "timeout"
    finally:
        release.set()
    assert time.monotonic() - started < AT_ONCE
