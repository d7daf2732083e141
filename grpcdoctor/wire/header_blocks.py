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
# RFC 7541 §6.1: an indexed field is one byte from 0x80 to 0xfe (0xff goes on in the next byte).
_INDEXED: Final = 0x80
_INDEX_GOES_ON: Final = b"\xff"
_BLOCKS_REMEMBERED: Final = 64


class BrokenBlockError(Exception):
    """The block cannot be decoded, and nor can any after it; the message says why, briefly."""


class HeaderEncoder:
    """Requests' headers to blocks."""

    def __init__(self) -> None:
        self._encoder = Encoder()

    def allow(self, table_size: int) -> None:
        """The peer's SETTINGS_HEADER_TABLE_SIZE."""
        self._encoder.header_table_size = min(table_size, _TABLE_SIZE)

    def frames(self, stream_id: int, headers: Headers) -> Iterator[Frame]:
        """HEADERS, and CONTINUATION where they do not fit into one frame."""
        rest = self._encoder.encode(list(headers), huffman=True)
        kind = FrameType.HEADERS
        while True:
            part, rest = rest[: frames.MAX_FRAME_SIZE], rest[frames.MAX_FRAME_SIZE :]
            yield Frame(kind, 0 if rest else frames.END_HEADERS, stream_id, part)
            if not rest:
                return
            kind = FrameType.CONTINUATION


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
        if not _only_looks_up(block):
            self._remembered.clear()  # the dynamic table may have changed, and with it what an index means
        elif len(self._remembered) < _BLOCKS_REMEMBERED:
            self._remembered[block] = headers
        return headers


def _only_looks_up(block: bytes) -> bool:
    """Whether the block is nothing but short indexed fields, which leave the dynamic table as it is."""
    return bool(block) and min(block) >= _INDEXED and _INDEX_GOES_ON not in block


def _text(value: bytes) -> str:
    return bytes(value).decode("utf-8", "surrogateescape").encode("utf-8", "replace").decode("utf-8", "replace")
