"""A whole file as proto source, as grpcurl's -proto-out-dir writes it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

from grpcdoctor.client.printing import tags
from grpcdoctor.client.printing.elements import Element, option_elements, statements
from grpcdoctor.client.printing.enums import print_enum
from grpcdoctor.client.printing.messages import extension_elements, message_elements, print_extend, print_message
from grpcdoctor.client.printing.option_lists import print_statements
from grpcdoctor.client.printing.printer import Printer, Style
from grpcdoctor.client.printing.quoting import quoted_string
from grpcdoctor.client.printing.schema import Schema
from grpcdoctor.client.printing.scopes import file_scope
from grpcdoctor.client.printing.services import print_service

if TYPE_CHECKING:
    from google.protobuf.descriptor import FileDescriptor
    from google.protobuf.descriptor_pb2 import FileDescriptorProto

    from grpcdoctor.client.printing.scopes import Scope

_HEAD: Final = frozenset({tags.FILE_PACKAGE, tags.FILE_DEPENDENCY, tags.FILE_OPTIONS})


def file_source_of(file: FileDescriptor) -> str:
    """In the order of its source, with all its comments, where the file has source info."""
    printer = Printer(Schema(file), Style.FILE)
    proto = printer.schema.proto
    with printer.part((tags.FILE_SYNTAX,), 0):
        printer.out.write(_syntax(proto))
    printer.separate()
    scope = file_scope(proto)
    elements = printer.arranged(_elements(printer, proto, scope), (), _HEAD)
    for is_first, statement in statements(elements):
        printer.separate(not is_first)
        _print_statement(printer, statement, scope)
    return printer.out.text()


def _syntax(file: FileDescriptorProto) -> str:
    if file.syntax == "editions":
        from google.protobuf.descriptor_pb2 import Edition

        return f'edition = "{Edition.Name(file.edition).removeprefix("EDITION_")}";'
    return f'syntax = "{file.syntax or "proto2"}";'


def _elements(printer: Printer, file: FileDescriptorProto, scope: Scope) -> Iterator[Element]:
    if file.HasField("package"):
        yield Element(tags.FILE_PACKAGE, 0, f"package {file.package};")
    for index, dependency in enumerate(file.dependency):
        yield Element(tags.FILE_DEPENDENCY, index, f"import {_modifier(file, index)}{quoted_string(dependency)};")
    yield from option_elements(tags.FILE_OPTIONS, printer.options(file.options, file.package))
    yield from message_elements(file.extension, scope)
    for index, enum in enumerate(file.enum_type):
        yield Element(tags.FILE_ENUM, index, enum)
    for index, service in enumerate(file.service):
        yield Element(tags.FILE_SERVICE, index, service)
    yield from extension_elements(printer, file.extension, scope)


def _modifier(file: FileDescriptorProto, index: int) -> str:
    if index in file.public_dependency:
        return "public "
    return "weak " if index in file.weak_dependency else ""


def _print_statement(printer: Printer, statement: list[Element], scope: Scope) -> None:
    element = statement[0]
    path, value = element.step, element.value
    if element.tag in (tags.FILE_PACKAGE, tags.FILE_DEPENDENCY):
        with printer.part(path, 0):
            printer.out.write(value)
    elif element.tag == tags.FILE_OPTIONS:
        print_statements(printer, element, path, 0)
    elif element.tag == tags.FILE_MESSAGE:
        print_message(printer, value, scope.full_name(value.name), path, 0)
    elif element.tag == tags.FILE_ENUM:
        print_enum(printer, value, scope.full_name(value.name), path, 0)
    elif element.tag == tags.FILE_SERVICE:
        print_service(printer, value, scope.full_name(value.name), path, 0)
    else:
        print_extend(printer, statement, scope, 0)
