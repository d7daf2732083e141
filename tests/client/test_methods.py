"""Methods are found by both spellings, and what is wrong with a name is said with what would be right."""

from __future__ import annotations

import asyncio

import pytest

from grpcdoctor.client.errors import ClientError, NotFoundError, RpcError, SchemaError
from grpcdoctor.client.methods import MethodNameError, MethodNotFoundError, find_method, split_method_name
from grpcdoctor.client.status import Status
from tests.client.doubles import Source


@pytest.mark.parametrize("text", ["a.B/C", "a.B.C"])
def test_both_spellings_are_one_name(text: str) -> None:
    assert split_method_name(text) == ("a.B", "C")


@pytest.mark.parametrize("text", ["", "nope", "/C", "a.B/", ".C", "a."])
def test_what_names_no_method_is_refused(text: str) -> None:
    with pytest.raises(MethodNameError, match="is not in expected format"):
        split_method_name(text)


def test_only_messages_with_extension_ranges_are_asked_for_extensions_however_deep_they_are() -> None:
    source = Source()
    method = asyncio.run(find_method(source, "t.Talk/Both"))
    assert method.full_name == "t.Talk.Both"
    assert source.extended == ["t.Text"]


@pytest.mark.parametrize(
    ("name", "words", "suggestions"),
    [
        ("t.Talk/unary", 'service "t.Talk" does not include a method named "unary"', ("t.Talk/Unary",)),
        ("t.Tlak/Unary", 'target server does not expose service "t.Tlak"', ("t.Talk",)),
        ("other.Talk/Unary", 'target server does not expose service "other.Talk"', ("t.Talk",)),
        ("t.Talk", 'target server does not expose service "t"', ("t.Talk/Unary", "t.Talk/Down", "t.Talk/Up")),
        ("t.Tex/Unary", 'target server does not expose service "t.Tex"', ()),  # a message is no service
        ("t.Text/Unary", 'target server does not expose service "t.Text"', ()),
    ],
)
def test_a_wrong_name_is_told_with_close_ones(name: str, words: str, suggestions: tuple[str, ...]) -> None:
    with pytest.raises(MethodNotFoundError) as raised:
        asyncio.run(find_method(Source(), name))
    assert str(raised.value) == words
    assert raised.value.suggestions == suggestions


def test_what_is_missing_underneath_a_service_is_kept() -> None:
    cause = NotFoundError("File", "x.proto")
    with pytest.raises(MethodNotFoundError) as raised:
        asyncio.run(find_method(Source(NotFoundError("Symbol", "t.Talk", caused_by=cause)), "t.Talk/Unary"))
    assert raised.value.caused_by is cause


@pytest.mark.parametrize(
    ("failure", "words"),
    [
        (SchemaError("unreadable"), 'failed to query for service descriptor "t.Talk": unreadable'),
        (RpcError(Status(7, "no")), 'PERMISSION_DENIED: failed to query for service descriptor "t.Talk": no'),
    ],
)
def test_a_source_that_cannot_answer_is_not_a_wrong_name(failure: ClientError, words: str) -> None:
    with pytest.raises(type(failure)) as raised:
        asyncio.run(find_method(Source(failure), "t.Talk/Unary"))
    assert str(raised.value) == words
