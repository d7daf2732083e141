"""JSON text to values that keep what messages need: every member of an object, the digits of every number.

Objects become tuples of (key, value), arrays lists, numbers `Number`; strings, True, False and None are themselves.
"""

from __future__ import annotations

import re
from json import JSONDecodeError, JSONDecoder
from typing import Any, Final, NoReturn

from grpcdoctor.client.errors import RequestError
from grpcdoctor.client.formats.json_positions import Start, path_at

# What json says, by the words it begins with: where that is, in the words of Go's encoding/json.
_WHERE: Final = {
    "Expecting property name": "looking for beginning of object key string",
    "Expecting ':'": "after object key, where ':' is wanted",
    "Expecting ','": "where ',' or the closing bracket is wanted",
    "Expecting value": "looking for beginning of value",
    "Extra data": "after the message",
    "Invalid control character": "in a string: it must be escaped",
    "Invalid \\": "in a string's escape code",
}
_SPACE: Final = " \t\n\r"
_UNTERMINATED: Final = "Unterminated string"
_CONSTANT: Final = r'"(?:[^"\\]|\\.)*"|(-?Infinity|NaN)'
_QUOTES_HINT: Final = (
    "; JSON's names and strings stand in double quotes: if they were typed, the shell took them away"
    " (give the data on standard input, -d @ < request.json)"
)
_FILE_HINT: Final = "; grpcurl's -d reads no file: give it on standard input, -d @ < {}"


class Number(str):
    """A number as it is written."""

    __slots__ = ()


class _ConstantError(ValueError):
    pass


def _refuse(constant: str) -> NoReturn:
    raise _ConstantError(constant)


# Tuples keep a key that stands twice, and are made at C speed.
_DECODER: Final = JSONDecoder(object_pairs_hook=tuple, parse_int=Number, parse_float=Number, parse_constant=_refuse)


def parse(text: str, start: Start) -> Any:
    """Raises RequestError. `start` is where the text begins in what the user gave."""
    try:
        return _DECODER.decode(text)
    except JSONDecodeError as broken:
        raise syntax_error(text, broken.msg, broken.pos, start) from None
    except _ConstantError as constant:
        at = next(found.start(1) for found in re.finditer(_CONSTANT, text, re.DOTALL) if found[1])
        raise located(f'{constant} is no JSON; as a string, "{constant}", it is a number', text, at, start) from None
    except RecursionError:
        raise RequestError("the data is nested too deeply") from None


def syntax_error(text: str, reason: str, at: int, start: Start) -> RequestError:
    """`reason` as json words it."""
    if reason.startswith("Illegal trailing comma"):
        reason, at = _before_python_3_13(text, at)
    if reason.startswith(_UNTERMINATED):
        return located("unexpected EOF: the string that begins here does not end", text, at, start)
    if at >= len(text.rstrip()):
        return located("unexpected EOF: the data ends inside of a message", text, len(text), start)
    where = next((words for begin, words in _WHERE.items() if reason.startswith(begin)), "")
    if reason.startswith("Invalid \\"):
        at = max(text.rfind("\\", 0, at + 1), 0)
    found = text[at]
    shown = f"'{found}'" if found.isprintable() and found != "'" else repr(found)
    return located(f"invalid character {shown} {where}{_hint(text, found)}", text, at, start)


def _before_python_3_13(text: str, comma: int) -> tuple[str, int]:
    """(what json said, where) of a comma with nothing after it. Like Go's, it pointed at the bracket that follows."""
    at = len(text) - len(text[comma + 1 :].lstrip(_SPACE))
    return "Expecting value" if text[at : at + 1] == "]" else "Expecting property name", at


def located(why: str, text: str, at: int, start: Start) -> RequestError:
    """The error of a place that `path_at` finds."""
    path = path_at(text, at)
    place = start.after(text[:at])
    return RequestError(f"{f'{path}: ' if path else ''}{why} ({place})", path, place.offset)


def _hint(text: str, found: str) -> str:
    begin = text.lstrip()
    if begin.startswith("@"):
        return _FILE_HINT.format(begin[1:].split("\n")[0].strip() or "FILE")
    if found == "'" or (begin[:1] in ("{", "[") and '"' not in text):
        return _QUOTES_HINT
    return ""
