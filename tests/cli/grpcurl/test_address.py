"""Addresses mean what they mean to grpcurl, and errors say what to write."""

from __future__ import annotations

import pytest

from grpcdoctor.cli.grpcurl.address import AddressError, full_address, read_address
from grpcdoctor.cli.grpcurl.flags import Flags

PLAINTEXT = Flags(plaintext=True)


@pytest.mark.parametrize(
    ("address", "host", "port", "authority"),
    [
        ("h.example:50051", "h.example", 50051, "h.example:50051"),
        ("127.0.0.1:1", "127.0.0.1", 1, "127.0.0.1:1"),
        ("[::1]:50051", "::1", 50051, "[::1]:50051"),
        (":50051", "localhost", 50051, ":50051"),
        ("h:https", "h", 443, "h:https"),
        ("dns:///h", "h", 443, "h"),
        ("dns:///h:1", "h", 1, "h:1"),
        ("dns:///::1", None, None, None),
        ("passthrough:///h:1", "h", 1, "h:1"),
    ],
)
def test_an_address_is_host_and_port(address: str, host: str | None, port: int, authority: str) -> None:
    if host is None:
        with pytest.raises(AddressError, match="too many colons"):
            read_address(PLAINTEXT, address)
        return
    target = read_address(PLAINTEXT, address)
    assert (target.dial_host, target.dial_port, target.authority_header) == (host, port, authority)
    assert not target.tls


@pytest.mark.parametrize(
    ("flags", "address"), [(Flags(unix=True), "/run/x"), (Flags(), "unix:///run/x"), (Flags(), "unix:/run/x")]
)
def test_a_socket_is_called_localhost(flags: Flags, address: str) -> None:
    target = read_address(flags, address)
    assert (target.unix_path, target.authority_header, target.verify_name) == ("/run/x", "localhost", "localhost")
    assert full_address(flags, address) == (address if ":" in address else "unix:///run/x")


@pytest.mark.parametrize(
    ("flags", "authority", "server_name"),
    [
        (Flags(authority="a.example:1"), "a.example:1", "a.example"),
        (Flags(servername="s.example"), "s.example", "s.example"),
        (Flags(servername="s", authority="s"), "s", "s"),
        (Flags(plaintext=True, servername="s"), "h:1", "h"),
        (Flags(plaintext=True, authority="a"), "a", "a"),
    ],
)
def test_with_tls_both_flags_set_authority_and_name(flags: Flags, authority: str, server_name: str) -> None:
    target = read_address(flags, "h:1")
    assert (target.authority_header, target.verify_name) == (authority, server_name)


@pytest.mark.parametrize(
    ("address", "words"),
    [
        ("h", "missing port in address: write h:PORT"),
        ("", "missing port in address: write host:PORT"),
        ("[::1]", "missing port in address: write [::1]:PORT"),
        ("::1:50051", "write an IPv6 address in brackets"),
        ("h:99999", "invalid port 99999"),
        ("h:nope", "unknown port nope"),
        ("http://h:1/x", "an address is no URL: write h:1 and add -plaintext"),
        ("https://h:1", "an address is no URL: write h:1"),
        ("ftp://h:1", "there is no scheme ftp://"),
        ("dns://8.8.8.8/h:1", "write dns:///h:1"),
        ("unix://run/x", "a Unix socket needs an absolute path"),
        ("unix:", "missing port in address"),
        ("dns:host:1", "too many colons"),
    ],
)
def test_an_address_that_cannot_be_read_says_what_to_write(address: str, words: str) -> None:
    with pytest.raises(AddressError) as raised:
        read_address(PLAINTEXT, address)
    assert words in str(raised.value)
