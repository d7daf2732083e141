"""Requests are read as they come, cut where one ends."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest

from grpcdoctor.client.errors import RequestError
from grpcdoctor.client.formats.types import Types
from grpcdoctor.client.requests import JsonRequests, TextRequests, reader_of
from tests.client.doubles import Source

if TYPE_CHECKING:
    from grpcdoctor.client.requests import Read

KIND = Source().method("Unary").input_type


def in_pieces(data: bytes, size: int) -> Read:
    pieces = [data[at : at + size] for at in range(0, len(data), size)]

    async def read() -> bytes:
        return pieces.pop(0) if pieces else b""

    return read


def texts(requests: JsonRequests | TextRequests) -> list[str]:
    async def all_of_them() -> list[str]:
        found: list[str] = []
        while True:
            message: Any = await requests.next(KIND)
            if message is None:
                return found
            found.append(message.text)

    return asyncio.run(all_of_them())


@pytest.mark.parametrize("size", [1, 3, 1000])
def test_json_values_stand_one_after_the_other(size: int) -> None:
    data = ' {"text": "ä}"}{"text":\n"\\"b"} {} '.encode()
    requests = JsonRequests(in_pieces(data, size), Types())
    assert texts(requests) == ["ä}", '"b', ""]
    assert requests.count == 3


def test_no_json_is_no_request() -> None:
    assert texts(JsonRequests(reader_of(b""), Types())) == []


@pytest.mark.parametrize("size", [1, 7, 1000])
def test_texts_are_separated_and_none_is_an_empty_message(size: int) -> None:
    requests = TextRequests(in_pieces(b'text: "a"\x1etext: "b"\x1e', size), Types())
    assert texts(requests) == ["a", "b", ""]
    assert requests.count == 3
    assert texts(TextRequests(reader_of(b""), Types())) == [""]


def test_a_request_that_does_not_fit_counts_as_read() -> None:
    requests = JsonRequests(reader_of(b'{"text": "a"}{"txet": "b"}'), Types())
    with pytest.raises(RequestError, match="txet"):
        texts(requests)
    assert requests.count == 2


def test_data_that_cannot_be_read_is_the_requests_error() -> None:
    async def broken() -> bytes:
        raise OSError(5, "Input/output error")

    with pytest.raises(RequestError, match="cannot be read: Input/output error"):
        texts(JsonRequests(broken, Types()))
