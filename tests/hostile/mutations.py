"""Ways to break bytes and frames, as hypothesis strategies."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

from hypothesis import strategies as st

from grpcdoctor.wire.frames import Frame

Operation = tuple[str, int, int]


def _flip(data: bytearray, at: int, value: int) -> None:
    if data:
        data[at % len(data)] ^= 1 << value % 8


def _set(data: bytearray, at: int, value: int) -> None:
    if data:
        data[at % len(data)] = value % 256


def _delete(data: bytearray, at: int, value: int) -> None:
    start = at % (len(data) + 1)
    del data[start : start + 1 + value % 32]


def _duplicate(data: bytearray, at: int, value: int) -> None:
    start = at % (len(data) + 1)
    data[start:start] = data[start : start + 1 + value % 64]


def _splice(data: bytearray, at: int, value: int) -> None:
    start, other = at % (len(data) + 1), (at * 31 + value) % (len(data) + 1)
    data[start : start + 8] = data[other : other + 1 + value % 40]


def _insert(data: bytearray, at: int, value: int) -> None:
    start = at % (len(data) + 1)
    data[start:start] = bytes((value * n + at) % 256 for n in range(1 + value % 24))


def _truncate(data: bytearray, at: int, value: int) -> None:
    if value % 4 == 0:
        del data[at % (len(data) + 1) :]


_ON_BYTES: Final[dict[str, Callable[[bytearray, int, int], None]]] = {
    "flip": _flip,
    "set": _set,
    "delete": _delete,
    "duplicate": _duplicate,
    "splice": _splice,
    "insert": _insert,
    "truncate": _truncate,
}


def _numbers(kinds: Sequence[str]) -> st.SearchStrategy[list[Operation]]:
    one = st.tuples(st.sampled_from(kinds), st.integers(0, 1 << 20), st.integers(0, 255))
    return st.lists(one, min_size=1, max_size=8)


KINDS: Final = tuple(_ON_BYTES)
BYTE_OPERATIONS: Final = _numbers(KINDS)


def mutated(data: bytes, operations: Sequence[Operation]) -> bytes:
    broken = bytearray(data)
    for kind, at, value in operations:
        _ON_BYTES[kind](broken, at, value)
    return bytes(broken)


def _retype(frame: Frame, value: int) -> Frame:
    return frame._replace(type=value % 12)


def _reflag(frame: Frame, value: int) -> Frame:
    return frame._replace(flags=value)


def _restream(frame: Frame, value: int) -> Frame:
    return frame._replace(stream_id=(0, 1, 2, 3, 5, 7, 9, 2**31 - 1)[value % 8])


def _shorten(frame: Frame, value: int) -> Frame:
    return frame._replace(payload=frame.payload[: value % (len(frame.payload) + 1)])


def _lengthen(frame: Frame, value: int) -> Frame:
    return frame._replace(payload=frame.payload + bytes((value,)) * (value % 40))


def _damage(frame: Frame, value: int) -> Frame:
    return frame._replace(payload=mutated(frame.payload, (("set", value * 7, value * 13),)))


_ON_A_FRAME: Final[dict[str, Callable[[Frame, int], Frame]]] = {
    "retype": _retype,
    "reflag": _reflag,
    "restream": _restream,
    "shorten": _shorten,
    "lengthen": _lengthen,
    "damage": _damage,
}
FRAME_OPERATIONS: Final = _numbers((*_ON_A_FRAME, "drop", "double", "swap"))


def mutated_frames(frames: Sequence[Frame], operations: Sequence[Operation]) -> list[Frame]:
    """Frames dropped, doubled, reordered, and changed one by one."""
    broken = list(frames)
    for kind, at, value in operations:
        if not broken:
            break
        index, other = at % len(broken), value % len(broken)
        if kind == "drop":
            del broken[index]
        elif kind == "double":
            broken.insert(other, broken[index])
        elif kind == "swap":
            broken[index], broken[other] = broken[other], broken[index]
        else:
            broken[index] = _ON_A_FRAME[kind](broken[index], value)
    return broken


def in_pieces(data: bytes, size: int) -> list[bytes]:
    return [data[start : start + size] for start in range(0, len(data), size)]
