"""Hundreds of loopback gRPC servers in a process of their own, cheap enough that the prober is what is measured.

`python -m tests.load.fleet COUNT [silent]` prints the ports as one JSON line and ends when its standard input does.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import subprocess
import sys
from collections.abc import Iterator
from typing import IO

from tests.lab.processes import ROOT


class Answerer(asyncio.Protocol):
    """Answers every call with a healthy health check; one that is silent answers nothing at all."""

    silent = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        from grpcdoctor.wire import frames
        from tests.wire.peers import Server

        assert isinstance(transport, asyncio.Transport)
        self._transport, self._server, self._splitter = transport, Server(), frames.FrameSplitter()
        self._preface = frames.PREFACE
        if not self.silent:
            transport.write(self._server.settings({3: 100}))

    def data_received(self, data: bytes) -> None:
        from grpcdoctor.wire import frames

        if self.silent:
            return
        cut = min(len(self._preface), len(data))
        self._preface, data = self._preface[cut:], data[cut:]
        for frame in self._splitter.feed(data):
            if frame.type == 4 and not frame.flags & frames.ACK:
                self._transport.write(self._server.ack())
            elif frame.type == 6:
                self._transport.write(frames.Frame(6, frames.ACK, 0, frame.payload).encode())
            elif frame.type == 0 and frame.end_stream:
                self._transport.write(self._server.answer(frame.stream_id))


class Silent(Answerer):
    silent = True


async def _serve(count: int, kind: type[Answerer]) -> None:
    loop = asyncio.get_running_loop()
    servers = [await loop.create_server(kind, "127.0.0.1", 0, backlog=64) for _ in range(count)]
    print(json.dumps([server.sockets[0].getsockname()[1] for server in servers]), flush=True)
    await loop.run_in_executor(None, sys.stdin.read)
    for server in servers:
        server.close()


@contextlib.contextmanager
def fleet(count: int, silent: bool = False) -> Iterator[list[int]]:
    """The ports of so many servers."""
    command = [sys.executable, "-m", "tests.load.fleet", str(count), *(["silent"] if silent else [])]
    child = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=ROOT)
    try:
        assert child.stdout is not None
        yield json.loads(_line(child.stdout))
    finally:
        assert child.stdin is not None
        child.stdin.close()
        child.wait(10)
        if child.stdout is not None:
            child.stdout.close()


def _line(stream: IO[bytes]) -> bytes:
    line = stream.readline()
    assert line, "the fleet did not start"
    return line


if __name__ == "__main__":
    asyncio.run(_serve(int(sys.argv[1]), Silent if "silent" in sys.argv else Answerer))
