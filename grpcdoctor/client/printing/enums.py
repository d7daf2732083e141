"""An enum with its values."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

from grpcdoctor.client.printing import tags
from grpcdoctor.client.printing.elements import FIRST, Element, option_elements, statements
from grpcdoctor.client.printing.option_lists import print_bracketed, print_statements
from grpcdoctor.client.printing.ranges import LAST_OF_ENUM, enum_ranges, print_reserved

if TYPE_CHECKING:
    from google.protobuf.descriptor_pb2 import EnumDescriptorProto, EnumValueDescriptorProto

    from grpcdoctor.client.printing.locations import Path
    from grpcdoctor.client.printing.printer import Printer

_HEAD: Final = frozenset({tags.ENUM_OPTIONS})


def print_enum(printer: Printer, enum: EnumDescriptorProto, full_name: str, path: Path, depth: int) -> None:
    """`path` is the enum's, from the file."""
    with printer.block(path, depth) as trail:
        printer.out.indent(depth)
        printer.out.write("enum ")
        printer.word((*path, tags.ENUM_NAME), enum.name, depth)
        printer.out.line("{")
        trail(depth + 1, True)
        elements = printer.arranged(_elements(printer, enum, full_name), path, _HEAD)
        for is_first, statement in statements(elements):
            printer.separate(not is_first)
            _print_statement(printer, statement, full_name, path, depth + 1)
        printer.out.indent(depth)
        printer.out.line("}")


def print_enum_value(printer: Printer, value: EnumValueDescriptorProto, enum: str, path: Path, depth: int) -> None:
    """`enum`: the full name of its enum."""
    with printer.element(path, depth):
        printer.out.indent(depth)
        printer.word((*path, tags.ENUM_VALUE_NAME), value.name, depth)
        printer.out.write("= ")
        printer.word((*path, tags.ENUM_VALUE_NUMBER), str(value.number), depth)
        options = printer.options(value.options, f"{enum}.{value.name}")
        print_bracketed(printer, options, tags.ENUM_VALUE_OPTIONS, path, depth)
        printer.out.write(";")


def _elements(printer: Printer, enum: EnumDescriptorProto, full_name: str) -> Iterator[Element]:
    """The first value of an open enum must be zero."""
    yield from option_elements(tags.ENUM_OPTIONS, printer.options(enum.options, full_name), FIRST)
    is_closed = printer.schema.enum(full_name).is_closed
    for index, value in enumerate(enum.value):
        key = (is_closed or value.number != 0, value.number, value.name)
        yield Element(tags.ENUM_VALUE, index, value, key)
    yield from enum_ranges(enum)


def _print_statement(printer: Printer, statement: list[Element], enum: str, path: Path, depth: int) -> None:
    element = statement[0]
    element_path = (*path, *element.step)
    if element.tag == tags.ENUM_OPTIONS:
        print_statements(printer, element, element_path, depth)
    elif element.tag == tags.ENUM_VALUE:
        print_enum_value(printer, element.value, enum, element_path, depth)
    else:
        print_reserved(printer, statement, path, LAST_OF_ENUM, depth)
