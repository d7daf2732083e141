"""Upgrade: from an address of the API server to an open WebSocket, or the one reason why there is none."""

from __future__ import annotations

import asyncio
import http.client
import json
import re
import socket
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from io import BytesIO
from typing import Final

from grpcdoctor.cluster.fields import text_at
from grpcdoctor.cluster.live.access import Access
from grpcdoctor.cluster.live.errors import PortForwardError
from grpcdoctor.cluster.live.troubles import no_answer
from grpcdoctor.cluster.live.websocket import accept_of, new_key, upgrade_request
from grpcdoctor.model.redact import redact_text
from grpcdoctor.wire.deadline import Deadline
from grpcdoctor.wire.resolve import Resolver

_LONGEST_HEAD: Final = 64 * 1024
_LONGEST_BODY: Final = 64 * 1024
_LONGEST_TEXT: Final = 300
_BODY_SECONDS: Final = 1.0
"""It mostly comes together with the head, and only explains."""
_END_OF_HEAD: Final = b"\r\n\r\n"
_KINDS: Final = {401: "forbidden", 403: "forbidden", 404: "no-pod"}
_NOT_RUNNING: Final = re.compile(r"does not have a host assigned|not running|is not ready|Current status=", re.I)


@dataclass(frozen=True, slots=True)
class Opened:
    """A WebSocket right after the upgrade."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    protocol: str
    """The subprotocol that the server chose."""


async def open_websocket(access: Access, path: str, protocols: Sequence[str], deadline: Deadline) -> Opened:
    """Raises PortForwardError, and nothing else but asyncio's CancelledError."""
    try:
        return await deadline.wait(_open(access, path, protocols, deadline))
    except TimeoutError:
        raise PortForwardError("timeout", f"{access.authority} has not opened the tunnel in time") from None
    except (asyncio.IncompleteReadError, ConnectionResetError):
        text = f"{access.authority} closed the connection instead of opening the tunnel"
        raise PortForwardError("dropped", text) from None
    except asyncio.LimitOverrunError:
        raise PortForwardError("garbage", f"{access.authority} answered with a head without end") from None
    except (OSError, ValueError) as failed:  # ssl.SSLError is an OSError; a URL may name no address
        raise PortForwardError("unreachable", no_answer(failed, access.authority).text) from None


async def _open(access: Access, path: str, protocols: Sequence[str], deadline: Deadline) -> Opened:
    sock = await _connect(access, deadline)
    try:
        reader, writer = await asyncio.open_connection(
            sock=sock,
            ssl=access.context,
            server_hostname=access.server_name if access.context is not None else None,
            limit=_LONGEST_HEAD,
        )
    except BaseException:
        sock.close()
        raise
    try:
        key = new_key()
        request = upgrade_request(
            access.base_path + path, access.authority, key, ", ".join(protocols), access.headers
        )
        writer.write(request)
        head = await reader.readuntil(_END_OF_HEAD)
        return Opened(reader, writer, await _accepted(reader, head, key, protocols, access))
    except BaseException:
        writer.transport.abort()
        raise


async def _connect(access: Access, deadline: Deadline) -> socket.socket:
    """A connected socket to the API server, or through its proxy."""
    proxy = access.proxy
    if proxy is None:
        return await _dial(access.host, access.port, deadline)
    if proxy.unusable:
        raise PortForwardError(
            "unreachable", f"the proxy on the way to {access.authority} carries no tunnel of ours: {proxy.unusable}"
        )
    sock = await _dial(proxy.host, proxy.port, deadline)
    try:
        await _through(sock, access)
    except BaseException:
        sock.close()
        raise
    return sock


async def _dial(host: str, port: int, deadline: Deadline) -> socket.socket:
    """The first address that answers."""
    resolved = await Resolver().resolve(host, deadline)
    if not resolved.addresses:
        raise socket.gaierror(resolved.error or "no address")
    failed: OSError | None = None
    for address in resolved.addresses:
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        sock = socket.socket(family, socket.SOCK_STREAM)
        try:
            sock.setblocking(False)
            await asyncio.get_running_loop().sock_connect(sock, (address, port))
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            return sock
        except OSError as error:
            sock.close()
            failed = error
        except BaseException:
            sock.close()
            raise
    assert failed is not None
    raise failed


async def _through(sock: socket.socket, access: Access) -> None:
    """CONNECT. The server behind speaks only when it is spoken to, so no byte of its can come along."""
    assert access.proxy is not None
    loop = asyncio.get_running_loop()
    fields = [("Host", access.authority), *access.proxy.headers]
    lines = [f"CONNECT {access.authority} HTTP/1.1", *(f"{name}: {value}" for name, value in fields), "", ""]
    await loop.sock_sendall(sock, "\r\n".join(lines).encode("latin-1"))
    answer = b""
    while _END_OF_HEAD not in answer and len(answer) < _LONGEST_HEAD:
        data = await loop.sock_recv(sock, 4096)
        if not data:
            break
        answer += data
    words = answer.split(b"\r\n", 1)[0].decode("latin-1")
    if not re.match(r"HTTP/1\.[01] 2\d\d", words):
        said = redact_text(words)[:_LONGEST_TEXT] or "nothing"
        raise PortForwardError("unreachable", f"the proxy on the way to {access.authority} says: {said}")


async def _accepted(
    reader: asyncio.StreamReader, head: bytes, key: str, protocols: Sequence[str], access: Access
) -> str:
    """The subprotocol; PortForwardError where the answer is anything but a good 101."""
    first, _, rest = head.partition(b"\r\n")
    words = first.split(b" ", 2)
    if len(words) < 2 or not words[0].startswith(b"HTTP/1.") or not words[1].isdigit():
        raise PortForwardError("garbage", f"{access.authority} does not speak HTTP")
    status = int(words[1][:3])
    headers = http.client.parse_headers(BytesIO(rest))
    if status != 101:
        try:
            body = await Deadline.after(_BODY_SECONDS).wait(_body(reader, headers))
        except TimeoutError:
            body = b""
        raise _refusal(status, body, access)
    if headers.get("sec-websocket-accept", "").strip() != accept_of(key):
        raise PortForwardError("garbage", f"{access.authority} upgrades to something that is no WebSocket")
    chosen = headers.get("sec-websocket-protocol", "").strip()
    if chosen not in protocols:
        text = f'{access.authority} chose the subprotocol "{chosen[:40]}", which was not offered'
        raise PortForwardError("garbage", text)
    return chosen


async def _body(reader: asyncio.StreamReader, headers: http.client.HTTPMessage) -> bytes:
    """As much of it as comes."""
    length = headers.get("content-length", "")
    chunked = "chunked" in headers.get("transfer-encoding", "").lower()
    body = b""
    with suppress(asyncio.IncompleteReadError, asyncio.LimitOverrunError, ValueError):
        if chunked:
            while (size := int((await reader.readuntil(b"\r\n")).partition(b";")[0], 16)) and len(body) < _LONGEST_BODY:
                body += await reader.readexactly(min(size, _LONGEST_BODY))
                await reader.readuntil(b"\r\n")
        elif length.isdigit():
            body = await reader.readexactly(min(int(length), _LONGEST_BODY))
        else:
            body = await reader.read(_LONGEST_BODY)
    return body


def _refusal(status: int, body: bytes, access: Access) -> PortForwardError:
    """By the API server's Status object; what a kubelet or a proxy says comes as plain text."""
    try:
        said = json.loads(body)
    except ValueError:
        said = None
    message = text_at(said, "message") or body[:_LONGEST_TEXT].decode(errors="replace")
    if message.lstrip()[:1] == "<":
        message = "an HTML page, so a proxy or a load balancer said it, not the API server"
    message = redact_text(" ".join(message.split()))[:_LONGEST_TEXT].rstrip(": ")
    kind = "not-running" if _NOT_RUNNING.search(message) else _KINDS.get(status, "server")
    if status == 200:
        message = f"no tunnel but an ordinary answer: a proxy before {access.authority} lets no WebSocket pass"
    return PortForwardError(kind, message or "without a word", status)
