"""Numbers and names that a message or an enum sets aside: `extensions` and `reserved`."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

from grpcdoctor.client.printing import tags
from grpcdoctor.client.printing.elements import Element
from grpcdoctor.client.printing.option_lists import print_bracketed
from grpcdoctor.client.printing.quoting import quoted_string
from grpcdoctor.client.printing.writer import inline

if TYPE_CHECKING:
    from collections.abc import Sequence

    from google.protobuf.descriptor_pb2 import DescriptorProto, EnumDescriptorProto

    from grpcdoctor.client.printing.locations import Path
    from grpcdoctor.client.printing.printer import Printer

# The highest field number; the highest with option message_set_wire_format; the highest of an enum.
_LAST_FIELD: Final = 536_870_911
_LAST_OF_MESSAGE_SET: Final = 2**31 - 2
LAST_OF_ENUM: Final = 2**31 - 1
_RESERVED: Final = "reserved"


def last_number(message: DescriptorProto) -> int:
    return _LAST_OF_MESSAGE_SET if message.options.message_set_wire_format else _LAST_FIELD


def message_ranges(message: DescriptorProto) -> Iterator[Element]:
    """The values of reserved ranges are (first, last)."""
    for index, reserved in enumerate(message.reserved_range):
        value = reserved.start, reserved.end - 1
        yield Element(tags.MESSAGE_RESERVED_RANGE, index, value, (reserved.start,), group=_RESERVED)
    for index, name in enumerate(message.reserved_name):
        yield Element(tags.MESSAGE_RESERVED_NAME, index, name, (name,), group=_RESERVED)
    for index, extensible in enumerate(message.extension_range):
        options = extensible.options.SerializePartialToString()
        yield Element(tags.MESSAGE_EXTENSION_RANGE, index, extensible, (extensible.start,), group=options)


def enum_ranges(enum: EnumDescriptorProto) -> Iterator[Element]:
    for index, reserved in enumerate(enum.reserved_range):
        value = reserved.start, reserved.end
        yield Element(tags.ENUM_RESERVED_RANGE, index, value, (reserved.start,), group=_RESERVED)
    for index, name in enumerate(enum.reserved_name):
        yield Element(tags.ENUM_RESERVED_NAME, index, name, (name,), group=_RESERVED)


def print_reserved(printer: Printer, elements: Sequence[Element], path: Path, last: int, depth: int) -> None:
    """Ranges, or names, in one statement; `path` is the block's."""
    printer.out.indent(depth)
    printer.out.write("reserved ")
    for position, element in enumerate(elements):
        if position:
            printer.out.write(", ")
        printer.word((*path, *element.step), _reserved(printer, element, last), depth)
    printer.out.line(";")


def print_extension_ranges(
    printer: Printer, message: DescriptorProto, scope: str, elements: Sequence[Element], path: Path, depth: int
) -> None:
    """Those with the same options in one statement."""
    printer.out.indent(depth)
    printer.out.write("extensions ")
    for position, element in enumerate(elements):
        if position:
            printer.out.write(", ")
        with printer.element((*path, *element.step), inline(depth)):
            words = _range(element.value.start, element.value.end - 1, last_number(message))
            printer.out.write(f"{words} ")
    options = printer.options(elements[0].value.options, scope, is_message=True)
    print_bracketed(printer, options, tags.EXTENSION_RANGE_OPTIONS, (*path, *elements[-1].step), depth)
    printer.out.line(";")


def _reserved(printer: Printer, element: Element, last: int) -> str:
    if isinstance(element.value, str):
        return quoted_string(element.value) if printer.schema.quotes_reserved_names else element.value
    first, end = element.value
    return _range(first, end, last)


def _range(first: int, end: int, last: int) -> str:
    if first == end:
        return str(first)
    return f"{first} to {'max' if end == last else end}"
