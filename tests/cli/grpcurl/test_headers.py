"""Headers are read as grpcurl reads them, and shown without secrets."""

from __future__ import annotations

import os

import pytest

from grpcdoctor.cli.grpcurl.failures import Failure
from grpcdoctor.cli.grpcurl.flags import Flags
from grpcdoctor.cli.grpcurl.headers import expand_headers, read_headers, shown


@pytest.mark.parametrize(
    ("word", "pair"),
    [
        ("Name: value: more ", ("name", "value: more")),
        ("alone", ("alone", "")),
        (": x", ("", "x")),
        (":path: x", ("", "path: x")),
    ],
)
def test_the_first_colon_parts_name_and_value(word: str, pair: tuple[str, str]) -> None:
    assert read_headers([word, ""]) == (pair,)


@pytest.mark.parametrize(
    ("value", "base64"),
    [
        ("+/8=", "+/8="),
        ("-_8=", "+/8="),
        ("+/8", "+/8="),
        ("-_8", "+/8="),
        ("AAEC", "AAEC"),
        ("+_8=", "K184PQ=="),  # two alphabets in one: not base64, so the bytes themselves
        ("raw!", "cmF3IQ=="),
        ("A", "QQ=="),
        ("AAEC=", "QUFFQz0="),
        ("", ""),
        (os.fsdecode(b"\xff"), "/w=="),
    ],
)
def test_a_binary_value_is_any_base64_or_itself(value: str, base64: str) -> None:
    assert read_headers([f"x-bin: {value}"]) == (("x-bin", base64),)


def test_metadata_is_shown_by_name_with_padded_base64_and_repeats_in_their_order() -> None:
    assert shown((("b", "2"), ("a-bin", "AAE"), ("b", "1"), ("c-bin", "!"))) == "a-bin: AAE=\nb: 2\nb: 1\nc-bin: !"
    assert shown(()) == "(empty)"


def test_secrets_are_shown_only_on_demand() -> None:
    metadata = (("authorization", "Bearer abc"), ("x", "y"))
    assert shown(metadata, show_secrets=False) == "authorization: [redacted]\nx: y"
    assert shown(metadata) == "authorization: Bearer abc\nx: y"


def test_variables_are_put_in_for_braces_only(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ONE", "1")
    flags = expand_headers(Flags(headers=("a: ${ONE}$ONE",), rpc_header=("b: ${ONE}${ONE}",), reflect_header=("c",)))
    assert (flags.headers, flags.rpc_header, flags.reflect_header) == (("a: 1$ONE",), ("b: 11",), ("c",))


def test_a_variable_that_is_not_set_is_an_error_that_tells_no_value() -> None:
    with pytest.raises(Failure) as raised:
        expand_headers(Flags(rpc_header=("token: secret${GRPCDOCTOR_NOT_SET}",)))
    assert str(raised.value) == (
        'Failed to expand rpc headers: header "token" refers to missing environment variable "GRPCDOCTOR_NOT_SET"'
    )
