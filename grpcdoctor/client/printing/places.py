"""Where a descriptor stands in its file: its path, and its proto."""

from __future__ import annotations

from typing import TYPE_CHECKING

from grpcdoctor.client.printing import tags
from grpcdoctor.client.printing.scopes import Scope, file_scope, message_scope

if TYPE_CHECKING:
    from collections.abc import Sequence

    from google.protobuf.descriptor import Descriptor, EnumDescriptor, FieldDescriptor
    from google.protobuf.descriptor_pb2 import (
        DescriptorProto,
        EnumDescriptorProto,
        EnumValueDescriptorProto,
        FieldDescriptorProto,
        FileDescriptorProto,
        MethodDescriptorProto,
        OneofDescriptorProto,
        ServiceDescriptorProto,
    )

    from grpcdoctor.client.printing.locations import Path

    Named = (
        DescriptorProto
        | EnumDescriptorProto
        | EnumValueDescriptorProto
        | FieldDescriptorProto
        | MethodDescriptorProto
        | OneofDescriptorProto
        | ServiceDescriptorProto
    )


def index_of(name: str, among: Sequence[Named]) -> int:
    return next(index for index, proto in enumerate(among) if proto.name == name)


def message_place(file: FileDescriptorProto, message: Descriptor) -> tuple[Path, DescriptorProto]:
    if message.containing_type is None:
        index = index_of(message.name, file.message_type)
        return (tags.FILE_MESSAGE, index), file.message_type[index]
    path, parent = message_place(file, message.containing_type)
    index = index_of(message.name, parent.nested_type)
    return (*path, tags.MESSAGE_NESTED, index), parent.nested_type[index]


def enum_place(file: FileDescriptorProto, enum: EnumDescriptor) -> tuple[Path, EnumDescriptorProto]:
    if enum.containing_type is None:
        index = index_of(enum.name, file.enum_type)
        return (tags.FILE_ENUM, index), file.enum_type[index]
    path, parent = message_place(file, enum.containing_type)
    index = index_of(enum.name, parent.enum_type)
    return (*path, tags.MESSAGE_ENUM, index), parent.enum_type[index]


def field_place(file: FileDescriptorProto, field: FieldDescriptor) -> tuple[Path, FieldDescriptorProto]:
    """Of an extension: where it is declared."""
    scope = field.extension_scope if field.is_extension else field.containing_type
    if scope is None:
        index = index_of(field.name, file.extension)
        return (tags.FILE_EXTENSION, index), file.extension[index]
    path, parent = message_place(file, scope)
    fields = parent.extension if field.is_extension else parent.field
    index = index_of(field.name, fields)
    return (*path, tags.MESSAGE_EXTENSION if field.is_extension else tags.MESSAGE_FIELD, index), fields[index]


def scope_of(file: FileDescriptorProto, message: Descriptor | None) -> Scope:
    """The message's, or the file's."""
    if message is None:
        return file_scope(file)
    path, proto = message_place(file, message)
    return message_scope(message.full_name, proto, path)
