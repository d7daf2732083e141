"""HTTP CONNECT proxies: which one the environment names for a target, and the tunnel through it (gRFC A1)."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Final, NamedTuple

from grpcdoctor.model.redact import redact_text
from grpcdoctor.model.target import is_address, join_host_port
from grpcdoctor.wire.deadline import Deadline
from grpcdoctor.wire.stream import ByteStream

# C-core reads the first three, grpc-go the last two; the first that is set wins.
PROXY_VARIABLES: Final = ("grpc_proxy", "https_proxy", "http_proxy", "HTTPS_PROXY", "ALL_PROXY")
EXEMPT_VARIABLES: Final = ("no_grpc_proxy", "no_proxy", "NO_PROXY")
DEFAULT_PORT: Final = 80
# A proxy's answer to CONNECT is a few lines; more is no proxy.
_ANSWER_LIMIT: Final = 16 * 1024


class Proxy(NamedTuple):
    """A proxy as the environment names it."""

    variable: str
    host: str
    port: int
    credentials: str | None = None
    """`user:password`; never shown."""
    error: str | None = None
    """Why the variable's value cannot be used."""

    @property
    def url(self) -> str:
        return f"http://{join_host_port(self.host, self.port)}"


class TunnelError(Exception):
    """The proxy opened no tunnel; the message is its status line or what happened instead."""


def proxy_for(host: str, port: int, environment: Mapping[str, str] | None = None) -> Proxy | None:
    """The proxy that gRPC clients would use for this target, or None. Loopback is never proxied."""
    variables = os.environ if environment is None else environment
    variable = next((name for name in PROXY_VARIABLES if variables.get(name)), None)
    if variable is None or _is_loopback(host) or _is_exempt(host, port, variables):
        return None
    return _read(variable, variables[variable])


def _read(variable: str, value: str) -> Proxy:
    from urllib.parse import unquote, urlsplit

    try:
        parts = urlsplit(value if "://" in value else f"http://{value}")
    except ValueError:
        return Proxy(variable, "", DEFAULT_PORT, error="its value is no URL")
    try:
        proxy_port = parts.port or DEFAULT_PORT
    except ValueError:
        return Proxy(variable, parts.hostname or "", DEFAULT_PORT, error="its port is not a number")
    if parts.scheme not in ("http", "") or not parts.hostname:
        return Proxy(
            variable, parts.hostname or "", proxy_port, error=f"gRPC knows only http:// proxies, not {parts.scheme}://"
        )
    credentials = None
    if parts.username is not None:
        credentials = f"{unquote(parts.username)}:{unquote(parts.password or '')}"
    return Proxy(variable, parts.hostname, proxy_port, credentials)


async def open_tunnel(stream: ByteStream, proxy: Proxy, host: str, port: int, deadline: Deadline) -> None:
    """Ask the proxy for a tunnel; then the stream is the target's. Raises TunnelError, TimeoutError, OSError."""
    authority = join_host_port(host, port)
    lines = [f"CONNECT {authority} HTTP/1.1", f"Host: {authority}", "User-Agent: grpcdoctor"]
    if proxy.credentials is not None:
        import base64

        lines.append(f"Proxy-Authorization: Basic {base64.b64encode(proxy.credentials.encode()).decode()}")
    stream.write("\r\n".join((*lines, "", "")).encode())
    answer = b""
    while b"\r\n\r\n" not in answer:
        data = await stream.read(deadline)
        if not data:
            raise TunnelError("the proxy closed the connection")
        answer += data
        if len(answer) > _ANSWER_LIMIT:
            raise TunnelError("the proxy's answer is no HTTP")
    head, _, rest = answer.partition(b"\r\n\r\n")
    status_line = head.split(b"\r\n", 1)[0].decode("latin-1")
    words = status_line.split(" ", 2)
    if not words[0].startswith("HTTP/1.") or len(words) < 2 or not words[1].startswith("2"):
        raise TunnelError(redact_text(status_line[:200]))
    stream.unread(rest)  # a gRPC server sends its SETTINGS at once: they may come together with the proxy's answer


def _is_loopback(host: str) -> bool:
    if host == "localhost" or host.endswith(".localhost"):
        return True
    if not is_address(host):
        return False
    from ipaddress import ip_address

    return ip_address(host.split("%", 1)[0]).is_loopback


def _is_exempt(host: str, port: int, variables: Mapping[str, str]) -> bool:
    """The first of the exemption variables that is set decides: names and their subdomains, addresses, CIDR, `*`."""
    value = next((variables[name] for name in EXEMPT_VARIABLES if variables.get(name)), "")
    return any(_matches(entry.strip(), host.lower(), port) for entry in value.split(",") if entry.strip())


def _matches(entry: str, host: str, port: int) -> bool:
    if entry == "*":
        return True
    if "/" in entry:
        from ipaddress import ip_address, ip_network

        try:
            return is_address(host) and ip_address(host) in ip_network(entry, strict=False)
        except ValueError:
            return False
    name, colon, entry_port = entry.rpartition(":")
    if colon and entry_port.isdigit() and not is_address(entry):
        if int(entry_port) != port:
            return False
        entry = name
    suffix = entry.lower().lstrip("*").lstrip(".")
    return host == suffix or host.endswith(f".{suffix}")
