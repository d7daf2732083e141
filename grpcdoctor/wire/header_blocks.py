"""Header blocks: HPACK both ways, and the HEADERS and CONTINUATION frames that carry them (RFC 9113 §4.3, §6.10)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

from hpack import Decoder, Encoder, HPACKError

from grpcdoctor.model.codes import FrameType
from grpcdoctor.wire import frames
from grpcdoctor.wire.frames import Frame

if TYPE_CHECKING:
    from grpcdoctor.wire.streams import Headers

# Ours never grows beyond what RFC 7541 §4.2 begins with, whatever a peer allows.
_TABLE_SIZE: Final = 4096
_WORDS_KEPT: Final = 300
_BLOCKS_REMEMBERED: Final = 64
_REMEMBERED_LENGTH: Final = 512
_NEVER_THE_SAME: Final = ("grpc-timeout",)
_SHORT: Final = 127  # a length of one byte (RFC 7541 §5.2)


class BrokenBlockError(Exception):
    """The block cannot be decoded, and nor can any after it; the message says why, briefly."""


class HeaderEncoder:
    """Requests' headers to blocks. Calls send the same few headers, so those are encoded once."""

    def __init__(self) -> None:
        self._encoder = Encoder()
        self._remembered: dict[Headers, bytes] = {}

    def allow(self, table_size: int) -> None:
        """The peer's SETTINGS_HEADER_TABLE_SIZE."""
        self._encoder.header_table_size = min(table_size, _TABLE_SIZE)
        self._remembered.clear()

    def frames(self, stream_id: int, headers: Headers) -> Iterator[Frame]:
        """HEADERS, and CONTINUATION where they do not fit into one frame."""
        rest = self._encode(headers)
        kind = FrameType.HEADERS
        while True:
            part, rest = rest[: frames.MAX_FRAME_SIZE], rest[frames.MAX_FRAME_SIZE :]
            yield Frame(kind, 0 if rest else frames.END_HEADERS, stream_id, part)
            if not rest:
                return
            kind = FrameType.CONTINUATION


    def _encode(self, headers: Headers) -> bytes:
        """A deadline differs from call to call: it is written out behind the others and fills no table."""
        steady = tuple(field for field in headers if not _is_fleeting(field))
        block = self._remembered.get(steady)
        if block is None:
            block = self._encoder.encode(list(steady), huffman=True)
            if not _can_be_remembered(block):
                self._remembered.clear()
            elif len(self._remembered) < _BLOCKS_REMEMBERED:
                self._remembered[steady] = block
        if len(steady) == len(headers):
            return block
        return block + b"".join(_literal(*field) for field in headers if _is_fleeting(field))


def _is_fleeting(field: tuple[str, str]) -> bool:
    return field[0] in _NEVER_THE_SAME and len(field[1]) < _SHORT


def _literal(name: str, value: str) -> bytes:
    """A short field without indexing (RFC 7541 §6.2.2)."""
    return b"\0" + b"".join(bytes((len(part),)) + part.encode() for part in (name, value))


class HeaderDecoder:
    """Blocks to headers. A server answers every call with the same few blocks, so those are decoded once."""

    def __init__(self, list_size: int) -> None:
        self._decoder = Decoder()
        self._decoder.max_header_list_size = list_size
        self._remembered: dict[bytes, Headers] = {}

    def decode(self, block: bytes) -> Headers:
        """Raises BrokenBlockError."""
        known = self._remembered.get(block)
        if known is not None:
            return known
        try:
            raw = self._decoder.decode(block, raw=True)
        except (HPACKError, ValueError, IndexError) as broken:  # some of hpack's words quote the whole block
            raise BrokenBlockError(str(broken)[:_WORDS_KEPT]) from broken
        headers = tuple((_text(name), _text(value)) for name, value, *_ in raw)
        if not _can_be_remembered(block):
            self._remembered.clear()  # the dynamic table may have changed, and with it what an index means
        elif len(self._remembered) < _BLOCKS_REMEMBERED:
            self._remembered[block] = headers
        return headers


def _can_be_remembered(block: bytes) -> bool:
    """Whether it is short and leaves the dynamic table as it is: then it means the same the next time.

    RFC 7541 §6: 1xxxxxxx looks a field up, 01xxxxxx adds one to the table, 001xxxxx resizes it, 000xxxxx is a literal.
    """
    if len(block) > _REMEMBERED_LENGTH:
        return False
    position = 0
    while position < len(block):
        first = block[position]
        if first >= 0x80:
            _, position = _integer(block, position, 0x7F)
        elif first >= 0x20:
            return False
        else:
            name_index, position = _integer(block, position, 0x0F)
            for _ in range(1 if name_index else 2):
                length, position = _integer(block, position, 0x7F)
                position += length
    return position == len(block)


def _integer(block: bytes, position: int, mask: int) -> tuple[int, int]:
    """(RFC 7541 §5.1's integer, where it ends)."""
    value, shift = block[position] & mask if position < len(block) else 0, 0
    position += 1
    if value < mask:
        return value, position
    while position < len(block):
        byte = block[position]
        position += 1
        value += (byte & 0x7F) << shift
        shift += 7
        if byte < 0x80:
            break
    return value, position


def _text(value: bytes) -> str:
    return bytes(value).decode("utf-8", "surrogateescape").encode("utf-8", "replace").decode("utf-8", "replace")
