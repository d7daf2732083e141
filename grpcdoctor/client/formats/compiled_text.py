"""google.protobuf's special types in text format, as grpcurl's compiled code writes them: indented, or on one line."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from grpcdoctor.client.errors import FormatError
from grpcdoctor.client.formats import fields as kinds
from grpcdoctor.client.formats.decoding import decode
from grpcdoctor.client.formats.fields import Field, fields_of
from grpcdoctor.client.formats.text_scalars import quoted, scalar_text

if TYPE_CHECKING:
    from grpcdoctor.client.formats.types import Types

_STEP: Final = "  "
_BARE_URL: Final = frozenset("._/0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ")


def compiled_text(message: Any, types: Types) -> str:
    """A line a field; an Any of a type that is compiled in shows its message. Without a final line break."""
    return "\n".join(_lines(message, types))


def on_one_line(message: Any) -> str:
    """Every field followed by a space; an Any stays bytes."""
    return "".join(f"{text} " for field, value in _values(message) for text in [_one_line(field, value)])


def _values(message: Any) -> list[tuple[Field, Any]]:
    """(Field, value) in the order of declaration; an element a pair for lists, a (key, value) for maps."""
    pairs: list[tuple[Field, Any]] = []
    present = {descriptor.number: value for descriptor, value in message.ListFields()}
    for field in fields_of(message.DESCRIPTOR).declared:
        value = present.get(field.number)
        if value is None:
            continue
        if field.key is not None:
            pairs += [(field, (key, value[key])) for key in sorted(value)]
        elif field.repeated:
            pairs += [(field, element) for element in value]
        else:
            pairs.append((field, value))
    return pairs


def _one_line(field: Field, value: Any) -> str:
    if field.key is not None and field.value is not None:
        return f"{field.name}:<{_one_line(field.key, value[0])} {_one_line(field.value, value[1])} >"
    if field.group:
        return f"{field.text_name}{{{on_one_line(value)}}}"
    if field.kind == kinds.MESSAGE:
        return f"{field.name}:<{on_one_line(value)}>"
    return f"{field.name}:{scalar_text(field)(value)}"


def _lines(message: Any, types: Types) -> list[str]:
    if message.DESCRIPTOR.full_name == "google.protobuf.Any":
        expanded = _expanded(message, types)
        if expanded is not None:
            return expanded
    return [line for field, value in _values(message) for line in _value_lines(field, value, types)]


def _value_lines(field: Field, value: Any, types: Types) -> list[str]:
    if field.key is not None and field.value is not None:
        entry = _value_lines(field.key, value[0], types) + _value_lines(field.value, value[1], types)
        return _block(f"{field.name}: <", entry, ">")
    if field.group:
        return _block(f"{field.text_name} {{", _lines(value, types), "}")
    if field.kind == kinds.MESSAGE:
        return _block(f"{field.name}: <", _lines(value, types), ">")
    return [f"{field.name}: {scalar_text(field)(value)}"]


def _expanded(message: Any, types: Types) -> list[str] | None:
    """[type.googleapis.com/the.Type]: <its fields>; None where the type is not compiled in, or these bytes are none."""
    url = message.type_url
    descriptor = types.find_linked(url.rpartition("/")[2])
    if descriptor is None:
        return None
    try:
        content = decode(descriptor, message.value)
    except FormatError:
        return None
    name = url if _BARE_URL.issuperset(url) else quoted(url)
    return _block(f"[{name}]: <", _lines(content, types), ">")


def _block(begin: str, lines: list[str], end: str) -> list[str]:
    return [begin, *(_STEP + line for line in lines), end]
