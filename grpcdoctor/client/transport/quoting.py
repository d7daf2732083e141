"""Text in double quotes as Go's %q prints it, for the words that grpc-go puts a peer's bytes into."""

from __future__ import annotations

from typing import Final

_ESCAPES: Final = {
    '"': '\\"', "\\": "\\\\", "\a": "\\a", "\b": "\\b", "\f": "\\f", "\n": "\\n", "\r": "\\r", "\t": "\\t", "\v": "\\v",
}  # fmt: skip
# What surrogateescape makes of a byte that is no UTF-8.
_BYTE: Final = 0xDC00


def quote(data: bytes | str) -> str:
    """Bytes that are no UTF-8 become \\xNN, characters that cannot be printed \\uNNNN."""
    text = data.decode("utf-8", "surrogateescape") if isinstance(data, bytes) else data
    return '"' + "".join(character if character.isprintable() and character not in _ESCAPES else _escaped(character)
                         for character in text) + '"'  # fmt: skip


def _escaped(character: str) -> str:
    code = ord(character)
    if character in _ESCAPES:
        return _ESCAPES[character]
    if _BYTE + 0x80 <= code <= _BYTE + 0xFF:
        return f"\\x{code - _BYTE:02x}"
    if code < 0x80:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"
