"""Values as Go programs print them: quoted strings, durations, status codes."""

from __future__ import annotations

from typing import Final

from grpcdoctor.model.codes import GrpcStatus

# https://pkg.go.dev/strconv#Quote
_ESCAPES: Final = {
    '"': '\\"', "\\": "\\\\", "\a": "\\a", "\b": "\\b", "\f": "\\f", "\n": "\\n", "\r": "\\r", "\t": "\\t", "\v": "\\v",
}  # fmt: skip
# (nanoseconds, unit), the largest first that is not greater (time.Duration.String)
_SMALL_UNITS: Final = ((1_000_000, "ms"), (1_000, "µs"), (1, "ns"))
_SECOND: Final = 1_000_000_000
_SPELLED_OTHERWISE: Final = {GrpcStatus.OK: "OK", GrpcStatus.CANCELLED: "Canceled"}


def quoted(text: str) -> str:
    """As %q prints it."""
    return '"' + "".join(_escaped(character) for character in text) + '"'


def _escaped(character: str) -> str:
    if character in _ESCAPES:
        return _ESCAPES[character]
    number = ord(character)
    if 0xDC80 <= number <= 0xDCFF:  # a byte of an argument that is no UTF-8
        return f"\\x{number - 0xDC00:02x}"
    if character.isprintable():
        return character
    if number < 0x80:
        return f"\\x{number:02x}"
    return f"\\u{number:04x}" if number < 0x10000 else f"\\U{number:08x}"


def code_name(code: int) -> str:
    """codes.Code.String: CamelCase, `Canceled` with one l, `Code(999)`."""
    try:
        status = GrpcStatus(code)
    except ValueError:
        return f"Code({code})"
    return _SPELLED_OTHERWISE.get(status) or "".join(part.capitalize() for part in status.name.split("_"))


def duration(nanoseconds: int) -> str:
    """time.Duration.String: 1h2m3.5s, 10.09ms, 903.815µs, 0s."""
    if nanoseconds < 0:
        return f"-{duration(-nanoseconds)}"
    if nanoseconds == 0:
        return "0s"
    if nanoseconds < _SECOND:
        size, unit = next((size, unit) for size, unit in _SMALL_UNITS if nanoseconds >= size)
        return _decimal(nanoseconds, size) + unit
    minutes, rest = divmod(nanoseconds, 60 * _SECOND)
    hours, minutes = divmod(minutes, 60)
    seconds = _decimal(rest, _SECOND) + "s"
    if hours:
        return f"{hours}h{minutes}m{seconds}"
    return f"{minutes}m{seconds}" if minutes else seconds


def _decimal(value: int, one: int) -> str:
    whole, rest = divmod(value, one)
    digits = str(rest).rjust(len(str(one)) - 1, "0").rstrip("0")
    return f"{whole}.{digits}" if rest else str(whole)
