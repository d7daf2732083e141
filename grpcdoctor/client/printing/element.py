"""What a symbol is called, and what is printed for it, in grpcurl's words."""

from __future__ import annotations

from typing import TYPE_CHECKING

from grpcdoctor.client.descriptors.originals import original_of
from grpcdoctor.client.descriptors.symbols import file_of
from grpcdoctor.client.printing.places import field_place

if TYPE_CHECKING:
    from google.protobuf.descriptor import Descriptor, FieldDescriptor

    from grpcdoctor.client.call import AnyDescriptor


def element_of(descriptor: AnyDescriptor) -> tuple[str, AnyDescriptor]:
    """("a message", what is printed): that is the field where a message is only its entry type, or its group."""
    from google.protobuf import descriptor as kinds

    if isinstance(descriptor, kinds.Descriptor):
        return _message(descriptor)
    if isinstance(descriptor, kinds.FieldDescriptor):
        return _field(descriptor), descriptor
    words = {
        kinds.OneofDescriptor: "a one-of",
        kinds.EnumDescriptor: "an enum",
        kinds.EnumValueDescriptor: "an enum value",
        kinds.ServiceDescriptor: "a service",
        kinds.MethodDescriptor: "a method",
    }
    return next(word for kind, word in words.items() if isinstance(descriptor, kind)), descriptor


def full_name_of(descriptor: AnyDescriptor) -> str:
    """With the enum's name in that of its value, which protobuf itself leaves out."""
    from google.protobuf.descriptor import EnumValueDescriptor

    if isinstance(descriptor, EnumValueDescriptor):
        return f"{descriptor.type.full_name}.{descriptor.name}"
    return descriptor.full_name


def _message(message: Descriptor) -> tuple[str, AnyDescriptor]:
    parent = message.containing_type
    if parent is None:
        return "a message", message
    users = [field for field in parent.fields if field.message_type is message]
    if message.GetOptions().map_entry:
        kind, wanted = "the entry type for a map field", users
    else:
        kind, wanted = "the type of a group field", [field for field in users if _is_group(field)]
    return (kind, wanted[0]) if wanted else ("a message", message)


def _field(field: FieldDescriptor) -> str:
    if _is_group(field):
        return "a group field"
    return "an extension" if field.is_extension else "a field"


def _is_group(field: FieldDescriptor) -> bool:
    """Written as a group; a delimited message of an edition has the same type in the pool, and is none."""
    _, proto = field_place(original_of(file_of(field)), field)
    return proto.type == proto.TYPE_GROUP
