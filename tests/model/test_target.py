"""How a user's word for a target is read."""

from __future__ import annotations

import ipaddress

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from grpcdoctor.model.codec import decode, encode
from grpcdoctor.model.target import Target, TargetError, is_address, parse_target, split_host_port


@pytest.mark.parametrize(
    ("text", "host", "port", "tls"),
    [
        ("grpc.example.com", "grpc.example.com", 443, True),
        ("grpc.example.com:50051", "grpc.example.com", 50051, True),
        ("[::1]:50051", "::1", 50051, True),
        ("[2001:db8::1]", "2001:db8::1", 443, True),
        ("::1", "::1", 443, True),
        ("grpcs://a.test", "a.test", 443, True),
        ("grpc://a.test", "a.test", 80, False),
        ("grpc://a.test:50051", "a.test", 50051, False),
        ("https://a.test/", "a.test", 443, True),
        ("http://a.test", "a.test", 80, False),
        ("GRPC://a.test", "a.test", 80, False),
        ("  a.test:1 ", "a.test", 1, True),
        ("my_service:50051", "my_service", 50051, True),
        ("a.test.", "a.test.", 443, True),
        ("10.0.0.1:1", "10.0.0.1", 1, True),
    ],
)
def test_every_form_is_read(text: str, host: str, port: int, tls: bool) -> None:
    target = parse_target(text)
    assert (target.host, target.port, target.tls) == (host, port, tls)
    assert decode(Target, encode(target)) == target


def test_plaintext_decides_where_no_scheme_does() -> None:
    assert (parse_target("a.test", plaintext=True).port, parse_target("a.test", plaintext=True).tls) == (80, False)
    assert not parse_target("grpc://a.test", plaintext=True).tls
    with pytest.raises(TargetError, match="--plaintext"):
        parse_target("grpcs://a.test", plaintext=True)


def test_a_path_alone_is_told_how_a_socket_is_written() -> None:
    with pytest.raises(TargetError, match=r"is a path; a Unix socket is written unix:/run/x$"):
        parse_target("/run/x")


def test_a_unix_socket_has_a_path_and_no_port() -> None:
    for text in ("unix:/run/a.sock", "unix:///run/a.sock"):
        target = parse_target(text, plaintext=True)
        assert (target.unix_path, target.endpoint, target.authority_header) == (
            "/run/a.sock",
            "unix:/run/a.sock",
            "localhost",
        )


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        ("", "empty"),
        ("a.test:0", "1 to 65535"),
        ("a.test:65536", "1 to 65535"),
        ("a.test:http", "not a port"),
        ("a.test:", "not a port"),
        ("a.test:٣", "not a port"),
        ("1:2:3:4", "too many colons"),
        ("[::1", "[IPv6]:port"),
        ("[a.test]:1", "not an IPv6 address"),
        ("ftp://a.test", "unknown scheme"),
        ("https://a.test/pkg.Service/Method", "--call"),
        ("user:secret@a.test", "--header"),
        ("unix:relative", "absolute path"),
        ("a..test", "not a host name"),
        ("-a.test", "not a host name"),
        ("a test", "not a host name"),
        (":50051", "not a host name"),
        ("x" * 300, "not a host name"),
        ("x" * 64 + ".test", "not a host name"),
    ],
)
def test_bad_input_says_what_to_write_instead(text: str, hint: str) -> None:
    with pytest.raises(TargetError) as caught:
        parse_target(text)
    assert hint in str(caught.value)
    assert "\n" not in str(caught.value)


def test_the_authority_is_what_grpc_clients_send() -> None:
    assert parse_target("a.test").authority_header == "a.test"
    assert parse_target("a.test:443").authority_header == "a.test:443"
    assert parse_target("[::1]:5").authority_header == "[::1]:5"


def test_split_host_port_takes_all_forms() -> None:
    assert split_host_port("a:1") == ("a", 1)
    assert split_host_port("[::1]:1") == ("::1", 1)
    assert split_host_port("::1") == ("::1", None)


@given(st.one_of(st.from_regex(r"[0-9.]{0,16}", fullmatch=True), st.from_regex(r"[0-9a-f:.]{0,40}", fullmatch=True)))
@example("127.0.0.1")
@example("255.255.255.255")
@example("0.0.0.0")
@example("256.0.0.1")
@example("1.2.3")
@example("1.2.3.4.5")
@example("01.2.3.4")
@example("1.2.3.00")
@example("1.2.3.")
@example("1.2.3.٤")
@example("1.2.3.4 ")
@example("1.2.3.+4")
@example("::1")
@example("::ffff:1.2.3.4")
@example(":::")
@example("localhost")
@example("")
def test_an_address_is_what_the_standard_library_takes_for_one(text: str) -> None:
    try:
        ipaddress.ip_address(text)
        expected = True
    except ValueError:
        expected = False
    assert is_address(text) == expected
    assert is_address(f"{text}%eth0") == expected
