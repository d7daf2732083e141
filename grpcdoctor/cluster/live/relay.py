"""Relay: carries bytes between a local stream and one port of a pod, over an open port-forward WebSocket.

Each message begins with its channel: 0 is the port's data, 1 its errors, and the first message of each holds nothing
but the port's number. With v5 a client can also say that it has ended a channel; with v4 it can only fall silent.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import Final

from grpcdoctor.cluster.live.errors import PortForwardError
from grpcdoctor.cluster.live.upgrade import Opened
from grpcdoctor.cluster.live.websocket import Message, NoWebSocketError, Opcode, Receiver, close_frame, frame
from grpcdoctor.model.redact import redact_text

PROTOCOLS: Final = ("v5.channel.k8s.io", "v4.channel.k8s.io")
_V5: Final = PROTOCOLS[0]
_DATA: Final = 0
_ERROR: Final = 1
_END_OF_CHANNEL: Final = 255
_CHUNK: Final = 32 * 1024
_LONGEST_TEXT: Final = 300
_LINGER_SECONDS: Final = 5.0
_REFUSED: Final = ("connection refused", "connect: refused")


class Relay:
    """One tunnel at work. Both ways wait for the slower side, so little is ever held in memory."""

    def __init__(self, opened: Opened, port: int, local: tuple[asyncio.StreamReader, asyncio.StreamWriter]) -> None:
        self._api = opened
        self._port = port
        self._local_reader, self._local_writer = local
        self._receiver = Receiver()
        self._begun: set[int] = set()

    async def run(self) -> None:
        """Until the pod's side ends or the local side is gone. Raises PortForwardError."""
        outward = asyncio.ensure_future(self._outward())
        inward = asyncio.ensure_future(self._inward())
        try:
            await asyncio.wait((outward, inward), return_when=asyncio.FIRST_COMPLETED)
            if outward.done() and outward.result():  # half-closed: the answer may still be on its way
                await inward
            if inward.done():
                inward.result()
                self._end()
                await self._linger(outward)
        finally:
            for one in (outward, inward):
                one.cancel()
            await asyncio.gather(outward, inward, return_exceptions=True)
            self._end()

    def _end(self) -> None:
        """Politely, and at once: closing TLS in an orderly way may take half a minute."""
        with suppress(OSError, RuntimeError):
            if not self._api.writer.is_closing():
                self._api.writer.write(close_frame())
        self._api.writer.transport.abort()

    async def _outward(self) -> bool:
        """From here to the pod. True at the end of what there is to send, False where nobody is here any more."""
        while True:
            try:
                data = await self._local_reader.read(_CHUNK)
            except OSError:
                return False
            if not data:
                break
            await self._send(Opcode.BINARY, bytes((_DATA,)) + data)
        if self._api.protocol == _V5:
            await self._send(Opcode.BINARY, bytes((_END_OF_CHANNEL, _DATA)))
        return True

    async def _send(self, opcode: Opcode, payload: bytes) -> None:
        """Where the API server is gone, the next read says how."""
        with suppress(OSError):
            self._api.writer.write(frame(opcode, payload))
            await self._api.writer.drain()

    async def _linger(self, outward: asyncio.Future[bool]) -> None:
        """Goes on taking what the local side sends: to close at once would reset it, and lose what it has not read."""
        await asyncio.wait((outward,), timeout=_LINGER_SECONDS)

    async def _inward(self) -> None:
        """From the pod to here, until it has no more; then the end is passed on."""
        while True:
            try:
                data = await self._api.reader.read(_CHUNK)
            except OSError:
                data = b""
            if not data:
                raise PortForwardError("dropped", "the tunnel was cut in the middle, by the API server or on the way")
            try:
                for message in self._receiver.receive(data):
                    if not await self._arrived(message):
                        return
            except NoWebSocketError as wrong:
                raise PortForwardError("garbage", f"the API server sent {wrong}") from None
            except OSError:  # of the local side: nobody reads any more
                return

    async def _arrived(self, message: Message) -> bool:
        """Whether there is more to come."""
        if message.opcode is Opcode.CLOSE:
            with suppress(OSError, RuntimeError):
                self._local_writer.write_eof()
            return False
        if message.opcode is Opcode.PING:
            await self._send(Opcode.PONG, message.payload)
        elif message.opcode is Opcode.BINARY:
            await self._channel(message.payload)
        elif message.opcode is not Opcode.PONG:
            raise NoWebSocketError(f"a {message.opcode.name} message in a port-forward")
        return True

    async def _channel(self, payload: bytes) -> None:
        channel, content = (payload[0], payload[1:]) if payload else (-1, b"")
        if channel not in (_DATA, _ERROR):
            raise NoWebSocketError(f"a message for channel {channel}, which nobody has opened")
        if channel not in self._begun:
            self._begun.add(channel)
            if content != self._port.to_bytes(2, "little"):
                raise NoWebSocketError(f"no port number at the beginning of channel {channel}")
        elif channel == _DATA:
            self._local_writer.write(content)
            await self._local_writer.drain()
        elif content:
            text = redact_text(" ".join(content.decode(errors="replace").split()))[:_LONGEST_TEXT]
            refused = any(words in text.lower() for words in _REFUSED)
            raise PortForwardError("refused" if refused else "port-failed", text)
