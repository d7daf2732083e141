"""Literals of the protobuf language, as protoprint writes them.

https://protobuf.dev/reference/protobuf/textformat-spec/
"""

from __future__ import annotations

from typing import Final

_ESCAPES: Final = {"\n": "\\n", "\r": "\\r", "\t": "\\t", '"': '\\"', "\\": "\\\\"}


def quoted_string(text: str) -> str:
    """Printable characters of any language stay."""
    return f'"{"".join(map(_character, text))}"'


def quoted_bytes(data: bytes) -> str:
    """Everything but printable ASCII is octal."""
    return f'"{"".join(_ESCAPES.get(chr(byte)) or _byte(byte) for byte in data)}"'


def float_text(number: float) -> str:
    """Six decimals, as Go's %f."""
    if number != number:
        return "NaN"
    if number in (float("inf"), float("-inf")):
        return "+Inf" if number > 0 else "-Inf"
    return f"{number:f}"


def _character(character: str) -> str:
    escape = _ESCAPES.get(character)
    if escape is not None:
        return escape
    if character.isprintable():
        return character
    code = ord(character)
    if code > 0xFFFF:
        return f"\\U{code:08X}"
    return f"\\u{code:04X}" if code > 0x7F else f"\\{code:03o}"


def _byte(byte: int) -> str:
    return chr(byte) if 0x20 <= byte < 0x7F else f"\\{byte:03o}"
