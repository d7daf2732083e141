"""Frames are cut from the bytes exactly, however they arrive."""

from __future__ import annotations

import time

import pytest

from grpcdoctor.wire import frames
from grpcdoctor.wire.frames import Frame, FrameError, FrameSplitter

SOME = (Frame(4, 0, 0, b"\0\3\0\0\0\1"), Frame(0, 1, 7, b"body"), Frame(0xFA, 9, 3, b""), Frame(7, 0, 0, bytes(8)))


@pytest.mark.parametrize("size", [1, 2, 8, 9, 10, 1000])
def test_frames_come_out_as_they_went_in_whatever_the_pieces(size: int) -> None:
    data = b"".join(frame.encode() for frame in SOME)
    splitter, found = FrameSplitter(), []
    for start in range(0, len(data), size):
        found += splitter.feed(data[start : start + size])
    assert (tuple(found), splitter.unfinished) == (SOME, b"")


def test_an_unfinished_frame_waits_for_its_rest() -> None:
    splitter, data = FrameSplitter(), SOME[1].encode()
    assert splitter.feed(data[:-1]) == []
    assert splitter.unfinished == data[:-1]
    assert splitter.feed(data[-1:]) == [SOME[1]]


def test_the_reserved_bit_is_no_part_of_the_stream_id() -> None:
    data = bytearray(Frame(0, 0, 5, b"").encode())
    data[5] |= 0x80
    assert FrameSplitter().feed(bytes(data))[0].stream_id == 5


def test_a_frame_that_is_too_large_raises_after_the_frames_before_it() -> None:
    splitter = FrameSplitter()
    large = (frames.MAX_FRAME_SIZE + 1).to_bytes(3, "big") + bytes(6)
    assert splitter.feed(SOME[0].encode() + large) == [SOME[0]]
    with pytest.raises(FrameError, match="16385 bytes"):
        splitter.feed(b"")


def test_drips_of_one_byte_cost_no_quadratic_time() -> None:
    splitter, data = FrameSplitter(), Frame(0, 0, 1, bytes(frames.MAX_FRAME_SIZE)).encode() * 4
    started = time.process_time()
    found = sum(len(splitter.feed(data[i : i + 1])) for i in range(len(data)))
    assert found == 4
    assert time.process_time() - started < 2


@pytest.mark.parametrize(
    ("frame", "payload"),
    [
        (Frame(0, frames.PADDED, 1, b"\2ab\0\0"), b"ab"),
        (Frame(0, frames.PADDED, 1, b"\0"), b""),
        (Frame(1, frames.PRIORITY_FLAG, 1, bytes(5) + b"x"), b"x"),
        (Frame(1, frames.PRIORITY_FLAG | frames.PADDED, 1, b"\1" + bytes(5) + b"x\0"), b"x"),
        (Frame(0, frames.PRIORITY_FLAG, 1, b"x"), b"x"),
    ],
)
def test_padding_and_priority_are_taken_off(frame: Frame, payload: bytes) -> None:
    assert frames.unpad(frame) == payload


@pytest.mark.parametrize(
    "frame",
    [
        Frame(0, frames.PADDED, 1, b""),
        Frame(0, frames.PADDED, 1, b"\5abcd"),
        Frame(1, frames.PRIORITY_FLAG, 1, b"1234"),
    ],
)
def test_padding_that_does_not_fit_is_an_error(frame: Frame) -> None:
    with pytest.raises(FrameError):
        frames.unpad(frame)


@pytest.mark.parametrize(
    ("frame", "words"),
    [
        (frames.settings({3: 100, 0xFE03: 1, 0x99: 2}),
         "MAX_CONCURRENT_STREAMS=100, GRPC_TRUE_BINARY_METADATA=1, 153=2"),
        (frames.SETTINGS_ACK, ""),
        (Frame(4, 0, 0, b"\0\3\0\0\0\1" * 2000),
         ", ".join(["MAX_CONCURRENT_STREAMS=1"] * 32) + " … and 1968 more"),
        (Frame(7, 0, 0, b"\0\0\0\5\0\0\0\x0bcalm"), "ENHANCE_YOUR_CALM last_stream_id=5 debug='calm'"),
        (Frame(7, 0, 0, b""), "NO_ERROR last_stream_id=0"),
        (frames.rst_stream(1, 0x777), "0x777"),
        (frames.window_update(0, 5), "+5"),
        (Frame(0, 0, 1, bytes(25)), "25 bytes " + " ".join(["00"] * 24) + "…"),
        (Frame(0xEE, 0, 1, b"abc"), "3 bytes"),
    ],
)  # fmt: skip
def test_frames_are_put_into_words(frame: Frame, words: str) -> None:
    assert frames.in_words(frame) == words


def test_flags_are_named_by_the_type_that_they_belong_to() -> None:
    assert Frame(0, 0x9, 1, b"").flag_names == ("END_STREAM", "PADDED")
    assert Frame(4, 0x1, 0, b"").flag_names == ("ACK",)
    assert Frame(0xEE, 0xFF, 0, b"").flag_names == ()
