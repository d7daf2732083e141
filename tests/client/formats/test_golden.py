"""Byte for byte what grpcurl prints and sends: golden/ holds what its own code (v1.9.4) made of the same messages.

`messages.jsonl`: bytes and how they are printed, `requests.jsonl`: what was typed and the bytes that were sent,
`templates.jsonl`: -msg-template. recorder/ is the program that recorded them.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from grpcdoctor.client.errors import FormatError
from grpcdoctor.client.formats.json_reader import read_json
from grpcdoctor.client.formats.json_writer import to_json
from grpcdoctor.client.formats.template import template_of
from grpcdoctor.client.formats.text_reader import read_text
from grpcdoctor.client.formats.text_writer import to_text
from grpcdoctor.client.formats.types import Types
from tests.client.formats.schema import new, pool

GOLDEN = Path(__file__).with_name("golden")
# As of a protoset: grpcurl knows no more types than the source and what is compiled into it.
TYPES = Types(pool=pool(), fill_in=False)

Row = dict[str, Any]


def rows(name: str) -> list[Row]:
    return [json.loads(line) for line in (GOLDEN / name).read_text().splitlines()]


@pytest.mark.parametrize("row", rows("messages.jsonl"), ids=lambda row: row["type"])
def test_a_message_is_printed_as_grpcurl_prints_it(row: Row) -> None:
    message = new(row["type"], bytes.fromhex(row["data"]))
    assert to_text(message, TYPES) == row["text"]
    if "error" in row:
        with pytest.raises(FormatError) as told:
            to_json(message, TYPES)
        assert str(told.value) == row["error"]
    else:
        assert to_json(message, TYPES) == row["json"]
        assert to_json(message, TYPES, emit_defaults=True) == row["defaults"]


@pytest.mark.parametrize("row", rows("requests.jsonl"), ids=lambda row: row["request"])
def test_a_request_is_read_as_grpcurl_reads_it(row: Row) -> None:
    message = new(row["type"])
    read = read_json if row["format"] == "json" else read_text
    read(row["request"], message, TYPES)
    assert message.SerializePartialToString(deterministic=True).hex() == row["data"]


@pytest.mark.parametrize("row", rows("templates.jsonl"), ids=lambda row: row["type"])
def test_a_template_is_the_one_that_grpcurl_makes(row: Row) -> None:
    template = template_of(pool().FindMessageTypeByName(row["type"]))
    assert to_json(template, TYPES, emit_defaults=True) == row["json"]
    assert to_text(template, TYPES) == row["text"]
