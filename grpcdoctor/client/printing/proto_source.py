"""One element as proto source, as grpcurl's `describe` prints it."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from grpcdoctor.client.descriptors.symbols import file_of
from grpcdoctor.client.printing import tags
from grpcdoctor.client.printing.enums import print_enum, print_enum_value
from grpcdoctor.client.printing.messages import print_member, print_message, print_oneof
from grpcdoctor.client.printing.places import enum_place, field_place, index_of, message_place, scope_of
from grpcdoctor.client.printing.printer import Printer, Style
from grpcdoctor.client.printing.schema import Schema
from grpcdoctor.client.printing.services import print_method, print_service

if TYPE_CHECKING:
    from google.protobuf.descriptor import FieldDescriptor, OneofDescriptor, ServiceDescriptor

    from grpcdoctor.client.call import AnyDescriptor


def source_of(descriptor: AnyDescriptor) -> str:
    """Without the end of the last line. Documentation stands in it where the descriptor's file has source info and was
    added to its pool by `originals.with_original`."""
    printer = Printer(Schema(file_of(descriptor)), Style.DESCRIPTION)
    _print(printer, descriptor)
    return printer.out.text().removesuffix("\n")


def _print(printer: Printer, descriptor: AnyDescriptor) -> None:
    from google.protobuf import descriptor as kinds

    file = printer.schema.proto
    if isinstance(descriptor, kinds.Descriptor):
        path, message = message_place(file, descriptor)
        print_message(printer, message, descriptor.full_name, path, 0)
    elif isinstance(descriptor, kinds.FieldDescriptor):
        _print_field(printer, descriptor)
    elif isinstance(descriptor, kinds.OneofDescriptor):
        _print_oneof(printer, descriptor)
    elif isinstance(descriptor, kinds.EnumDescriptor):
        path, enum = enum_place(file, descriptor)
        print_enum(printer, enum, descriptor.full_name, path, 0)
    elif isinstance(descriptor, kinds.EnumValueDescriptor):
        path, enum = enum_place(file, descriptor.type)
        index = index_of(descriptor.name, enum.value)
        value_path = (*path, tags.ENUM_VALUE, index)
        print_enum_value(printer, enum.value[index], descriptor.type.full_name, value_path, 0)
    elif isinstance(descriptor, kinds.ServiceDescriptor):
        _print_service(printer, descriptor)
    else:
        _print_service(printer, descriptor.containing_service, descriptor.name)


def _print_field(printer: Printer, field: FieldDescriptor) -> None:
    scope = scope_of(printer.schema.proto, field.extension_scope if field.is_extension else field.containing_type)
    path, proto = field_place(printer.schema.proto, field)
    if not field.is_extension:
        print_member(printer, proto, path, scope, 0)
        return
    printer.out.write("extend ")
    printer.word((*path, tags.FIELD_EXTENDEE), printer.name(proto.extendee, scope.name), 0)
    printer.out.line("{")
    print_member(printer, proto, path, scope, 1)
    printer.out.line("}")


def _print_oneof(printer: Printer, oneof: OneofDescriptor) -> None:
    """Without its documentation and that of its fields: protoprint looks for it at a path that there is not, and what
    is printed must be what grpcurl prints."""
    _, message = message_place(printer.schema.proto, oneof.containing_type)
    scope = scope_of(printer.schema.proto, oneof.containing_type)
    scope = replace(scope, path=(*scope.path, tags.MESSAGE_ONEOF))
    print_oneof(printer, message, index_of(oneof.name, message.oneof_decl), scope, 0)


def _print_service(printer: Printer, service: ServiceDescriptor, method: str | None = None) -> None:
    """The whole of it, or one method."""
    file = printer.schema.proto
    index = index_of(service.name, file.service)
    path = (tags.FILE_SERVICE, index)
    if method is None:
        print_service(printer, file.service[index], service.full_name, path, 0)
        return
    methods = file.service[index].method
    index = index_of(method, methods)
    print_method(printer, methods[index], service.full_name, (*path, tags.SERVICE_METHOD, index), 0)
