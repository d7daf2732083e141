"""What is written is read again, and where the rules are the specification's, protobuf's own JSON agrees."""

from __future__ import annotations

import json
import math
import struct
from typing import Any

from google.protobuf import json_format
from hypothesis import example, given, settings
from hypothesis import strategies as st

from grpcdoctor.client.formats.json_reader import read_json
from grpcdoctor.client.formats.json_writer import to_json
from grpcdoctor.client.formats.text_reader import read_text
from grpcdoctor.client.formats.text_writer import to_text
from grpcdoctor.client.formats.types import Types
from tests.client.formats.schema import new, pool

TYPES = Types(pool=pool())

TEXT = st.text(st.characters(exclude_categories=["Cs"]))
INT32 = st.integers(-(2**31), 2**31 - 1)
INT64 = st.integers(-(2**63), 2**63 - 1)
UINT32 = st.integers(0, 2**32 - 1)
UINT64 = st.integers(0, 2**64 - 1)
# NaN is not equal to itself, and grpcurl does not tell -0.0 from 0.
DOUBLE = st.floats(allow_nan=False).map(lambda value: value or 0.0)
FLOAT = st.floats(width=32, allow_nan=False).map(lambda value: value or 0.0)


@st.composite
def messages(draw: st.DrawFn) -> Any:
    """lab.All with some of each kind."""
    message = new("lab.All")
    message.a_double, message.a_float = draw(DOUBLE), draw(FLOAT)
    message.an_int32, message.an_int64 = draw(INT32), draw(INT64)
    message.a_uint32, message.a_uint64 = draw(UINT32), draw(UINT64)
    message.a_string, message.some_bytes, message.a_bool = draw(TEXT), draw(st.binary()), draw(st.booleans())
    message.mood = draw(st.sampled_from([0, 1, 2, -1, 99]))
    message.doubles.extend(draw(st.lists(DOUBLE, max_size=3)))
    message.strings.extend(draw(st.lists(TEXT, max_size=3)))
    message.map_ll.update(draw(st.dictionaries(INT64, INT64, max_size=3)))
    message.map_ss.update(draw(st.dictionaries(TEXT, TEXT, max_size=3)))
    message.map_bd.update(draw(st.dictionaries(st.booleans(), DOUBLE, max_size=2)))
    message.pick_long = draw(INT64)
    message.opt_string = draw(TEXT)
    for name in draw(st.lists(TEXT, max_size=2)):
        message.smalls.add(b=name, e=draw(st.lists(INT32, max_size=3)))
    message.time.seconds, message.time.nanos = (
        draw(st.integers(-62135596800, 253402300799)),
        draw(st.integers(0, 10**9 - 1)),
    )
    sign = draw(st.sampled_from([1, -1]))
    message.duration.seconds, message.duration.nanos = (
        sign * draw(st.integers(0, 315576000000)),
        sign * draw(st.integers(0, 999999999)),
    )
    message.struct.update(
        {
            name: draw(st.none() | st.booleans() | TEXT | DOUBLE.filter(math.isfinite))
            for name in draw(st.lists(TEXT, max_size=3))
        }
    )
    message.w_string.value, message.w_uint64.value = draw(TEXT), draw(UINT64)
    message.any.type_url = "type.googleapis.com/lab.Small"
    message.any.value = new("lab.Small").__class__(a=draw(INT32), b=draw(TEXT)).SerializeToString()
    return message


@given(messages(), st.booleans(), st.booleans())
@settings(max_examples=60, deadline=None)
def test_json_is_read_as_it_was_written(message: Any, compact: bool, standard: bool) -> None:
    again = new("lab.All")
    read_json(to_json(message, TYPES, compact=compact, standard=standard), again, TYPES)
    assert again == message


@given(messages())
@settings(max_examples=60, deadline=None)
def test_text_format_is_read_as_it_was_written(message: Any) -> None:
    again = new("lab.All")
    read_text(to_text(message, TYPES), again, TYPES)
    assert again == message


@given(messages())
@example(new("lab.All").__class__(a_float=1.002e-41))
@settings(max_examples=60, deadline=None)
def test_standard_json_says_what_protobufs_own_says(message: Any) -> None:
    theirs = json_format.MessageToDict(message, descriptor_pool=pool())
    ours = json.loads(to_json(message, TYPES, standard=True), parse_int=float)
    # Theirs has six digits of a float at least, which may be more than it takes to give a very small one back.
    told = [struct.pack("<f", float(each.pop("aFloat", 0))) for each in (ours, theirs)]
    assert told == [struct.pack("<f", message.a_float)] * 2
    assert ours == theirs


@given(messages())
@settings(max_examples=60, deadline=None)
def test_protobufs_own_json_is_read(message: Any) -> None:
    again = new("lab.All")
    read_json(json_format.MessageToJson(message, descriptor_pool=pool()), again, TYPES)
    assert again == message


@given(
    st.integers(0, 2**32 - 1).map(lambda bits: struct.unpack("<f", struct.pack("<I", bits))[0]).filter(math.isfinite)
)
def test_the_digits_of_a_float_give_it_back_and_no_fewer_would(value: float) -> None:
    text = to_json(new("lab.All").__class__(floats=[value]), TYPES, compact=True)
    digits = text.removeprefix('{"floats": [').removesuffix("]}")
    assert struct.pack("<f", float(digits)) == struct.pack("<f", value)
    significant = digits.lower().split("e")[0].replace(".", "").strip("-0")
    shorter = f"{value:.{max(len(significant) - 2, 0)}e}"
    assert len(significant) <= 1 or struct.pack("<d", float(shorter)) != struct.pack("<d", value)
