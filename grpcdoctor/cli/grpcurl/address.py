"""Addresses as grpcurl reads them: `host:port`, or what a scheme's resolver takes. No default port, no URLs."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Final, Protocol

from grpcdoctor.model.target import Target, TargetError, split_host_port

if TYPE_CHECKING:

    class Flags(Protocol):
        """What of a command line changes how an address is read."""

        @property
        def tls(self) -> bool: ...
        @property
        def authority(self) -> str: ...
        @property
        def servername(self) -> str: ...
        @property
        def unix(self) -> bool: ...


# grpc-go's dns resolver; passthrough has none.
_DNS_PORT: Final = "443"
_URLS: Final = {"http": " and add -plaintext", "grpc": " and add -plaintext", "https": "", "grpcs": ""}


class AddressError(ValueError):
    """An address that cannot be read; the message says what to write."""


def full_address(flags: Flags, address: str) -> str:
    """As grpcurl names it in its errors: -unix puts the scheme in front."""
    return f"unix://{address}" if flags.unix and not address.startswith("unix://") else address


def read_address(flags: Flags, address: str, without_slashes: Sequence[str] = ("unix",)) -> Target:
    """The Target with authority and names as grpc-go makes them. Raises AddressError.

    `without_slashes`: schemes that are one also in `scheme:endpoint`. grpc-go takes each of its own so; of grpcurl only
    a socket gets there."""
    scheme, separator, rest = full_address(flags, address).partition("://")
    if not separator:
        scheme, colon, rest = address.partition(":")
        if colon and rest and scheme.lower() in without_slashes:
            return _opaque(flags, address, scheme.lower(), rest)
        return _host_and_port(flags, address, address)
    if scheme in _URLS:
        raise AddressError(f"an address is no URL: write {rest.partition('/')[0]}{_URLS[scheme]}")
    read = _SCHEMES.get(scheme.lower())
    if read is None:
        known = ", ".join(f"{name}:///" for name in (*_SCHEMES, "xds"))
        raise AddressError(f"there is no scheme {scheme}://: write host:port, or one of {known}")
    return read(flags, address, rest)


def _opaque(flags: Flags, address: str, scheme: str, rest: str) -> Target:
    """A socket's path may be relative then; before any other endpoint one slash may stand."""
    if scheme == "unix":
        return _unix(flags, address, os.path.abspath(rest))
    return _host_and_port(flags, address, rest.removeprefix("/"), _DNS_PORT if scheme == "dns" else "")


def is_xds(address: str) -> bool:
    """Resolved by a control plane."""
    return address.startswith("xds://")


def unread_address(flags: Flags, address: str) -> Target:
    """The Target of a name that somebody else resolves: its host is what is called, nothing of it is dialled."""
    name = address.rpartition("/")[2]
    authority, server_name = _names(flags, name, name)
    return Target(address, name, 0, flags.tls, authority=authority, server_name=server_name)


def _dns(flags: Flags, address: str, rest: str) -> Target:
    server, _, endpoint = rest.partition("/")
    if server:
        raise AddressError(f"a DNS server ({server}) cannot be chosen: write dns:///{endpoint}")
    return _host_and_port(flags, address, endpoint, _DNS_PORT)


def _passthrough(flags: Flags, address: str, rest: str) -> Target:
    return _host_and_port(flags, address, rest.partition("/")[2])


def _unix(flags: Flags, address: str, rest: str) -> Target:
    """Three slashes before an absolute path."""
    if not rest.startswith("/"):
        raise AddressError(f"a Unix socket needs an absolute path: write unix:///path, not {address}")
    authority, name = _names(flags, "localhost", "localhost")
    return Target(address, "localhost", 0, flags.tls, authority=authority, server_name=name, unix_path=rest)


_SCHEMES: Final[dict[str, Callable[[Flags, str, str], Target]]] = {
    "dns": _dns,
    "passthrough": _passthrough,
    "unix": _unix,
}


def _host_and_port(flags: Flags, address: str, endpoint: str, default_port: str = "") -> Target:
    host, port = _split(endpoint)
    if not port and not default_port:
        raise AddressError(f"missing port in address: write {endpoint or 'host'}:PORT")
    number = _port_number(port or default_port)
    target = Target(address, host or "localhost", number, flags.tls, port_given=bool(port))
    authority, name = _names(flags, endpoint, target.host)
    if authority == target.authority_header and name == target.verify_name:
        return target
    return replace(target, authority=authority, server_name=name)


def _split(endpoint: str) -> tuple[str, str]:
    """Host without brackets, port as written; an empty host is this machine (net.Dial)."""
    host, colon, port = endpoint.rpartition(":")
    if not colon or endpoint.endswith("]"):
        host, port = endpoint, ""
    if host.startswith("[") and host.endswith("]"):
        return host[1:-1], port
    if ":" in host:
        raise AddressError(f"too many colons in address {endpoint}: write an IPv6 address in brackets, [address]:port")
    return host, port


def _port_number(port: str) -> int:
    """A number, or the name of a service."""
    if port.isascii() and port.isdigit():
        number = int(port[:6])
        if number > 65535:
            raise AddressError(f"invalid port {port}: a port is a number up to 65535")
        return number
    try:
        return socket.getservbyname(port, "tcp")
    except OSError:
        raise AddressError(f"unknown port {port}: write a number, or the name of a service such as https") from None


def _names(flags: Flags, endpoint: str, host: str) -> tuple[str, str]:
    """(`:authority`, name to ask for and to verify): with TLS both flags set both, without only -authority counts."""
    override = (flags.servername or flags.authority) if flags.tls else flags.authority
    if not override:
        return endpoint, host
    try:
        return override, split_host_port(override)[0]
    except TargetError:
        return override, override
