"""A service with its methods."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

from grpcdoctor.client.printing import tags
from grpcdoctor.client.printing.elements import FIRST, Element, option_elements
from grpcdoctor.client.printing.option_lists import print_statements

if TYPE_CHECKING:
    from google.protobuf.descriptor_pb2 import MethodDescriptorProto, ServiceDescriptorProto

    from grpcdoctor.client.printing.locations import Path
    from grpcdoctor.client.printing.printer import Printer

_HEAD: Final = frozenset({tags.SERVICE_OPTIONS})


def print_service(printer: Printer, service: ServiceDescriptorProto, full_name: str, path: Path, depth: int) -> None:
    """`path` is the service's, from the file."""
    with printer.block(path, depth) as trail:
        printer.out.indent(depth)
        printer.out.write("service ")
        printer.word((*path, tags.SERVICE_NAME), service.name, depth)
        printer.out.line("{")
        trail(depth + 1, True)
        elements = printer.arranged(_elements(printer, service, full_name), path, _HEAD)
        for position, element in enumerate(elements):
            printer.separate(position > 0)
            element_path = (*path, *element.step)
            if element.tag == tags.SERVICE_OPTIONS:
                print_statements(printer, element, element_path, depth + 1)
            else:
                print_method(printer, element.value, full_name, element_path, depth + 1)
        printer.out.indent(depth)
        printer.out.line("}")


def print_method(printer: Printer, method: MethodDescriptorProto, service: str, path: Path, depth: int) -> None:
    """`service`: the full name of its service."""
    with printer.block(path, depth) as trail:
        printer.out.indent(depth)
        printer.out.write("rpc ")
        printer.word((*path, tags.METHOD_NAME), method.name, depth)
        printer.out.write("( ")
        _print_type(printer, method.input_type, method.client_streaming, (*path, tags.METHOD_INPUT), depth)
        printer.out.write(") returns ( ")
        _print_type(printer, method.output_type, method.server_streaming, (*path, tags.METHOD_OUTPUT), depth)
        printer.out.write(") ")
        options = printer.options(method.options, f"{service}.{method.name}")
        elements = printer.arranged(option_elements(tags.METHOD_OPTIONS, options), path)
        if not elements:
            printer.out.write(";")
            trail(depth, False)
            return
        printer.out.line("{")
        trail(depth + 1, True)
        for position, element in enumerate(elements):
            printer.separate(position > 0)
            print_statements(printer, element, (*path, *element.step), depth + 1)
        printer.out.indent(depth)
        printer.out.line("}")


def _print_type(printer: Printer, name: str, streams: bool, path: Path, depth: int) -> None:
    written = printer.name(name, printer.schema.package)
    printer.word(path, f"stream {written}" if streams else written, depth)


def _elements(printer: Printer, service: ServiceDescriptorProto, full_name: str) -> Iterator[Element]:
    yield from option_elements(tags.SERVICE_OPTIONS, printer.options(service.options, full_name), FIRST)
    for index, method in enumerate(service.method):
        yield Element(tags.SERVICE_METHOD, index, method, (method.name,))
