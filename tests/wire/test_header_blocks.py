"""Header blocks: what is remembered must never differ from what HPACK would say anew."""

from __future__ import annotations

import pytest
from hpack import Decoder, Encoder
from hypothesis import given, settings
from hypothesis import strategies as st

from grpcdoctor.model.codes import FrameType
from grpcdoctor.wire import frames
from grpcdoctor.wire.header_blocks import BrokenBlockError, HeaderDecoder, HeaderEncoder
from grpcdoctor.wire.streams import Headers

FIELDS = st.tuples(
    st.sampled_from([":status", "content-type", "grpc-status", "x-a", "x-b", "grpc-timeout", "authorization"]),
    st.sampled_from(["0", "200", "application/grpc", "y" * 700, "z" * 3000, ""]),
)
LISTS = st.lists(st.lists(FIELDS, max_size=6).map(tuple), min_size=1, max_size=40)


@settings(max_examples=60, deadline=None)
@given(LISTS, st.lists(st.sampled_from([0, 100, 2000, 4096]), max_size=3))
def test_a_decoder_says_what_was_encoded_however_the_table_changes(lists: list[Headers], sizes: list[int]) -> None:
    encoder, decoder = Encoder(), HeaderDecoder(64 * 1024)
    for number, headers in enumerate(lists):
        if number < len(sizes):
            encoder.header_table_size = sizes[number]
        marked = [(name, value, name == "authorization") for name, value in headers]
        for _ in range(3):
            assert decoder.decode(bytes(encoder.encode(marked))) == headers


@settings(max_examples=60, deadline=None)
@given(LISTS, st.lists(st.sampled_from([0, 100, 2000, 65536]), max_size=3))
def test_an_encoder_says_the_same_headers_whatever_a_peer_allows(lists: list[Headers], sizes: list[int]) -> None:
    encoder, decoder = HeaderEncoder(), Decoder()
    for number, headers in enumerate(lists):
        if number < len(sizes):
            encoder.allow(sizes[number])
        for _ in range(3):
            block = b"".join(frame.payload for frame in encoder.frames(1, headers))
            decoded = [(bytes(name).decode(), bytes(value).decode()) for name, value in decoder.decode(block, raw=True)]
            assert sorted(decoded) == sorted(headers)


def test_the_same_headers_are_encoded_once_but_for_the_deadline() -> None:
    encoder = HeaderEncoder()
    first, second, third = (
        next(encoder.frames(1, (("x-a", "1"), ("grpc-timeout", value)))).payload for value in ("1S", "2S", "3S")
    )
    assert len(first) > len(second) == len(third)
    assert b"3S" in third


def test_a_long_list_goes_into_several_frames() -> None:
    found = list(HeaderEncoder().frames(7, (("x", "".join(chr(33 + i * 7 % 90) for i in range(40000))),)))
    assert [frame.type for frame in found] == [FrameType.HEADERS, *[FrameType.CONTINUATION] * (len(found) - 1)]
    assert [bool(frame.flags & frames.END_HEADERS) for frame in found] == [False] * (len(found) - 1) + [True]


@pytest.mark.parametrize("block", [b"\xff\xff\xff", b"\x00\x05ab", b"\xc9", b"\x0f", b"\x00"])
def test_a_broken_block_is_told_and_not_remembered(block: bytes) -> None:
    decoder = HeaderDecoder(1000)
    for _ in range(2):
        with pytest.raises(BrokenBlockError):
            decoder.decode(block)
