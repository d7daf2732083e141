"""Target: what is probed, and how a user's word for it is read."""

from __future__ import annotations

import re
from dataclasses import dataclass

DEFAULT_TLS_PORT = 443
DEFAULT_PLAINTEXT_PORT = 80

# scheme -> TLS asked
_SCHEMES: dict[str, bool] = {"grpcs": True, "https": True, "grpc": False, "http": False}
_LONGEST_LABEL = 63  # RFC 1035 §2.3.4
_HOST = r"^[A-Za-z0-9_](?:[A-Za-z0-9_.-]{0,252}[A-Za-z0-9_.-])?$"


class TargetError(ValueError):
    """The user's word for a target cannot be read; the message says what to write instead."""


@dataclass(frozen=True, slots=True)
class Target:
    """One endpoint to probe. `port_given` is False where the port is the scheme's default."""

    input: str
    host: str
    port: int
    tls: bool
    port_given: bool = True
    scheme_given: bool = False
    authority: str | None = None
    """`:authority` to send; None: made from host and port as gRPC clients do."""
    server_name: str | None = None
    """SNI and name to verify; None: the authority's host."""
    connect_to: tuple[str, int] | None = None
    """Dialled instead of host and port, which still name the endpoint."""
    unix_path: str | None = None

    @property
    def endpoint(self) -> str:
        """How the endpoint is called in every output: `host:port`, `[v6]:port` or `unix:/path`; where there is none (a
        text that names no host, manifests), what the user named."""
        if self.unix_path is not None:
            return f"unix:{self.unix_path}"
        if not self.host:
            return self.input
        return join_host_port(self.host, self.port)

    @property
    def dial_host(self) -> str:
        return self.connect_to[0] if self.connect_to else self.host

    @property
    def dial_port(self) -> int:
        return self.connect_to[1] if self.connect_to else self.port

    @property
    def authority_header(self) -> str:
        """`:authority` as gRPC clients make it: the target as written, so with the port only where one was given."""
        if self.authority is not None:
            return self.authority
        if self.unix_path is not None:
            return "localhost"
        return join_host_port(self.host, self.port) if self.port_given else self.host_in_authority

    @property
    def host_in_authority(self) -> str:
        return f"[{self.host}]" if ":" in self.host else self.host

    @property
    def verify_name(self) -> str:
        """The name that the certificate must be for, and (unless it is an address) the SNI."""
        if self.server_name is not None:
            return self.server_name
        if self.authority is not None:
            return split_host_port(self.authority)[0]
        return "localhost" if self.unix_path is not None else self.host


def join_host_port(host: str, port: int) -> str:
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def is_address(host: str) -> bool:
    """Whether `host` is an IPv4 or IPv6 literal (a zone index such as %eth0 allowed)."""
    address = host.split("%", 1)[0]
    return _is_ipv6(address) if ":" in address else _is_ipv4(address)


def _is_ipv4(address: str) -> bool:
    """As the module ipaddress reads it, which takes as long to load as all the rest of a plain target's reading."""
    numbers = address.split(".")
    return len(numbers) == 4 and all(
        number.isascii() and number.isdigit() and str(int(number[:4])) == number and int(number) < 256
        for number in numbers
    )


def _is_ipv6(address: str) -> bool:
    from ipaddress import IPv6Address

    try:
        IPv6Address(address)
    except ValueError:
        return False
    return True


def split_host_port(text: str) -> tuple[str, int | None]:
    """`host`, `host:port`, `[v6]`, `[v6]:port`, bare `v6` -> (host without brackets, port or None).

    Raises TargetError with what to write instead.
    """
    if text.startswith("["):
        host, bracket, rest = text[1:].partition("]")
        if not bracket or (rest and not rest.startswith(":")):
            raise TargetError(f"{text!r} is not [IPv6]:port")
        if not is_address(host):
            raise TargetError(f"{host!r} in {text!r} is not an IPv6 address")
        return host, _port(rest[1:], text) if rest else None
    if text.count(":") > 1:
        if is_address(text):
            return text, None
        raise TargetError(f"{text!r} has too many colons; write an IPv6 address with a port as [address]:port")
    host, colon, port = text.partition(":")
    return host, _port(port, text) if colon else None


def parse_target(text: str, plaintext: bool = False) -> Target:
    """Read `host`, `host:port`, `[v6]:port`, `grpcs://`, `grpc://`, `https://`, `http://` or `unix:/path`.

    `plaintext` is the user's --plaintext; it decides only where no scheme does. Raises TargetError.
    """
    word = text.strip()
    if not word:
        raise TargetError("the target is empty; write host, host:port or unix:/path")
    if word.startswith("unix:"):
        return _unix_target(text, word, plaintext)
    scheme, separator, rest = word.partition("://")
    if not separator:
        return _network_target(text, word, tls=not plaintext, scheme_given=False)
    if scheme.lower() not in _SCHEMES:
        known = ", ".join(f"{name}://" for name in _SCHEMES)
        raise TargetError(f"unknown scheme {scheme + '://'!r} in {text!r}; write {known} or no scheme at all")
    tls = _SCHEMES[scheme.lower()]
    if tls and plaintext:
        raise TargetError(f"{text!r} asks for TLS and --plaintext for none; leave one of them out")
    return _network_target(text, rest, tls=tls, scheme_given=True)


def _unix_target(text: str, word: str, plaintext: bool) -> Target:
    path = word[len("unix:") :]
    if path.startswith("//"):
        path = path[2:]
    if not path.startswith("/"):
        raise TargetError(f"{text!r} names no absolute path; write unix:/path/to/socket")
    return Target(text, host="localhost", port=0, tls=not plaintext, unix_path=path)


def _network_target(text: str, rest: str, tls: bool, scheme_given: bool) -> Target:
    location, slash, path = rest.partition("/")
    if slash and not location:
        raise TargetError(f"{text!r} is a path; a Unix socket is written unix:{text}")
    if slash and path.strip("/"):
        raise TargetError(
            f"{text!r} has a path; gRPC targets have none: write {location}, "
            "and the method apart (probe: --call SERVICE/METHOD)"
        )
    if "@" in location:
        raise TargetError("a target takes no user name or password; use --header 'authorization: …'")
    host, port = split_host_port(location)
    if not is_address(host) and not _valid_name(host):
        raise TargetError(f"{host!r} in {text!r} is not a host name or address")
    default = DEFAULT_TLS_PORT if tls else DEFAULT_PLAINTEXT_PORT
    return Target(text, host, port if port is not None else default, tls, port is not None, scheme_given)


def _valid_name(host: str) -> bool:
    if host.isascii():
        labels = host.removesuffix(".").split(".")
        return bool(re.match(_HOST, host)) and all(0 < len(label) <= _LONGEST_LABEL for label in labels)
    try:
        return bool(re.match(_HOST, host.encode("idna").decode("ascii")))
    except UnicodeError:
        return False


def _port(text: str, whole: str) -> int:
    if not text.isascii() or not text.isdigit() or not 0 < int(text[:6]) < 65536:
        raise TargetError(f"{text!r} in {whole!r} is not a port; a port is a number from 1 to 65535")
    return int(text)
