"""What the writers do beside what golden/ shows: options, hostile messages, speed."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest
from google.protobuf.any_pb2 import Any as AnyMessage

from grpcdoctor.client.errors import FormatError
from grpcdoctor.client.formats.decoding import decode
from grpcdoctor.client.formats.json_reader import read_json
from grpcdoctor.client.formats.json_writer import to_json
from grpcdoctor.client.formats.text_writer import to_text
from grpcdoctor.client.formats.types import Types
from tests.client.formats.schema import new, pool

TYPES = Types(pool=pool())


def test_keys_are_the_descriptors_the_specifications_or_the_fields_own_as_asked_for() -> None:
    message = new("lab.All")
    message.a_bool = True
    message.named = "x"
    assert json.loads(to_json(message, TYPES)) == {"aBool": True, "@custom-name": "x"}
    assert json.loads(to_json(message, TYPES, json_names="proto")) == {"a_bool": True, "named": "x"}


def test_without_json_names_in_the_descriptors_keys_are_the_fields_names_unless_camel_case_is_asked_for() -> None:
    from google.protobuf.descriptor_pb2 import FileDescriptorProto
    from google.protobuf.descriptor_pool import DescriptorPool
    from google.protobuf.message_factory import GetMessageClass

    file = FileDescriptorProto(name="bare.proto", package="bare", syntax="proto3")
    file.message_type.add(name="M").field.add(name="old_one", number=1, type=5, label=1)
    bare = DescriptorPool()
    bare.Add(file)
    message: Any = GetMessageClass(bare.FindMessageTypeByName("bare.M"))(old_one=5)
    assert to_json(message, Types(), compact=True) == '{"old_one": 5}'
    assert to_json(message, Types(), compact=True, json_names="camel") == '{"oldOne": 5}'
    again: Any = type(message)()
    read_json('{"oldOne": 5}', again, Types())
    assert again == message


def test_compact_is_one_line_of_the_same_json() -> None:
    message = new("lab.All")
    message.smalls.add(a=1, e=[1, 2])
    message.smalls.add()
    message.struct.update({"a": [1, None, {"b": "<"}]})
    text = to_json(message, TYPES, compact=True)
    assert text == '{"smalls": [{"a": 1, "e": [1, 2]}, {}], "struct": {"a": [1, null, {"b": "\\u003c"}]}}'
    assert json.loads(text) == json.loads(to_json(message, TYPES))


def test_an_any_of_an_unknown_type_keeps_its_bytes_and_is_read_again() -> None:
    message = new("lab.All")
    message.any.type_url, message.any.value = "x/no.Such", b"\x08\x05"
    text = to_json(message, TYPES, compact=True)
    why = "no.Such is not recognized; see @value for raw binary message data"
    assert json.loads(text) == {"any": {"@error": why, "@type": "x/no.Such", "@value": "CAU="}}
    again = new("lab.All")
    read_json(text, again, TYPES)
    assert again == message
    with pytest.raises(FormatError, match=r"unknown message type no\.Such"):
        to_json(message, TYPES, placeholder_any=False)


def test_error_details_that_the_source_does_not_know_are_filled_in_unless_told_not_to() -> None:
    detail = AnyMessage(type_url="type.googleapis.com/google.rpc.ErrorInfo", value=b"\x0a\x03why")
    assert json.loads(to_json(detail, TYPES)) == {"@type": detail.type_url, "reason": "why"}
    assert "is not recognized" in to_json(detail, Types(pool=pool(), fill_in=False))


def test_an_any_that_does_not_hold_its_type_has_no_json() -> None:
    broken = AnyMessage(type_url="x/lab.Small", value=b"\xff\xff")
    with pytest.raises(FormatError, match="unexpected EOF"):
        to_json(broken, TYPES)


def test_anys_inside_of_each_other_without_end_have_no_json() -> None:
    held = AnyMessage()
    for _ in range(5000):
        held = AnyMessage(type_url="x/google.protobuf.Any", value=held.SerializeToString())
    with pytest.raises(FormatError, match="nested too deeply"):
        to_json(held, TYPES)
    with pytest.raises(FormatError, match="nested too deeply"):
        to_text(held, TYPES)


def test_strings_that_are_no_utf8_are_shown_all_the_same() -> None:
    small = b"\x12\x06a\xffb\xe2\x82c"
    payload = b"\x72\x02\xc3(" + b"\x8a\x01" + bytes((len(small),)) + small
    message = decode(pool().FindMessageTypeByName("lab.All"), payload)
    assert message.a_string == "\ufffd("
    assert message.small.b == "a\ufffdb\ufffd\ufffdc"
    old = decode(pool().FindMessageTypeByName("lab.old.Old"), b"\x08\x01\x12\x02\xc3(")
    assert to_json(old, TYPES, compact=True) == '{"id": 1, "name": "\\ufffd("}'


@pytest.mark.parametrize("payload", [b"\xff", b"\x72\x05\xffab", b"\x73", b"\x74", b"\x72\x01\xff\x07"])
def test_bytes_that_are_no_message_are_said_to_be_none(payload: bytes) -> None:
    with pytest.raises(FormatError, match=r"^(these bytes are no lab\.All|unexpected EOF$|proto: bad wiretype$)"):
        decode(pool().FindMessageTypeByName("lab.All"), payload)


def test_big_messages_take_time_in_proportion() -> None:
    text = to_json(type(new("lab.All"))(some_bytes=b"x" * (1 << 20), ints=range(100_000)), TYPES)
    again = new("lab.All")
    started = time.process_time()
    read_json(text, again, TYPES)
    to_json(again, TYPES)
    assert time.process_time() - started < 2
    assert len(again.ints) == 100_000
